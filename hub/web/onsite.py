"""What the pages and the API of the on-site part share: who may, and refusals as answers."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from datetime import time as clock_time
from typing import Any, Final
from zoneinfo import ZoneInfo

import structlog
from aiohttp import web

from hub.jobs import Job
from hub.ports import WebSession
from hub.ports.onsite import (
    BadDocument,
    Document,
    IdentityShown,
    OnsiteRefused,
    Pass,
    Slot,
    Verdict,
)
from hub.services import SERVICES, Services
from hub.web import countries, i18n
from hub.web.audits import audit
from hub.web.auth import Caller, caller_of, need_caller, need_person, session_of
from hub.web.bodies_onsite import IdentityRequest
from hub.web.problems import Invalid, Problem
from rooms.errors import Code, Refusal
from rooms.model import PERSON_ID, Identity, Role
from rooms.times import rfc3339

log = structlog.get_logger(__name__)

#: Numbers one person may try in an hour: enough to mistype, too few to ask whose are known.
TRIES: Final = 10
TRIES_S: Final = 3600

_SLOT_ID: Final = re.compile(r"[a-z0-9]{1,32}")
STATUS: Final = {
    "unknown_slot": 404,
    "unknown_person": 404,
    "no_pass": 404,
    "no_number": 404,
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


async def zone_of(request: web.Request) -> ZoneInfo:
    settings = await request.app[SERVICES].fair.settings.current()
    return ZoneInfo(settings.time_zone)


# --- who may --------------------------------------------------------------------------------


def _runs_gate(session: WebSession | None) -> bool:
    return session is not None and session.gate


async def need_gate(request: web.Request) -> Caller:
    """Gate staff, a moderator, an organiser or the organiser key. Raises Refusal."""
    caller = await need_caller(request)
    if caller.everywhere:
        return caller
    if caller.how == "session" and _runs_gate(await session_of(request)):
        return caller
    raise Refusal(Code.FORBIDDEN, "this needs the staff of the gate")


async def need_gate_page(request: web.Request) -> Identity:
    """The same for a page; it does not exist for others (HTTPNotFound)."""
    session = await need_person(request)
    if session.identity.role in {Role.ORGANISER, Role.MODERATOR} or _runs_gate(session):
        return session.identity
    raise web.HTTPNotFound()


async def need_organiser_api(request: web.Request) -> Caller:
    """An organiser of the fair or the organiser key: moderators run rooms. Raises Refusal."""
    caller = await need_caller(request)
    if caller.identity.room is None and caller.identity.role is Role.ORGANISER:
        return caller
    raise Refusal(Code.FORBIDDEN, "this needs an organiser of the fair")


async def need_self(request: web.Request) -> Identity:
    """A person with an account of their own, by session or by app. Raises Refusal."""
    caller = await caller_of(request)
    if caller is None:
        raise Refusal(Code.UNAUTHORISED, "a session is needed")
    if caller.how in {"key", "token", "guest"}:
        raise Refusal(Code.FORBIDDEN, "this is about a person: sign in as one")
    return caller.identity


async def count_number(request: web.Request, person: str) -> None:
    """One try of a number. Raises Refusal(rate_limited) beyond the bound, StoreLost."""
    wait_s = await request.app[SERVICES].vault.count("identity", person, TRIES, TRIES_S)
    if wait_s > 0:
        raise Refusal(
            Code.RATE_LIMITED, "too many numbers tried", retry_after_ms=int(wait_s * 1000)
        )


# --- acts of staff ----------------------------------------------------------------------------


async def admit(
    request: web.Request, by: Identity, code: str, gate: str | None, scan: str | None
) -> tuple[Verdict, int]:
    """The gate's answer and how many came in today; endpoints are told of each entry."""
    services = request.app[SERVICES]
    zone = await zone_of(request)
    verdict = await services.fair.passes.admit(code, by.id, zone, gate=gate, scan=scan)
    if verdict.yes and not verdict.repeated:
        await services.fair.webhooks.tell(
            "person.checked_in",
            None,
            {
                "person": {"id": verdict.person, "name": verdict.name},
                "pass": verdict.pass_id,
                "at": rfc3339(verdict.at_ms),
                "slot": {
                    "starts_at": _moment(verdict.starts_ms),
                    "ends_at": _moment(verdict.ends_ms),
                },
            },
            key=f"checked_in:{verdict.pass_id}",
        )
    today = await services.fair.passes.entered_since(midnight_ms(now_ms(), zone))
    return verdict, today


def midnight_ms(at_ms: int, zone: ZoneInfo) -> int:
    """When the day of ``zone`` that ``at_ms`` lies in began."""
    day = datetime.fromtimestamp(at_ms / 1000, zone).date()
    return int(datetime.combine(day, clock_time(), zone).timestamp() * 1000)


