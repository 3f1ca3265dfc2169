"""Guests: people without an account or token, in rooms that allow them.

A signed cookie keeps the same id and name over a reload and in another tab.
"""

from __future__ import annotations

import secrets
import time
from typing import Final

from aiohttp import web

from hub.services import SERVICES
from hub.web.auth import guest_cookie, guest_of
from hub.web.bodies import read
from hub.web.bodies_rooms import GuestBody, GuestRequest
from hub.web.buckets import NEW_GUESTS, prefix_of
from hub.web.routes import Route
from rooms.errors import Code, Refusal
from rooms.model import SLUG, Identity
from rooms.times import rfc3339


async def become_guest(request: web.Request) -> web.Response:
    """The same refusal for a room that allows no guests and one that does not exist."""
    services = request.app[SERVICES]
    body = await read(request, GuestRequest)
    slug = request.match_info["room"]
    record = await services.directory.room(slug) if SLUG.fullmatch(slug) else None
    if record is None or not record.spec.guests:
        raise Refusal(Code.FORBIDDEN, "guests cannot enter here")
    known = guest_of(request)
    wait_s = 0.0 if known else request.app[NEW_GUESTS].count(prefix_of(request.remote))
    if wait_s > 0:
        raise Refusal(
            Code.RATE_LIMITED, "too many new guests", retry_after_ms=int(wait_s * 1000) + 1
        )
    # 96 random bits: no two guests meet, and nobody guesses another's id.
    identity = Identity(id=known.id if known else f"g_{secrets.token_hex(12)}", name=body.name)
    value, expires_ms = services.tokens.issue_guest(identity)
    response = web.json_response(
        {
            "participant": {"id": identity.id, "name": identity.name},
            "expires_at": rfc3339(expires_ms),
        },
        status=201,
        headers={"Cache-Control": "no-store"},
    )
    response.set_cookie(
        guest_cookie(services.config), value, max_age=max(0, expires_ms // 1000 - int(time.time())),
        httponly=True, samesite="Lax", secure=services.config.secure, path="/",
    )  # fmt: skip
    return response


ROUTES: Final = (
    Route(
        "POST", "/rooms/{room}/guest", become_guest, "becomeGuest",
        "Be a guest, where the room allows guests", 201, GuestBody, body=GuestRequest,
        problems=(403,), public=True, headers=(("Set-Cookie", "who the guest is, signed"),),
    ),
)  # fmt: skip
