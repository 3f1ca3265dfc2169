"""/conferences: the programme, readable by anyone, written by organisers; /me/agenda."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final

from aiohttp import web

from hub.ports import StaleVersion
from hub.ports.fair import FairSettings
from hub.ports.programme import (
    Conference,
    ConferenceExists,
    Draft,
    Filter,
    RoomTaken,
    Speaker,
    UnknownReference,
)
from hub.services import SERVICES, Services
from hub.web.audits import audit
from hub.web.auth import Caller, caller_of, need_caller
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_programme import (
    LENGTH_MAX_MS,
    ConferenceBody,
    ConferenceCreate,
    ConferenceList,
    ConferencePatch,
)
from hub.web.opening import let_go
from hub.web.problems import Invalid, Problem
from hub.web.query import cursor_text, limit_of, text
from hub.web.routes import BASE, Query, Route
from rooms.errors import Code, Refusal
from rooms.model import PERSON_ID, SLUG, Role
from rooms.times import rfc3339

PAGE: Final = 100
NO_STORE: Final = {"Cache-Control": "no-store"}
_ETAG: Final = ("ETag", "names the version, for If-Match")


async def need_the_organiser(request: web.Request) -> Caller:
    """The organiser key or a signed-in organiser. Raises Refusal."""
    caller = await need_caller(request)
    if not (caller.everywhere and caller.identity.role is Role.ORGANISER):
        raise Refusal(Code.FORBIDDEN, "this needs an organiser of the fair")
    return caller


# --- shapes -------------------------------------------------------------------------------


def conference_body(one: Conference, *, organiser: bool = False) -> dict[str, Any]:
    draft = one.draft
    return {
        "slug": draft.slug,
        "room": draft.room,
        "room_title": one.room_title,
        "title": draft.title,
        "titles": dict(draft.titles),
        "about": dict(draft.about),
        "sector": draft.sector,
        "languages": list(draft.languages),
        "company": draft.company,
        "company_name": one.company_name,
        "speakers": [
            {
                "name": who.name, "role": who.role, "organisation": who.organisation,
                "position": who.position, "person": who.person if organiser else None,
            }
            for who in draft.speakers
        ],
        "starts_at": rfc3339(draft.starts_ms),
        "ends_at": rfc3339(draft.ends_ms),
        "cancelled": draft.cancelled,
        "changed_at": rfc3339(one.changed_ms),
        "version": one.version,
        "external_key": draft.external_key if organiser else None,
    }  # fmt: skip


def etag_of(one: Conference) -> str:
    return f'"{one.version}-{one.changed_ms:x}"'


def _answer(one: Conference, status: int = 200, **headers: str) -> web.Response:
    return web.json_response(
        conference_body(one, organiser=True),
        status=status,
        headers={"ETag": etag_of(one), **NO_STORE, **headers},
    )


def _draft(values: dict[str, Any], before: Draft | None = None) -> Draft:
    """What the fields of a body make of ``before``."""
    known = {name: value for name, value in values.items() if name not in ("starts_at", "ends_at")}
    for name in ("starts", "ends"):
        if f"{name}_at" in values:
            known[f"{name}_ms"] = epoch_ms(values[f"{name}_at"])
    if "languages" in known:
        known["languages"] = tuple(dict.fromkeys(known["languages"]))
    if "speakers" in known:
        known["speakers"] = tuple(Speaker(**one.model_dump()) for one in known["speakers"])
    return Draft(**known) if before is None else replace(before, **known)


def check_draft(draft: Draft, fair: FairSettings, before: Draft | None = None) -> None:
    """What one field alone does not show. Raises Invalid."""
    errors = []
    if draft.ends_ms <= draft.starts_ms:
        errors.append(("ends_at", "before_start"))
    elif draft.ends_ms - draft.starts_ms > LENGTH_MAX_MS:
        errors.append(("ends_at", "too_long"))
    kept = before is not None and before.sector == draft.sector
    if fair.sector(draft.sector) is None and not kept:
        errors.append(("sector", "unknown_sector"))
    if errors:
        raise Invalid(errors)


def _refused(fault: Exception) -> Problem:
    match fault:
        case ConferenceExists():
            return Problem(409, "conference_exists", "the slug or the external key is taken")
        case RoomTaken():
            return Problem(
                409, "room_taken", "another conference is in the room then",
                conference=fault.args[0],
            )  # fmt: skip
        case UnknownReference():
            return Invalid([(field, f"unknown_{_last(field)}") for field in fault.args])
        case StaleVersion():
            return Problem(412, "stale", "the conference was changed since; read it again")
    return Problem(404, "unknown_conference", "there is no such conference")


def _last(field: str) -> str:
    return field.rpartition(".")[2]


async def find_conference(services: Services, slug: str) -> Conference:
    """Raises Problem(404 unknown_conference)."""
    found = await services.fair.conferences.get(slug) if SLUG.fullmatch(slug) else None
    if found is None:
        raise _refused(LookupError())
    return found


# --- reading ------------------------------------------------------------------------------


def _slug_of(request: web.Request, name: str) -> str | None:
    value = request.query.get(name) or None
    if value is not None and not SLUG.fullmatch(value):
        raise Invalid([(name, "bad_format")])
    return value


def _moment(request: web.Request, name: str) -> int | None:
    value = text(request, name, 40)
    if value is None:
        return None
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        raise Invalid([(name, "bad_format")]) from None
    if moment.tzinfo is None or not 1970 < moment.year < 9000:
        raise Invalid([(name, "bad_format")])
    return epoch_ms(moment.astimezone(UTC))


def filter_of(request: web.Request) -> Filter:
    """The list's filter from the query. Raises Invalid."""
    speaker = text(request, "speaker", 64)
    if speaker is not None and not PERSON_ID.fullmatch(speaker):
        raise Invalid([("speaker", "bad_format")])
    return Filter(
        from_ms=_moment(request, "from"),
        to_ms=_moment(request, "to"),
        sector=_slug_of(request, "sector"),
        room=_slug_of(request, "room"),
        company=_slug_of(request, "company"),
        language=text(request, "language", 35),
        speaker=speaker,
        q=text(request, "q", 100),
    )


