"""A room's page: the lobby with what is on there, then the room.

    /rooms/{room}   the page      /rooms/{room}/now.json   its live numbers

A room that is private or does not exist gets the same page with status 404: its script
goes on only for someone who brings a token in the address's fragment.
"""

from __future__ import annotations

from typing import Any

from aiohttp import web

from hub.ports import DirectoryLost
from hub.ports.programme import Conference
from hub.services import SERVICES
from hub.web import auth
from hub.web.calendar import title_in
from hub.web.i18n import language_of
from hub.web.pages import PAGES
from hub.web.programme import rfc3339
from hub.web.programme_pages import LATELY
from rooms.errors import Code, Refusal
from rooms.model import SLUG, Identity, Role


def _told(one: Conference | None, language: str) -> dict[str, Any] | None:
    """A conference as the lobby shows it."""
    if one is None:
        return None
    title, lang = title_in(one, language)
    return {
        "slug": one.slug,
        "title": title,
        "lang": lang,
        "speakers": [who.name for who in one.draft.speakers],
        "starts_at": rfc3339(one.draft.starts_ms),
        "ends_at": rfc3339(one.draft.ends_ms),
    }


async def _programme(request: web.Request, slug: str) -> dict[str, Any]:
    """What is on and what comes next; nothing while the database is away."""
    try:
        there = (await request.app[LATELY].on([slug])).get(slug)
    except DirectoryLost:
        there = None
    language = language_of(request)
    return {
        "on": _told(there.now if there else None, language),
        "next": _told(there.next if there else None, language),
    }


async def role_here(request: web.Request, slug: str, who: Identity | None) -> Role | None:
    """The role the reader will have in the room: a speaker's by the programme."""
    if who is None or who.role in (Role.ORGANISER, Role.MODERATOR):
        return who.role if who else None
    if auth.found_session(request) is None:
        return who.role
    found = await request.app[SERVICES].fair.conferences.role_in(slug, who.id)
    return found or Role.PARTICIPANT


async def room(request: web.Request) -> web.Response:
    pages, slug = request.app[PAGES], request.match_info["room"]
    found = await pages.programme.room(slug) if SLUG.fullmatch(slug) else None
    who = await auth.identity_of(request)
    programme = await _programme(request, slug) if found else {"on": None, "next": None}
    return await pages.render(
        request, "room.html", status=200 if found else 404, room=found, slug=slug,
        now=({**found.as_json(), **programme} if found else None), programme=programme,
        role_here=await role_here(request, slug, who),
    )  # fmt: skip


async def room_now(request: web.Request) -> web.Response:
    pages, slug = request.app[PAGES], request.match_info["room"]
    headers = {"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
    found = await pages.programme.room(slug)
    if found is None:
        refusal = Refusal(Code.UNKNOWN_ROOM)
        return web.json_response({"code": refusal.code}, status=404, headers=headers)
    return web.json_response(
        {**found.as_json(), **await _programme(request, slug)}, headers=headers
    )


def setup(app: web.Application) -> None:
    app.router.add_get("/rooms/{room}", room)
    app.router.add_get("/rooms/{room}/now.json", room_now)
