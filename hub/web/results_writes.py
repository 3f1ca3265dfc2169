"""Writing results by the API, and every act on one."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web
from pydantic_core import PydanticCustomError

from hub.ports.results import (
    ATTACHMENT_MAX,
    NOTE_MAX,
    Money,
    PartyDraft,
    Result,
    ResultDraft,
    ResultRefused,
    Upload,
)
from hub.services import SERVICES
from hub.web.audits import audit
from hub.web.auth import Caller, need_caller, need_fair_organiser
from hub.web.bodies import epoch_ms, read, read_bytes
from hub.web.bodies_companies import plain
from hub.web.bodies_results import ResultAction, ResultCorrect, ResultCreate, ResultPatch
from hub.web.currencies import decimals_of
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, text
from hub.web.results import View, draft_errors, problem
from hub.web.results_calls import account_of, after, find, unknown_room
from hub.web.routes import BASE
from rooms.model import SLUG

AHEAD_MS: Final = 366 * 24 * 3_600_000


def _money(amount: Any) -> Money | None:
    if amount is None:
        return None
    return Money(amount.value, amount.currency, decimals_of(amount.currency))


def _values(body: Any, names: frozenset[str] | set[str]) -> dict[str, Any]:
    values = {name: getattr(body, name) for name in names if name != "notes"}
    if "parties" in values:
        values["parties"] = tuple(
            PartyDraft(one.name or "", one.country or "", one.company, one.person)
            for one in values["parties"]
        )
    if "amount" in values:
        values["money"] = _money(values.pop("amount"))
    if "signed_on" in values:
        values["signed_on"] = values["signed_on"].isoformat()
    for name in ("titles", "texts"):
        if name in values:
            values[name] = dict(values[name])
    return values


def draft_as_is(one: Result) -> dict[str, Any]:
    """The fields of a draft that would change nothing."""
    return {
        "kind": one.kind, "sector": one.sector, "titles": one.titles, "texts": one.texts,
        "signed_on": one.signed_on, "money": one.money,
        "parties": tuple(
            PartyDraft(party.name, party.country, party.company, party.person)
            for party in one.parties
        ),
    }  # fmt: skip


async def _draft(
    request: web.Request, values: Mapping[str, Any], before: Result | None = None
) -> ResultDraft:
    """Raises Invalid."""
    draft = ResultDraft(**{**(draft_as_is(before) if before else {}), **values})
    fair = await request.app[SERVICES].fair.settings.current()
    errors = draft_errors(draft, fair, before)
    if errors:
        raise Invalid(errors)
    return draft


async def create(request: web.Request) -> web.Response:
    """By hand, without a talk: the organiser's."""
    caller = await need_fair_organiser(request)
    body = await read(request, ResultCreate)
    draft = await _draft(request, _values(body, set(ResultCreate.model_fields)))
    try:
        made = await request.app[SERVICES].fair.results.create(draft, caller.identity.id)
    except ResultRefused as refused:
        raise problem(refused) from None
    await audit(request, caller.identity, "result.create", f"result:{made.id}", {})
    return await after(request, caller, made, 201, Location=f"{BASE}/results/{made.id}")


