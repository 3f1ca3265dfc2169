"""The live WebSockets: connections of this process, fan-out, what a session asks.

``setup`` adds GET /live and GET /news to an application and runs what belongs to it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

from aiohttp import web

from hub.live import attending, writer
from hub.live.drain import drain
from hub.live.endpoint import live
from hub.live.hub import LIVE, LiveHub
from hub.live.news import NEWS, ONLINE_S, NewsHub
from hub.live.news import news as news_endpoint
from hub.live.pinger import renew, wheel
from hub.live.talking import NOTES_KEPT_S
from hub.ports import DirectoryLost, StoreLost
from hub.services import Services

__all__ = ["LIVE", "NEWS", "LiveHub", "NewsHub", "drain", "setup"]


def setup(app: web.Application, services: Services) -> None:
    """Add GET /live and GET /news, set ``services.media_sessions``, listen to the bus and the media
    workers while the application runs, and drain when it shuts down."""

    async def run(app: web.Application) -> AsyncIterator[None]:
        hub = app[LIVE] = LiveHub(services, await writer.choose())
        services.media_sessions = hub.sessions
        notice = attending.heard(services.fair.attendance, hub.rooms.notice)
        services.bus.listen(notice, hub.rooms.lost)
        services.media.listen(hub.sessions.notice)
        news = app[NEWS] = NewsHub(hub)
        services.news.listen(news.notice, news.lost)
        services.jobs.every(news.reminders.EVERY_S, "reminders", news.reminders.look)
        services.jobs.every(news.ringing.EVERY_S, "rings", news.ringing.look)
        services.jobs.every(ONLINE_S, "online", news.count)
        services.jobs.every(NOTES_KEPT_S, "notes", hub.notebooks.keep)
        tasks = [asyncio.create_task(work(hub)) for work in (wheel, renew)]
        tasks += [asyncio.create_task(work()) for work in (news.wheel, news.announcing.work)]
        yield
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with contextlib.suppress(StoreLost, DirectoryLost):  # Redis has them still
            await hub.notebooks.keep()
        hub.waiting.stop()
        hub.reactions.stop()
        await hub.stop()

    async def leave(app: web.Application) -> None:
        app[LIVE].deaf = True
        app[NEWS].drain()
        await drain(app[LIVE])

    attending.setup(services)
    app.router.add_get("/live", live)
    app.router.add_get("/news", news_endpoint)
    app.cleanup_ctx.append(run)
    app.on_shutdown.append(leave)
