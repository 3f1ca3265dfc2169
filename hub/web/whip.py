"""WHIP (RFC 9725) and WHEP: media from and to programs that know HTTP and SDP only.

POST takes, or attaches to, the person's seat; the answer carries all candidates. DELETE
of the Location ends the session and, with the last attachment, frees the seat.
"""

from __future__ import annotations

import re
from typing import Final

from aiohttp import web

from hub.ports import MediaSessions
from hub.services import SERVICES, Services
from hub.web.auth import need_caller
from hub.web.bodies import read_bytes
from hub.web.problems import Problem
from hub.web.rooms_api import find_room, live_view
from rooms.errors import Code, Refusal
from rooms.messages import SDP_MAX
from rooms.model import SLUG, AttachmentKind, Identity
from rooms.permissions import Right, may

SDP: Final = "application/sdp"
NO_ROOM: Final = "there is no such room"
KINDS: Final = {"whip": AttachmentKind.PUBLISH, "whep": AttachmentKind.SUBSCRIBE}
_SESSION: Final = re.compile(r"[A-Za-z0-9._:-]{1,128}")


async def _person(request: web.Request, room: str, kind: AttachmentKind) -> Identity:
    """Whose session it is: a token of this room, or an account, which is in the room what the
    programme or the talk makes of it. Raises Refusal: unknown_room also for talks of others, in
    the same place."""
    caller = await need_caller(request)
    who = caller.identity
    account = caller.how not in ("key", "token", "guest") and who.room is None
    if not account and (caller.how != "token" or who.room != room):
        raise Refusal(Code.FORBIDDEN, "a token of this room is needed")
    role = who.role
    if account:
        if not SLUG.fullmatch(room):
            raise Refusal(Code.UNKNOWN_ROOM, NO_ROOM)
        try:
            role = (await _sessions(request.app[SERVICES]).as_in(room, who)).role
        except Refusal as refusal:
            raise Refusal(refusal.code, NO_ROOM) from None
    if kind is AttachmentKind.PUBLISH and not may(role, Right.PUBLISH_WHIP):
        raise Refusal(Code.FORBIDDEN, "publishing needs a host, speaker or moderator")
    return who


async def _offer(request: web.Request) -> str:
    if request.content_type != SDP:
        raise Problem(
            415, "unsupported_media_type", f"{SDP} is expected", headers={"Accept-Post": SDP}
        )
    body = await read_bytes(request, SDP_MAX)
    try:
        sdp = body.decode()
    except UnicodeDecodeError:
        raise Refusal(Code.BAD_MESSAGE, "the offer is not UTF-8") from None
    if not sdp.startswith("v=0"):
        raise Refusal(Code.BAD_MESSAGE, "the body is not an SDP offer")
    return sdp


def _sessions(services: Services) -> MediaSessions:
    if services.media_sessions is None:
        raise Refusal(Code.MEDIA_UNAVAILABLE, "this server has no media")
    return services.media_sessions


async def start(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    way, room = request.match_info["way"], request.match_info["room"]
    kind = KINDS[way]
    who = await _person(request, room, kind)
    sdp = await _offer(request)
    if services.draining:
        raise Refusal(Code.SERVER_DRAINING, "this server is going down")
    sessions = _sessions(services)
    await live_view(services, await find_room(services, room))
    attachment, answer = await sessions.open(room, who, kind, sdp, take_seat=True)
    return web.Response(
        text=answer,
        status=201,
        content_type=SDP,
        headers={
            "Location": f"/{way}/{room}/{attachment}",
            "ETag": f'"{attachment}"',
            "Cache-Control": "no-store",
            **_cors(request, services),
        },
    )


async def end(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    way, room = request.match_info["way"], request.match_info["room"]
    session = request.match_info["session"]
    who = await _person(request, room, KINDS[way])
    sessions = _sessions(services)
    known = _SESSION.fullmatch(session) and await sessions.close(room, who.id, KINDS[way], session)
    if not known:
        raise Problem(404, "not_found", "there is no such session")
    return web.Response(status=200, headers=_cors(request, services))


def _cors(request: web.Request, services: Services) -> dict[str, str]:
    origin = request.headers.get("Origin")
    if origin is None or origin not in services.config.origins:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Expose-Headers": "Location, ETag, Retry-After",
        "Vary": "Origin",
    }


async def options(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    headers = {"Accept-Post": SDP, "Allow": "OPTIONS, POST, DELETE"}
    cors = _cors(request, services)
    if cors:
        cors |= {
            "Access-Control-Allow-Methods": "OPTIONS, POST, DELETE",
            "Access-Control-Allow-Headers": "Authorization, Content-Type, If-Match",
            "Access-Control-Max-Age": "600",
        }
    return web.Response(status=204, headers=headers | cors)


def setup(app: web.Application) -> None:
    endpoint, resource = "/{way:whip|whep}/{room}", "/{way:whip|whep}/{room}/{session}"
    app.router.add_post(endpoint, start)
    app.router.add_delete(resource, end)
    for path in (endpoint, resource):
        app.router.add_route("OPTIONS", path, options)
