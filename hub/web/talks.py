"""What API, pages and jobs of negotiations share: who somebody is in a talk, and acts that touch
SQL and the running room both.

Whoever is no member is told by ``need_member``, and by nothing else, that there is no such room.
SQL decides; Redis follows. What Redis could not be told is told again by ``talks_ending``.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog
from aiohttp import web

from hub.ports import StoreLost
from hub.ports.talks import EndedWhy, RefusalCode, Talk, TalkRefused
from hub.services import SERVICES, Services
from hub.web.auth import KEY_IDENTITY, Caller, need_caller
from hub.web.problems import Problem
from hub.web.rooms_api import live_view
from rooms import news
from rooms.errors import Code, Refusal
from rooms.model import SLUG, Identity, Role
from rooms.permissions import MEDIA_ENDS
from rooms.times import rfc3339

log = structlog.get_logger(__name__)

NO_STORE: Final = {"Cache-Control": "no-store"}
_RUNS: Final = frozenset({Role.HOST, Role.MODERATOR, Role.ORGANISER})

STATUS: Final[dict[RefusalCode, int]] = {
    "unknown_room": 404,
    "unknown_person": 404,
    "unknown_company": 404,
    "unknown_invite": 404,
    "unknown_file": 404,
    "wrong_mode": 409,
    "talk_over": 409,
    "too_many": 409,
    "too_large": 413,
    "bad_file": 415,
    "slot_taken": 409,
    "forbidden": 403,
    "in_the_past": 422,
    "too_long": 422,
    "already_released": 409,
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def problem(refused: TalkRefused, detail: str = "") -> Problem:
    if refused.code == "unknown_room":
        return unknown_room()
    return Problem(STATUS[refused.code], refused.code, detail)


def given_id(request: web.Request) -> str:
    """The ``id`` of the path; "" for what can be none."""
    found = request.match_info["id"]
    return found if SLUG.fullmatch(found) else ""


def unknown_room() -> Problem:
    return Problem(404, "unknown_room", "there is no such room")


@dataclass(frozen=True, slots=True)
class Standing:
    """Who a request speaks for in a talk. ``host``: of the side that runs it. ``account``: a
    member, not only somebody seated by a room token."""

    room: str
    identity: Identity
    side: str
    host: bool
    account: bool
    over: bool = False


async def need_member(
    request: web.Request, *, over: bool = False, token: bool = False, host: bool = False
) -> Standing:
    """A member of the talk of the path; with ``token`` also whoever is seated there by a room
    token. ``over``: the talk may have ended lately. ``host``: of the host side.

    Raises Problem(404 unknown_room) for everybody else, whatever there is, Refusal(forbidden)
    for a member without the right.
    """
    caller = await need_caller(request)
    services, room = request.app[SERVICES], request.match_info["room"]
    if not SLUG.fullmatch(room):
        raise unknown_room()
    if caller.how == "token":
        found = await _seated(services, caller, room) if token else None
    else:
        found = await _member(services, caller, room, over)
    if found is None:
        raise unknown_room()
    if host and not found.host:
        raise Refusal(Code.FORBIDDEN, "this is for the host side of the talk")
    return found


async def _member(services: Services, caller: Caller, room: str, over: bool) -> Standing | None:
    who = caller.identity
    access = await services.fair.talks.access(room, who.id, over=over)
    if access is None:
        return None
    return Standing(room, who, access.side, access.host, True, access.over)


async def _seated(services: Services, caller: Caller, room: str) -> Standing | None:
    """A room token is no membership: it speaks for somebody while they sit in the room."""
    who = caller.identity
    role = caller.role_in(room)
    talk = await services.fair.talks.get(room)
    if role is None or talk is None or talk.ended_ms is not None:
        return None
    try:
        seat = await services.admission.person(room, who.id)
    except Refusal:
        return None
    if seat is None:
        return None
    return Standing(room, who, who.side or "guest", role in _RUNS, False)


# --- the running room --------------------------------------------------------------------------


async def tell(services: Services, room: str, kind: str, by: str | None, /, **body: Any) -> None:
    """One event to whoever is in the room; nobody misses it when nobody is."""
    try:
        await services.admission.tell(room, kind, by, json.dumps(body).encode())
    except Refusal:
        return  # nobody ever entered, or it is closed
    except StoreLost:
        log.warning("a room was not told", room=room, kind=kind)


async def close_running(services: Services, room: str, by: Identity) -> None:
    """Close the room for all who are in it. Raises StoreLost."""
    with suppress(Refusal):  # nobody ever entered, or it is closed already
        await services.admission.close(room, by, Role.ORGANISER)


async def end_talk(services: Services, room: str, by: Identity, why: EndedWhy) -> bool:
    """End a talk and close its room. False: it was over. Raises DirectoryLost."""
    record = await services.directory.room(room)
    if record is not None and not record.spec.closed:
        # Loaded first: somebody who enters now cannot load it as it was before.
        with suppress(StoreLost, Refusal):
            await live_view(services, record)
    done = await services.fair.talks.end(room, by.id, why)
    try:
        await close_running(services, room, by)
    except StoreLost:
        log.warning("an ended talk is not closed yet", room=room)
    if done and record is not None:
        await services.fair.webhooks.room_opened_or_closed(
            "closed", room, record.spec.title, now_ms()
        )
    return done


async def take_out(services: Services, rooms: Iterable[str], person: str) -> None:
    """Whoever left a company's staff is no member of these talks any more: their seats are free,
    and to them there are no such rooms."""
    for room in rooms:
        try:
            with suppress(Refusal):  # nobody ever entered: SQL keeps them out
                await services.admission.remove(room, KEY_IDENTITY, Role.ORGANISER, person)
        except StoreLost:
            log.warning("a talk's room was not told", room=room)
        if services.media_sessions is not None:
            services.media_sessions.stop(room, person, *MEDIA_ENDS["remove"])


async def let_back(services: Services, room: str, person: str) -> None:
    """Somebody removed was invited again: Redis no longer keeps them out."""
    with suppress(Refusal):
        await services.admission.unban(room, KEY_IDENTITY, Role.ORGANISER, person)


async def tell_invited(services: Services, talk: Talk, by: str, people: Iterable[str]) -> None:
    """Their open pages; who has none finds the talk in their list."""
    message = news.Invited(
        room=talk.room, subject=talk.subject, by=by, starts_at=rfc3339(talk.starts_ms)
    )
    addressed = list(people)
    try:
        for first in range(0, len(addressed), news.PERSONAL_MAX):
            part = addressed[first : first + news.PERSONAL_MAX]
            await services.news.tell(news.personal(part, message))
    except StoreLost:
        log.warning("the invited were not told", room=talk.room)


async def works_for(services: Services, person: str, company: str) -> bool:
    if not SLUG.fullmatch(company):
        return False
    return await services.fair.companies.role_of(company, person) is not None