async def list_conferences(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    caller = await caller_of(request)
    organiser = caller is not None and caller.everywhere
    wanted, cursor, limit = filter_of(request), cursor_text(request), limit_of(request, PAGE)
    if wanted.speaker is not None and not organiser:
        # Which talks an account speaks at is shown by the talks, not by the account's id.
        raise Refusal(Code.FORBIDDEN, "looking up by account needs an organiser")
    try:
        page, following = await services.fair.conferences.find(wanted, cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    items = [conference_body(one, organiser=organiser) for one in page]
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def get(request: web.Request) -> web.Response:
    one = await find_conference(request.app[SERVICES], request.match_info["conference"])
    caller = await caller_of(request)
    body = conference_body(one, organiser=caller is not None and caller.everywhere)
    return web.json_response(body, headers={"ETag": etag_of(one), **NO_STORE})


# --- writing ------------------------------------------------------------------------------


async def create(request: web.Request) -> web.Response:
    caller = await need_the_organiser(request)
    services = request.app[SERVICES]
    body = await read(request, ConferenceCreate)
    draft = _draft({name: getattr(body, name) for name in ConferenceCreate.model_fields})
    check_draft(draft, await services.fair.settings.current())
    try:
        made = await services.fair.conferences.create(draft)
    except (ConferenceExists, RoomTaken, UnknownReference) as fault:
        raise _refused(fault) from None
    await audit(
        request, caller.identity, "conference.create", f"conference:{made.slug}",
        {"room": draft.room, "starts_at": rfc3339(draft.starts_ms)},
    )  # fmt: skip
    return _answer(made, 201, Location=f"{BASE}/conferences/{made.slug}")


def _need_match(request: web.Request, one: Conference) -> None:
    condition = request.headers.get("If-Match")
    if condition is None:
        raise Problem(428, "precondition_required", "If-Match with the ETag is needed")
    given = [part.strip() for part in condition.split(",")]
    if "*" not in given and etag_of(one) not in given:
        raise _refused(StaleVersion())


async def change(request: web.Request) -> web.Response:
    """Compare and swap by ETag."""
    caller = await need_the_organiser(request)
    services = request.app[SERVICES]
    one = await find_conference(services, request.match_info["conference"])
    _need_match(request, one)
    body = await read(request, ConferencePatch)
    fields = set(body.model_fields_set)
    draft = _draft({name: getattr(body, name) for name in fields}, one.draft)
    check_draft(draft, await services.fair.settings.current(), one.draft)
    if draft == one.draft:
        return _answer(one)
    try:
        changed = await services.fair.conferences.change(one.slug, one.version, draft)
    except (ConferenceExists, RoomTaken, UnknownReference, StaleVersion, LookupError) as fault:
        raise _refused(fault) from None
    await audit(
        request, caller.identity, "conference.change", f"conference:{one.slug}",
        {"fields": sorted(fields)},
    )  # fmt: skip
    if draft.room != one.draft.room:
        await let_go(services, one.draft.room)
    return _answer(changed)


async def delete(request: web.Request) -> web.Response:
    """For what should never have been there; what was called off is ``cancelled``, so that
    calendars and agendas say so."""
    caller = await need_the_organiser(request)
    services = request.app[SERVICES]
    one = await find_conference(services, request.match_info["conference"])
    _need_match(request, one)
    try:
        await services.fair.conferences.delete(one.slug, one.version)
    except (StaleVersion, LookupError) as fault:
        raise _refused(fault) from None
    await audit(request, caller.identity, "conference.delete", f"conference:{one.slug}", {})
    await let_go(services, one.draft.room)
    return web.Response(status=204)


def _slug_query(name: str, description: str) -> Query:
    return Query(name, {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}, description)


PAGING: Final = (
    Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
    Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "conferences a page"),
)
_MOMENT: Final = {"type": "string", "format": "date-time"}

ROUTES: Final = (
    Route(
        "POST", "/conferences", create, "createConference", "Put a conference into the programme",
        201, ConferenceBody, body=ConferenceCreate, problems=(409,),
        headers=(_ETAG, ("Location", "the conference")),
    ),
    Route(
        "GET", "/conferences", list_conferences, "listConferences", "The programme", 200,
        ConferenceList, problems=(401, 403, 422), public=True,
        query=(
            Query("from", _MOMENT, "begins then or later"),
            Query("to", _MOMENT, "begins before that"),
            _slug_query("sector", "of this sector"),
            _slug_query("room", "in this room"),
            _slug_query("company", "of this company"),
            Query("language", {"type": "string", "maxLength": 35}, "spoken in it, BCP 47"),
            Query("speaker", {"type": "string", "maxLength": 64}, "an account; organisers only"),
            Query("q", {"type": "string", "maxLength": 100}, "words in title, text, speakers"),
            *PAGING,
        ),
    ),
    Route(
        "GET", "/conferences/{conference}", get, "getConference", "One conference", 200,
        ConferenceBody, problems=(401, 403, 404), headers=(_ETAG,), public=True,
    ),
    Route(
        "PATCH", "/conferences/{conference}", change, "changeConference", "Change a conference",
        200, ConferenceBody, body=ConferencePatch, problems=(404, 409, 412, 428),
        headers=(_ETAG,), if_match=True,
    ),
    Route(
        "DELETE", "/conferences/{conference}", delete, "deleteConference",
        "Take a conference out of the programme", 204, None, problems=(404, 412, 428),
        if_match=True,
    ),
)  # fmt: skip
