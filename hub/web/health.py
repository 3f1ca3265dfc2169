"""Health for load balancers, counters for Prometheus."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from aiohttp import web

from hub import metrics
from hub.ports import StoreLost
from hub.services import SERVICES, Services
from rooms.model import RoomState

ANSWER_S: Final = 2.0


async def live(_request: web.Request) -> web.Response:
    """This process turns its loop: nothing else is asked."""
    return web.json_response({"status": "ok"}, headers={"Cache-Control": "no-store"})


async def _store_fault(services: Services) -> str | None:
    try:
        async with asyncio.timeout(ANSWER_S):
            await services.board.read()
    except TimeoutError:
        return f"the store did not answer within {ANSWER_S:g} s"
    except StoreLost:
        return "the store does not answer"
    return None


async def reasons(services: Services) -> list[str]:
    """Why this worker should get no new people; empty when it should."""
    store, database = await asyncio.gather(_store_fault(services), services.directory.ready())
    found = [fault for fault in (store, database) if fault is not None]
    found.extend(services.bus.faults())
    found.extend(services.media.faults())
    if services.draining:
        found.append("draining")
    return found


async def ready(request: web.Request) -> web.Response:
    found = await reasons(request.app[SERVICES])
    return web.json_response(
        {"status": "not_ready" if found else "ok", "reasons": found},
        status=503 if found else 200,
        headers={"Cache-Control": "no-store"},
    )


async def _measure_fair(services: Services) -> None:
    """Set the fair's gauges from the board; they keep their last value while it is away."""
    try:
        async with asyncio.timeout(ANSWER_S):
            rows = (await services.board.read()).rows
    except (TimeoutError, StoreLost):
        return
    for state in ("live", "held", "offered", "waiting"):
        metrics.FAIR_SEATS.labels(state).set(sum(getattr(row, state) for row in rows))
    states = Counter(row.state for row in rows)
    for room_state in RoomState:
        metrics.FAIR_ROOMS.labels(room_state.value).set(states[room_state])


async def counters(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    await _measure_fair(services)
    return web.Response(
        body=metrics.render(services.hub_id),
        headers={"Content-Type": metrics.CONTENT_TYPE},
    )


def setup(app: web.Application) -> None:
    app.router.add_get("/health/live", live)
    app.router.add_get("/health/ready", ready)
    app.router.add_get("/metrics", counters)
