"""Attendance as people read it: stays of one person merged, minutes counted."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables import attendance, rooms
from hub.ports.events import Visit
from rooms.model import Kind

PAGE_MAX: Final = 500
GAP_MS: Final = 60_000  # who is back within a minute has not been away

Stay = tuple[int, int | None]


def merged(stays: list[Stay]) -> tuple[Stay, ...]:
    """In order of time, gaps under GAP_MS closed; overlapping ones (a repaired end) too."""
    out: list[Stay] = []
    for entered, left in sorted(stays, key=lambda stay: stay[0]):
        if out and (out[-1][1] is None or entered - out[-1][1] < GAP_MS):
            began, ended = out[-1]
            out[-1] = (began, None if ended is None or left is None else max(ended, left))
        else:
            out.append((entered, left))
    return tuple(out)


def minutes(stays: tuple[Stay, ...], window: tuple[int, int] | None, now_ms: int) -> float:
    total = 0
    for entered, left in stays:
        end = now_ms if left is None else left
        if window is not None:
            entered, end = max(entered, window[0]), min(end, window[1])
        total += max(0, end - entered)
    return round(total / 60_000, 1)


async def visits(
    connection: AsyncConnection, room: str | None, window: tuple[int, int] | None,
    cursor: str | None, limit: int, now_ms: int,
) -> tuple[tuple[Visit, ...], str | None]:  # fmt: skip
    """A page of people by (room, id). With ``window`` those who were there during it. Who meets
    whom in negotiation rooms is in no report."""
    stay = attendance.c
    private = sa.select(rooms.c.slug).where(rooms.c.kind == Kind.NEGOTIATION.value)
    asked: list[sa.ColumnElement[bool]] = [stay.room.not_in(private)]
    if room is not None:
        asked.append(stay.room == room)
    if window is not None:
        asked.append(stay.entered_ms < window[1])
        asked.append(stay.left_ms.is_(None) | (stay.left_ms > window[0]))
    page = sa.select(stay.room, stay.person).where(*asked).distinct()
    if cursor is not None:
        at_room, colon, at_person = cursor.partition("/")
        if not colon or len(cursor) > 130:
            raise ValueError("no such cursor")
        page = page.where(
            (stay.room > at_room) | ((stay.room == at_room) & (stay.person > at_person))
        )
    page = page.order_by(stay.room, stay.person).limit(limit + 1)
    keys = [(row.room, row.person) for row in await connection.execute(page)]
    following = "/".join(keys[limit - 1]) if len(keys) > limit else None
    keys = keys[:limit]
    if not keys:
        return (), None
    query = sa.select(attendance).where(
        *asked, stay.room.in_({key[0] for key in keys}), stay.person.in_({key[1] for key in keys})
    )
    found: dict[tuple[str, str], list[sa.Row[Any]]] = {key: [] for key in keys}
    for row in await connection.execute(query.order_by(stay.entered_ms)):
        if (row.room, row.person) in found:
            found[row.room, row.person].append(row)
    return tuple(_visit(rows, window, now_ms) for rows in found.values() if rows), following


def _visit(rows: list[sa.Row[Any]], window: tuple[int, int] | None, now_ms: int) -> Visit:
    stays = merged([(row.entered_ms, row.left_ms) for row in rows])
    last = rows[-1]  # as they were called the last time
    return Visit(
        person=last.person, name=last.name, company=last.company, role=last.role, room=last.room,
        first_ms=stays[0][0], last_ms=stays[-1][1], stays=stays,
        minutes=minutes(stays, window, now_ms),
    )  # fmt: skip
