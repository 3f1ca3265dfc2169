"""/me/agenda: what the person who calls chose from the programme."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hub.ports.programme import Filter
from hub.services import SERVICES
from hub.web.auth import need_caller
from hub.web.bodies_programme import AgendaAdded, AgendaBody
from hub.web.problems import Invalid, Problem
from hub.web.programme_api import NO_STORE, PAGE, PAGING, conference_body
from hub.web.programme_rows import clashes_of
from hub.web.query import cursor_text, limit_of
from hub.web.routes import Query, Route
from rooms.errors import Code, Refusal
from rooms.model import SLUG
from rooms.times import rfc3339


async def need_account(request: web.Request) -> str:
    """The id of the account that calls. Raises Refusal."""
    caller = await need_caller(request)
    if caller.how in ("key", "token", "guest"):
        raise Refusal(Code.FORBIDDEN, "this is for someone who is signed in")
    return caller.identity.id


async def my_agenda(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    person = await need_account(request)
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    conferences = services.fair.conferences
    try:
        page, following = await conferences.find(Filter(agenda_of=person), cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    slots = await conferences.agenda_slots(person)
    items = [
        {**conference_body(one), "clashes": [slug for slug, _ in clashes_of(one, slots)]}
        for one in page
    ]
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def add(request: web.Request) -> web.Response:
    """Asked without ``anyway``, a clash is told and nothing added."""
    services = request.app[SERVICES]
    person = await need_account(request)
    slug = request.match_info["conference"]
    anyway = request.query.get("anyway") == "true"
    try:
        if not SLUG.fullmatch(slug):
            raise LookupError(slug)
        found = await services.fair.conferences.add_to_agenda(person, slug, anyway=anyway)
    except LookupError:
        raise Problem(404, "unknown_conference", "there is no such conference") from None
    clashes = [
        {
            "slug": one.slug, "title": one.draft.title,
            "starts_at": rfc3339(one.draft.starts_ms), "ends_at": rfc3339(one.draft.ends_ms),
        }
        for one in found
    ]  # fmt: skip
    if clashes and not anyway:
        raise Problem(409, "clash", "something else is in the agenda then", clashes=clashes)
    return web.json_response({"conference": slug, "clashes": clashes}, headers=NO_STORE)


async def remove(request: web.Request) -> web.Response:
    person = await need_account(request)
    slug = request.match_info["conference"]
    if SLUG.fullmatch(slug):
        await request.app[SERVICES].fair.conferences.remove_from_agenda(person, slug)
    return web.Response(status=204)


ROUTES: Final = (
    Route(
        "GET", "/me/agenda", my_agenda, "listAgenda", "What I chose, with clashes", 200,
        AgendaBody, problems=(422,), query=PAGING,
    ),
    Route(
        "PUT", "/me/agenda/{conference}", add, "addToAgenda", "Put a conference into my agenda",
        200, AgendaAdded, problems=(404, 409),
        query=(Query("anyway", {"type": "boolean"}, "also when it clashes; else 409 `clash`"),),
    ),
    Route(
        "DELETE", "/me/agenda/{conference}", remove, "removeFromAgenda",
        "Take a conference out of my agenda", 204, None,
    ),
)  # fmt: skip
