"""Wires one hub worker: the only module that names concrete parts."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog
from aiohttp import web

import hub.live
import hub.web
from hub import secrets
from hub.config import Config
from hub.fair import FairKeys, open_fair
from hub.media.client import open_media
from hub.ports import DirectoryLost
from hub.services import SERVICES, Services
from hub.store import open_store
from hub.store.news import RedisNews
from hub.tokens import SignedTokens

log = structlog.get_logger(__name__)


async def make_app(config: Config, hub_id: str) -> web.Application:
    """A hub worker's application, its parts connected and started.

    ``config.redis.url`` must be set (the supervisor puts the embedded store's there) and the
    database migrated. The application's cleanup closes what was opened here. Raises
    ``hub.ports.StoreLost``, ``secrets.SecretsUnreadable``.
    """
    kept = secrets.open_secrets(config)
    store = await open_store(config, hub_id)
    directory, fair = await open_fair(
        config, FairKeys(kept.match_key, kept.display_key, kept.vault_key)
    )
    media = open_media(config, hub_id, store.placement, kept.control_key)
    news = RedisNews(config.redis.url, store.submitter, hub_id)
    services = Services(
        config=config,
        hub_id=hub_id,
        admission=store.admission,
        bus=store.bus,
        vault=store.vault,
        board=store.board,
        directory=directory,
        fair=fair,
        media=media,
        tokens=SignedTokens(kept.token_key, kept.cookie_key),
        organiser_key=kept.api_key,
        news=news,
    )
    app = web.Application()
    app[SERVICES] = services

    async def close_parts(_app: web.Application) -> AsyncIterator[None]:
        yield
        await media.stop()
        await news.close()
        await store.close()
        await directory.close()

    async def start_parts(_app: web.Application) -> AsyncIterator[None]:
        await store.start()
        await news.start()
        await media.start()
        services.jobs.start()
        yield
        await services.jobs.stop()
        await services.fair.webhooks.stop()
        await _write_what_waits(services)

    # Contexts begin in this order and end in the reverse: live listens before the first
    # notice can arrive, and may use every part until it is gone itself.
    app.cleanup_ctx.append(close_parts)
    hub.live.setup(app, services)
    hub.web.setup(app, services)
    app.cleanup_ctx.append(start_parts)
    return app


async def _write_what_waits(services: Services) -> None:
    """What the last second of this hub told; a database that is away ends nothing else."""
    await services.fair.audit.flush()
    try:
        await services.fair.attendance.flush()
        await services.fair.webhooks.flush()
    except DirectoryLost as lost:
        log.error("attendance of the last moments lost", lost=str(lost))
