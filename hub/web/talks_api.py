"""/negotiations: talks opened, listed and read.

Who is in one is ``talks_members``, how it goes on and ends ``talks_course``; files are in
``talks_files``, invitations in ``talks_invites``. For whoever is no member a talk's
room does not exist; organisers see all of them as numbers and states.
"""

from __future__ import annotations

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
from hub.web import talks_course, talks_files, talks_invites, talks_members
from hub.web.accounts import HOUR_S, counted
from hub.web.audits import audit
from hub.web.auth import Caller, need_caller
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_talks import (
    BULK_BYTES,
    NegotiationAnswer,
    NegotiationCreate,
    NegotiationList,
    NegotiationsOpened,
    TalkItem,
)
from hub.web.companies_api import is_organiser
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of, text
from hub.web.routes import BASE, Query, Route
from hub.web.talks import (
    NO_STORE,
    need_member,
    now_ms,
    problem,
    tell_invited,
    unknown_room,
    works_for,
)
from rooms.errors import Code, Refusal
from rooms.model import Mode, Role
from rooms.times import rfc3339

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
    *talks_members.ROUTES,
    *talks_course.ROUTES,
    *talks_files.ROUTES,
    *talks_invites.ROUTES,
)  # fmt: skip
