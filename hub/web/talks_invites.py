"""/negotiations/{room}/invites, and /invitations/accept: links that make a member."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hub.ports.talks import GUEST_SIDE, Access, Invite, TalkRefused
from hub.services import SERVICES
from hub.web.accounts import QUARTER_S, counted
from hub.web.bodies import read
from hub.web.bodies_talks import Accepted, InviteAccept, InviteCreate, InviteList, InviteMade
from hub.web.company_people_api import need_account
from hub.web.problems import Problem
from hub.web.routes import Route
from hub.web.talks import NO_STORE, given_id, let_back, need_member, problem, works_for
from rooms.times import rfc3339

TRIES: Final = 60  # of one person in a quarter of an hour


def _body(one: Invite) -> dict[str, Any]:
    return {
        "id": one.id, "side": one.side, "lobby": one.lobby, "person": one.person,
        "company": one.company, "uses_max": one.uses_max, "uses": one.uses,
        "expires_at": rfc3339(one.expires_ms),
    }  # fmt: skip


async def create(request: web.Request) -> web.Response:
    who = await need_member(request, host=True)
    body = await read(request, InviteCreate)
    services = request.app[SERVICES]
    bound = body.side != GUEST_SIDE and body.person is not None
    if bound and not await works_for(services, body.person or "", body.side):
        raise Problem(404, "unknown_person", "nobody of this name works for the company")
    try:
        made, secret = await services.fair.talks.invite(
            who.room, who.identity.id, side=body.side, lobby=body.lobby, person=body.person,
            company=body.company, uses=body.uses, ttl_s=body.ttl_s,
        )  # fmt: skip
    except TalkRefused as refused:
        raise problem(refused) from None
    url = f"{services.config.public_url}/invitations/{secret}"
    return web.json_response({**_body(made), "url": url}, status=201, headers=NO_STORE)


async def list_invites(request: web.Request) -> web.Response:
    who = await need_member(request, host=True)
    items = [_body(one) for one in await request.app[SERVICES].fair.talks.invites(who.room)]
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


async def revoke(request: web.Request) -> web.Response:
    who = await need_member(request, host=True)
    talks = request.app[SERVICES].fair.talks
    if not await talks.revoke(who.room, given_id(request)):
        raise problem(TalkRefused("unknown_invite"))
    return web.Response(status=204)


async def use(request: web.Request, secret: str, person: str) -> Access:
    """Become a member. Raises TalkRefused(unknown_invite), Refusal(rate_limited)."""
    await counted(request, "talk-invitations", person, TRIES, QUARTER_S)
    services = request.app[SERVICES]
    access = await services.fair.talks.use_invite(secret, person)
    await let_back(services, access.room, person)
    return access


async def accept(request: web.Request) -> web.Response:
    """Used, revoked, expired, somebody else's or none: the answer is one."""
    person = await need_account(request)
    body = await read(request, InviteAccept)
    try:
        access = await use(request, body.secret, person)
    except TalkRefused as refused:
        raise problem(refused, "this invitation cannot be used") from None
    told = {"room": access.room, "side": access.side, "lobby": access.lobby}
    return web.json_response(told, headers=NO_STORE)


_PATH: Final = "/negotiations/{room}/invites"

ROUTES: Final = (
    Route(
        "POST", _PATH, create, "createTalkInvite", "Make an invitation link (host side)", 201,
        InviteMade, body=InviteCreate, problems=(404, 409),
    ),
    Route(
        "GET", _PATH, list_invites, "listTalkInvites", "Links that can still be used (host side)",
        200, InviteList, problems=(404,),
    ),
    Route(
        "DELETE", _PATH + "/{id}", revoke, "revokeTalkInvite", "Revoke a link (host side)", 204,
        None, problems=(404,),
    ),
    Route(
        "POST", "/invitations/accept", accept, "acceptTalkInvite", "Become a member by a link",
        200, Accepted, body=InviteAccept, problems=(404,),
    ),
)  # fmt: skip
