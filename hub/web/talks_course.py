"""/negotiations/{room}/extension, …/move and …/end: how a talk goes on, and how it ends."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hub.ports.talks import Belonging, TalkDraft, TalkRefused
from hub.services import SERVICES
from hub.web.audits import audit
from hub.web.auth import need_caller
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_talks import (
    End,
    Extension,
    Move,
    MovedTo,
    PlannedEnd,
)
from hub.web.companies_api import is_organiser
from hub.web.problems import Invalid
from hub.web.routes import Route
from hub.web.talks import (
    NO_STORE,
    end_talk,
    need_member,
    now_ms,
    problem,
    tell,
    unknown_room,
)
from rooms.model import SLUG, Mode
from rooms.times import rfc3339


async def extend(request: web.Request) -> web.Response:
    who = await need_member(request, token=True, host=True)
    ends = epoch_ms((await read(request, Extension)).ends_at) or 0
    services = request.app[SERVICES]
    try:
        talk = await services.fair.talks.extend(who.room, ends, who.identity.id)
    except TalkRefused as refused:
        raise problem(refused) from None
    until = rfc3339(talk.ends_ms or ends)
    await tell(services, who.room, "timer", who.identity.id, ends_at=until)
    return web.json_response({"room": who.room, "ends_at": until}, headers=NO_STORE)


async def move(request: web.Request) -> web.Response:
    """Another room with the same members; asked for twice, it is the same one."""
    who = await need_member(request, host=True)
    body = await read(request, Move)
    services, now = request.app[SERVICES], now_ms()
    talk, record = await services.fair.talks.get(who.room), await services.directory.room(who.room)
    if talk is None or record is None:
        raise unknown_room()
    spec, members = record.spec, await services.fair.talks.members(who.room)
    mode = Mode(body.mode) if body.mode else talk.mode or Mode.MANY_TO_MANY
    same = mode is talk.mode
    draft = TalkDraft(
        origin="moved", origin_id=who.room, company=talk.company, mode=mode,
        subject=body.subject or talk.subject, agenda=talk.agenda, starts_ms=now,
        ends_ms=talk.ends_ms if talk.ends_ms and talk.ends_ms > now else None,
        capacity=body.capacity or max(spec.capacity, 2), reserved=spec.reserved if same else 0,
        sides=dict(spec.sides) if same and body.capacity is None else {}, by=who.identity.id,
        lobby=spec.lobby if body.lobby is None else body.lobby,
        relay_only=spec.relay_only if body.relay_only is None else body.relay_only,
        members=tuple(
            Belonging(m.person, m.side, m.role, m.lobby) for m in members if m.removed_ms is None
        ),
    )  # fmt: skip
    try:
        made, _ = await services.fair.talks.move(who.room, draft, who.identity.id)
    except TalkRefused as refused:
        raise problem(refused) from None
    await tell(services, who.room, "moved", who.identity.id, room=made.room)
    return web.json_response({"room": made.room}, status=201, headers=NO_STORE)


async def end(request: web.Request) -> web.Response:
    """By the host side, or by an organiser on a complaint, on the record."""
    caller = await need_caller(request)
    services, room = request.app[SERVICES], request.match_info["room"]
    if not is_organiser(caller):
        who = await need_member(request, token=True, host=True)
        if (await read(request, End)).reason != "done":
            raise Invalid([("reason", "not_allowed")])
        await end_talk(services, room, who.identity, "done")
        return web.Response(status=204)
    body = await read(request, End)
    if body.reason == "done":
        await need_member(request, host=True)  # an organiser ends their own talk as anybody does
        await end_talk(services, room, caller.identity, "done")
        return web.Response(status=204)
    if body.note is None:
        raise Invalid([("note", "missing")])
    if not SLUG.fullmatch(room) or await services.fair.talks.get(room) is None:
        raise unknown_room()
    if not await end_talk(services, room, caller.identity, "complaint"):
        raise problem(TalkRefused("talk_over"))
    await audit(request, caller.identity, "talk.end", f"room:{room}", {"note": body.note})
    return web.Response(status=204)


ROUTES: Final = (
    Route(
        "POST", "/negotiations/{room}/extension", extend, "extendNegotiation",
        "Set a later planned end (host side)", 200, PlannedEnd, body=Extension,
        problems=(404, 409),
    ),
    Route(
        "POST", "/negotiations/{room}/move", move, "moveNegotiation",
        "Ask everybody to go on in another room (host side)", 201, MovedTo, body=Move,
        problems=(404, 409),
    ),
    Route(
        "POST", "/negotiations/{room}/end", end, "endNegotiation",
        "End it (host side), or on a complaint (organiser)", 204, None, body=End,
        problems=(404, 409),
    ),
)  # fmt: skip
