"""Signing in by a one-use link, and out again.

GET only shows a button: previews and scanners that follow links must not use one up.
"""

from __future__ import annotations

import secrets
from html import escape
from typing import Final

from aiohttp import web

from hub.services import SERVICES
from hub.web import auth
from hub.web.problems import Problem
from rooms.errors import Code, Refusal
from rooms.model import Identity, Role

_NAMES: Final = {Role.ORGANISER: "Organiser", Role.MODERATOR: "Moderator"}
_FORM_MAX: Final = 4096
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex"><title>{title}</title></head>
<body><main><h1>{title}</h1>{content}</main></body></html>
"""


def _page(title: str, content: str, status: int = 200) -> web.Response:
    return web.Response(
        text=_PAGE.format(title=escape(title), content=content),
        status=status,
        content_type="text/html",
        # The address carries the secret: no-referrer keeps it from the next page.
        headers={"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"},
    )


async def show(request: web.Request) -> web.Response:
    """Says nothing about the link: only using it tells whether it is good."""
    return _page(
        "Sign in · 登录",
        "<p>This link signs you in once. · 此链接仅可登录一次。</p>"
        '<form method="post"><button type="submit">Sign in · 登录</button></form>',
    )


async def use(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    role = await services.directory.use_signin_link(request.match_info["token"])
    if role is None:
        auth.failed(request)
        return _page(
            "This link cannot be used · 此链接无法使用",
            "<p>It was used already, or is too old. Ask for a new one. · "
            "它已被使用或已过期，请索取新的链接。</p>",
            status=403,
        )
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
        if given is None:
            given = await _form_field(request, "csrf")
        auth.check_csrf(request, session, given)
        await services.directory.close_session(request.cookies[name])
    response = web.HTTPSeeOther("/")
    response.del_cookie(name, path="/", secure=services.config.secure, httponly=True)
    raise response


async def _form_field(request: web.Request, name: str) -> str:
    if request.content_type != "application/x-www-form-urlencoded":
        raise Refusal(Code.FORBIDDEN, "a form with the field csrf is expected")
    await read_bytes_once(request)
    value = (await request.post()).get(name, "")
    return value if isinstance(value, str) else ""


async def read_bytes_once(request: web.Request) -> None:
    if (request.content_length or 0) > _FORM_MAX:
        raise Problem(413, "too_large", f"at most {_FORM_MAX} bytes are taken")


def setup(app: web.Application) -> None:
    app.router.add_get("/signin/{token}", show)
    app.router.add_post("/signin/{token}", use)
    app.router.add_post("/signout", sign_out)
