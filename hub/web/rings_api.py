"""Ringing a booth: ring, answer, decline, cancel; what a company missed.

A ring is known to its visitor and to the staff of its company; for everybody else it does not
exist. Who was rung may answer or decline.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from aiohttp import web

from hub.ports import StoreLost
from hub.ports.rings import RingRefused
from hub.services import SERVICES, Services
from hub.web.auth import need_caller
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_rings import RingBody, RingCreate, RingList, RingsSeen
from hub.web.companies_api import NO_STORE, need_editor, unknown
from hub.web.company_people_api import need_account
from hub.web.problems import Problem
from hub.web.query import choice
from hub.web.routes import BASE, Query, Route
from rooms.errors import Code, Refusal
from rooms.model import SLUG
from rooms.news import NewsNotice
from rooms.rings import Happening, Ring, State, begun, declined, ended
from rooms.times import rfc3339

#: How far back a company reads: a fair lasts days.
SINCE_MS: Final = 31 * 24 * 3_600_000
_ID: Final = re.compile(r"[0-9a-f]{20}")
_STATUS: Final = {
    "unknown_company": 404, "unknown_person": 403, "own_company": 409, "already_ringing": 409,
    "unknown_ring": 404, "ring_over": 409,
}  # fmt: skip


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@contextmanager
def as_problems() -> Iterator[None]:
    try:
        yield
    except RingRefused as refused:
        if refused.code == "too_many_rings":
            raise Refusal(
                Code.RATE_LIMITED, "ten rings an hour", retry_after_ms=refused.retry_after_ms
            ) from None
        if refused.code == "unknown_person":
            raise Refusal(Code.FORBIDDEN, "this needs an account in use") from None
        more: dict[str, Any] = {} if refused.ring is None else {"ring": refused.ring}
        raise Problem(_STATUS[refused.code], refused.code, **more) from None


def unknown_ring() -> Problem:
    return Problem(404, "unknown_ring", "")


def ring_in(request: web.Request) -> str:
    """The ring of the path. Raises Problem(404 unknown_ring) for what can be none."""
    ring = request.match_info["ring"]
    if not _ID.fullmatch(ring):
        raise unknown_ring()
    return ring


def body_of(ring: Ring, person: str) -> dict[str, Any]:
    mine = person in (ring.visitor, ring.by)
    left = ring.expires_ms - now_ms() if ring.state is State.RINGING else 0
    return {
        "id": ring.id, "company": ring.company, "company_name": ring.company_name,
        "caller": {"name": ring.visitor_name, "organisation": ring.organisation},
        "subject": ring.subject, "state": ring.state.value,
        "why": None if ring.why is None else ring.why.value,
        "created_at": rfc3339(ring.created_ms), "expires_at": rfc3339(ring.expires_ms),
        "left_ms": max(0, left),
        "ended_at": None if ring.ended_ms is None else rfc3339(ring.ended_ms),
        "by": ring.by_name, "room": ring.room if mine else None,
        "seen": ring.seen_ms is not None,
    }  # fmt: skip


def answer_with(ring: Ring, person: str, status: int = 200, **headers: str) -> web.Response:
    return web.json_response(body_of(ring, person), status=status, headers={**NO_STORE, **headers})


async def tell(services: Services, notices: Iterable[NewsNotice]) -> None:
    """Raises StoreLost."""
    for notice in notices:
        await services.news.tell(notice)


# --- the visitor ----------------------------------------------------------------------------


async def create(request: web.Request) -> web.Response:
    """Rings, or says at once that there is nobody to ring."""
    person, slug = await need_account(request), request.match_info["company"]
    services, caller = request.app[SERVICES], await need_caller(request)
    body = await read(request, RingCreate)
    if not SLUG.fullmatch(slug):
        raise unknown()
    staff = [one.person for one in await services.fair.companies.staff(slug)]
    online = await services.news.online_of(staff)
    with as_problems():
        ring = await services.fair.rings.ring(person, slug, body.subject or "", online)
    if ring.state is State.RINGING:
        try:
            # An app has no page that could be lost: it looks at the ring.
            await services.news.tell(begun(ring, page=caller.how != "device"))
        except StoreLost:  # nobody heard it: nobody is to wait for it
            await services.fair.rings.end(ring.id, Happening.DROP)
            raise
    return answer_with(ring, person, 201, Location=f"{BASE}/rings/{ring.id}")


async def cancel(request: web.Request) -> web.Response:
    """Hang up. Of a ring that is over, how it ended."""
    person, services = await need_account(request), request.app[SERVICES]
    id = ring_in(request)
    over = await services.fair.rings.end(id, Happening.HANG_UP, person)
    if over is not None:
        await tell(services, ended(over))
    found = over or await services.fair.rings.get(id)
    if found is None or found.visitor != person:
        raise unknown_ring()
    return answer_with(found, person)


# --- the staff ------------------------------------------------------------------------------


async def answer(request: web.Request) -> web.Response:
    person, services = await need_account(request), request.app[SERVICES]
    with as_problems():
        ring = await services.fair.rings.answer(ring_in(request), person)
    await tell(services, ended(ring))
    return answer_with(ring, person)


async def decline(request: web.Request) -> web.Response:
    person, services = await need_account(request), request.app[SERVICES]
    with as_problems():
        ring = await services.fair.rings.decline(ring_in(request), person)
    over = ring.state is not State.RINGING
    await tell(services, ended(ring) if over else (declined(ring, person),))
    return answer_with(ring, person)


async def get(request: web.Request) -> web.Response:
    person, services = await need_account(request), request.app[SERVICES]
    found = await services.fair.rings.get(ring_in(request))
    if found is None or not (
        person == found.visitor
        or person in found.staff
        or await services.fair.companies.role_of(found.company, person) is not None
    ):
        raise unknown_ring()
    return answer_with(found, person)


async def list_rings(request: web.Request) -> web.Response:
    caller, company = await need_editor(request, "owner", "editor", "staff")
    unanswered = choice(request, "unanswered", ("true", "false")) == "true"
    found = await request.app[SERVICES].fair.rings.of_company(
        company.slug, now_ms() - SINCE_MS, unanswered=unanswered
    )
    items = [body_of(one, caller.identity.id) for one in found]
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


async def mark_seen(request: web.Request) -> web.Response:
    """The staff's alone: an organiser's look is not the company's."""
    person, slug = await need_account(request), request.match_info["company"]
    services = request.app[SERVICES]
    body = await read(request, RingsSeen)
    if not SLUG.fullmatch(slug) or await services.fair.companies.role_of(slug, person) is None:
        raise unknown()
    until = epoch_ms(body.until)
    assert until is not None
    await services.fair.rings.mark_seen(slug, min(until, now_ms()))
    return web.Response(status=204)


