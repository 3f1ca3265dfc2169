"""/negotiations: talks opened, read, joined by colleagues, extended, moved and ended.

Files are in ``talks_files``, invitations in ``talks_invites``. For whoever is no member a talk's
room does not exist; organisers see all of them as numbers and states.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any, Final

from aiohttp import web

from hub.ports import BoardRow, StoreLost
from hub.ports.talks import (
    GUEST_SIDE,
    LONGEST_MS,
    OPENS_BEFORE_MS,
    STATES,
    Belonging,
    Origin,
    Talk,
    TalkDraft,
    TalkRefused,
)
from hub.services import SERVICES, Services
from hub.web import talks_files, talks_invites
from hub.web.accounts import HOUR_S, counted
from hub.web.audits import audit
from hub.web.auth import Caller, need_caller
from hub.web.bodies import epoch_ms, read, rfc3339
from hub.web.bodies_talks import (
    BULK_BYTES,
    ColleagueAdd,
    ColleagueList,
    End,
    Extension,
    MemberAdd,
    Move,
    MovedTo,
    NegotiationAnswer,
    NegotiationCreate,
    NegotiationList,
    NegotiationsOpened,
    PlannedEnd,
    TalkItem,
)
from hub.web.companies_api import is_organiser
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of, text
from hub.web.routes import BASE, Query, Route
from hub.web.talks import (
    NO_STORE,
    Standing,
    end_talk,
    let_back,
    need_member,
    now_ms,
    problem,
    tell,
    tell_invited,
    unknown_room,
    works_for,
)
from rooms.errors import Code, Refusal
from rooms.model import PERSON_ID, Mode, Role

PAGE: Final = 100
LATE_MS: Final = 60_000  # a beginning so little in the past is now
OPENED_BY: Final = 60  # talks one person of a company opens in an hour
AHEAD_MS: Final = 366 * 24 * 3_600_000


# --- opening ------------------------------------------------------------------------------------


def draft_of(item: TalkItem, by: str, origin: Origin, now: int) -> TalkDraft:
    """Raises Problem(422 in_the_past)."""
    starts = epoch_ms(item.starts_at)
    starts = now if starts is None else starts
    if starts < now - LATE_MS:
        raise Problem(422, "in_the_past", "the talk would begin in the past")
    opens = starts - OPENS_BEFORE_MS
    return TalkDraft(
        origin=origin, origin_id=None, company=item.company, mode=Mode(item.mode),
        subject=item.subject, agenda=item.agenda, starts_ms=starts,
        ends_ms=epoch_ms(item.ends_at), by=by, capacity=item.capacity, reserved=item.reserved,
        sides=dict(item.sides), lobby=item.lobby, relay_only=item.relay_only,
        opens_ms=opens if opens > now else None,
        members=tuple(
            Belonging(one.person, one.side, Role(one.role), one.lobby) for one in item.members
        ),
    )  # fmt: skip


async def _of_company(services: Services, caller: Caller, items: tuple[TalkItem, ...]) -> TalkDraft:
    """What somebody of a company's staff opens: one talk with their own company as host."""
    person, one = caller.identity.id, items[0]
    staff = (
        caller.how in ("session", "device")
        and one.company is not None
        and await works_for(services, person, one.company)
    )
    if len(items) > 1 or not staff:
        raise Refusal(Code.FORBIDDEN, "this is for organisers, and for a company's own staff")
    draft = draft_of(one, person, "company", now_ms())
    for member in draft.members:
        own = member.side == GUEST_SIDE
        if not own and not await works_for(services, member.person, member.side):
            raise Problem(404, "unknown_person", "nobody of this name works for the company")
    if all(member.person != person for member in draft.members):
        me = Belonging(person, one.company or "", Role.HOST)
        draft = replace(draft, members=(me, *draft.members))
    return draft


