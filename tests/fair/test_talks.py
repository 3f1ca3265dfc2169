"""Talks on both databases: opening by mode, who belongs, ends, extension, what must not race."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest
import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.tables import appointments, busy, people, rooms, talk_members, talks
from hub.fair.talks import insert_talk
from hub.ports.appointments import TICK_MS
from hub.ports.talks import (
    GRACE_MS,
    KEPT_MS,
    LONGEST_MS,
    Access,
    Belonging,
)
from rooms.model import Role
from tests.fair.rig import HOUR, MANY, ONE, ROUND, Rig, outcome


async def test_a_talk_is_a_room_that_nobody_finds(rig: Rig) -> None:
    made = await rig.talks.open(rig.draft(lobby=True, relay_only=True, opens_ms=rig.clock.ms - 5))
    other = await rig.talks.open(rig.draft(subject="Other"))
    assert made.room != other.room and len(made.room) == 22
    assert re.fullmatch("n-[a-z2-7]{20}", made.room)
    assert await rig.talks.get(made.room) == made and made.mode is ONE and made.relay_only
    async with transaction(rig.engine) as connection:
        room = (await connection.execute(sa.select(rooms).where(rooms.c.slug == made.room))).one()
    assert (room.kind, room.mode, room.capacity, room.stage_capacity) == (
        "negotiation", "one_to_one", 2, 2,
    )  # fmt: skip
    assert room.lobby and room.relay_only and not room.guests and not room.waitlist
    assert "Robots" not in room.title and room.opens_at == rig.clock.ms - 5

    assert await rig.talks.access(made.room, "u_pearl1") == Access(
        made.room, "pearl", Role.HOST, False
    )
    assert await rig.talks.access(made.room, "u_v1") == Access(
        made.room, "guest", Role.PARTICIPANT, False
    )
    for room_, person in ((made.room, "u_v2"), ("n-none", "u_v1"), (made.room, "u_nobody")):
        assert await rig.talks.access(room_, person) is None
    assert await rig.talks.get("n-none") is None
    members = await rig.talks.members(made.room)
    assert [(m.person, m.side) for m in members] == [("u_pearl1", "pearl"), ("u_v1", "guest")]


NOT_OPENED: list[tuple[dict[str, Any], str]] = [
    ({"ends_ms": 1_800_000_000_000}, "in_the_past"),
    ({"starts_ms": 1_800_009_000_000, "ends_ms": 1_800_009_000_000}, "in_the_past"),
    ({"starts_ms": 1_799_990_000_000, "ends_ms": 1_799_999_999_999}, "in_the_past"),
    ({"company": "nobody"}, "unknown_company"),
    ({"company": "guest"}, "unknown_company"),
    ({"members": (Belonging("u_v1", "nowhere"),)}, "unknown_company"),
    ({"members": (Belonging("u_nobody", "guest"),)}, "unknown_person"),
    ({"members": (Belonging("u_v1", "guest"), Belonging("u_v1", "pearl"))}, "wrong_mode"),
    ({"members": tuple(Belonging(f"u_v{n}", "guest") for n in (1, 2, 3))}, "wrong_mode"),
    ({"sides": {"pearl": 1, "guest": 2}}, "wrong_mode"),
    ({"sides": {"pearl": 1, "lotus": 1}}, "wrong_mode"),  # the guest has no seat
    ({"sides": {"pearl": 2, "guest": 0}}, "wrong_mode"),
    ({"reserved": 2}, "wrong_mode"),
    ({"reserved": -1}, "wrong_mode"),
    ({"mode": MANY, "capacity": 5, "sides": {"pearl": 1, "guest": 4}}, "wrong_mode"),
    ({"mode": MANY, "capacity": 1}, "wrong_mode"),
    ({"mode": MANY, "capacity": 5, "company": None,
      "members": (Belonging("u_v1", "guest"),)}, "wrong_mode"),
    ({"mode": ROUND, "capacity": 3, "sides": {"pearl": 2, "guest": 2}}, "wrong_mode"),
    ({"mode": ROUND, "capacity": 501}, "wrong_mode"),
    ({"mode": ROUND, "capacity": 9, "sides": {"pearl": 3, "guest": 1, "lotus": 0}}, "wrong_mode"),
    ({"mode": ROUND, "capacity": 4, "sides": {"pearl": 2, "ghost": 1, "guest": 1}},
     "unknown_company"),
]  # fmt: skip


async def test_what_the_mode_has_no_place_for_is_not_opened(rig: Rig) -> None:
    for fields, expected in NOT_OPENED:
        assert await outcome(rig.talks.open(rig.draft(**fields))) == expected, fields
    async with transaction(rig.engine) as connection:
        await connection.execute(
            sa.update(people).where(people.c.id == "u_v2").values(blocked=True)
        )
    blocked = (Belonging("u_v2", "guest"),)
    assert await outcome(rig.talks.open(rig.draft(members=blocked))) == "unknown_person"
    assert await rig.count(rooms) == await rig.count(talks) == await rig.count(talk_members) == 0


async def test_whoever_leaves_the_staff_leaves_the_company_s_talks(rig: Rig) -> None:
    room, over = await rig.talk(), await rig.talk(subject="Over")
    await rig.talks.end(over, "u_v1", "done")
    abroad = await rig.talk(
        company="lotus", members=(Belonging("u_lotus1", "lotus"), Belonging("u_pearl1", "guest"))
    )
    left = await rig.companies.remove_staff("pearl", "u_pearl1", force=True)
    assert left is not None and left.rooms == (room,)
    for gone in (room, over):
        assert await rig.talks.access(gone, "u_pearl1", over=True) is None
        assert await rig.talks.access(gone, "u_v1", over=True) is not None
        members = {one.person: one.removed_ms for one in await rig.talks.members(gone)}
        assert members == {"u_v1": None, "u_pearl1": rig.clock.ms}
    assert await rig.talks.access(abroad, "u_pearl1") is not None, "for themselves"
    assert await rig.companies.remove_staff("pearl", "u_pearl1", force=True) is None


async def test_a_talk_goes_with_the_record_it_comes_from(rig: Rig) -> None:
    """One commit: what refuses the caller's own record takes the room with it."""
    with pytest.raises(RuntimeError):
        async with transaction(rig.engine) as connection:
            await insert_talk(connection, rig.draft(), rig.clock.ms)
            raise RuntimeError
    assert await rig.count(rooms) == await rig.count(talks) == 0
    async with transaction(rig.engine) as connection:
        made = await insert_talk(connection, rig.draft(origin="ring", origin_id="r1"), rig.clock.ms)
    assert (await rig.talks.get(made.room)) == made and made.origin_id == "r1"


