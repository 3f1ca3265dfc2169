"""/figures: the fair at a glance, now and over time; and the job that keeps a row a minute."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from hub.ports.fair import Census, Moment
from hub.services import SERVICES, Services
from hub.web.auth import need_fair
from hub.web.bodies_news import FiguresBody, HistoryBody
from hub.web.query import choice
from hub.web.routes import Query, Route
from rooms.model import RoomState
from rooms.times import rfc3339

NO_STORE: Final = {"Cache-Control": "no-store"}
HOUR_MS: Final = 3_600_000
SPANS: Final = {"3h": 3 * HOUR_MS, "24h": 24 * HOUR_MS, "7d": 7 * 24 * HOUR_MS}
POINTS: Final = 240
#: Each hub tries; the minute's row is written once.
EVERY_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Glance:
    """``rooms`` are those loaded in Redis; ``capacity`` is that of the open ones."""

    moment: Moment
    census: Census
    rooms: int
    capacity: int


async def glance(services: Services) -> Glance:
    """Raises DirectoryLost, StoreLost."""
    census = await services.fair.figures.census()
    online = await services.news.online()
    board = await services.board.read()
    opened = [row for row in board.rows if row.state is RoomState.OPEN]
    moment = Moment(
        at_ms=time.time_ns() // 1_000_000,
        registered=census.registered,
        online=online,
        on_site=census.on_site,
        rooms_open=len(opened),
        seats_taken=sum(row.live + row.held + row.offered for row in board.rows),
        waiting=sum(row.waiting for row in board.rows),
    )
    return Glance(moment, census, len(board.rows), sum(row.capacity for row in opened))


def moment_body(moment: Moment) -> dict[str, Any]:
    return {
        "at": rfc3339(moment.at_ms), "registered": moment.registered, "online": moment.online,
        "on_site": moment.on_site, "rooms_open": moment.rooms_open,
        "seats_taken": moment.seats_taken, "waiting": moment.waiting,
    }  # fmt: skip


async def now(request: web.Request) -> web.Response:
    await need_fair(request)
    found = await glance(request.app[SERVICES])
    census = found.census
    body = {
        **moment_body(found.moment),
        "companies": census.companies,
        "rooms": found.rooms,
        "capacity": found.capacity,
        "countries": [{"key": key, "number": number} for key, number in census.countries],
        "sectors": [{"key": key, "number": number} for key, number in census.sectors],
        "counted_at": rfc3339(census.at_ms),
    }
    return web.json_response(body, headers=NO_STORE)


async def past(services: Services, span: str) -> tuple[Moment, ...]:
    """Raises DirectoryLost."""
    to_ms = time.time_ns() // 1_000_000
    return await services.fair.figures.history(to_ms - SPANS[span], to_ms + 1, POINTS)


async def history(request: web.Request) -> web.Response:
    await need_fair(request)
    span = choice(request, "span", tuple(SPANS)) or "24h"
    found = await past(request.app[SERVICES], span)
    return web.json_response({"items": [moment_body(one) for one in found]}, headers=NO_STORE)


def setup(services: Services) -> None:
    """A row of figures every minute, written by one hub."""

    async def keep() -> None:
        await services.fair.figures.write((await glance(services)).moment)

    services.jobs.every(EVERY_S, "figures", keep)


ROUTES: Final = (
    Route(
        "GET", "/figures", now, "getFigures", "The fair at a glance, at most 10 s old", 200,
        FiguresBody,
    ),
    Route(
        "GET", "/figures/history", history, "getFiguresHistory",
        "Figures of each minute, thinned to 240 points", 200, HistoryBody, problems=(422,),
        query=(Query("span", {"type": "string", "enum": list(SPANS)}, "how far back; 24h"),),
    ),
)  # fmt: skip
