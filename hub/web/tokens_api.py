"""Room tokens for those whom the organiser's own systems know; tickets for the socket."""

from __future__ import annotations

from typing import Any, Final

import msgspec
from aiohttp import web

from hub.services import SERVICES
from hub.web.audits import audit
from hub.web.auth import Caller, need_caller, need_fair
from hub.web.bodies import BATCH_MAX, read
from hub.web.bodies_rooms import (
    BatchBody,
    BatchRequest,
    TicketBody,
    TokenBody,
    TokenParticipant,
    TokenRequest,
)
from hub.web.problems import Invalid, Problem
from hub.web.rooms_api import find_room
from hub.web.routes import Route
from rooms.errors import Code, Refusal
from rooms.model import Identity, Kind, Role, RoomSpec
from rooms.times import rfc3339

NO_STORE: Final = {"Cache-Control": "no-store"}


def _check_role(caller: Caller, role: Role) -> None:
    if role is Role.ORGANISER and caller.identity.role is not Role.ORGANISER:
        raise Refusal(Code.FORBIDDEN, "only an organiser makes organisers")


def _check_side(spec: RoomSpec, participant: TokenParticipant, field: str) -> None:
    side = participant.side
    if side is not None and (
        spec.kind is not Kind.NEGOTIATION or (spec.sides and side not in spec.sides)
    ):
        raise Invalid([(f"{field}.side", "not_allowed")])  # a token that would open nothing


def _identity(participant: TokenParticipant, role: Role, reserved: bool, room: str) -> Identity:
    return Identity(
        id=participant.id, name=participant.name, company=participant.company, role=role,
        room=room, reserved=reserved, side=participant.side,
    )  # fmt: skip


async def issue(request: web.Request) -> web.Response:
    caller = await need_fair(request)
    services = request.app[SERVICES]
    record = await find_room(services, request.match_info["room"])
    body = await read(request, TokenRequest)
    _check_role(caller, body.role)
    _check_side(record.spec, body.participant, "participant")
    identity = _identity(body.participant, body.role, body.reserved, record.spec.slug)
    token, expires_ms = services.tokens.issue(identity, body.ttl_s)
    detail = {"role": body.role, "reserved": body.reserved, "people": [identity.id]}
    await audit(request, caller.identity, "token.issue", f"room:{record.spec.slug}", detail)
    return web.json_response(
        {"token": token, "expires_at": rfc3339(expires_ms)}, status=201, headers=NO_STORE
    )


async def issue_batch(request: web.Request) -> web.Response:
    """All or none, in the order asked for. 1,000 take about 20 ms of this worker."""
    caller = await need_fair(request)
    services = request.app[SERVICES]
    record = await find_room(services, request.match_info["room"])
    body = await read(request, BatchRequest, BATCH_MAX)
    _check_role(caller, body.role)
    for number, participant in enumerate(body.participants):
        _check_side(record.spec, participant, f"participants.{number}")
    tokens: list[dict[str, Any]] = []
    for participant in body.participants:
        identity = _identity(participant, body.role, body.reserved, record.spec.slug)
        token, expires_ms = services.tokens.issue(identity, body.ttl_s)
        tokens.append({"id": identity.id, "token": token, "expires_at": rfc3339(expires_ms)})
    detail = {"role": body.role, "reserved": body.reserved, "count": len(tokens),
              "people": [token["id"] for token in tokens[:50]]}  # fmt: skip
    await audit(request, caller.identity, "token.issue", f"room:{record.spec.slug}", detail)
    return web.json_response({"tokens": tokens}, status=201, headers=NO_STORE)


async def ticket(request: web.Request) -> web.Response:
    """What a page shows in ``hello``: a cookie alone never opens a socket."""
    services = request.app[SERVICES]
    caller = await need_caller(request)
    if caller.how == "key":
        raise Problem(403, "forbidden", "a ticket is for a person: a cookie or a room token")
    if services.draining:
        raise Refusal(Code.SERVER_DRAINING, "this server is going down")
    identity = caller.identity
    if caller.how == "session":
        company = await services.fair.conferences.affiliation(identity.id)
        identity = msgspec.structs.replace(identity, company=company or identity.company)
    value, expires_ms = await services.vault.issue_ticket(identity)
    return web.json_response(
        {"ticket": value, "expires_at": rfc3339(expires_ms)}, status=201, headers=NO_STORE
    )


ROUTES: Final = (
    Route(
        "POST", "/rooms/{room}/tokens", issue, "issueToken", "A room token for one person",
        201, TokenBody, body=TokenRequest, problems=(404,),
    ),
    Route(
        "POST", "/rooms/{room}/tokens:batch", issue_batch, "issueTokens",
        "Room tokens for up to 1,000 people", 201, BatchBody, body=BatchRequest, problems=(404,),
    ),
    Route(
        "POST", "/tickets", ticket, "issueTicket", "A one-use ticket for the WebSocket", 201,
        TicketBody,
    ),
)  # fmt: skip