async def test_a_thousand_are_opened_at_once_or_none(rig: Rig) -> None:
    drafts = [rig.draft(origin="organiser", subject=f"Talk {n}") for n in range(1_000)]
    assert await outcome(rig.talks.open_many([*drafts, drafts[0]])) == "too_many"
    bad = rig.draft(members=(Belonging("u_nobody", "guest"),))
    assert await outcome(rig.talks.open_many([*drafts[:-1], bad])) == "unknown_person"
    assert await rig.count(rooms) == 0
    made = await rig.talks.open_many(drafts)
    assert [talk.subject for talk in made] == [draft.subject for draft in drafts]
    assert await rig.count(rooms) == 1_000 and await rig.count(talk_members) == 2_000
    assert len({talk.room for talk in made}) == 1_000


async def test_members_come_go_and_come_back(rig: Rig) -> None:
    room = await rig.wide()
    add = rig.talks.add_member
    await add(room, Belonging("u_v2", "guest", lobby=True), "u_pearl1")
    assert await rig.talks.access(room, "u_v2") == Access(room, "guest", Role.PARTICIPANT, True)
    assert await rig.talks.remove_member(room, "u_v2", "u_pearl1")
    assert not await rig.talks.remove_member(room, "u_v2", "u_pearl1")
    assert await rig.talks.access(room, "u_v2") is None
    removed = (await rig.talks.members(room))[-1]
    assert (removed.person, removed.removed_ms) == ("u_v2", rig.clock.ms)
    await add(room, Belonging("u_v2", "guest"), "u_pearl1")
    assert await rig.talks.access(room, "u_v2") == Access(room, "guest", Role.PARTICIPANT, False)

    pair = await rig.talk(sides={"pearl": 1, "guest": 1})
    round_ = await rig.talk(mode=ROUND, capacity=4, sides={"pearl": 2, "guest": 2})
    refused = [
        (room, Belonging("u_nobody", "guest"), "unknown_person"),
        (room, Belonging("u_v3", "nowhere"), "unknown_company"),
        ("n-none", Belonging("u_v3", "guest"), "unknown_room"),
        (pair, Belonging("u_v3", "guest"), "wrong_mode"),
        (pair, Belonging("u_lotus1", "lotus"), "wrong_mode"),
        (round_, Belonging("u_lotus1", "lotus"), "wrong_mode"),
    ]
    for where, one, expected in refused:
        assert await outcome(add(where, one, "u_pearl1")) == expected, (where, one)
    # One of two may hand over to a colleague.
    await rig.talks.remove_member(pair, "u_pearl1", "u_pearl1")
    assert await outcome(add(pair, Belonging("u_v3", "guest"), "u_pearl1")) == "wrong_mode"
    await add(pair, Belonging("u_pearl2", "pearl", Role.HOST), "u_pearl1")
    assert await rig.talks.access(pair, "u_pearl1") is None
    await rig.talks.end(room, "u_pearl1", "done")
    assert await outcome(add(room, Belonging("u_v3", "guest"), "u_pearl1")) == "talk_over"