async def register(
    request: web.Request, by: Identity, name: str, country: str, document: Document,
    slot: str | None, zone: ZoneInfo,
) -> tuple[str, bool, Pass | None]:  # fmt: skip
    """(person, made now, pass). Raises BadDocument, OnsiteRefused. The account stays when the
    slot is full meanwhile: the next try finds it by the number."""
    services = request.app[SERVICES]
    privacy = (await services.fair.settings.current()).privacy
    person, new = await services.fair.passes.register_at_desk(
        name, country, i18n.language_of(request), privacy.version, document
    )
    if new:
        await services.fair.webhooks.tell(
            "person.registered", None,
            {"person": {"id": person, "name": name, "country": country}, "source": "onsite"},
            key=f"registered:{person}",
        )  # fmt: skip
    await audit(request, by, "person.desk", f"person:{person}", {"new": new, "slot": slot})
    held = await services.fair.passes.mine(person)
    if slot is not None and (held is None or held.slot.id != slot):
        held = await services.fair.passes.book(person, slot, zone)
    return person, new, held


async def reveal(request: web.Request, by: Identity, person: str, reason: str) -> str:
    """The number in clear. The audit log has it first: what cannot be written down is not
    shown (DirectoryLost). Raises Problem: no_number, number_unreadable."""
    services = request.app[SERVICES]
    shown = await services.fair.passes.identity(person)
    if shown is None or shown.erased:
        raise Problem(404, "no_number", "there is no number, or it was erased")
    await services.fair.audit.record(
        by, "identity.reveal", f"person:{person}", {"reason": reason}, request.remote, strict=True
    )
    with as_problems():
        return await services.fair.passes.reveal(person, by)


# --- retention --------------------------------------------------------------------------------


def retention(services: Services) -> Job:
    """The job that erases numbers: ``onsite.retention_days`` after the fair's last day, each
    when it is itself as old; without dates by its age alone."""
    days_ms = services.config.onsite.retention_days * 86_400_000

    async def erase() -> None:
        settings = await services.fair.settings.current()
        now = now_ms()
        if settings.ends_on is not None:
            over = datetime.combine(
                settings.ends_on + timedelta(days=1), clock_time(), ZoneInfo(settings.time_zone)
            )
            if now < over.timestamp() * 1000 + days_ms:
                return
        erased = await services.fair.passes.erase_old(now - days_ms)
        if erased:
            log.info("identity numbers erased", count=erased)

    return erase


# --- refusals and bodies of the API -----------------------------------------------------------


@contextmanager
def as_problems(prefix: str = "identity.") -> Iterator[None]:
    """Refusals of the passes as answers of the API; a number is never repeated in one."""
    try:
        yield
    except BadDocument as bad:
        raise Invalid([(prefix + bad.field, bad.code)]) from None
    except OnsiteRefused as refused:
        raise Problem(STATUS.get(refused.code, 409), refused.code) from None


def document_of(body: IdentityRequest | None) -> Document | None:
    """Raises Invalid for a country that is none."""
    if body is None:
        return None
    number = body.number.get_secret_value()
    document = Document(body.kind, body.country, number, body.consent)
    with as_problems():
        check_issuer(document)
    return document


def check_issuer(document: Document | None) -> None:
    """Raises BadDocument for a country that is none; a resident id names none."""
    if document is None or document.kind == "resident_id":
        return
    if not countries.is_country(document.country.strip().upper()):
        raise BadDocument("country", "not_allowed")


def slot_in(request: web.Request) -> str:
    """The slot of the path. Raises Problem(404) for what is no id: PostgreSQL takes no NUL."""
    slot = request.match_info["id"]
    if not _SLOT_ID.fullmatch(slot):
        raise Problem(404, "unknown_slot")
    return slot


def person_in(request: web.Request) -> str:
    """The person of the path. Raises Problem(404)."""
    person = request.match_info["id"]
    if not PERSON_ID.fullmatch(person):
        raise Problem(404, "not_found")
    return person


def slot_body(slot: Slot) -> dict[str, Any]:
    return {
        "id": slot.id,
        "starts_at": rfc3339(slot.starts_ms),
        "ends_at": rfc3339(slot.ends_ms),
        "capacity": slot.capacity,
        "taken": slot.taken,
        "left": slot.left,
    }


def _moment(ms: int | None) -> str | None:
    return None if ms is None else rfc3339(ms)


def identity_body(shown: IdentityShown | None) -> dict[str, Any] | None:
    if shown is None:
        return None
    return {
        "kind": shown.kind,
        "country": shown.country,
        "last4": shown.last4 or None,
        "consent_at": rfc3339(shown.consent_ms),
    }


def pass_body(held: Pass, shown: IdentityShown | None) -> dict[str, Any]:
    return {
        "id": held.id,
        "person": held.person,
        "name": held.name,
        "code": held.code,
        "slot": slot_body(held.slot),
        "created_at": rfc3339(held.created_ms),
        "entered_at": _moment(held.entered_ms),
        "identity": identity_body(shown),
    }


def verdict_body(verdict: Verdict, today: int) -> dict[str, Any]:
    return {
        "result": verdict.result,
        "admitted": verdict.yes,
        "repeated": verdict.repeated,
        "same_gate": verdict.same_gate,
        "at": rfc3339(verdict.at_ms),
        "person": verdict.person,
        "name": verdict.name,
        "last4": verdict.last4,
        "starts_at": _moment(verdict.starts_ms),
        "ends_at": _moment(verdict.ends_ms),
        "first_at": _moment(verdict.first_ms),
        "today": today,
    }