async def create(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    services = request.app[SERVICES]
    if caller.how in ("token", "guest"):
        raise Refusal(Code.FORBIDDEN, "this is for organisers, and for a company's own staff")
    items = (await read(request, NegotiationCreate, BULK_BYTES)).talks()
    if is_organiser(caller):
        now, by = now_ms(), caller.identity.id
        drafts = [draft_of(item, by, "organiser", now) for item in items]
    else:
        drafts = [await _of_company(services, caller, items)]
        await counted(request, "talks-opened", caller.identity.id, OPENED_BY, HOUR_S)
    try:
        made = await services.fair.talks.open_many(drafts)
    except TalkRefused as refused:
        raise problem(refused) from None
    if is_organiser(caller):
        await audit_opened(request, caller, made)
    if len(made) == 1:
        others = [m.person for m in drafts[0].members if m.person != caller.identity.id]
        await tell_invited(services, made[0], caller.identity.name, others)
    opened = [
        {"room": t.room, "subject": t.subject, "starts_at": rfc3339(t.starts_ms),
         "ends_at": moment(t.ends_ms)}
        for t in made
    ]  # fmt: skip
    headers = {"Location": f"{BASE}/negotiations/{made[0].room}", **NO_STORE}
    return web.json_response({"items": opened}, status=201, headers=headers)


async def audit_opened(request: web.Request, caller: Caller, made: tuple[Talk, ...]) -> None:
    first = made[0]
    detail = {"made": len(made), "mode": first.mode, "company": first.company}
    await audit(request, caller.identity, "talks.open", f"room:{first.room}", detail)


def moment(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


# --- reading ------------------------------------------------------------------------------------


def _row(talk: Talk, state: str, board: BoardRow | None, side: str | None) -> dict[str, Any]:
    return {
        "room": talk.room, "mode": talk.mode, "state": state, "company": talk.company,
        "starts_at": rfc3339(talk.starts_ms), "ends_at": moment(talk.ends_ms),
        "ended_why": talk.ended_why, "subject": talk.subject if side else None, "side": side,
        "live": board.live if board else None, "waiting": board.waiting if board else None,
    }  # fmt: skip


async def board_rows(services: Services) -> dict[str, BoardRow]:
    try:
        return {row.room: row for row in (await services.board.read()).rows}
    except StoreLost:
        return {}  # the talks are listed without their live numbers


async def list_talks(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    services = request.app[SERVICES]
    state, mode = choice(request, "state", STATES), choice(request, "mode", list(Mode))
    q, cursor, limit = text(request, "q", 64), cursor_text(request), limit_of(request, PAGE)
    if not is_organiser(caller) or choice(request, "mine", ("true",)):
        return await _own(services, caller)
    try:
        page, following = await services.fair.talks.list(
            state=state, mode=mode, cursor=cursor, limit=limit, q=q
        )
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    rows, counts, now = await board_rows(services), await services.fair.talks.counts(), now_ms()
    items = [_row(talk, talk.state(now), rows.get(talk.room), None) for talk in page]
    told = {
        "scheduled": counts.scheduled, "running": counts.running, "ended": counts.ended,
        "by_mode": dict(counts.by_mode),
    }  # fmt: skip
    return web.json_response({"items": items, "next": following, "counts": told}, headers=NO_STORE)


async def _own(services: Services, caller: Caller) -> web.Response:
    if caller.how not in ("session", "device"):
        raise Refusal(Code.FORBIDDEN, "this needs a signed-in person")
    now = now_ms()
    found = await services.fair.talks.of_person(
        caller.identity.id, now - LONGEST_MS, now + AHEAD_MS
    )
    items = [_row(talk, talk.state(now), None, access.side) for talk, access in found]
    return web.json_response({"items": items, "next": None, "counts": None}, headers=NO_STORE)


async def get(request: web.Request) -> web.Response:
    who = await need_member(request, over=True, token=True)
    services = request.app[SERVICES]
    talk, record = await services.fair.talks.get(who.room), await services.directory.room(who.room)
    if talk is None or record is None:
        raise unknown_room()
    spec, members = record.spec, await services.fair.talks.members(who.room)
    body = {
        "room": talk.room, "origin": talk.origin, "mode": talk.mode, "company": talk.company,
        "subject": talk.subject, "agenda": talk.agenda, "starts_at": rfc3339(talk.starts_ms),
        "ends_at": moment(talk.ends_ms), "ended_at": moment(talk.ended_ms),
        "ended_why": talk.ended_why, "capacity": spec.capacity, "sides": dict(spec.sides),
        "lobby": spec.lobby, "relay_only": spec.relay_only, "side": who.side, "host": who.host,
        "members": [
            {"person": m.person, "name": m.name, "side": m.side, "lobby": m.lobby,
             "role": "host" if m.role is Role.HOST else "participant"}
            for m in members if m.removed_ms is None
        ],
    }  # fmt: skip
    return web.json_response(body, headers=NO_STORE)


# --- members ------------------------------------------------------------------------------------


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
    """By the host side; anybody may take themselves out."""
    who, person = await need_member(request), request.match_info["person"]
    if not who.host and person != who.identity.id:
        raise Refusal(Code.FORBIDDEN, "this is for the host side of the talk")
    services = request.app[SERVICES]
    known = PERSON_ID.fullmatch(person)
    if not (known and await services.fair.talks.remove_member(who.room, person, who.identity.id)):
        raise Problem(404, "unknown_person", "nobody of this name is in the talk")
    with suppress(Refusal):  # nobody ever entered: SQL keeps them out
        await services.admission.remove(who.room, who.identity, Role.ORGANISER, person)
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


# --- how it goes on, and ends -------------------------------------------------------------------


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
    if await services.fair.talks.get(room) is None:
        raise unknown_room()
    if not await end_talk(services, room, caller.identity, "complaint"):
        raise problem(TalkRefused("talk_over"))
    await audit(request, caller.identity, "talk.end", f"room:{room}", {"note": body.note})
    return web.Response(status=204)


_MODES: Final = {"type": "string", "enum": [mode.value for mode in Mode]}

ROUTES: Final = (
    Route(
        "POST", "/negotiations", create, "openNegotiations", "Open a talk, or up to 1,000", 201,
        NegotiationsOpened, body=NegotiationCreate, problems=(404, 409),
        headers=(("Location", "the first of them"),),
    ),
    Route(
        "GET", "/negotiations", list_talks, "listNegotiations",
        "One's own talks; to organisers all, as numbers and states", 200, NegotiationList,
        problems=(422,),
        query=(
            Query("state", {"type": "string", "enum": list(STATES)}, "one state"),
            Query("mode", _MODES, "one mode"),
            Query("q", {"type": "string", "maxLength": 64}, "part of a room's or company's slug"),
            Query("mine", {"type": "string", "enum": ["true"]}, "an organiser's own talks"),
            Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "talks a page"),
        ),
    ),
    Route(
        "GET", "/negotiations/{room}", get, "getNegotiation", "One talk, to its members", 200,
        NegotiationAnswer, problems=(404,),
    ),
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
    *talks_files.ROUTES,
    *talks_invites.ROUTES,
)  # fmt: skip
