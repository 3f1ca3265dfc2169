"""Rings on both databases: who may ring, who is rung, who takes it, how each of them ends."""

from __future__ import annotations

import asyncio

import pytest
import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.tables import attendance, companies, people, ring_staff, rings, talks
from hub.ports.rings import RingRefused
from rooms.model import Mode
from rooms.rings import PER_HOUR, RING_MS, Happening, Ring, State, Why
from tests.fair.rig import HOUR, PEARL, Rig, outcome, refused


async def test_a_ring_becomes_a_talk_of_the_two(rig: Rig) -> None:
    ring = await rig.ring()
    assert (ring.state, ring.staff, ring.expires_ms) == (
        State.RINGING, PEARL, rig.clock.ms + RING_MS,
    )  # fmt: skip
    assert (ring.company_name, ring.visitor_name) == ("Pearl", "u_v1")
    assert await rig.rings.ringing_for("u_pearl2") == ring
    taken = await rig.rings.answer(ring.id, "u_pearl2")
    assert (taken.state, taken.by, taken.by_name) == (State.ANSWERED, "u_pearl2", "u_pearl2")
    assert taken.room is not None
    talk = await rig.talks.get(taken.room)
    assert talk is not None and talk.mode is Mode.ONE_TO_ONE
    assert (talk.origin, talk.origin_id, talk.subject) == ("ring", ring.id, "Robots")
    for person, side in (("u_pearl2", "pearl"), ("u_v1", "guest")):
        access = await rig.talks.access(taken.room, person)
        assert access is not None and access.side == side
    assert await rig.talks.access(taken.room, "u_pearl1") is None
    # Again by who has it: the same. By another, or by nobody it rang for: each their answer.
    assert await rig.rings.answer(ring.id, "u_pearl2") == taken
    assert await refused(rig.rings.answer(ring.id, "u_pearl1")) == "ring_over"
    assert await refused(rig.rings.answer(ring.id, "u_lotus1")) == "unknown_ring"
    assert await refused(rig.rings.decline(ring.id, "u_pearl1")) == "ring_over"
    assert await rig.rings.end(ring.id, Happening.HANG_UP) is None
    assert await rig.count(talks) == 1 and await rig.rings.ringing_for("u_pearl1") is None


async def test_who_left_the_staff_while_it_rang_takes_nothing(rig: Rig) -> None:
    ring = await rig.ring()
    assert await rig.companies.remove_staff("pearl", "u_pearl1", force=True) is not None
    assert await refused(rig.rings.answer(ring.id, "u_pearl1")) == "ring_over"
    assert (await rig.rings.answer(ring.id, "u_pearl2")).by == "u_pearl2"


# 200 take half a minute a database.
@pytest.mark.parametrize("races", [20, pytest.param(200, marks=pytest.mark.long)])
async def test_of_three_who_answer_at_once_exactly_one_gets_it(rig: Rig, races: int) -> None:
    for race in range(races):
        ring = await rig.ring()
        got = await asyncio.gather(
            *(rig.rings.answer(ring.id, one) for one in PEARL), return_exceptions=True
        )
        won = [one for one in got if isinstance(one, Ring)]
        assert len(won) == 1, (race, got)
        lost = {one.code for one in got if isinstance(one, RingRefused)}
        assert lost == {"ring_over"}, (race, got)
        assert won[0].by in PEARL and won[0].room is not None
        await rig.talks.end(won[0].room, won[0].by, "done")
        rig.clock.ms += HOUR
    assert await rig.count(talks) == races and await rig.count(rings) == races


