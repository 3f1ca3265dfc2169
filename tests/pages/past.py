"""Meetings that time has gone over: running, done, missed and never answered.

They are asked for and agreed over the API, for a day to come; then all that is written of each is
moved back by one span of time, and the fair's own part finds what has become of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.config import Config
from hub.fair.appointments import SqlAppointments
from hub.fair.base import FairKeys, wall_clock_ms
from hub.fair.engine import transaction
from hub.fair.tables import appointments, attendance, busy, rooms, talks
from rooms.appointments import TICK_MS, State

MIN_MS: Final = 60_000


@dataclass(frozen=True, slots=True)
class Past:
    """``before_min``: how long ago it began. ``company_min``, ``visitor_min``, ``over_min``:
    when each side came and the talk was over, after the beginning; None: not at all."""

    subject: str
    before_min: int
    length_min: int
    company_min: int | None = None
    visitor_min: int | None = None
    over_min: int | None = None


#: What is to become of each. They lie apart, so that nobody is in two at once.
PAST: Final[Mapping[State, Past]] = {
    State.RUNNING: Past("Quay cranes, second talk 岸桥再谈", 15, 45, -2, 8),
    State.NO_SHOW: Past("Spare parts for tugs", 75, 30, 0, None, 15),
    State.DONE: Past("Cold store at Tianjin 天津冷库", 135, 30, -1, 1, 42),
    State.LAPSED: Past("Pilots' simulator", 195, 30),
}


def ask(act: Callable[..., Any], company: str, day: datetime) -> dict[State, str]:
    """Asked for on ``day`` and, but for the one that lapses, agreed; their ids."""
    made = {}
    for state, past in PAST.items():
        starts = day + timedelta(hours=8) - timedelta(minutes=past.before_min)
        ends = starts + timedelta(minutes=past.length_min)
        body = {
            "starts_at": starts.isoformat(), "ends_at": ends.isoformat(), "place": "online",
            "subject": past.subject, "anyway": True,
        }  # fmt: skip
        one = act("visitor", "POST", f"/companies/{company}/appointments", body)
        if state is not State.LAPSED:
            act("exhibitor", "POST", f"/appointments/{one['id']}/actions", {"action": "accept"})
        made[state] = one["id"]
    return made


async def let_pass(
    engine: AsyncEngine, made: Mapping[State, str], people: Mapping[str, str]
) -> None:
    """``people``: ids of the visitor and the exhibitor. Each is in its state afterwards."""
    async with transaction(engine) as connection:
        for state, id in made.items():
            await _move(connection, PAST[state], id, people)
    # Whichever is first, this or the hub's own job, finds the same.
    part = SqlAppointments(engine, Config(), FairKeys(bytes(32), bytes(32), bytes(32)))
    await part.lapse()
    await part.follow()
    a = appointments.c
    async with transaction(engine) as connection:
        query = sa.select(a.id, a.state).where(a.id.in_(made.values()))
        found = {row.id: row.state for row in await connection.execute(query)}
    assert found == {id: state.value for state, id in made.items()}


async def _move(
    connection: AsyncConnection, past: Past, id: str, people: Mapping[str, str]
) -> None:
    a = appointments.c
    row = (await connection.execute(sa.select(appointments).where(a.id == id))).one()
    starts = (wall_clock_ms() // TICK_MS) * TICK_MS - past.before_min * MIN_MS
    back = row.starts_ms - starts
    assert back % TICK_MS == 0
    moved = {
        appointments: (a.id == id, (a.starts_ms, a.ends_ms, a.hold_until_ms)),
        talks: (talks.c.room == row.room, (talks.c.starts_ms, talks.c.ends_ms)),
        rooms: (rooms.c.slug == row.room, (rooms.c.opens_at,)),
    }
    for table, (where, columns) in moved.items():
        values = {column.name: column - back for column in columns}
        await connection.execute(sa.update(table).where(where).values(values))
    ticks = sa.update(busy).where(busy.c.appointment == id)
    await connection.execute(ticks.values(tick=busy.c.tick - back // TICK_MS))
    stays = [
        {
            "room": row.room, "person": people[who], "gen": 1, "name": who.title(),
            "role": "participant", "entered_ms": starts + minutes * MIN_MS,
            "left_ms": starts + minutes * MIN_MS + MIN_MS,
        }
        for who, minutes in (("exhibitor", past.company_min), ("visitor", past.visitor_min))
        if minutes is not None
    ]  # fmt: skip
    if stays:
        await connection.execute(sa.insert(attendance), stays)
    if past.over_min is not None:
        over = {
            "ended_ms": starts + past.over_min * MIN_MS, "ended_by": people["exhibitor"],
            "ended_why": "done",
        }  # fmt: skip
        await connection.execute(sa.update(talks).where(talks.c.room == row.room).values(over))
        closed = sa.update(rooms).where(rooms.c.slug == row.room)
        await connection.execute(closed.values(closed=True, version=rooms.c.version + 1))
