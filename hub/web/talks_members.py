"""/negotiations/{room}/members and …/colleagues: who is in a talk, and who brings whom in."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

from aiohttp import web

from hub.ports.talks import GUEST_SIDE, Belonging, TalkRefused
from hub.services import SERVICES
from hub.web.bodies import read
from hub.web.bodies_talks import (
    ColleagueAdd,
    ColleagueList,
    MemberAdd,
)
from hub.web.problems import Problem
from hub.web.routes import Route
from hub.web.talks import (
    NO_STORE,
    Standing,
    let_back,
    need_member,
    problem,
    tell_invited,
    works_for,
)
from rooms.errors import Code, Refusal
from rooms.model import PERSON_ID, Role
from rooms.permissions import MEDIA_ENDS


async def _add(request: web.Request, who: Standing, one: Belonging) -> None:
    services = request.app[SERVICES]
    try:
        await services.fair.talks.add_member(who.room, one, who.identity.id)
    except TalkRefused as refused:
        raise problem(refused) from None
    await let_back(services, who.room, one.person)
    talk = await services.fair.talks.get(who.room)
    if talk is not None:
        await tell_invited(services, talk, who.identity.name, [one.person])


async def add_member(request: web.Request) -> web.Response:
    who = await need_member(request, host=True)
    body = await read(request, MemberAdd)
    services = request.app[SERVICES]
    if body.side != GUEST_SIDE and not await works_for(services, body.person, body.side):
        raise Problem(404, "unknown_person", "nobody of this name works for the company")
    await _add(request, who, Belonging(body.person, body.side, lobby=body.lobby))
    return web.Response(status=204)


async def remove_member(request: web.Request) -> web.Response:
    """By the host side; anybody may take themselves out. A repeat mends a half-done one: Redis
    is told again."""
    who, person = await need_member(request), request.match_info["person"]
    if not who.host and person != who.identity.id:
        raise Refusal(Code.FORBIDDEN, "this is for the host side of the talk")
    services = request.app[SERVICES]
    if not PERSON_ID.fullmatch(person):
        raise Problem(404, "unknown_person", "nobody of this name is in the talk")
    if not await services.fair.talks.remove_member(who.room, person, who.identity.id):
        known = {member.person for member in await services.fair.talks.members(who.room)}
        if person not in known:
            raise Problem(404, "unknown_person", "nobody of this name is in the talk")
    with suppress(Refusal):  # nobody ever entered: SQL keeps them out
        await services.admission.remove(who.room, who.identity, Role.ORGANISER, person)
    if services.media_sessions is not None:
        services.media_sessions.stop(who.room, person, *MEDIA_ENDS["remove"])
    return web.Response(status=204)


async def _own_company(request: web.Request) -> tuple[Standing, str]:
    """The company a member sits there for. Raises Refusal."""
    who = await need_member(request)
    if who.side == GUEST_SIDE:
        raise Refusal(Code.FORBIDDEN, "this is for the companies of the talk")
    return who, who.side


async def list_colleagues(request: web.Request) -> web.Response:
    who, company = await _own_company(request)
    services = request.app[SERVICES]
    there = {m.person for m in await services.fair.talks.members(who.room) if not m.removed_ms}
    items = [
        {"person": one.person, "name": one.name, "title": one.title, "member": one.person in there}
        for one in await services.fair.companies.staff(company)
        if one.person != who.identity.id
    ]
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


async def add_colleague(request: web.Request) -> web.Response:
    """Any member brings in somebody of their own company."""
    who, company = await _own_company(request)
    body = await read(request, ColleagueAdd)
    if not await works_for(request.app[SERVICES], body.person, company):
        raise Problem(404, "unknown_person", "nobody of this name works for the company")
    await _add(request, who, Belonging(body.person, company))
    return web.Response(status=204)


ROUTES: Final = (
    Route(
        "POST", "/negotiations/{room}/members", add_member, "addTalkMember",
        "Make somebody a member (host side)", 204, None, body=MemberAdd, problems=(404, 409),
    ),
    Route(
        "DELETE", "/negotiations/{room}/members/{person}", remove_member, "removeTalkMember",
        "Take somebody out (host side), or oneself", 204, None, problems=(404,),
    ),
    Route(
        "GET", "/negotiations/{room}/colleagues", list_colleagues, "listTalkColleagues",
        "The staff of one's own company in the talk", 200, ColleagueList, problems=(404,),
    ),
    Route(
        "POST", "/negotiations/{room}/colleagues", add_colleague, "addTalkColleague",
        "Bring in somebody of one's own company", 204, None, body=ColleagueAdd,
        problems=(404, 409),
    ),
)  # fmt: skip
