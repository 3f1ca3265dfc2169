"""What calls about results begin and end with: who calls, which result, how it is answered."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from hub.ports.results import Result
from hub.services import SERVICES
from hub.web.auth import Caller
from hub.web.companies_api import is_organiser
from hub.web.problems import Problem
from hub.web.results import NO_STORE, View, correction_body, own_body, public_body, seen, unknown
from rooms.results import State


def account_of(caller: Caller | None) -> str | None:
    """The account that calls: not a key, a room token or a guest."""
    if caller is None or caller.how not in ("session", "device"):
        return None
    return None if caller.identity.room is not None else caller.identity.id


async def find(request: web.Request, caller: Caller | None) -> tuple[Result, View]:
    """Raises Problem: 404 unknown_result, 410 withdrawn."""
    found = await seen(request, request.match_info["id"], account_of(caller), is_organiser(caller))
    if found is None:
        raise unknown()
    if not found[1].own and found[0].state is State.WITHDRAWN:
        notes = dict(found[0].withdrawn_notes)
        raise Problem(410, "withdrawn", "the result was withdrawn", notes=notes)
    return found


async def _body(request: web.Request, one: Result, view: View) -> dict[str, Any]:
    services = request.app[SERVICES]
    body = public_body(one, services.config.public_url)
    corrections = await services.fair.results.corrections(one.id)
    body["corrections"] = [correction_body(found) for found in corrections]
    body["own"] = own_body(one, view) if view.own else None
    return body


async def answer(
    request: web.Request, one: Result, view: View, status: int = 200, **headers: str
) -> web.Response:
    body = await _body(request, one, view)
    etag = f'"{one.version}"'
    return web.json_response(body, status=status, headers={"ETag": etag, **NO_STORE, **headers})


async def after(
    request: web.Request, caller: Caller, one: Result, status: int = 200, **headers: str
) -> web.Response:
    """The result after an act of ``caller``, as they see it."""
    found = await seen(request, one.id, account_of(caller), is_organiser(caller))
    if found is None:
        raise unknown()
    return await answer(request, found[0], found[1], status, **headers)


def unknown_room() -> Problem:
    return Problem(404, "unknown_room", "there is no such room")
