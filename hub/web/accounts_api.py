"""Accounts by the API: registering, apps, one's own data; and accounts for organisers."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hub.ports.people import PeopleFilter, PersonRecord, Registration
from hub.services import SERVICES
from hub.web import accounts, auth
from hub.web.account_pages import take_registration
from hub.web.bodies import read
from hub.web.bodies_people import (
    AcceptedBody,
    DeviceCreate,
    DeviceRefresh,
    EraseRequest,
    ExportBody,
    GrantBody,
    MePatch,
    PersonBody,
    PersonCreate,
    PersonPage,
    PersonPatch,
    SessionList,
    VerifiedBody,
    VerifyRequest,
    person_json,
    session_json,
)
from hub.web.buckets import prefix_of
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of
from hub.web.routes import Query, Route
from rooms.errors import Code, Refusal
from rooms.model import Role
from rooms.times import rfc3339

NO_STORE: Final = {"Cache-Control": "no-store"}
PAGE: Final = 50
_ID: Final = {"type": "string", "maxLength": 200}


def _answer(body: Any, status: int = 200) -> web.Response:
    return web.json_response(body, status=status, headers=NO_STORE)


async def _check_sectors(request: web.Request, sectors: list[str]) -> None:
    settings = await request.app[SERVICES].fair.settings.current()
    known = {sector.slug for sector in settings.sectors}
    bad = [at for at, slug in enumerate(sectors) if slug not in known]
    if bad:
        raise Invalid([(f"sectors.{at}", "not_allowed") for at in bad])


# --- registering and apps ---


async def register(request: web.Request) -> web.Response:
    body = await read(request, PersonCreate)
    await _check_sectors(request, body.sectors)
    settings = await request.app[SERVICES].fair.settings.current()
    if body.privacy_version != settings.privacy.version:
        raise Invalid([("privacy_version", "stale")])
    await take_registration(
        request,
        Registration(
            name=body.name, email=body.email, password=body.password.get_secret_value(),
            country=body.country, privacy_version=body.privacy_version,
            organisation=body.organisation, position=body.position,
            sectors=tuple(body.sectors), languages=tuple(body.languages),
            language=body.language, source="app",
        ),
    )  # fmt: skip
    return _answer({"accepted": True}, 202)


async def verify(request: web.Request) -> web.Response:
    body = await read(request, VerifyRequest)
    person = await request.app[SERVICES].fair.people.verify(body.token)
    if person is None:
        auth.failed(request)
        raise Problem(403, "bad_link", "used already, too old, or replaced by a newer one")
    await accounts.tell_registered(request, person)
    return _answer({"verified": True})


def _grant(request: web.Request, grant: Any) -> dict[str, Any]:
    access, expires = request.app[SERVICES].tokens.issue_device(grant.person.id, grant.device)
    return {
        "device": grant.device,
        "access_token": auth.DEVICE_PREFIX + access,
        "access_expires_at": rfc3339(expires),
        "refresh_token": grant.refresh,
        "refresh_expires_at": rfc3339(grant.expires_ms),
        "person": person_json(grant.person),
    }


async def open_device(request: web.Request) -> web.Response:
    body = await read(request, DeviceCreate)
    found = await accounts.try_sign_in(request, body.email, body.password.get_secret_value())
    if found.outcome == "unverified":
        raise Problem(403, "unverified", "the address is not confirmed; a new link was mailed")
    wrong = Problem(403, "wrong_password", "the address and the password do not fit together")
    if found.person is None:
        raise wrong
    if found.outcome == "second":
        if body.code is None:
            raise Problem(403, "code_needed", "this account asks for a second proof")
        if not await accounts.try_second(request, found.person.id, body.code):
            raise Problem(403, "wrong_code", "wrong, used already or too old")
    grant = await request.app[SERVICES].fair.people.open_device(found.person.id, body.name)
    if grant is None:
        raise wrong
    return _answer(_grant(request, grant), 201)


async def refresh_device(request: web.Request) -> web.Response:
    body = await read(request, DeviceRefresh)
    grant = await request.app[SERVICES].fair.people.refresh_device(body.refresh_token)
    if grant is None:
        auth.failed(request)
        raise Problem(403, "signed_out", "used already, too old, or signed out")
    return _answer(_grant(request, grant))


# --- one's own account ---


async def _me(request: web.Request) -> PersonRecord:
    """Whose account calls. Raises Refusal: unauthorised, forbidden for a caller without one."""
    caller = await auth.need_caller(request)
    person = None
    if caller.how in {"session", "device"}:
        person = await request.app[SERVICES].fair.people.get(caller.identity.id)
    if person is None or person.erased_ms is not None:
        raise Refusal(Code.FORBIDDEN, "this is for a person with an account")
    return person


async def me(request: web.Request) -> web.Response:
    return _answer(person_json(await _me(request)))


async def change_me(request: web.Request) -> web.Response:
    person = await _me(request)
    body = await read(request, MePatch)
    changes = body.model_dump(include=body.model_fields_set)
    await _check_sectors(request, changes.get("sectors", []))
    if "shows" in changes:
        changes["shows"] = sorted(set(changes["shows"]))
    if changes:
        person = await request.app[SERVICES].fair.people.change(person.id, changes)
    return _answer(person_json(person))


async def export_me(request: web.Request) -> web.Response:
    person = await _me(request)
    return _answer(await request.app[SERVICES].fair.people.export(person.id))


async def erase_me(request: web.Request) -> web.Response:
    person = await _me(request)
    body = await read(request, EraseRequest)
    if not await accounts.try_password(request, person.id, body.password.get_secret_value()):
        raise Problem(403, "wrong_password", "this is not the password")
    await request.app[SERVICES].fair.people.erase(person.id)
    return web.Response(status=204)


async def my_sessions(request: web.Request) -> web.Response:
    person = await _me(request)
    rows = await request.app[SERVICES].fair.people.sessions(person.id)
    return _answer({"items": [session_json(row) for row in rows]})


async def end_session(request: web.Request) -> web.Response:
    person = await _me(request)
    if not await request.app[SERVICES].fair.people.revoke(person.id, request.match_info["id"]):
        raise Problem(404, "not_found", "no such session")
    return web.Response(status=204)


# --- for organisers ---


async def need_organiser(request: web.Request) -> auth.Caller:
    """Raises Refusal: moderators run rooms, organisers alone run the fair."""
    caller = await auth.need_fair(request)
    if caller.identity.role is not Role.ORGANISER:
        raise Refusal(Code.FORBIDDEN, "this needs an organiser of the fair")
    return caller


async def _record(
    request: web.Request, caller: auth.Caller, act: str, person: str, detail: dict[str, Any]
) -> None:
    await request.app[SERVICES].fair.audit.record(
        caller.identity, act, f"person:{person}", detail, prefix_of(request.remote)
    )


def _not_there() -> Problem:
    return Problem(404, "not_found", "no such person")


def _flag(request: web.Request, name: str) -> bool | None:
    found = choice(request, name, ("true", "false"))
    return None if found is None else found == "true"


async def search(request: web.Request) -> web.Response:
    await need_organiser(request)
    q = request.query.get("q", "")
    country, sector = request.query.get("country"), request.query.get("sector")
    if len(q) > 100 or "\0" in q:
        raise Invalid([("q", "too_long" if len(q) > 100 else "bad_text")])
    bad = [
        name
        for name, value in (("country", country), ("sector", sector))
        if value is not None
        and not (1 <= len(value) <= 64 and value.isascii() and "\0" not in value)
    ]
    if bad:
        raise Invalid([(name, "bad_format") for name in bad])
    where = PeopleFilter(
        country=country, sector=sector, blocked=_flag(request, "blocked"),
        verified=_flag(request, "verified"),
        role=choice(request, "role", ("participant", "moderator", "organiser")),
    )  # fmt: skip
    try:
        people, following = await request.app[SERVICES].fair.people.search(
            q, where, cursor_text(request), limit_of(request, PAGE)
        )
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    return _answer({"items": [person_json(person) for person in people], "next": following})


async def one(request: web.Request) -> web.Response:
    await need_organiser(request)
    person = await request.app[SERVICES].fair.people.get(request.match_info["id"])
    if person is None:
        raise _not_there()
    return _answer(person_json(person))


async def appoint(request: web.Request) -> web.Response:
    caller = await need_organiser(request)
    body = await read(request, PersonPatch)
    given = body.model_dump(include=body.model_fields_set)
    role = Role(given["role"]) if "role" in given else None
    people = request.app[SERVICES].fair.people
    who = request.match_info["id"]
    if "second_factor" in given:
        await people.end_totp(who)
    person = await people.appoint(
        who, role=role, gate=given.get("gate"), blocked=given.get("blocked")
    )
    if person is None:
        raise _not_there()
    await _record(request, caller, "person.appoint", person.id, given)
    return _answer(person_json(person))


async def export(request: web.Request) -> web.Response:
    caller = await need_organiser(request)
    person = request.match_info["id"]
    found = await request.app[SERVICES].fair.people.export(person)
    if found is None:
        raise _not_there()
    await _record(request, caller, "person.export", person, {})
    return _answer(found)


async def erase(request: web.Request) -> web.Response:
    caller = await need_organiser(request)
    person = request.match_info["id"]
    if not await request.app[SERVICES].fair.people.erase(person):
        raise _not_there()
    await _record(request, caller, "person.erase", person, {})
    return web.Response(status=204)


ROUTES: Final = (
    Route(
        "POST", "/people", register, "registerPerson",
        "Register; a link to confirm the address goes out by mail", 202, AcceptedBody,
        body=PersonCreate, public=True,
    ),
    Route(
        "POST", "/people:verify", verify, "verifyPerson", "Confirm an address by the mailed link",
        200, VerifiedBody, body=VerifyRequest, problems=(403,), public=True,
    ),
    Route(
        "POST", "/devices", open_device, "openDevice", "Sign an app in", 201, GrantBody,
        body=DeviceCreate, problems=(403,), public=True,
    ),
    Route(
        "POST", "/devices:refresh", refresh_device, "refreshDevice",
        "New tokens for an app; a refresh token used twice signs it out", 200, GrantBody,
        body=DeviceRefresh, problems=(403,), public=True,
    ),
    Route("GET", "/me", me, "getMe", "One's own account", 200, PersonBody),
    Route("PATCH", "/me", change_me, "changeMe", "Change it", 200, PersonBody, body=MePatch),
    Route("GET", "/me/export", export_me, "exportMe", "All that is kept of one", 200, ExportBody),
    Route(
        "DELETE", "/me", erase_me, "eraseMe", "Erase one's account, for good", 204, None,
        body=EraseRequest,
    ),
    Route("GET", "/me/sessions", my_sessions, "listMySessions", "Browsers and apps signed in", 200,
          SessionList),
    Route(
        "DELETE", "/me/sessions/{id}", end_session, "endMySession", "Sign one out", 204, None,
        problems=(404,),
    ),
    Route(
        "GET", "/people", search, "searchPeople", "Accounts, newest first", 200, PersonPage,
        problems=(422,),
        query=(
            Query("q", {"type": "string", "maxLength": 100}, "name, e-mail address, organisation"),
            Query("country", {"type": "string", "maxLength": 64}, "ISO 3166-1 alpha-2"),
            Query("sector", {"type": "string", "maxLength": 64}, "slug of a sector"),
            Query("role", {"type": "string", "enum": ["participant", "moderator", "organiser"]},
                  "role in the fair"),
            Query("blocked", {"type": "string", "enum": ["true", "false"]}, "blocked or not"),
            Query("verified", {"type": "string", "enum": ["true", "false"]}, "address confirmed"),
            Query("cursor", _ID, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "people a page"),
        ),
    ),
    Route("GET", "/people/{id}", one, "getPerson", "One account", 200, PersonBody, problems=(404,)),
    Route(
        "PATCH", "/people/{id}", appoint, "appointPerson", "Role, gate, block", 200, PersonBody,
        body=PersonPatch, problems=(404,),
    ),
    Route(
        "GET", "/people/{id}/export", export, "exportPerson", "All that is kept about someone",
        200, ExportBody, problems=(404,),
    ),
    Route(
        "DELETE", "/people/{id}", erase, "erasePerson", "Erase someone's account, for good", 204,
        None, problems=(404,),
    ),
)  # fmt: skip
