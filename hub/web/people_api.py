"""Who is in a room, what moderators do with them, and the whole fair's occupancy."""

from __future__ import annotations

from dataclasses import asdict
from typing import Final

import msgspec
from aiohttp import web

from hub.services import SERVICES, Services
from hub.web.audits import audit
from hub.web.auth import Caller, need_caller, need_right
from hub.web.bodies import read
from hub.web.bodies_rooms import ActionBody, ActionRequest, OccupancyBody, ParticipantList
from hub.web.problems import Invalid
from hub.web.query import choice, cursor_text, limit_of
from hub.web.rooms_api import find_room, live_view
from hub.web.routes import Query, Route
from rooms.errors import Code, Refusal
from rooms.model import PERSON_ID, Kind, Source
from rooms.permissions import ACTION_RIGHT, MEDIA_ENDS, Right
from rooms.times import rfc3339

PAGE: Final = 100
STATES: Final = ("live", "held", "offered", "waiting")
NO_STORE: Final = {"Cache-Control": "no-store"}


async def participants(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    slug = request.match_info["room"]
    caller = await need_right(request, slug, Right.SEE_PEOPLE)
    state = choice(request, "state", STATES)
    cursor = cursor_text(request)
    limit = limit_of(request, PAGE)
    record = await find_room(services, slug)
    private = record.spec.kind is Kind.NEGOTIATION and caller.identity.room != slug
    # Who runs the fair sees a talk's numbers, never who meets whom. A room made by POST /rooms
    # is no talk: it is run by whoever made it.
    if private and await services.fair.talks.get(slug) is not None:
        raise Refusal(Code.UNKNOWN_ROOM, "there is no such room")
    await live_view(services, record)
    try:
        people, following = await services.admission.participants(slug, state, cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    return web.json_response(
        {"items": [asdict(person) for person in people], "next": following}, headers=NO_STORE
    )


async def act(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    slug, person = request.match_info["room"], request.match_info["id"]
    caller = await need_caller(request)
    if not caller.may(slug, Right.SEE_PEOPLE):
        raise Refusal(Code.FORBIDDEN, "this needs more rights in the room")
    body = await read(request, ActionRequest)
    if not caller.may(slug, ACTION_RIGHT[body.action]):
        raise Refusal(Code.FORBIDDEN, f"{body.action} needs more rights in the room")
    body.check()
    record = await find_room(services, slug)
    await live_view(services, record)
    if not PERSON_ID.fullmatch(person):
        raise Refusal(Code.NOT_IN_ROOM, "there is no such person in the room")
    seq = await _perform(services, slug, caller, person, body)
    if record.spec.kind is Kind.NEGOTIATION and body.action in ("remove", "ban"):
        await services.fair.talks.remove_member(slug, person, caller.identity.id)
    if body.action in MEDIA_ENDS and services.media_sessions is not None:
        services.media_sessions.stop(slug, person, *MEDIA_ENDS[body.action])
    if body.action == "mute":
        await _silence(services, slug, person, Source(body.source or ""))
    detail = {**body.model_dump(mode="json", exclude_none=True, exclude={"action"}), "room": slug}
    await audit(request, caller.identity, f"room.{body.action}", f"person:{person}", detail)
    return web.json_response({"ok": True, "seq": seq})


async def _perform(
    services: Services, slug: str, caller: Caller, person: str, body: ActionRequest
) -> int:
    """The act's event number. Raises Refusal: not_in_room, stage_full, forbidden."""
    admission, actor, role = services.admission, caller.identity, caller.identity.role
    match body.action:
        case "remove":
            # The store takes a repeated removal as done; whoever asks here named a person.
            if await admission.person(slug, person) is None:
                places, _ = await admission.positions(slug, [person])
                if person not in places:
                    raise Refusal(Code.NOT_IN_ROOM, "there is no such person in the room")
            return await admission.remove(slug, actor, role, person, reason=body.reason)
        case "ban":
            return await admission.remove(
                slug, actor, role, person, reason=body.reason, ban_s=body.seconds or 0
            )
        case "unban":
            return await admission.unban(slug, actor, role, person)
        case "stage" | "unstage":
            return await admission.stage(slug, actor, role, person, body.action == "stage")
        case "mute":
            return await admission.mute(slug, actor, role, person, Source(body.source or ""))


async def _silence(services: Services, slug: str, person: str, source: Source) -> None:
    """The person's page learns by the event; the worker stops forwarding at once."""
    try:
        await services.media.muted(slug, person, source, True)
    except Refusal as refusal:
        if refusal.code is not Code.MEDIA_UNAVAILABLE:  # then nothing is forwarded anyway
            raise


async def occupancy(request: web.Request) -> web.Response:
    """All rooms for those who run the fair; a moderator's room token sees its own room."""
    services = request.app[SERVICES]
    caller = await need_caller(request)
    room = caller.identity.room
    if not caller.everywhere and not (room is not None and caller.may(room, Right.SEE_PEOPLE)):
        raise Refusal(Code.FORBIDDEN, "this needs a moderator")
    board = await services.board.read()
    rows = [row for row in board.rows if caller.everywhere or row.room == room]
    totals = {
        name: sum(getattr(row, name) for row in rows)
        for name in ("capacity", "live", "held", "offered", "waiting")
    }
    answer = {
        "at": rfc3339(board.at_ms), "totals": {"rooms": len(rows), **totals}, "rooms": rows,
    }  # fmt: skip
    return web.Response(  # 5,000 rooms: json's own encoder would hold everybody up for 0.1 s
        body=msgspec.json.encode(answer), content_type="application/json", charset="utf-8",
        headers=NO_STORE,
    )  # fmt: skip


ROUTES: Final = (
    Route(
        "GET", "/rooms/{room}/participants", participants, "listParticipants",
        "Who is live, held, offered, waiting", 200, ParticipantList, problems=(404, 422),
        query=(
            Query("state", {"type": "string", "enum": list(STATES)}, "one state"),
            Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "people a page"),
        ),
    ),
    Route(
        "POST", "/rooms/{room}/participants/{id}/actions", act, "actOnParticipant",
        "Remove, ban, unban, stage, unstage or mute someone", 200, ActionBody,
        body=ActionRequest, problems=(404, 409),
    ),
    Route(
        "GET", "/occupancy", occupancy, "getOccupancy", "The whole fair, at most 2 s old", 200,
        OccupancyBody,
    ),
)  # fmt: skip