async def test_taking_hanging_up_and_time_race_for_one_end(rig: Rig) -> None:
    for late in (0, 0, 0, RING_MS):
        ring = await rig.ring()
        rig.clock.ms += late
        await asyncio.gather(
            rig.rings.answer(ring.id, PEARL[0]), rig.rings.end(ring.id, Happening.HANG_UP),
            rig.rings.end(ring.id, Happening.DROP), rig.rings.overdue(),
            rig.rings.decline(ring.id, PEARL[1]), return_exceptions=True,
        )  # fmt: skip
        found = await rig.rings.get(ring.id)
        assert found is not None and found.state is not State.RINGING
        assert (found.state is State.ANSWERED) == (found.room is not None)
        assert not (late and found.state is State.ANSWERED), "answered after its time"
        if found.room is not None:
            await rig.talks.end(found.room, PEARL[0], "done")
        async with transaction(rig.engine) as connection:
            kept = sa.select(sa.func.count()).where(ring_staff.c.ringing.is_not(None))
            assert await connection.scalar(kept) == 0, "somebody is not free again"


async def test_each_declines_and_the_last_ends_it(rig: Rig) -> None:
    ring = await rig.ring()
    first = await rig.rings.decline(ring.id, PEARL[0])
    assert first.state is State.RINGING and await rig.rings.ringing_for(PEARL[0]) is None
    assert (await rig.rings.decline(ring.id, PEARL[0])).state is State.RINGING
    assert await refused(rig.rings.answer(ring.id, PEARL[0])) == "ring_over", "declined is final"
    assert await refused(rig.rings.decline(ring.id, "u_v2")) == "unknown_ring"
    # Who declined can be rung by the next, the others are busy.
    other = await rig.ring("u_v2")
    assert other.staff == (PEARL[0],)
    both = await asyncio.gather(*(rig.rings.decline(ring.id, one) for one in PEARL[1:]))
    assert [one.state for one in both].count(State.REFUSED) == 1, "one of them was the last"
    found = await rig.rings.get(ring.id)
    assert found is not None and (found.state, found.why) == (State.REFUSED, Why.DECLINED)
    assert await outcome(rig.ring("u_v1")) == "", "the visitor is free again"


async def test_nobody_busy_and_no_answer_are_recorded(rig: Rig) -> None:
    nobody = await rig.ring(online=("u_lotus1", "u_v1"))
    assert (nobody.state, nobody.why, nobody.staff) == (State.MISSED, Why.NOBODY, ())
    # In a talk, on the way to one, and rung already: three ways to be busy.
    room = await rig.talk()
    async with transaction(rig.engine) as connection:
        await connection.execute(
            sa.insert(attendance).values(
                room=room, person=PEARL[0], gen=1, name="x", role="host", entered_ms=1
            )
        )
    rung = await rig.ring()
    assert rung.staff == PEARL[1:]
    on_the_way = await rig.rings.answer(rung.id, PEARL[1])
    again = await rig.ring("u_v2")
    assert again.staff == PEARL[2:]
    busy = await rig.ring("u_v3")
    assert (busy.state, busy.why, busy.staff) == (State.MISSED, Why.BUSY, ())
    rig.clock.ms += RING_MS - 1
    assert await rig.rings.overdue() == ()
    rig.clock.ms += 1
    assert await refused(rig.rings.answer(again.id, PEARL[2])) == "ring_over"
    (over,), none = await asyncio.gather(rig.rings.overdue(), asyncio.sleep(0))
    assert (over.id, over.state, over.why) == (again.id, State.MISSED, Why.NO_ANSWER)
    assert over.staff == PEARL[2:] and none is None
    assert await rig.rings.overdue() == (), "it is told once"
    assert on_the_way.room is not None
    await rig.talks.end(on_the_way.room, PEARL[1], "done")
    assert (await rig.ring("u_v4")).staff == PEARL[1:]


