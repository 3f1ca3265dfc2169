"""Signing in by a one-use link, and out again.

GET only shows a button: previews and scanners that follow links must not use one up.
"""

from __future__ import annotations

import secrets
from typing import Final

from aiohttp import web

from hub.services import SERVICES
from hub.web import auth
from hub.web.pages import PAGES
from hub.web.problems import STATUS
from rooms.errors import Refusal
from rooms.model import Identity, Role

_NAMES: Final = {Role.ORGANISER: "Organiser", Role.MODERATOR: "Moderator"}
_FORM_MAX: Final = 4096
_FORM: Final = "application/x-www-form-urlencoded"


async def _page(request: web.Request, status: int = 200) -> web.Response:
    response = await request.app[PAGES].render(
        request, "signin.html", status=status, usable=status == 200
    )
    # The address carries the secret, so no other site may see it. Not no-referrer: with
    # that a browser states `Origin: null` on the form (Fetch, "append a request Origin").
    response.headers["Referrer-Policy"] = "same-origin"
    return response


async def show(request: web.Request) -> web.Response:
    """Says nothing about the link: only using it tells whether it is good."""
    return await _page(request)


async def use(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    role = await services.directory.use_signin_link(request.match_info["token"])
    if role is None:
        _count_failure(request)
        return await _page(request, 403)
    person = Identity(
        id=f"u_{secrets.token_hex(8)}", name=_NAMES.get(role, role.value.title()), role=role
    )
    cookie, _ = await services.directory.open_session(person, auth.SESSION_TTL_S)
    response = web.HTTPSeeOther("/desk", headers={"Cache-Control": "no-store"})
    response.set_cookie(
        auth.session_cookie(services.config), cookie, max_age=auth.SESSION_TTL_S, httponly=True,
        samesite="Lax", secure=services.config.secure, path="/",
    )  # fmt: skip
    raise response


async def sign_out(request: web.Request) -> web.Response:
    """A form with the field ``csrf``, or the header. The session ends on the server too."""
    services = request.app[SERVICES]
    session = await auth.session_of(request)
    name = auth.session_cookie(services.config)
    if session is not None:
        given = request.headers.get(auth.CSRF_HEADER)
        try:
            auth.check_csrf(request, session, given or await _form_field(request, "csrf"))
        except Refusal as refusal:
            raise _for_people(refusal) from None
        await services.directory.close_session(request.cookies[name])
    response = web.HTTPSeeOther("/", headers={"Cache-Control": "no-store"})
    response.del_cookie(name, path="/", secure=services.config.secure, httponly=True)
    raise response


def _count_failure(request: web.Request) -> None:
    try:
        auth.failed(request)
    except Refusal as refusal:
        raise _for_people(refusal) from None


def _for_people(refusal: Refusal) -> web.HTTPException:
    """A refusal as the page people get for it."""
    return web.HTTPTooManyRequests() if STATUS[refusal.code] == 429 else web.HTTPForbidden()


async def _form_field(request: web.Request, name: str) -> str:
    """A field of a small form; empty when there is none."""
    if request.content_type != _FORM or not 0 < (request.content_length or 0) <= _FORM_MAX:
        return ""
    value = (await request.post()).get(name, "")
    return value if isinstance(value, str) else ""


def setup(app: web.Application) -> None:
    app.router.add_get("/signin/{token}", show)
    app.router.add_post("/signin/{token}", use)
    app.router.add_post("/signout", sign_out)
