"""/announcements: what the organiser tells the fair. ``publish`` and ``take_back`` are what the
page does too: SQL first, then every hub is told, then the audit log."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog
from aiohttp import web

from hub.ports import StoreLost
from hub.ports.fair import Announcement, FairSettings
from hub.services import SERVICES
from hub.web.audits import audit
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_news import DAYS_MAX, AnnouncementBody, AnnouncementCreate, AnnouncementList
from hub.web.problems import Invalid, Problem
from hub.web.programme_api import need_the_organiser
from hub.web.query import cursor_text, limit_of
from hub.web.routes import Query, Route
from rooms.model import Identity
from rooms.news import AnnouncedNotice, Audience, NewsNotice, WithdrawnNotice
from rooms.times import rfc3339

PAGE: Final = 50
NO_STORE: Final = {"Cache-Control": "no-store"}
DAY_MS: Final = 24 * 3_600_000

log = structlog.get_logger(__name__)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def body_of(one: Announcement) -> dict[str, Any]:
    audience = one.audience
    return {
        "id": one.id,
        "texts": dict(one.texts),
        "audience": {
            "roles": list(audience.roles), "sectors": list(audience.sectors),
            "countries": list(audience.countries), "rooms": list(audience.rooms),
            "on_site": audience.on_site,
        },
        "by": one.by,
        "created_at": rfc3339(one.created_ms),
        "until": rfc3339(one.until_ms),
        "withdrawn_at": None if one.withdrawn_ms is None else rfc3339(one.withdrawn_ms),
        "current": one.current(now_ms()),
    }  # fmt: skip


def faults_of(audience: Audience, until_ms: int, fair: FairSettings) -> list[tuple[str, str]]:
    """What one field alone does not show: (field, code)."""
    faults = []
    if any(fair.sector(slug) is None for slug in audience.sectors):
        faults.append(("audience.sectors", "unknown_sector"))
    if until_ms <= now_ms():
        faults.append(("until", "past"))
    elif until_ms > now_ms() + DAYS_MAX * DAY_MS:
        faults.append(("until", "out_of_range"))
    return faults


async def publish(
    request: web.Request,
    actor: Identity,
    texts: Mapping[str, str],
    audience: Audience,
    until_ms: int,
) -> Announcement:
    """Raises DirectoryLost: nothing was announced."""
    services = request.app[SERVICES]
    made = await services.fair.announcements.create(texts, audience, until_ms, actor.id)
    await _tell(
        request,
        AnnouncedNotice(made.id, dict(made.texts), audience, made.created_ms, made.until_ms),
    )
    detail = {"texts": dict(texts), "audience": msgspec.to_builtins(audience), "until": until_ms}
    await audit(request, actor, "announcement.create", f"announcement:{made.id}", detail)
    return made


async def take_back(request: web.Request, actor: Identity, id: str) -> Announcement | None:
    """None when there is none of this id."""
    gone = await request.app[SERVICES].fair.announcements.withdraw(id)
    if gone is not None:
        await _tell(request, WithdrawnNotice(gone.id, gone.audience))
        await audit(request, actor, "announcement.withdraw", f"announcement:{id}", {})
    return gone


async def _tell(request: web.Request, notice: NewsNotice) -> None:
    try:
        await request.app[SERVICES].news.tell(notice)
    except StoreLost as fault:
        # It is in SQL: every hub looks there again within a minute.
        log.warning("news not told at once", fault=str(fault))


async def create(request: web.Request) -> web.Response:
    caller = await need_the_organiser(request)
    body = await read(request, AnnouncementCreate)
    audience = msgspec.convert(body.audience.model_dump(), Audience)
    until = epoch_ms(body.until)
    assert until is not None
    fair = await request.app[SERVICES].fair.settings.current()
    if faults := faults_of(audience, until, fair):
        raise Invalid(faults)
    made = await publish(request, caller.identity, body.texts, audience, until)
    return web.json_response(body_of(made), status=201, headers=NO_STORE)


async def listing(request: web.Request) -> web.Response:
    await need_the_organiser(request)
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    try:
        page, following = await request.app[SERVICES].fair.announcements.list(cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    return web.json_response(
        {"items": [body_of(one) for one in page], "next": following}, headers=NO_STORE
    )


async def get(request: web.Request) -> web.Response:
    await need_the_organiser(request)
    return _found(
        await request.app[SERVICES].fair.announcements.get(request.match_info["announcement"])
    )


async def withdraw(request: web.Request) -> web.Response:
    caller = await need_the_organiser(request)
    return _found(await take_back(request, caller.identity, request.match_info["announcement"]))


def _found(one: Announcement | None) -> web.Response:
    if one is None:
        raise Problem(404, "unknown_announcement", "there is no such announcement")
    return web.json_response(body_of(one), headers=NO_STORE)


ROUTES: Final = (
    Route(
        "POST", "/announcements", create, "createAnnouncement",
        "Tell everybody, or some, on every open page", 201, AnnouncementBody,
        body=AnnouncementCreate,
    ),
    Route(
        "GET", "/announcements", listing, "listAnnouncements", "What was announced, newest first",
        200, AnnouncementList, problems=(422,),
        query=(
            Query("cursor", {"type": "string"}, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "how many"),
        ),
    ),
    Route(
        "GET", "/announcements/{announcement}", get, "getAnnouncement", "One announcement",
        200, AnnouncementBody, problems=(404,),
    ),
    Route(
        "DELETE", "/announcements/{announcement}", withdraw, "withdrawAnnouncement",
        "Take an announcement off every open page", 200, AnnouncementBody, problems=(404,),
    ),
)  # fmt: skip