async def create_in_room(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    person, room = account_of(caller), request.match_info["room"]
    part = request.app[SERVICES].fair.results
    known = person is not None and SLUG.fullmatch(room)
    if person is None or not known or await part.place(room, person) is None:
        raise unknown_room()
    body = await read(request, ResultCreate)
    draft = await _draft(request, _values(body, set(ResultCreate.model_fields)))
    try:
        made = await part.create(draft, person, room=room)
    except ResultRefused as refused:
        raise problem(refused) from None
    return await after(request, caller, made, 201, Location=f"{BASE}/results/{made.id}")


async def _need_writer(request: web.Request) -> tuple[Caller, Result, bool]:
    """(caller, result, by the organiser's right) of who writes it. Raises Problem."""
    caller = await need_caller(request)
    found, view = await find(request, caller)
    organiser = view.organiser and found.room is None
    if not (view.standing.writes or organiser):
        raise Problem(403, "forbidden", "this is for whoever writes the result")
    return caller, found, organiser


def _need_match(request: web.Request, one: Result) -> None:
    condition = request.headers.get("If-Match")
    if condition is None:
        raise Problem(428, "precondition_required", "If-Match with the ETag is needed")
    if not {"*", f'"{one.version}"'} & {part.strip() for part in condition.split(",")}:
        raise Problem(412, "stale", "the result was changed since; read it again")


async def _changed(
    request: web.Request, caller: Caller, found: Result, organiser: bool, draft: ResultDraft,
    **more: Any,
) -> web.Response:  # fmt: skip
    part, by = request.app[SERVICES].fair.results, caller.identity.id
    try:
        made = await part.change(found.id, found.version, draft, by, organiser=organiser, **more)
    except ResultRefused as refused:
        if refused.code == "changed":
            raise Problem(412, "stale", "the result was changed since; read it again") from None
        raise problem(refused) from None
    if organiser and made.version != found.version:
        detail = {"version": made.version}
        await audit(request, caller.identity, "result.change", f"result:{found.id}", detail)
    return await after(request, caller, made)


async def change(request: web.Request) -> web.Response:
    caller, found, organiser = await _need_writer(request)
    _need_match(request, found)
    body = await read(request, ResultPatch)
    draft = await _draft(request, _values(body, body.model_fields_set), found)
    return await _changed(request, caller, found, organiser, draft)


async def put_attachment(request: web.Request) -> web.Response:
    caller, found, organiser = await _need_writer(request)
    _need_match(request, found)
    filename = text(request, "filename", 255) or "attachment"
    upload = Upload(filename, await read_bytes(request, ATTACHMENT_MAX))
    draft = ResultDraft(**draft_as_is(found))
    return await _changed(request, caller, found, organiser, draft, upload=upload)


async def drop_attachment(request: web.Request) -> web.Response:
    caller, found, organiser = await _need_writer(request)
    _need_match(request, found)
    draft = ResultDraft(**draft_as_is(found))
    return await _changed(request, caller, found, organiser, draft, keep_attachment=False)


async def _need_corrector(request: web.Request) -> tuple[Caller, Result]:
    """Raises Problem."""
    caller = await need_fair_organiser(request)
    found, _view = await find(request, caller)
    _need_match(request, found)
    return caller, found


async def _correct(
    request: web.Request, caller: Caller, found: Result, draft: ResultDraft,
    notes: Mapping[str, str], **more: Any,
) -> web.Response:  # fmt: skip
    part, by = request.app[SERVICES].fair.results, caller.identity.id
    try:
        made = await part.correct(found.id, found.version, draft, notes, by, **more)
    except ResultRefused as refused:
        raise problem(refused) from None
    detail = {"version": made.version, "notes": dict(notes)}
    await audit(request, caller.identity, "result.correct", f"result:{found.id}", detail)
    return await after(request, caller, made)


async def correct(request: web.Request) -> web.Response:
    caller, found = await _need_corrector(request)
    body = await read(request, ResultCorrect)
    draft = await _draft(request, _values(body, body.model_fields_set), found)
    return await _correct(request, caller, found, draft, dict(body.notes))


async def _note(request: web.Request) -> dict[str, str]:
    """What everybody reads beside another attachment: one note, as the body is the file.
    Raises Invalid."""
    given = (text(request, "note", NOTE_MAX) or "").strip()
    if not given:
        raise Invalid([("note", "missing")])
    try:
        note = plain(given)
    except PydanticCustomError as fault:
        raise Invalid([("note", fault.type)]) from None
    languages = (await request.app[SERVICES].fair.settings.current()).languages
    return {choice(request, "language", languages) or languages[0]: note}


async def correct_attachment(request: web.Request) -> web.Response:
    caller, found = await _need_corrector(request)
    notes, filename = await _note(request), text(request, "filename", 255) or "attachment"
    upload = Upload(filename, await read_bytes(request, ATTACHMENT_MAX))
    draft = ResultDraft(**draft_as_is(found))
    return await _correct(request, caller, found, draft, notes, upload=upload)


async def withdraw_attachment(request: web.Request) -> web.Response:
    caller, found = await _need_corrector(request)
    notes, draft = await _note(request), ResultDraft(**draft_as_is(found))
    return await _correct(request, caller, found, draft, notes, keep_attachment=False)


# --- acts -----------------------------------------------------------------------------------

#: What each act needs beside its name.
_NEEDS: Final[Mapping[str, tuple[str, ...]]] = {
    "submit": ("version",),
    "confirm": ("version", "digest"),
    "paper": ("version", "digest", "party", "note"),
    "schedule": ("at",),
}
_ORGANISERS: Final = frozenset({"paper", "schedule", "unschedule", "release"})


async def act(request: web.Request) -> web.Response:
    caller = await need_caller(request)
    found, view = await find(request, caller)
    if not view.own:
        raise Problem(403, "forbidden", "this is for the result's parties and the organiser")
    body = await read(request, ResultAction)
    missing = [name for name in _NEEDS.get(body.action, ()) if getattr(body, name) is None]
    if missing:
        raise Invalid([(name, "missing") for name in missing])
    if body.action in _ORGANISERS and not view.organiser:
        raise Problem(403, "forbidden", "this needs an organiser of the fair")
    try:
        await _do(request, caller, found, view, body)
    except ResultRefused as refused:
        raise problem(refused) from None
    return await after(request, caller, found)


async def _do(
    request: web.Request, caller: Caller, found: Result, view: View, body: ResultAction
) -> None:
    """Raises ResultRefused, Problem, Invalid."""
    services, by = request.app[SERVICES], caller.identity.id
    part, id = services.fair.results, found.id
    organiser = view.organiser and not view.standing.writes
    match body.action:
        case "submit":
            await part.submit(id, body.version or 0, by, organiser=organiser)
        case "confirm":
            person = account_of(caller)
            if person is None or not view.standing.confirms:
                raise ResultRefused("not_a_party")
            await part.confirm(id, body.version or 0, body.digest or "", person)
            return
        case "paper":
            await part.paper(
                id, body.version or 0, body.digest or "", body.party or 0, body.note or "", by
            )
        case "schedule" | "unschedule":
            at = epoch_ms(body.at) if body.action == "schedule" else None
            if at is not None and not 0 < at - time.time() * 1000 < AHEAD_MS:
                raise Invalid([("at", "out_of_range")])
            if not await part.schedule([id], at):
                raise ResultRefused("wrong_state")
        case "release":
            zone = (await services.fair.settings.current()).time_zone
            if not await part.release([id], zone):
                raise ResultRefused("wrong_state")
        case "withdraw":
            if not organiser:
                await part.withdraw_draft(id, by)
                return
            await part.withdraw(id, dict(body.notes or {}), by)
    if organiser:
        detail = {"party": body.party, "note": body.note, "notes": body.notes,
                  "at": None if body.at is None else body.at.isoformat()}  # fmt: skip
        kept = {name: value for name, value in detail.items() if value is not None}
        await audit(request, caller.identity, f"result.{body.action}", f"result:{id}", kept)
