"""Appointments on both databases: slots, requests that hold time, answers, hand over, groups."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.tables import appointments, busy, company_staff, meeting_slots, rooms, talks
from hub.ports.appointments import (
    AHEAD_MS,
    AppointmentRefused,
    Change,
    SlotChange,
    SlotDraft,
    Which,
)
from rooms.appointments import Act, State
from rooms.model import Mode, Role
from tests.databases import ready
from tests.fair.conftest import Clock
from tests.fair.rig import HOUR, MIN, Rig, outcome, refused


def span(starts: int, ends: int) -> list[int]:
    return list(range(starts, ends, 5 * MIN))


# --- slots --------------------------------------------------------------------------------


async def test_what_can_be_offered(rig: Rig) -> None:
    at, part = rig.at, rig.part
    whole = SlotDraft(at(1), at(1) + 30 * MIN)
    bad = {
        "bad_length": [replace(whole, ends_ms=at(1) + n * MIN) for n in (0, 10, 14, 17, 65, -30)],
        "in_the_past": [SlotDraft(at(-2), at(-2) + 15 * MIN)],
        "too_far": [SlotDraft(at(1) + AHEAD_MS, at(1) + AHEAD_MS + 15 * MIN)],
        "bad_time": [SlotDraft(at(1) + 1, at(1) + 1 + 15 * MIN),
                     SlotDraft(at(1) + MIN, at(1) + 16 * MIN)],
        "capacity": [replace(whole, form="group", title="Demo", capacity=0),
                     replace(whole, form="group", title="Demo", capacity=201),
                     replace(whole, place="on_site", table=100)],
        "bad_form": [replace(whole, form="group", capacity=2), replace(whole, form="round")],
        "bad_place": [replace(whole, form="group", title="Demo", capacity=2, place="both")],
        "unknown_person": [replace(whole, staff="u_v1"), replace(whole, staff="u_lotus1")],
    }  # fmt: skip
    for code, drafts in bad.items():
        for draft in drafts:
            assert await refused(part.publish("pearl", [draft], "u_pearl1")) == code, draft
    assert await refused(part.publish("pearl", [], "u_pearl1")) == "no_slots"
    assert await refused(part.publish("pearl", [whole] * 501, "u_pearl1")) == "too_many_slots"
    assert await refused(part.publish("no-such", [whole], "u_pearl1")) == "unknown_company"
    assert await refused(part.publish("pearl", [whole], "u_lotus1")) == "not_yours"
    own = replace(whole, staff="u_pearl1")
    assert await refused(part.publish("pearl", [own], "u_pearl2")) == "own_slots_only"
    # One that is wrong leaves all of them out.
    assert await refused(
        part.publish("pearl", [whole, bad["bad_length"][0]], "u_pearl1")
    ) == "bad_length"  # fmt: skip
    assert await rig.all(meeting_slots) == []
    mine = await rig.slot(by="u_pearl2")  # who is only staff offers for themselves
    assert (mine.staff, mine.staff_name, mine.left, mine.table) == ("u_pearl2", "u_pearl2", 1, None)


async def test_no_two_slots_of_one_person_or_table_overlap(rig: Rig) -> None:
    await rig.slot(1, 30, staff="u_pearl2", place="on_site", table=2)
    for more in ({"staff": "u_pearl2"}, {"place": "on_site", "table": 2}, {"place": "both",
                 "table": 2}):  # fmt: skip
        assert await refused(rig.slot(1.25, **more)) == "slot_overlaps", more
    await rig.slot(1.5, staff="u_pearl2")  # one begins as the other ends
    await rig.slot(1.25, place="on_site", table=1, staff="u_pearl3")
    await rig.slot(1.25)  # whoever is free
    twice = SlotDraft(rig.at(5), rig.at(5) + 30 * MIN, staff="u_pearl3")
    assert await refused(rig.part.publish("pearl", [twice, twice], "u_pearl1")) == "slot_overlaps"
    # Two who publish the same at once: one of them.
    got = await asyncio.gather(*(outcome(rig.slot(8, staff="u_pearl3")) for _ in range(6)))
    assert sorted(got) == ["", *["slot_overlaps"] * 5]


async def test_slots_are_changed_only_while_nobody_has_them(rig: Rig) -> None:
    slot = await rig.slot(1, 30, form="group", title="Demo", capacity=2)
    change = rig.part.change_slot
    wider = await change("pearl", slot.id, SlotChange(capacity=3, title="New"), "u_pearl1")
    assert (wider.capacity, wider.title, wider.staff) == (3, "New", "u_pearl1")
    moved = await change(
        "pearl", slot.id, SlotChange(starts_ms=rig.at(2), ends_ms=rig.at(2) + 45 * MIN), "u_pearl1"
    )
    assert moved.starts_ms == rig.at(2)
    await rig.ask("u_v1", moved)
    await rig.ask("u_v2", moved)
    for wrong, code in (
        (SlotChange(capacity=1), "below_taken"),
        (SlotChange(starts_ms=rig.at(3), ends_ms=rig.at(3) + 30 * MIN), "slot_in_use"),
        (SlotChange(place="on_site"), "slot_in_use"),
        (SlotChange(staff="u_v3"), "unknown_person"),
    ):
        assert await refused(change("pearl", slot.id, wrong, "u_pearl1")) == code
    assert await refused(change("pearl", slot.id, SlotChange(title="X"), "u_pearl2")) == (
        "own_slots_only"
    )
    assert await refused(change("lotus", slot.id, SlotChange(title="X"), "u_lotus1")) == (
        "unknown_slot"
    )
    assert (await change("pearl", slot.id, SlotChange(capacity=2), "u_pearl1")).left == 0


async def test_a_slot_taken_back_calls_off_who_has_it(rig: Rig) -> None:
    slot = await rig.slot(1)
    asked = await rig.ask("u_v1", slot)
    assert await refused(rig.part.cancel_slot("pearl", slot.id, "u_lotus1")) == "not_yours"
    told = await rig.part.cancel_slot("pearl", slot.id, "u_pearl1", "Ill")
    assert [(c.appointment.id, c.appointment.state, c.appointment.reason, c.people)
            for c in told] == [(asked.appointment.id, State.CANCELLED, "Ill", (
                "u_v1", "u_pearl2", "u_pearl3"))]  # fmt: skip
    assert await rig.taken("u_v1") == []
    assert await refused(rig.ask("u_v2", slot)) == "slot_taken"
    assert await rig.part.cancel_slot("pearl", slot.id, "u_pearl1") == ()
    assert (await rig.part.slots("pearl", 0, rig.at(9), open_only=True))[0] == ()
    assert [one.cancelled for one in (await rig.part.slots("pearl", 0, rig.at(9)))[0]] == [True]


async def test_slots_come_in_pages(rig: Rig) -> None:
    for n in range(5):
        await rig.slot(1 + n / 2)
    seen, cursor = [], None
    for _ in range(3):
        page, cursor = await rig.part.slots("pearl", 0, rig.at(99), cursor=cursor, limit=2)
        seen += [one.starts_ms for one in page]
    assert seen == [rig.at(1 + n / 2) for n in range(5)] and cursor is None
    for wrong in ("x", "1.", "1.zz", "-1.a"):
        with pytest.raises(ValueError, match="cursor"):
            await rig.part.slots("pearl", 0, 1, cursor=wrong)


# --- asking --------------------------------------------------------------------------------


async def test_a_request_holds_the_time_of_both_sides(rig: Rig) -> None:
    slot = await rig.slot(1, staff="u_pearl2", place="both", table=3)
    change = await rig.ask("u_v1", slot, place="on_site", note="On Tuesday we spoke")
    one = change.appointment
    assert (one.state, one.turn, one.place, one.table, one.staff) == (
        State.PENDING, "company", "on_site", 3, "u_pearl2",
    )  # fmt: skip
    assert one.hold_until_ms == one.starts_ms  # never past its beginning
    assert change.people == ("u_pearl2",)
    mine = span(slot.starts_ms, slot.ends_ms)
    for whose in ("u_v1", "u_pearl2", "table:pearl:3"):
        assert await rig.taken(whose) == mine, whose
    far = (await rig.ask("u_v1", hours=40)).appointment
    assert far.hold_until_ms == rig.clock.ms + 24 * HOUR
    other = await rig.slot(1.25, company="lotus", by="u_lotus1")
    assert await refused(rig.ask("u_v1", other)) == "visitor_busy"
    assert await refused(rig.ask("u_v2", hours=1.25, staff="u_pearl2")) == "staff_busy"
    # What was refused holds nothing.
    assert (await rig.part.slot(other.id)).taken == 0  # type: ignore[union-attr]
    assert await rig.taken("u_v2") == []
    assert len(await rig.all(appointments)) == 2


async def test_what_cannot_be_asked_for(rig: Rig) -> None:
    slot = await rig.slot(1, place="online")
    for code, asking in {
        "own_company": rig.ask("u_pearl2", slot),
        "unknown_slot": rig.ask("u_v1", slot, company="lotus"),
        "bad_place": rig.ask("u_v1", slot, place="on_site"),
        "unknown_company": rig.ask("u_v1", company="no-such"),
        "in_the_past": rig.ask("u_v1", hours=-3),
        "too_far": rig.ask("u_v1", hours=9_000),
        "bad_length": rig.ask("u_v1", starts_ms=rig.at(1), ends_ms=rig.at(9)),
        "bad_time": rig.ask("u_v1", starts_ms=rig.at(1), ends_ms=None),
        "unknown_person": rig.ask("u_v1", staff="u_v2"),
    }.items():
        assert await refused(asking) == code
    assert await refused(rig.ask("u_nobody")) == "unknown_person"
    await rig.companies.change(1, replace((await rig.companies.get("jade")).draft, published=False))  # type: ignore[union-attr]
    assert await refused(rig.ask("u_v1", company="jade")) == "unknown_company"
    assert await rig.all(appointments) == [] == await rig.all(busy)


async def test_two_hundred_for_one_slot(database_url: str, clock: Clock) -> None:
    await ready(database_url)
    rig = Rig(database_url, clock)
    await rig.fill(visitors=200)
    slot = await rig.slot(1)
    asked: list[str] = []
    sa.event.listen(
        rig.engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2])
    )
    got = await asyncio.gather(*(outcome(rig.ask(f"u_v{n}", slot)) for n in range(1, 201)))
    # Only who gets it has asked for the writer: whoever can but be refused keeps nobody waiting.
    assert len([one for one in asked if one.startswith("UPDATE people")]) == 1
    assert sorted(set(got)) == ["", "slot_taken"] and got.count("") == 1
    assert (await rig.part.slot(slot.id)).taken == 1  # type: ignore[union-attr]
    winner = f"u_v{got.index('') + 1}"
    held = {row.subject for row in await rig.all(busy)}
    assert held == {winner}
    await rig.engine.dispose()


async def test_a_turn_that_ended_during_the_look_is_looked_for_again(rig: Rig) -> None:
    """Of two who saw the last place, the second comes to it when the first has left already."""
    slot = await rig.slot(1)
    look, seen, go = rig.part._left, asyncio.Event(), asyncio.Event()

    async def slowly(company: str, wanted: str) -> int:
        found = await look(company, wanted)
        if not seen.is_set():
            seen.set()
            await go.wait()
        return found

    asked: list[str] = []
    rig.part._left = slowly  # type: ignore[method-assign]
    late = asyncio.create_task(outcome(rig.ask("u_v1", slot)))
    await seen.wait()
    assert await outcome(rig.ask("u_v2", slot)) == ""
    sa.event.listen(
        rig.engine.sync_engine, "before_cursor_execute", lambda *given: asked.append(given[2])
    )
    go.set()
    assert await late == "slot_taken"
    assert not [one for one in asked if one.startswith("UPDATE people")]


async def test_nobody_is_booked_twice_whatever_races(rig: Rig) -> None:
    """One visitor asks three companies for the same time; one company accepts two at once."""
    slots = [await rig.slot(1, by=f"u_{slug}1") for slug in ("pearl", "lotus", "jade")]
    got = await asyncio.gather(*(outcome(rig.ask("u_v1", slot)) for slot in slots))
    assert sorted(got) == ["", "visitor_busy", "visitor_busy"]
    asked = [(await rig.ask(f"u_v{n}", hours=4, company="jade")).appointment for n in (2, 3, 4)]
    accepted = await asyncio.gather(
        *(outcome(rig.act(one.id, Act.ACCEPT, "u_jade2")) for one in asked)
    )
    assert sorted(accepted) == ["", "staff_busy", "staff_busy"]
    assert len(await rig.taken("u_jade2")) == 6
    states = [row.state for row in await rig.all(appointments, appointments.c.company == "jade")]
    assert sorted(states)[:1] == ["confirmed"] and len(await rig.all(talks)) == 1
    # The same request accepted twice, and accepted while it is declined: one answer counts.
    one = (await rig.ask("u_v2", hours=9)).appointment
    got = await asyncio.gather(
        outcome(rig.act(one.id, Act.ACCEPT, "u_pearl1")),
        outcome(rig.act(one.id, Act.ACCEPT, "u_pearl2")),
        outcome(rig.act(one.id, Act.DECLINE, "u_pearl3")),
    )
    assert got.count("") == 1


async def test_a_clash_with_the_agenda_is_told_first(rig: Rig) -> None:
    await rig.conference("u_v1", rig.at(1))
    with pytest.raises(AppointmentRefused) as fault:
        await rig.ask("u_v1", hours=1.5)
    assert fault.value.code == "clash"
    assert [(c.kind, c.id, c.title) for c in fault.value.clashes] == [
        ("conference", "trade", "On trade")
    ]
    assert await rig.taken("u_v1") == []
    one = (await rig.ask("u_v1", hours=1.5, anyway=True)).appointment
    await rig.ask("u_v1", hours=2)  # begins as the conference ends
    found = await rig.part.clashes("u_v1", rig.at(1), rig.at(2))
    assert [(c.kind, c.id) for c in found] == [("conference", "trade"), ("appointment", one.id)]
    assert await rig.part.clashes("u_v2", 0, rig.at(99)) == ()


# --- answers --------------------------------------------------------------------------------


async def confirmed(rig: Rig, person: str = "u_v1", by: str = "u_pearl2", **more: Any) -> Change:
    asked = await rig.ask(person, **more)
    return await rig.act(asked.appointment.id, Act.ACCEPT, by)


async def test_accepting_opens_the_talk_in_the_same_step(rig: Rig) -> None:
    change = await confirmed(rig)
    one = change.appointment
    assert (one.state, one.staff, one.turn, one.hold_until_ms) == (
        State.CONFIRMED, "u_pearl2", "", None,
    )  # fmt: skip
    assert change.people == ("u_v1",) and set(change.added) == {"u_v1", "u_pearl2"}
    assert one.room is not None
    talk = await rig.talks.get(one.room)
    assert talk is not None and talk.mode is Mode.ONE_TO_ONE
    assert (talk.origin, talk.origin_id, talk.company, talk.subject) == (
        "appointment", one.id, "pearl", "Supply",
    )  # fmt: skip
    assert (talk.starts_ms, talk.ends_ms) == (one.starts_ms, one.ends_ms)
    members = {m.person: (m.side, m.role) for m in await rig.talks.members(one.room)}
    assert members == {"u_pearl2": ("pearl", Role.HOST), "u_v1": ("guest", Role.PARTICIPANT)}
    (room,) = await rig.all(rooms, rooms.c.slug == one.room)
    assert room.sides == {"pearl": 1, "guest": 1} and room.opens_at == one.starts_ms - 10 * MIN
    assert all(row.firm for row in await rig.all(busy))
    assert [line.act for line in await rig.part.log(one.id)] == ["ask", "accept"]


async def test_on_site_has_a_table_and_no_room(rig: Rig) -> None:
    one = (await confirmed(rig, place="on_site")).appointment
    assert (one.room, one.table) == (None, 1) and await rig.all(talks) == []
    assert await refused(rig.ask("u_v2", place="on_site")) == "table_busy"
    await rig.ask("u_v2")  # online, with whoever is free


async def test_who_may_answer(rig: Rig) -> None:
    slot = await rig.slot(1, staff="u_pearl2")
    one = (await rig.ask("u_v1", slot)).appointment.id
    for by, act, code in (
        ("u_v1", Act.ACCEPT, "not_yours"), ("u_v1", Act.HAND_OVER, "not_yours"),
        ("u_v2", Act.ACCEPT, "unknown_appointment"), ("u_v2", Act.CANCEL, "unknown_appointment"),
        ("u_lotus1", Act.DECLINE, "unknown_appointment"),
        ("u_pearl3", Act.ACCEPT, "own_slots_only"), ("u_pearl3", Act.DECLINE, "own_slots_only"),
        ("u_pearl1", Act.LAPSE, "not_yours"), ("u_pearl1", Act.MISS, "not_agreed"),
    ):  # fmt: skip
        assert await refused(rig.act(one, act, by)) == code, (by, act)
    assert await refused(rig.act("no-such", Act.ACCEPT, "u_pearl1")) == "unknown_appointment"
    for staff in ("u_v2", "u_lotus1"):
        got = rig.act(one, Act.ACCEPT, "u_pearl1", staff=staff)
        assert await refused(got) == "unknown_person"
    free = (await rig.ask("u_v2", hours=3)).appointment.id
    got = rig.act(free, Act.ACCEPT, "u_pearl2", staff="u_pearl3")
    assert await refused(got) == "own_slots_only"  # only owners and editors assign others
    await rig.act(free, Act.ACCEPT, "u_pearl1", staff="u_pearl3")
    assert len(await rig.taken("u_pearl3")) == 6
    done = await rig.act(one, Act.ACCEPT, "u_pearl1", staff="u_pearl3")  # another than asked for
    assert done.appointment.staff == "u_pearl3" and await rig.taken("u_pearl2") == []
    assert await refused(rig.act(one, Act.ACCEPT, "u_pearl1")) == "not_asked"


async def test_declined_and_cancelled_give_everything_back(rig: Rig) -> None:
    slot = await rig.slot(1, staff="u_pearl2")
    one = (await rig.ask("u_v1", slot)).appointment.id
    done = await rig.act(one, Act.DECLINE, "u_pearl2", reason="We are full")
    assert (done.appointment.state, done.appointment.reason, done.people) == (
        State.DECLINED, "We are full", ("u_v1",),
    )  # fmt: skip
    assert await rig.all(busy) == []
    assert await refused(rig.act(one, Act.ACCEPT, "u_pearl2")) == "over"
    again = (await rig.ask("u_v2", slot)).appointment.id
    agreed = await rig.act(again, Act.ACCEPT, "u_pearl2")
    done = await rig.act(again, Act.CANCEL, "u_v2", reason="Flight")
    assert done.people == ("u_pearl2",) and await rig.all(busy) == []
    talk = await rig.talks.get(agreed.appointment.room or "")
    assert talk is not None and talk.ended_why == "cancelled"
    assert await rig.talks.access(talk.room, "u_v2") is None
    assert (await rig.part.slot(slot.id)).taken == 0  # type: ignore[union-attr]
    third = (await rig.ask("u_v3", slot)).appointment.id
    await rig.act(third, Act.CANCEL, "organiser", organiser=True)
    assert (await rig.part.slot(slot.id)).taken == 0  # type: ignore[union-attr]


async def test_another_time_is_proposed_and_answered(rig: Rig) -> None:
    slot, later = await rig.slot(1), await rig.slot(3, staff="u_pearl2")
    one = (await rig.ask("u_v1", slot)).appointment.id
    await rig.ask("u_v1", hours=5, company="lotus")
    busy_then = rig.act(
        one, Act.PROPOSE, "u_pearl1", starts_ms=rig.at(5), ends_ms=rig.at(5) + 30 * MIN
    )
    assert await refused(busy_then) == "visitor_busy"
    assert await refused(rig.act(one, Act.PROPOSE, "u_pearl1")) == "bad_time"
    # Refused, all is as it was.
    assert (await rig.part.slot(slot.id)).taken == 1  # type: ignore[union-attr]
    assert len(await rig.taken("u_v1")) == 12
    change = await rig.act(one, Act.PROPOSE, "u_pearl1", slot=later.id, reason="Noon is better")
    now = change.appointment
    assert (now.state, now.turn, now.starts_ms, now.staff, now.slot) == (
        State.COUNTERED, "visitor", later.starts_ms, "u_pearl2", later.id,
    )  # fmt: skip
    assert (await rig.part.slot(slot.id)).taken == 0  # type: ignore[union-attr]
    assert await rig.taken("u_pearl2") == span(later.starts_ms, later.ends_ms)
    assert await refused(rig.act(one, Act.ACCEPT, "u_pearl2")) == "not_yours"
    # Once more, to a time that overlaps what it holds itself.
    starts = later.starts_ms + 15 * MIN
    await rig.act(one, Act.PROPOSE, "u_pearl2", starts_ms=starts, ends_ms=starts + 30 * MIN)
    assert await rig.taken("u_pearl2") == span(starts, starts + 30 * MIN)
    agreed = (await rig.act(one, Act.ACCEPT, "u_v1")).appointment
    assert (agreed.state, agreed.starts_ms, agreed.staff) == (State.CONFIRMED, starts, "u_pearl2")
    assert agreed.room is not None
    other = (await rig.ask("u_v2", hours=7)).appointment.id
    await rig.act(other, Act.PROPOSE, "u_pearl3", starts_ms=rig.at(8), ends_ms=rig.at(8) + 15 * MIN)
    await rig.act(other, Act.DECLINE, "u_v2")
    assert await rig.taken("u_v2") == [] == await rig.taken("u_pearl3")


async def test_holds_lapse(rig: Rig) -> None:
    slot = await rig.slot(30, staff="u_pearl2")
    one = (await rig.ask("u_v1", slot)).appointment.id
    soon = (await rig.ask("u_v2", hours=1)).appointment.id
    rig.clock.ms = rig.at(1)
    assert await refused(rig.act(soon, Act.ACCEPT, "u_pearl1")) == "over"  # not written yet
    told = await asyncio.gather(rig.part.lapse(), rig.part.lapse())
    assert [c.appointment.id for found in told for c in found] == [soon]  # once, of two hubs
    assert await rig.taken("u_v2") == []
    rig.clock.ms += 23 * HOUR
    (change,) = await rig.part.lapse()
    assert (change.appointment.id, change.appointment.state) == (one, State.LAPSED)
    assert set(change.people) == {"u_v1", "u_pearl2"}
    assert await rig.all(busy) == [] and await rig.part.lapse() == ()
    await rig.ask("u_v3", slot)  # the slot is free again


async def test_handed_over_to_a_colleague(rig: Rig) -> None:
    one = (await confirmed(rig, by="u_pearl2")).appointment
    assert one.room is not None
    await confirmed(rig, person="u_v2", by="u_pearl3", hours=1.25)
    hand = rig.act(one.id, Act.HAND_OVER, "u_pearl2", staff="u_pearl3")
    assert await refused(hand) == "staff_busy"
    assert len(await rig.taken("u_pearl2")) == 6  # nothing given back
    for staff, code in ((None, "unknown_person"), ("u_v3", "unknown_person")):
        assert await refused(rig.act(one.id, Act.HAND_OVER, "u_pearl2", staff=staff)) == code
    assert await refused(rig.act(one.id, Act.HAND_OVER, "u_pearl3", staff="u_pearl3")) == (
        "own_slots_only"
    )
    rig.clock.ms = one.starts_ms + 10 * MIN  # while it is taking place
    await rig.act(one.id, Act.HAND_OVER, "u_pearl1", staff="u_pearl1")
    change = await rig.act(one.id, Act.HAND_OVER, "u_pearl1", staff="u_pearl2")
    assert (change.removed, change.added) == (("u_pearl1",), ("u_pearl2",))
    assert set(change.people) == {"u_v1", "u_pearl2"}
    assert await rig.talks.access(one.room, "u_pearl1") is None
    access = await rig.talks.access(one.room, "u_pearl2")
    assert access is not None and (access.side, access.role) == ("pearl", Role.HOST)
    assert await rig.taken("u_pearl2") == span(rig.clock.ms, one.ends_ms)  # what is left of it
    assert await rig.taken("u_pearl1") == []
    rig.clock.ms = one.ends_ms
    late = rig.act(one.id, Act.HAND_OVER, "u_pearl1", staff="u_pearl1")
    assert await refused(late) == "over"


# --- groups --------------------------------------------------------------------------------


async def test_a_session_takes_as_many_as_it_has_places(rig: Rig) -> None:
    slot = await rig.slot(1, form="group", title="Live demo", capacity=3, staff="u_pearl2")
    got = await asyncio.gather(*(outcome(rig.ask(f"u_v{n}", slot)) for n in range(1, 5)))
    assert sorted(got) == ["", "", "", "slot_taken"]
    found, _ = await rig.part.list(Which(company="pearl"), None, 10)
    assert {(one.state, one.subject, one.form) for one in found} == {
        (State.CONFIRMED, "Live demo", "group")
    }
    (room,) = {one.room for one in found}
    assert room is not None
    talk = await rig.talks.get(room)
    assert talk is not None and talk.mode is Mode.ONE_TO_MANY
    assert len([m for m in await rig.talks.members(room) if m.side == "guest"]) == 3
    assert len(await rig.taken("u_pearl2")) == 6  # the host's time once
    first, second, third = (one.id for one in found)
    who = found[0].visitor
    change = await rig.act(first, Act.CANCEL, who)
    assert change.removed == (who,) and await rig.talks.access(room, who) is None
    assert len(await rig.taken("u_pearl2")) == 6
    # The session is handed over with all who come to it.
    change = await rig.act(second, Act.HAND_OVER, "u_pearl1", staff="u_pearl3")
    assert await rig.taken("u_pearl2") == [] and len(await rig.taken("u_pearl3")) == 6
    other = await rig.part.get(third)
    assert other is not None and other.staff == "u_pearl3"
    for one in found[1:]:
        await rig.act(one.id, Act.CANCEL, one.visitor)
    assert await rig.all(busy) == []  # after the last the host is free
    talk = await rig.talks.get(room)
    assert talk is not None and talk.ended_ms is not None
    again = (await rig.ask("u_v1", slot)).appointment  # and who comes then opens another room
    assert again.room not in (None, room)


# --- what becomes of companies and people -----------------------------------------------------


async def test_a_company_that_goes_frees_everybody(rig: Rig) -> None:
    one = (await confirmed(rig)).appointment
    slot = await rig.slot(3, form="group", title="Demo", capacity=3)
    await rig.ask("u_v2", slot)
    await rig.companies.delete("pearl")
    assert await rig.all(busy) == [] == await rig.all(appointments)
    talk = await rig.talks.get(one.room or "")
    assert talk is not None and talk.ended_why == "cancelled"


async def test_a_person_takes_their_data_along(rig: Rig) -> None:
    slot = await rig.slot(3, staff="u_pearl2")
    asked = (await rig.ask("u_v1", slot, note="Private", subject="Secret")).appointment
    mine = await rig.people.export("u_v1")
    assert mine is not None
    assert [row["subject"] for row in mine["appointments"]] == ["Secret"]
    assert mine["appointment_log"] and len(mine["busy"]) == 6
    agreed = (await confirmed(rig, person="u_v2", by="u_pearl2")).appointment
    await rig.people.erase("u_v1")
    gone = await rig.part.get(asked.id)
    assert gone is not None
    assert (gone.state, gone.subject, gone.note) == (State.CANCELLED, "", "")
    assert (await rig.part.slot(slot.id)).taken == 0  # type: ignore[union-attr]
    assert await rig.taken("u_v1") == []
    await rig.people.erase("u_pearl2")
    kept = await rig.part.get(agreed.id)
    assert kept is not None and (kept.state, kept.staff) == (State.CONFIRMED, None)
    assert await rig.taken("u_pearl2") == []
    change = await rig.act(agreed.id, Act.HAND_OVER, "u_pearl1", staff="u_pearl3")
    assert change.appointment.staff == "u_pearl3" and change.added == ("u_pearl3",)


async def test_who_left_the_company_has_nothing_to_accept(rig: Rig) -> None:
    slot = await rig.slot(3, staff="u_pearl2")
    async with transaction(rig.engine) as connection:
        await connection.execute(
            sa.delete(company_staff).where(company_staff.c.person == "u_pearl2")
        )
    one = (await rig.ask("u_v1", slot)).appointment
    assert one.staff is None  # whoever accepts takes it
    assert await refused(rig.act(one.id, Act.ACCEPT, "u_pearl2")) == "unknown_appointment"


async def test_lists_by_side(rig: Rig) -> None:
    await rig.ask("u_v1", hours=2)
    await rig.ask("u_v1", hours=1, company="lotus")
    agreed = (await confirmed(rig, person="u_v2", hours=3)).appointment
    mine, _ = await rig.part.list(Which(visitor="u_v1"), None, 10)
    assert [one.company for one in mine] == ["lotus", "pearl"]
    theirs, _ = await rig.part.list(Which(company="pearl", states={State.CONFIRMED}), None, 10)
    assert [one.id for one in theirs] == [agreed.id]
    assert await rig.part.counts() == {"pending": 2, "confirmed": 1}
    page, cursor = await rig.part.list(Which(newest=True), None, 2)
    rest, none = await rig.part.list(Which(newest=True), cursor, 2)
    assert [one.starts_ms for one in (*page, *rest)] == [rig.at(n) for n in (3, 2, 1)]
    assert none is None
    between = Which(from_ms=rig.at(1) + 30 * MIN, to_ms=rig.at(3))
    assert len((await rig.part.list(between, None, 9))[0]) == 1
    assert await rig.part.sides(agreed.id, "u_v2") == {"visitor"}
    assert await rig.part.sides(agreed.id, "u_pearl3") == {"pearl"}
    assert await rig.part.sides(agreed.id, "u_lotus1") == frozenset()
