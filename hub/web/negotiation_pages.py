"""A talk's page: check devices, the lobby, the talk itself, its end.

    /negotiations/{room}   the page

Whoever is no member gets the page with status 404, whether there is such a room or not: its
script goes on only for someone who brings a token in the address's fragment.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web

from hub.ports.fair import pick
from hub.ports.talks import GUEST_SIDE, Access, Member, Talk
from hub.services import SERVICES, Services
from hub.web import auth
from hub.web.fairtime import FairTime
from hub.web.i18n import Language, language_of
from hub.web.pages import PAGES
from hub.web.programme import rfc3339
from rooms.model import SLUG, Identity

#: People named one by one on the entrance; a round of companies may have hundreds.
NAMED: Final = 12


async def _access(services: Services, room: str, who: Identity | None) -> Access | None:
    """One query whatever the reason that there is none. Nobody signed in: none either."""
    if who is None or not SLUG.fullmatch(room):
        return None
    return await services.fair.talks.access(room, who.id, over=True)


async def _parties(
    services: Services, language: Language, members: Sequence[Member], me: str
) -> list[dict[str, Any]]:
    """Companies first, then guests; each with the people who belong to it."""
    sides: dict[str, list[Member]] = {}
    for one in members:
        if one.removed_ms is None:
            sides.setdefault(one.side, []).append(one)
    made: list[dict[str, Any]] = []
    for side, people in sorted(sides.items(), key=lambda pair: (pair[0] == GUEST_SIDE, pair[0])):
        company = None if side == GUEST_SIDE else await services.fair.companies.get(side)
        name, lang = pick(company.draft.names, language.tag) if company else ("", "")
        made.append({
            "side": side, "name": name or (company.draft.name if company else ""), "lang": lang,
            "mine": any(one.person == me for one in people),
            "people": [one.name for one in people[:NAMED]], "more": max(0, len(people) - NAMED),
        })  # fmt: skip
    return made


def _times(talk: Talk, language: Language, zone: str) -> dict[str, Any]:
    """Beginning and end as the page shows them, in the fair's zone."""
    at = FairTime(ZoneInfo(zone), language.locale)
    starts, ends = talk.starts_ms, talk.ends_ms
    same = ends is not None and at.day_of(ends) == at.day_of(starts)
    return {
        "starts": at.moment(starts), "starts_iso": rfc3339(starts),
        "ends": "" if ends is None else at.clock(ends) if same else at.moment(ends),
        "ends_iso": rfc3339(ends), "zone": at.zone_name(starts),
    }  # fmt: skip


async def _told(request: web.Request, talk: Talk, access: Access, who: Identity) -> dict[str, Any]:
    """What the template and its script know of the talk."""
    services, pages = request.app[SERVICES], request.app[PAGES]
    language = pages.languages[language_of(request)]
    fair = await services.fair.settings.current()
    members = await services.fair.talks.members(talk.room)
    record = await services.directory.room(talk.room)
    now = time.time_ns() // 1_000_000
    return {
        "talk": talk,
        "access": access,
        "over": access.over or talk.ended_ms is not None,
        "early": talk.opens_ms is not None and talk.opens_ms > now,
        "knocks": not access.host and (access.lobby or (record is not None and record.spec.lobby)),
        "parties": await _parties(services, language, members, who.id),
        "times": _times(talk, language, fair.time_zone),
    }


async def negotiation(request: web.Request) -> web.Response:
    pages, services = request.app[PAGES], request.app[SERVICES]
    room, who = request.match_info["room"], await auth.identity_of(request)
    access = await _access(services, room, who)
    talk = await services.fair.talks.get(room) if access else None
    if access is None or talk is None or who is None:
        return await pages.render(
            request, "negotiation.html", status=404, slug=room, talk=None, data=None
        )
    told = await _told(request, talk, access, who)
    data = {
        "subject": talk.subject, "agenda": talk.agenda, "mode": talk.mode, "side": access.side,
        "host": access.host, "company": talk.company, "relay_only": talk.relay_only,
        "knocks": told["knocks"], "over": told["over"], "ended_why": talk.ended_why,
        "starts_at": rfc3339(talk.starts_ms), "ends_at": rfc3339(talk.ends_ms),
        "opens_at": rfc3339(talk.opens_ms) if told["early"] else None,
    }  # fmt: skip
    return await pages.render(
        request, "negotiation.html", slug=room, data=data,
        me={"id": who.id, "name": who.name, "role": access.role}, **told,
    )  # fmt: skip


def setup(app: web.Application, services: Services) -> None:
    """Add the page to ``app``."""
    app.router.add_get("/negotiations/{room}", negotiation)
