"""Attendance as live hubs write it: each stay once, whoever hears, and repaired after a death."""

from __future__ import annotations

from hub.live.attending import RECLAIM_MS, SETTLED_MS, Repair, wall_clock_ms
from hub.ports.events import Visit
from rooms.model import Identity
from tests.live.driver import Hub, until


async def _visits(hub: Hub, room: str) -> dict[str, Visit]:
    await hub.services.fair.attendance.flush()
    page, _ = await hub.services.fair.attendance.report(room=room)
    return {visit.person: visit for visit in page}


async def test_stays_of_two_hubs_are_written_once(two: tuple[Hub, Hub]) -> None:
    one, other = two
    room = await one.room(capacity=2)
    (ada,) = await one.inside(room, "ada", role="speaker")
    await one.inside(room, "bob", to=other)
    carl = other.client("carl", room)
    await carl.hello()
    refused = await carl.enter(wait=False)
    assert refused["type"] == "refused"
    await ada.ask("leave")

    async def ended() -> bool:
        await other.services.fair.attendance.flush()
        visits = await _visits(one, room)
        return visits["ada"].last_ms is not None and set(visits) == {"ada", "bob"}

    await until(ended)
    visits = await _visits(one, room)
    assert (visits["ada"].role, visits["ada"].name) == ("speaker", "Ada")
    assert len(visits["ada"].stays) == 1 and visits["bob"].last_ms is None
    await one.services.fair.attendance.flush()
    # Lapsed or removed: nobody leaves, the room's notice says it.
    (host,) = await one.inside(room, "hana", role="host")
    await host.ask("moderate", action="remove", participant="bob")

    async def removed() -> bool:
        await other.services.fair.attendance.flush()
        return (await _visits(one, room))["bob"].last_ms is not None

    await until(removed)
    await one.services.fair.audit.flush()
    (row,), _ = await one.services.fair.audit.list(act="room.remove")
    assert (row.actor, row.target, row.detail) == ("hana", "person:bob", {"room": room})


async def test_a_stay_nobody_told_the_end_of_is_ended(hub: Hub) -> None:
    room = await hub.room(capacity=5)
    await hub.inside(room, "ada")
    attendance, began = hub.services.fair.attendance, wall_clock_ms()
    # Written by a hub that was killed before it could write the end.
    attendance.seated(room, Identity(id="bob", name="Bob"), 99, True)
    await attendance.flush()
    at = [began]
    repair = Repair(attendance, hub.services.admission, hub.services.board, lambda: at[0])
    await repair.look()  # too young to be judged
    at[0] += SETTLED_MS + 5_000
    await repair.look()
    assert (await _visits(hub, room))["bob"].last_ms is None  # the store may be coming back
    at[0] += RECLAIM_MS
    await repair.look()
    visits = await _visits(hub, room)
    assert visits["bob"].last_ms == began + SETTLED_MS + 5_000  # when they were first missed
    assert visits["ada"].last_ms is None
