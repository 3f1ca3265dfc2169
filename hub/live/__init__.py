"""The live WebSocket: connections of this process, fan-out, what a session asks.

``setup`` adds GET /live to an application and runs what belongs to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from aiohttp import web

from hub.live import writer
from hub.live.drain import drain
from hub.live.endpoint import live
from hub.live.hub import LIVE, LiveHub
from hub.live.pinger import renew, wheel
from hub.services import Services

__all__ = ["LIVE", "LiveHub", "drain", "setup"]


def setup(app: web.Application, services: Services) -> None:
    """Add GET /live, set ``services.media_sessions``, listen to the bus and the media
    workers while the application runs, and drain when it shuts down."""

    async def run(app: web.Application) -> AsyncIterator[None]:
        hub = app[LIVE] = LiveHub(services, await writer.choose())
        services.media_sessions = hub.sessions
        services.bus.listen(hub.rooms.notice, hub.rooms.lost)
        services.media.listen(hub.sessions.notice)
        tasks = [asyncio.create_task(work(hub)) for work in (wheel, renew)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        hub.waiting.stop()
        hub.reactions.stop()
        await hub.stop()

    async def leave(app: web.Application) -> None:
        app[LIVE].deaf = True
        await drain(app[LIVE])

    app.router.add_get("/live", live)
    app.cleanup_ctx.append(run)
    app.on_shutdown.append(leave)
