"""/fair: the settings, readable by anyone, changed by organisers; /mails: the outbox."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

from aiohttp import web

from hub.ports import StaleVersion
from hub.ports.fair import FairChange, FairSettings, Privacy, Sector
from hub.ports.people import MailRow
from hub.services import SERVICES
from hub.web.audits import audit
from hub.web.auth import need_fair_organiser
from hub.web.bodies import read
from hub.web.bodies_fair import (
    FairBody,
    FairPatch,
    MailPage,
    PrivacyBody,
    PrivacyChange,
)
from hub.web.i18n import LANGUAGES
from hub.web.problems import Invalid, Problem
from hub.web.query import cursor_text, limit_of
from hub.web.routes import Query, Route
from rooms.times import rfc3339

PAGE: Final = 50
DAYS_MAX: Final = 366
BODY_MAX: Final = 512 * 1024  # a privacy text in every language
NO_STORE: Final = {"Cache-Control": "no-store"}
_ETAG: Final = ("ETag", "names the version, for If-Match")
_ID_DIGITS: Final = 18  # within a signed 64-bit number


def date_errors(starts: date | None, ends: date | None) -> list[tuple[str, str]]:
    """(field, code) of what is wrong with the fair's two days."""
    if starts is None and ends is None:
        return []
    if starts is None or ends is None:
        return [("starts_on" if starts is None else "ends_on", "missing")]
    if ends < starts:
        return [("ends_on", "before_start")]
    return [("ends_on", "too_long")] if (ends - starts).days >= DAYS_MAX else []


# --- shapes -------------------------------------------------------------------------------


def _privacy(text: Privacy) -> dict[str, Any]:
    at = text.published_ms
    return {
        "version": text.version,
        "texts": dict(text.texts),
        "published_at": None if at is None else rfc3339(at),
    }


def _day(value: date | None) -> str | None:
    return None if value is None else value.isoformat()


def _answer(fair: FairSettings) -> web.Response:
    body = {
        "name": fair.name,
        "names": dict(fair.names),
        "starts_on": _day(fair.starts_on),
        "ends_on": _day(fair.ends_on),
        "time_zone": fair.time_zone,
        "languages": list(fair.languages),
        "sectors": [{"slug": one.slug, "names": dict(one.names)} for one in fair.sectors],
        "privacy": _privacy(fair.privacy),
        "contact": fair.contact or None,
        "version": fair.version,
    }
    return web.json_response(body, headers={"ETag": f'"{fair.version}"', **NO_STORE})


def _mail(row: MailRow) -> dict[str, Any]:
    return {
        "id": row.id, "address": row.address, "kind": row.kind, "subject": row.subject,
        "text": row.text, "state": row.state, "attempts": row.attempts,
        "created_at": rfc3339(row.created_ms),
        "sent_at": None if row.sent_ms is None else rfc3339(row.sent_ms), "failed": row.failed,
    }  # fmt: skip


# --- settings -----------------------------------------------------------------------------


async def get(request: web.Request) -> web.Response:
    return _answer(await request.app[SERVICES].fair.settings.current())


def _check(body: FairPatch, fields: set[str], before: FairSettings) -> FairChange:
    """What the body changes. Raises Invalid."""
    errors: list[tuple[str, str]] = []
    dates = None
    if fields & {"starts_on", "ends_on"}:
        dates = (
            body.starts_on if "starts_on" in fields else before.starts_on,
            body.ends_on if "ends_on" in fields else before.ends_on,
        )
        errors += date_errors(*dates)
    languages = tuple(dict.fromkeys(body.languages)) if "languages" in fields else None
    if languages is not None and not set(languages) & set(LANGUAGES):
        errors.append(("languages", "no_page_language"))
    slugs = [sector.slug for sector in body.sectors]
    if len(slugs) != len(set(slugs)):
        errors.append(("sectors", "twice"))
    if errors:
        raise Invalid(errors)
    sectors = tuple(Sector(one.slug, dict(one.names)) for one in body.sectors)
    return FairChange(
        names=dict(body.names) if "names" in fields else None,
        dates=dates,
        time_zone=body.time_zone if "time_zone" in fields else None,
        languages=languages,
        sectors=sectors if "sectors" in fields else None,
        contact=(body.contact or "") if "contact" in fields else None,
    )


async def change(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    caller = await need_fair_organiser(request)
    condition = request.headers.get("If-Match")
    if condition is None:
        raise Problem(428, "precondition_required", "If-Match with the settings' ETag is needed")
    body = await read(request, FairPatch)
    stale = Problem(412, "stale", "the settings were changed since; read them again")
    before = await services.fair.settings.current()
    given = {part.strip() for part in condition.split(",")}
    if not given & {"*", f'"{before.version}"'}:
        raise stale
    fields = set(body.model_fields_set)
    wanted = _check(body, fields, before)
    if not fields:
        return _answer(before)
    try:
        after = await services.fair.settings.change(before.version, wanted)
    except StaleVersion:
        raise stale from None
    await audit(
        request, caller.identity, "fair.change", "fair:settings", {"fields": sorted(fields)}
    )
    return _answer(after)


async def publish(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    caller = await need_fair_organiser(request)
    body = await read(request, PrivacyChange, BODY_MAX)
    try:
        made = await services.fair.settings.publish_privacy(body.after, dict(body.texts))
    except StaleVersion:
        raise Problem(409, "stale", "another text is the newest; read it again") from None
    await audit(request, caller.identity, "fair.privacy", "fair:privacy", {"version": made.version})
    return web.json_response(_privacy(made), status=201, headers=NO_STORE)


# --- the outbox ---------------------------------------------------------------------------


async def mails(request: web.Request) -> web.Response:
    await need_fair_organiser(request)
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    try:
        found, following = await request.app[SERVICES].fair.mails.outbox(cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    return web.json_response(
        {"items": [_mail(row) for row in found], "next": following}, headers=NO_STORE
    )


async def again(request: web.Request) -> web.Response:
    caller = await need_fair_organiser(request)
    number = request.match_info["id"]
    known = number.isascii() and number.isdigit() and len(number) <= _ID_DIGITS
    if not known or not await request.app[SERVICES].fair.mails.send_again(int(number)):
        raise Problem(404, "unknown_mail", "there is no such mail that was not sent")
    await audit(request, caller.identity, "mail.again", f"mail:{number}", {})
    return web.Response(status=204)


ROUTES: Final = (
    Route(
        "GET", "/fair", get, "getFair", "The fair's settings and privacy text", 200, FairBody,
        headers=(_ETAG,), public=True,
    ),
    Route(
        "PATCH", "/fair", change, "changeFair", "Change them", 200, FairBody, body=FairPatch,
        problems=(412, 428), headers=(_ETAG,), if_match=True,
    ),
    Route(
        "POST", "/fair/privacy", publish, "publishPrivacy",
        "Publish a new privacy text, which everybody is asked to agree to", 201, PrivacyBody,
        body=PrivacyChange, problems=(409,),
    ),
    Route(
        "GET", "/mails", mails, "listMails", "The outbox, newest first", 200, MailPage,
        problems=(422,),
        query=(
            Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "mails a page"),
        ),
    ),
    Route(
        "POST", "/mails/{id}/again", again, "sendMailAgain", "Send a mail that did not go out",
        204, None, problems=(404,),
    ),
)  # fmt: skip