async def test_of_two_that_race_for_the_last_place_one_gets_it(rig: Rig) -> None:
    room = await rig.talk(members=(Belonging("u_pearl1", "pearl", Role.HOST),))
    codes = await asyncio.gather(
        *(
            outcome(rig.talks.add_member(room, Belonging(f"u_v{n}", "guest"), "x"))
            for n in (1, 2, 3, 4)
        )
    )
    assert sorted(codes) == ["", "wrong_mode", "wrong_mode", "wrong_mode"]


async def test_whose_talks_there_are(rig: Rig) -> None:
    now, day = rig.clock.ms, 24 * HOUR
    today = await rig.talk()
    later = await rig.talk(starts_ms=now + 2 * day, ends_ms=now + 2 * day + HOUR)
    round_ = await rig.talk(
        mode=ROUND, company="lotus", capacity=4, starts_ms=now + HOUR, ends_ms=None,
        members=(Belonging("u_lotus1", "lotus"), Belonging("u_pearl1", "pearl")),
    )  # fmt: skip
    mine = await rig.talks.of_person("u_pearl1", now, now + day)
    assert [(talk.room, access.side, access.host) for talk, access in mine] == [
        (today, "pearl", True), (round_, "pearl", False),
    ]  # fmt: skip
    assert [t.room for t in await rig.talks.of_company("pearl", now, now + 3 * day)] == [
        today, round_, later,
    ]  # fmt: skip
    assert [t.room for t in await rig.talks.of_company("jade", now, now + 3 * day)] == []
    await rig.talks.end(today, "u_v1", "done")
    await rig.talks.remove_member(round_, "u_pearl1", "u_lotus1")
    assert await rig.talks.of_person("u_pearl1", now, now + day) == ()
    assert [t.room for t in await rig.talks.of_company("pearl", now, now + day)] == [today]


async def test_an_ended_talk_is_over_for_all_at_once(rig: Rig) -> None:
    room = await rig.talk()
    ended = await asyncio.gather(*(rig.talks.end(room, "u_v1", "done") for _ in range(4)))
    assert sorted(ended) == [False, False, False, True]
    assert await rig.talks.access(room, "u_v1") is None
    kept = await rig.talks.access(room, "u_v1", over=True)
    assert kept is not None and kept.over
    talk = await rig.talks.get(room)
    assert talk is not None and (talk.ended_ms, talk.ended_why) == (rig.clock.ms, "done")
    async with transaction(rig.engine) as connection:
        closed = sa.select(rooms.c.closed, rooms.c.version).where(rooms.c.slug == room)
        assert tuple((await connection.execute(closed)).one()) == (True, 2)
    assert await rig.talks.ended_lately(10) == (room,)
    assert await outcome(rig.talks.extend(room, rig.clock.ms + 2 * HOUR, "u_v1")) == "talk_over"
    rig.clock.ms += KEPT_MS + 1
    assert await rig.talks.access(room, "u_v1", over=True) is None
    assert await rig.talks.ended_lately(10) == ()
    assert not await rig.talks.end("n-none", "u_v1", "done")


async def test_a_room_that_was_closed_is_unknown(rig: Rig) -> None:
    room = await rig.talk()
    async with transaction(rig.engine) as connection:
        await connection.execute(sa.update(rooms).values(closed=True))
    assert await rig.talks.access(room, "u_v1") is None
    assert await rig.talks.of_person("u_v1", 0, rig.clock.ms + HOUR) == ()
    assert await rig.talks.overdue(rig.clock.ms, 9) == (room,)