async def test_who_may_ring_and_how_often(rig: Rig) -> None:
    assert await refused(rig.ring("u_pearl1")) == "own_company"
    assert await refused(rig.ring("u_none")) == "unknown_person"
    assert await refused(rig.ring(company="none")) == "unknown_company"
    async with transaction(rig.engine) as connection:
        await connection.execute(
            sa.update(companies).where(companies.c.slug == "jade").values(published=False)
        )
        await connection.execute(
            sa.update(people).where(people.c.id == "u_v4").values(blocked=True)
        )
    assert await refused(rig.ring(company="jade")) == "unknown_company"
    assert await refused(rig.ring("u_v4")) == "unknown_person"
    assert await rig.count(rings) == 0
    # One booth at a time, whatever races.
    tries = await asyncio.gather(
        rig.ring(), rig.ring(company="lotus", online=("u_lotus1",)), return_exceptions=True
    )
    (ringing,) = (one for one in tries if isinstance(one, Ring))
    (no,) = (one for one in tries if isinstance(one, RingRefused))
    assert (no.code, no.ring) == ("already_ringing", ringing.id)
    assert await rig.rings.end(ringing.id, Happening.HANG_UP, "u_v2") is None
    gone = await rig.rings.end(ringing.id, Happening.HANG_UP, "u_v1")
    assert gone is not None and (gone.state, gone.why) == (State.CANCELLED, Why.HUNG_UP)
    for _ in range(PER_HOUR - 1):
        rig.clock.ms += 1_000
        await rig.ring(online=())
    tries = await asyncio.gather(rig.ring(online=()), rig.ring(online=()), return_exceptions=True)
    assert [one.code for one in tries if isinstance(one, RingRefused)] == ["too_many_rings"] * 2
    (wait,) = {one.retry_after_ms for one in tries if isinstance(one, RingRefused)}
    assert wait == HOUR - (PER_HOUR - 1) * 1_000
    assert await rig.count(rings) == PER_HOUR
    rig.clock.ms += wait
    assert (await rig.ring()).state is State.RINGING


async def test_what_the_company_reads_and_has_seen(rig: Rig) -> None:
    began = rig.clock.ms
    missed = await rig.ring(online=())
    rig.clock.ms += 1
    answered = await rig.rings.answer((await rig.ring()).id, PEARL[0])
    rig.clock.ms += 1
    ringing = await rig.ring("u_v2")
    listed = await rig.rings.of_company("pearl", began)
    assert [one.id for one in listed] == [ringing.id, answered.id, missed.id]
    assert listed[1].by_name == PEARL[0] and listed[2].seen_ms is None
    assert len(await rig.rings.of_company("pearl", began + 1)) == 2
    assert await rig.rings.of_company("lotus", 0) == ()
    (one,) = await rig.rings.of_company("pearl", 0, unanswered=True)
    assert one.id == missed.id
    assert await rig.rings.mark_seen("lotus", rig.clock.ms) == 0
    assert await rig.rings.mark_seen("pearl", began - 1) == 0
    assert await rig.rings.mark_seen("pearl", rig.clock.ms) == 1
    assert await rig.rings.mark_seen("pearl", rig.clock.ms) == 0
    (one,) = await rig.rings.of_company("pearl", 0, unanswered=True)
    assert one.seen_ms == rig.clock.ms


async def test_a_copy_of_ones_rings_and_their_end(rig: Rig) -> None:
    taken = await rig.rings.answer((await rig.ring()).id, PEARL[0])
    copy = await rig.people.export("u_v1")
    assert copy is not None and [one["rang"] for one in copy["rings"]] == [True]
    copy = await rig.people.export(PEARL[0])
    assert copy is not None and copy["rings"][0]["id"] == taken.id
    assert {one["state"] for one in copy["ring_staff"]} == {"took"}
    assert await rig.people.erase(PEARL[0])
    found = await rig.rings.get(taken.id)
    assert found is not None and found.by is None and found.state is State.ANSWERED
    assert PEARL[0] not in found.staff
    assert await rig.people.erase("u_v1")
    assert await rig.rings.get(taken.id) is None and await rig.count(ring_staff) == 0


async def test_whoever_is_gone_is_not_talked_to_and_nothing_is_kept(rig: Rig) -> None:
    ring = await rig.ring()
    async with transaction(rig.engine) as connection:
        await connection.execute(
            sa.update(people).where(people.c.id == "u_v1").values(blocked=True)
        )
    assert await refused(rig.rings.answer(ring.id, PEARL[0])) == "ring_over"
    found = await rig.rings.get(ring.id)
    assert found is not None and found.state is State.RINGING and found.room is None
    assert await rig.count(talks) == 0