ROUTES: Final[tuple[Route, ...]] = (
    Route(
        "POST", "/companies/{company}/rings", create, "ring",
        "Ring a company's booth: all its staff online, at once", 201, RingBody, body=RingCreate,
        problems=(404, 409, 429), headers=(("Location", "the ring"),),
    ),
    Route(
        "GET", "/companies/{company}/rings", list_rings, "listRings",
        "Its rings of the last month, newest first, at most 200", 200, RingList,
        problems=(404, 422),
        query=(
            Query(
                "unanswered", {"type": "string", "enum": ["true", "false"]},
                "those nobody took",
            ),
        ),
    ),
    Route(
        "POST", "/companies/{company}/rings/seen", mark_seen, "markRingsSeen",
        "What was missed has been looked at", 204, None, body=RingsSeen, problems=(404,),
    ),
    Route("GET", "/rings/{ring}", get, "getRing", "One ring", 200, RingBody, problems=(404,)),
    Route(
        "POST", "/rings/{ring}/answer", answer, "answerRing",
        "Take it: the first one does, and a talk is opened", 200, RingBody, problems=(404, 409),
    ),
    Route(
        "POST", "/rings/{ring}/decline", decline, "declineRing", "Not now", 200, RingBody,
        problems=(404, 409),
    ),
    Route(
        "POST", "/rings/{ring}/cancel", cancel, "cancelRing", "Hang up", 200, RingBody,
        problems=(404,),
    ),
)  # fmt: skip