async def test_what_is_overdue(rig: Rig) -> None:
    planned = await rig.talk()
    endless = await rig.talk(ends_ms=None)
    now = rig.clock.ms
    assert await rig.talks.overdue(now + HOUR - 1, 9, grace_ms=0) == ()
    assert await rig.talks.overdue(now + HOUR, 9, grace_ms=0) == (planned,)
    assert await rig.talks.overdue(now + HOUR + GRACE_MS - 1, 9) == ()
    assert await rig.talks.overdue(now + HOUR + GRACE_MS, 9) == (planned,)
    await rig.talks.end(planned, "", "time")
    assert await rig.talks.overdue(now + LONGEST_MS, 9, grace_ms=0) == (endless,)


async def book(rig: Rig, subject: str, start_ms: int, firm: bool = True) -> None:
    row = {"subject": subject, "tick": start_ms // TICK_MS, "appointment": "a9", "firm": firm}
    async with transaction(rig.engine) as connection:
        await connection.execute(sa.insert(busy).values(**row))


async def test_a_talk_is_extended_into_time_that_is_free(rig: Rig) -> None:
    now = rig.clock.ms = rig.clock.ms // TICK_MS * TICK_MS
    room = await rig.talk()
    ends = now + HOUR
    for to, expected in (
        (ends + LONGEST_MS, "too_long"), (now, "in_the_past"), (now - HOUR, "in_the_past"),
    ):  # fmt: skip
        assert await outcome(rig.talks.extend(room, to, "u_pearl1")) == expected
    assert await outcome(rig.talks.extend("n-none", ends + HOUR, "u_pearl1")) == "unknown_room"
    await book(rig, "u_v1", ends + 4 * TICK_MS)  # the guest's next appointment
    await book(rig, "u_v2", ends)  # somebody who is not in this talk
    assert (await rig.talks.extend(room, ends + 2 * TICK_MS, "u_pearl1")).ends_ms == (
        ends + 2 * TICK_MS
    )
    assert await rig.count(busy) == 2 + 4
    # The same again, or less: no change, no fault.
    assert (await rig.talks.extend(room, ends + TICK_MS, "u_pearl1")).ends_ms == ends + 2 * TICK_MS
    assert await outcome(rig.talks.extend(room, ends + 5 * TICK_MS, "u_pearl1")) == "slot_taken"
    talk = await rig.talks.get(room)
    assert talk is not None and talk.ends_ms == ends + 2 * TICK_MS
    assert await rig.count(busy) == 6
    assert await outcome(rig.talks.extend(room, ends + 4 * TICK_MS, "u_pearl1")) == ""
    # A request not answered yet holds the time too; and who ends early gives the rest back.
    await book(rig, "u_pearl1", ends + 4 * TICK_MS, firm=False)
    assert await outcome(rig.talks.extend(room, ends + 5 * TICK_MS, "u_pearl1")) == "slot_taken"
    rig.clock.ms = ends + TICK_MS
    await rig.talks.end(room, "u_pearl1", "done")
    async with transaction(rig.engine) as connection:
        kept = await connection.execute(sa.select(busy.c.tick).where(busy.c.appointment == room))
        assert max(kept.scalars()) == rig.clock.ms // TICK_MS


async def test_the_appointments_of_an_extended_talk_end_when_it_does(rig: Rig) -> None:
    now = rig.clock.ms
    room = await rig.talk(origin="appointment", origin_id="a1")
    row = {
        "form": "single", "company": "pearl", "visitor": "u_v1", "subject": "s", "note": "",
        "place": "online", "starts_ms": now, "ends_ms": now + HOUR, "turn": "", "room": room,
        "created_ms": 0, "changed_ms": 0, "version": 1,
    }  # fmt: skip
    async with transaction(rig.engine) as connection:
        await connection.execute(
            sa.insert(appointments),
            [{"id": "a1", "state": "running", **row}, {"id": "a2", "state": "cancelled", **row}],
        )
    await rig.talks.extend(room, now + 2 * HOUR, "u_pearl1")
    async with transaction(rig.engine) as connection:
        a = appointments.c
        found = await connection.execute(sa.select(a.ends_ms, a.version).order_by(a.id))
        assert [tuple(r) for r in found] == [(now + 2 * HOUR, 2), (now + HOUR, 1)]


async def test_two_extensions_into_one_gap(rig: Rig) -> None:
    """Two talks of one person end together; only one of them can be longer."""
    members = (Belonging("u_pearl1", "pearl", Role.HOST), Belonging("u_v2", "guest"))
    pair = [await rig.talk(), await rig.talk(members=members)]
    ends = rig.clock.ms + 2 * HOUR
    codes = await asyncio.gather(*(outcome(rig.talks.extend(room, ends, "x")) for room in pair))
    assert sorted(codes) == ["", "slot_taken"]
