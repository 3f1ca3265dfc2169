"""Appointments on both databases: rounds, quotas, suggestions, reminders, who came and when."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.tables import appointments, busy, meeting_slots, round_companies, talks
from hub.ports.appointments import AppointmentRefused, RoundDraft, SlotDraft
from hub.ports.talks import TalkRefused
from rooms.appointments import Act, State
from rooms.model import Mode, Role
from tests.databases import ready
from tests.fair.conftest import Clock
from tests.fair.rig import HOUR, MIN, SHANGHAI, Rig, refused

DAY = 24 * HOUR


def draft(rig: Rig, hours: float = 1, **seats: int) -> RoundDraft:
    starts = rig.at(hours)
    return RoundDraft("Supply chains", starts, starts + 60 * MIN, seats)


# --- rounds ----------------------------------------------------------------------------------


async def test_a_round_takes_place_when_all_answered(rig: Rig) -> None:
    propose, answer = rig.part.propose_round, rig.part.answer_round
    change = await propose("pearl", "u_pearl2", draft(rig, pearl=2, lotus=3, jade=1), SHANGHAI)
    one = change.appointment
    assert (one.form, one.state, one.staff) == ("round", State.PENDING, "u_pearl2")
    assert set(change.people) == {f"u_{slug}{n}" for slug in ("lotus", "jade") for n in (1, 2, 3)}
    assert [(c.company, c.seats, c.state) for c in one.companies] == [
        ("jade", 1, "invited"), ("lotus", 3, "invited"), ("pearl", 2, "accepted"),
    ]  # fmt: skip
    for by, company, code in (
        ("u_v1", "lotus", "unknown_appointment"), ("u_jade1", "lotus", "unknown_appointment"),
        ("u_pearl1", "pearl", "not_asked"),
    ):  # fmt: skip
        assert await refused(answer(one.id, company, by, True)) == code
    assert await refused(answer(one.id, "lotus", "u_lotus2", True, staff="u_lotus3")) == (
        "own_slots_only"
    )
    assert await refused(rig.act(one.id, Act.ACCEPT, "u_pearl2")) == "bad_form"
    assert await refused(rig.act(one.id, Act.CANCEL, "u_lotus1")) == "not_yours"
    await rig.ask("u_v1", company="lotus", staff="u_lotus1")
    assert await refused(answer(one.id, "lotus", "u_lotus1", True)) == "staff_busy"
    change = await answer(one.id, "lotus", "u_lotus2", True)
    assert (change.appointment.state, change.added) == (State.PENDING, ())
    assert await refused(answer(one.id, "lotus", "u_lotus1", False)) == "not_asked"
    change = await answer(one.id, "jade", "u_jade1", False)
    one = change.appointment
    assert one.state is State.CONFIRMED and set(change.added) == {"u_pearl2", "u_lotus2"}
    assert one.room is not None
    talk = await rig.talks.get(one.room)
    assert talk is not None and talk.mode is Mode.MANY_TO_MANY and talk.origin_id == one.id
    members = {m.person: (m.side, m.role) for m in await rig.talks.members(one.room)}
    assert members == {"u_pearl2": ("pearl", Role.HOST), "u_lotus2": ("lotus", Role.PARTICIPANT)}
    # Each company sends whom it likes.
    change = await rig.act(one.id, Act.HAND_OVER, "u_lotus2", staff="u_lotus3")
    assert (change.removed, change.added) == (("u_lotus2",), ("u_lotus3",))
    access = await rig.talks.access(one.room, "u_lotus3")
    assert access is not None and access.side == "lotus" and not access.host
    assert await rig.taken("u_lotus2") == [] and len(await rig.taken("u_lotus3")) == 12
    assert await refused(rig.act(one.id, Act.HAND_OVER, "u_jade1", staff="u_jade2")) == (
        "unknown_appointment"
    )
    await rig.act(one.id, Act.CANCEL, "u_pearl1")
    assert await rig.all(busy, busy.c.appointment == one.id) == []


async def test_two_answers_at_once_decide_once(rig: Rig) -> None:
    one = (
        await rig.part.propose_round(
            "pearl", "u_pearl1", draft(rig, pearl=1, lotus=1, jade=1), SHANGHAI
        )
    ).appointment
    got = await asyncio.gather(
        rig.part.answer_round(one.id, "lotus", "u_lotus1", True),
        rig.part.answer_round(one.id, "jade", "u_jade1", True),
    )
    assert sorted(change.appointment.state for change in got) == ["confirmed", "pending"]
    assert len(await rig.all(talks)) == 1


async def test_a_round_that_nobody_wants(rig: Rig) -> None:
    propose = rig.part.propose_round
    for seats, code in (
        ({"pearl": 1}, "too_many_companies"), ({"lotus": 1, "jade": 1}, "too_many_companies"),
        ({"pearl": 0, "lotus": 1}, "capacity"), ({"pearl": 11, "lotus": 1}, "capacity"),
        ({"pearl": 1, "nobody": 1}, "unknown_company"),
    ):  # fmt: skip
        assert await refused(propose("pearl", "u_pearl1", draft(rig, **seats), SHANGHAI)) == code
    wrong = draft(rig, pearl=1, lotus=1)
    assert await refused(propose("pearl", "u_lotus1", wrong, SHANGHAI)) == "not_yours"
    assert await rig.all(busy) == [] == await rig.all(round_companies)
    one = (await propose("pearl", "u_pearl1", wrong, SHANGHAI)).appointment.id
    change = await rig.part.answer_round(one, "lotus", "u_lotus1", False)
    assert change.appointment.state is State.DECLINED and change.people == ("u_pearl1",)
    assert await refused(rig.part.answer_round(one, "lotus", "u_lotus1", True)) == "over"
    two = (await propose("pearl", "u_pearl1", wrong, SHANGHAI)).appointment
    rig.clock.ms = two.starts_ms
    (change,) = await rig.part.lapse()
    assert (change.appointment.id, change.appointment.state) == (two.id, State.LAPSED)
    assert await rig.all(busy) == []


# --- quotas ----------------------------------------------------------------------------------


async def test_quotas_name_themselves(database_url: str, clock: Clock) -> None:
    await ready(database_url)
    rig = Rig(
        database_url, clock, visitor_pending=3, visitor_pending_day=2, visitor_confirmed=2,
        visitor_confirmed_day=1, exhibitor_pending=0,
    )  # fmt: skip
    await rig.fill()
    # 2027-01-15 08:00 UTC is 16:00 in Shanghai: the fair's day ends eight hours later.
    rig.clock.ms = 1_800_000_000_000

    async def quota(awaitable: Any) -> tuple[str, int]:
        with pytest.raises(AppointmentRefused) as fault:
            await awaitable
        assert fault.value.code == "quota"
        return fault.value.quota, fault.value.allowed

    first = (await rig.ask("u_v1", hours=1)).appointment.id
    await rig.ask("u_v1", hours=7)
    assert await quota(rig.ask("u_v1", hours=3)) == ("visitor_pending_day", 2)
    third = (await rig.ask("u_v1", hours=9)).appointment.id  # the fair's next day
    assert await quota(rig.ask("u_v1", hours=60)) == ("visitor_pending", 3)
    assert await quota(rig.ask("u_lotus1")) == ("exhibitor_pending", 0)
    await rig.act(first, Act.ACCEPT, "u_pearl1")
    fourth = (await rig.ask("u_v1", hours=4)).appointment.id
    got = rig.act(fourth, Act.ACCEPT, "u_pearl1")
    assert await quota(got) == ("visitor_confirmed_day", 1)
    await rig.act(third, Act.ACCEPT, "u_pearl1")
    slot = await rig.slot(60, form="group", title="Demo", capacity=5)
    assert await quota(rig.ask("u_v1", slot)) == ("visitor_confirmed", 2)
    assert (await rig.part.slot(slot.id)).taken == 0  # type: ignore[union-attr]
    day = (rig.at(0) - 16 * HOUR, rig.at(0) + 8 * HOUR)
    used = {one.quota: (one.used, one.allowed) for one in await rig.part.quotas("u_v1", day)}
    assert used == {
        "visitor_pending": (2, 3), "visitor_pending_day": (2, 2), "visitor_confirmed": (2, 2),
        "visitor_confirmed_day": (1, 1),
    }  # fmt: skip
    # However many ask at once, no more than allowed.
    got = await asyncio.gather(
        *(rig.ask("u_v2", hours=40 + n) for n in range(8)), return_exceptions=True
    )
    assert sum(not isinstance(one, Exception) for one in got) == 2
    await rig.engine.dispose()


# --- times both sides have -----------------------------------------------------------------------


async def test_suggestions_are_free_on_both_sides(rig: Rig) -> None:
    free = await rig.slot(1)
    await rig.slot(2, staff="u_pearl2")  # taken by another meeting of theirs
    await rig.ask("u_v2", hours=2, staff="u_pearl2")
    await rig.slot(3)  # the visitor has a conference
    await rig.conference("u_v1", rig.at(3))
    await rig.slot(5)  # the visitor meets somebody else
    await rig.ask("u_v1", hours=5, company="lotus")
    gone = await rig.slot(6)
    await rig.part.cancel_slot("pearl", gone.id, "u_pearl1")
    await rig.slot(7, place="on_site")
    await rig.ask("u_v3", hours=7, place="on_site")  # its table is taken
    found = await rig.part.suggest("u_v1", "pearl", rig.at(0), rig.at(8))
    assert [(one.starts_ms, one.slot and one.slot.id) for one in found] == [
        (free.starts_ms, free.id)
    ]
    hours = [(rig.at(0), rig.at(4))]
    found = await rig.part.suggest("u_v1", "pearl", rig.at(0), rig.at(8), hours=hours, limit=4)
    starts = [(one.starts_ms - rig.at(0)) / HOUR for one in found]
    assert starts == [0.5, 1, 1.5, 2.5]  # a slot where there is one, else free times
    # With everybody of the company away there is no free time.
    for n in (1, 2, 3):
        await rig.ask(f"u_v{n + 1}", hours=0.5, staff=f"u_pearl{n}")
    found = await rig.part.suggest("u_v1", "pearl", rig.at(0), rig.at(1), hours=hours)
    assert found == ()


async def test_five_hundred_slots_a_day_are_looked_through_at_once(rig: Rig) -> None:
    drafts = [
        SlotDraft(rig.at(1) + n * 15 * MIN, rig.at(1) + (n + 1) * 15 * MIN) for n in range(90)
    ]
    for _ in range(5):  # five colleagues side by side
        await rig.part.publish("pearl", [*drafts, *drafts[:10]], "u_pearl1")
    assert len(await rig.all(meeting_slots)) == 500
    asked = []

    def heard(*given: Any) -> None:
        asked.append(given[2])

    sa.event.listen(rig.engine.sync_engine, "before_cursor_execute", heard)
    found = await rig.part.suggest("u_v1", "pearl", rig.at(0), rig.at(30), limit=50)
    assert len(found) == 50 and len(asked) <= 5  # a few statements, however many slots
    # Of a full morning those behind it: the visitor has all that the first look shows.
    await rig.conference("u_v1", rig.at(1), hours=5)
    late = await rig.part.suggest("u_v1", "pearl", rig.at(0), rig.at(30), limit=50)
    assert len(late) == 50 and late[0].starts_ms == rig.at(6)


# --- what time brings -----------------------------------------------------------------------


async def agreed(rig: Rig, hours: float = 1, **more: Any) -> Any:
    asked = await rig.ask("u_v1", hours=hours, **more)
    return (await rig.act(asked.appointment.id, Act.ACCEPT, "u_pearl2")).appointment


async def test_each_is_reminded_of_once(rig: Rig) -> None:
    one = await agreed(rig)
    await rig.ask("u_v2", hours=1)  # not agreed
    rig.clock.ms = one.starts_ms - 15 * MIN - 1
    assert await rig.part.remind() == ()
    rig.clock.ms += 1
    told = await asyncio.gather(*(rig.part.remind() for _ in range(4)))
    assert [found.id for got in told for found in got] == [one.id]
    assert await rig.part.remind() == ()


async def test_who_came_is_written_down(rig: Rig) -> None:
    one = await agreed(rig)
    await rig.came(one.room, "u_pearl2", one.starts_ms - 2 * MIN)
    rig.clock.ms = one.starts_ms + MIN
    assert await rig.part.follow() == ()
    half = await rig.part.get(one.id)
    assert half is not None and half.company_came_ms == one.starts_ms - 2 * MIN
    assert half.state is State.CONFIRMED
    await rig.came(one.room, "u_v1", one.starts_ms + 7 * MIN)
    rig.clock.ms = one.starts_ms + 8 * MIN
    told = await asyncio.gather(rig.part.follow(), rig.part.follow())
    (change,) = [found for got in told for found in got]
    assert (change.act, change.appointment.state) == (Act.START, State.RUNNING)
    now = change.appointment
    assert now.late_ms(now.visitor_came_ms) == 7 * MIN and now.late_ms(now.company_came_ms) == 0
    assert await refused(rig.act(one.id, Act.CANCEL, "u_v1")) == "over"
    rig.clock.ms = one.ends_ms + 4 * MIN  # into what comes next
    await rig.talks.end(one.room, "u_pearl2", "done")
    (change,) = await rig.part.follow()
    now = change.appointment
    assert (now.state, now.ended_ms, now.overrun_ms) == (State.DONE, rig.clock.ms, 4 * MIN)
    lines = [(line.act, dict(line.detail)) for line in await rig.part.log(one.id)]
    assert lines[-2:] == [
        ("start", {"late_visitor_ms": 7 * MIN}), ("finish", {"overrun_ms": 4 * MIN}),
    ]  # fmt: skip
    assert await rig.part.follow() == ()


async def test_who_did_not_come_is_written_down(rig: Rig) -> None:
    one = await agreed(rig)
    await rig.came(one.room, "u_pearl2", one.starts_ms)
    rig.clock.ms = one.ends_ms + 5 * MIN
    assert await rig.part.follow() == ()  # the room's grace is not over
    rig.clock.ms += 2 * MIN
    (change,) = await rig.part.follow()
    now = change.appointment
    assert (now.state, now.absent, change.act) == (State.NO_SHOW, ("visitor",), Act.MISS)
    assert now.ended_ms == one.ends_ms and set(change.people) == {"u_v1", "u_pearl2"}


async def test_what_ends_early_frees_the_rest_and_a_free_next_slot_lengthens(rig: Rig) -> None:
    one = await agreed(rig)
    other = await rig.ask("u_v2", hours=2, staff="u_pearl2")
    rig.clock.ms = one.starts_ms + 10 * MIN
    await rig.came(one.room, "u_v1", one.starts_ms)
    await rig.came(one.room, "u_pearl2", one.starts_ms)
    await rig.part.follow()
    longer = await rig.talks.extend(one.room, one.ends_ms + 30 * MIN, "u_pearl2")
    now = await rig.part.get(one.id)
    assert now is not None and now.ends_ms == longer.ends_ms == other.appointment.starts_ms
    with pytest.raises(TalkRefused, match="slot_taken"):
        await rig.talks.extend(one.room, one.ends_ms + 35 * MIN, "u_pearl2")
    await rig.talks.end(one.room, "u_v1", "done")
    await rig.part.follow()
    taken = await rig.taken("u_pearl2")
    assert taken == [
        *range(one.starts_ms, one.starts_ms + 15 * MIN, 5 * MIN),
        *range(other.appointment.starts_ms, other.appointment.ends_ms, 5 * MIN),
    ]


async def test_a_talk_ended_before_its_time_is_done_when_both_had_met(rig: Rig) -> None:
    one = await agreed(rig)
    await rig.came(one.room, "u_pearl2", one.starts_ms - 8 * MIN)
    await rig.came(one.room, "u_v1", one.starts_ms - 7 * MIN)
    rig.clock.ms = one.starts_ms - 3 * MIN
    assert await rig.part.follow() == ()
    await rig.talks.end(one.room, "u_pearl2", "done")
    told = await asyncio.gather(rig.part.follow(), rig.part.follow())
    (change,) = [found for got in told for found in got]
    now = change.appointment
    assert (change.act, now.state, now.ended_ms) == (Act.FINISH, State.DONE, rig.clock.ms)
    assert (now.absent, now.overrun_ms) == ((), 0)
    assert await rig.taken("u_v1") == [] == await rig.taken("u_pearl2"), "all of it is free again"
    rig.clock.ms = one.ends_ms + HOUR
    assert await rig.part.follow() == ()


async def test_a_talk_ended_before_its_time_without_both_is_called_off(rig: Rig) -> None:
    one = await agreed(rig)
    await rig.came(one.room, "u_pearl2", one.starts_ms - 8 * MIN)
    rig.clock.ms = one.starts_ms - 1
    await rig.talks.end(one.room, "u_pearl2", "done")
    (change,) = await rig.part.follow()
    now = change.appointment
    assert (change.act, now.state, now.absent) == (Act.CANCEL, State.CANCELLED, ())
    assert change.people == ("u_v1",), "whoever ended it knows"
    assert await rig.taken("u_v1") == [] == await rig.taken("u_pearl2")
    assert [line.act for line in await rig.part.log(one.id)][-1] == "cancel"
    # Ended in its time, who had not come by then is absent.
    late = await agreed(rig, hours=2)
    await rig.came(late.room, "u_pearl2", late.starts_ms)
    rig.clock.ms = late.starts_ms + 20 * MIN
    await rig.talks.end(late.room, "u_pearl2", "done")
    (change,) = await rig.part.follow()
    assert (change.act, change.appointment.absent) == (Act.MISS, ("visitor",))


async def test_a_session_ended_before_its_time_takes_nobody_more(rig: Rig) -> None:
    slot = await rig.slot(1, form="group", title="Demo", capacity=5)
    met = (await rig.ask("u_v1", slot)).appointment
    waiting = (await rig.ask("u_v2", slot)).appointment
    await rig.came(met.room, "u_pearl1", slot.starts_ms - 9 * MIN)
    await rig.came(met.room, "u_v1", slot.starts_ms - 9 * MIN)
    rig.clock.ms = slot.starts_ms - 5 * MIN
    await rig.talks.end(met.room, "u_pearl1", "done")
    assert await refused(rig.ask("u_v3", slot)) == "slot_taken", "its room is closed"
    changes = {change.appointment.id: change for change in await rig.part.follow()}
    assert changes[met.id].appointment.state is State.DONE
    assert changes[waiting.id].appointment.state is State.CANCELLED
    found = await rig.part.slot(slot.id)
    assert found is not None and found.cancelled
    assert await refused(rig.ask("u_v3", slot)) == "slot_taken"
    assert await rig.taken("u_v2") == [] == await rig.taken("u_pearl1")


async def test_on_site_the_company_says_who_did_not_come(rig: Rig) -> None:
    one, two = await agreed(rig, place="on_site"), await agreed(rig, hours=3, place="on_site")
    online = await agreed(rig, hours=5)
    assert await refused(rig.act(one.id, Act.MISS, "u_pearl2")) == "not_begun"
    rig.clock.ms = one.starts_ms + 15 * MIN
    await rig.act(one.id, Act.MISS, "u_pearl2")
    now = await rig.part.get(one.id)
    assert now is not None and now.state is State.NO_SHOW and now.absent == ("visitor",)
    rig.clock.ms = online.starts_ms
    assert await refused(rig.act(online.id, Act.MISS, "u_pearl2")) == "bad_form"
    (change,) = await rig.part.follow()
    assert (change.appointment.id, change.appointment.state) == (two.id, State.DONE)


async def test_a_session_notes_each_who_came(rig: Rig) -> None:
    slot = await rig.slot(1, form="group", title="Demo", capacity=5)
    came = (await rig.ask("u_v1", slot)).appointment
    missed = (await rig.ask("u_v2", slot)).appointment
    assert came.room == missed.room is not None
    await rig.came(came.room, "u_pearl1", slot.starts_ms)
    await rig.came(came.room, "u_v1", slot.starts_ms)
    rig.clock.ms = slot.ends_ms
    await rig.part.follow()
    await rig.talks.end(came.room, "u_pearl1", "done")
    await rig.part.follow()
    rows = await rig.all(appointments)
    assert {row.visitor: row.state for row in rows} == {"u_v1": "done", "u_v2": "no_show"}


async def test_a_hub_that_looks_finds_only_what_is_its_to_change(rig: Rig) -> None:
    """Rows that changed between the look and the hold are left alone."""
    one = await agreed(rig)
    rig.clock.ms = one.starts_ms + MIN
    async with transaction(rig.engine) as connection:
        await connection.execute(
            sa.update(appointments).values(state="cancelled", hold_until_ms=rig.clock.ms)
        )
    assert await rig.part.follow() == () == await rig.part.lapse()
