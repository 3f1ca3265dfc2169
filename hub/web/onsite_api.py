"""/slots, /me/pass, /gate, identity numbers: the on-site part of the API."""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hub.ports.onsite import Pass
from hub.services import SERVICES, Services
from hub.web import onsite
from hub.web.audits import audit
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_onsite import (
    DeskBody,
    DeskRequest,
    PassBody,
    PassRequest,
    RevealBody,
    RevealRequest,
    ScanRequest,
    SlotBody,
    SlotCreate,
    SlotList,
    SlotPatch,
    VerdictBody,
)
from hub.web.countries import is_country
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_text, limit_of
from hub.web.routes import BASE, Query, Route

NO_STORE: Final = {"Cache-Control": "no-store"}
PAGE: Final = 100
SLOT_MAX_MS: Final = 24 * 3600 * 1000


# --- slots ----------------------------------------------------------------------------------


async def list_slots(request: web.Request) -> web.Response:
    """Open to everyone, as the places left are what a visitor decides by."""
    services = request.app[SERVICES]
    past = choice(request, "past", ("true", "false")) == "true"
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    try:
        slots, following = await services.fair.passes.slots(
            after_ms=None if past else onsite.now_ms(), cursor=cursor, limit=limit
        )
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    items = [onsite.slot_body(slot) for slot in slots]
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def create_slot(request: web.Request) -> web.Response:
    caller = await onsite.need_organiser_api(request)
    body = await read(request, SlotCreate)
    starts_ms, ends_ms = epoch_ms(body.starts_at), epoch_ms(body.ends_at)
    assert starts_ms is not None and ends_ms is not None
    if ends_ms <= starts_ms:
        raise Invalid([("ends_at", "before_start")])
    if ends_ms - starts_ms > SLOT_MAX_MS:
        raise Invalid([("ends_at", "out_of_range")])
    with onsite.as_problems():
        slot = await request.app[SERVICES].fair.passes.create_slot(
            starts_ms, ends_ms, body.capacity
        )
    made = onsite.slot_body(slot)
    await audit(request, caller.identity, "slot.create", f"slot:{slot.id}", made)
    headers = {"Location": f"{BASE}/slots/{slot.id}", **NO_STORE}
    return web.json_response(made, status=201, headers=headers)


async def get_slot(request: web.Request) -> web.Response:
    slot = await request.app[SERVICES].fair.passes.slot(onsite.slot_in(request))
    if slot is None:
        raise Problem(404, "unknown_slot")
    return web.json_response(onsite.slot_body(slot), headers=NO_STORE)


async def change_slot(request: web.Request) -> web.Response:
    """One conditional UPDATE: no If-Match is needed to be safe against bookings meanwhile."""
    caller = await onsite.need_organiser_api(request)
    body = await read(request, SlotPatch)
    with onsite.as_problems():
        slot = await request.app[SERVICES].fair.passes.change_slot(
            onsite.slot_in(request), body.capacity
        )
    detail = {"capacity": slot.capacity}
    await audit(request, caller.identity, "slot.change", f"slot:{slot.id}", detail)
    return web.json_response(onsite.slot_body(slot), headers=NO_STORE)


async def delete_slot(request: web.Request) -> web.Response:
    caller = await onsite.need_organiser_api(request)
    slot = onsite.slot_in(request)
    with onsite.as_problems():
        await request.app[SERVICES].fair.passes.delete_slot(slot)
    await audit(request, caller.identity, "slot.delete", f"slot:{slot}", {})
    return web.Response(status=204)


# --- one's own pass ---------------------------------------------------------------------------


async def _answer(services: Services, held: Pass) -> web.Response:
    shown = await services.fair.passes.identity(held.person)
    return web.json_response(onsite.pass_body(held, shown), headers=NO_STORE)


async def get_pass(request: web.Request) -> web.Response:
    who = await onsite.need_self(request)
    services = request.app[SERVICES]
    held = await services.fair.passes.mine(who.id)
    if held is None:
        raise Problem(404, "no_pass", "there is no good pass")
    return await _answer(services, held)


async def put_pass(request: web.Request) -> web.Response:
    who = await onsite.need_self(request)
    services = request.app[SERVICES]
    body = await read(request, PassRequest)
    if body.identity is not None:
        await onsite.count_number(request, who.id)
    zone = await onsite.zone_of(request)
    with onsite.as_problems():
        held = await services.fair.passes.book(
            who.id, body.slot, zone, onsite.document_of(body.identity)
        )
    return await _answer(services, held)


async def delete_pass(request: web.Request) -> web.Response:
    who = await onsite.need_self(request)
    with onsite.as_problems():
        await request.app[SERVICES].fair.passes.cancel(who.id)
    return web.Response(status=204)


async def delete_identity(request: web.Request) -> web.Response:
    """Taking the consent back. A pass that is still to be used must be given back before."""
    who = await onsite.need_self(request)
    passes = request.app[SERVICES].fair.passes
    held = await passes.mine(who.id)
    if held is not None and held.entered_ms is None:
        raise Problem(409, "pass_in_use", "give the pass back first")
    if not await passes.forget_number(who.id):
        raise Problem(404, "no_number")
    return web.Response(status=204)


# --- gate and desk ----------------------------------------------------------------------------


async def scan(request: web.Request) -> web.Response:
    caller = await onsite.need_gate(request)
    body = await read(request, ScanRequest)
    verdict, today = await onsite.admit(request, caller.identity, body.code, body.gate, body.scan)
    return web.json_response(onsite.verdict_body(verdict, today), headers=NO_STORE)


async def register_at_desk(request: web.Request) -> web.Response:
    caller = await onsite.need_gate(request)
    services = request.app[SERVICES]
    body = await read(request, DeskRequest)
    country = body.country.upper()
    if not is_country(country):
        raise Invalid([("country", "not_allowed")])
    document = onsite.document_of(body.identity)
    assert document is not None
    zone = await onsite.zone_of(request)
    with onsite.as_problems():
        person, new, held = await onsite.register(
            request, caller.identity, body.name, country, document, body.slot, zone
        )
    answer: dict[str, Any] = {"person": person, "new": new, "pass": None}
    if held is not None:
        answer["pass"] = onsite.pass_body(held, await services.fair.passes.identity(person))
    return web.json_response(answer, status=201, headers=NO_STORE)


async def reveal(request: web.Request) -> web.Response:
    """In clear, for organisers; written down before it is shown, or not shown at all."""
    caller = await onsite.need_organiser_api(request)
    services = request.app[SERVICES]
    body = await read(request, RevealRequest)
    person = onsite.person_in(request)
    number = await onsite.reveal(request, caller.identity, person, body.reason)
    shown = await services.fair.passes.identity(person)
    if shown is None:
        raise Problem(404, "no_number")
    return web.json_response(
        {"number": number, "kind": shown.kind, "country": shown.country}, headers=NO_STORE
    )


ROUTES: Final = (
    Route(
        "GET", "/slots", list_slots, "listSlots", "Entry slots with the places left", 200, SlotList,
        problems=(422,), public=True,
        query=(
            Query("past", {"type": "string", "enum": ["true", "false"]}, "those that are over too"),
            Query("cursor", {"type": "string", "maxLength": 200}, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "slots a page"),
        ),
    ),
    Route(
        "POST", "/slots", create_slot, "createSlot", "Create an entry slot", 201, SlotBody,
        body=SlotCreate, problems=(409,), headers=(("Location", "the slot"),),
    ),
    Route(
        "GET", "/slots/{id}", get_slot, "getSlot", "One entry slot", 200, SlotBody,
        problems=(404,), public=True,
    ),
    Route(
        "PATCH", "/slots/{id}", change_slot, "changeSlot",
        "Change a slot's capacity, never below the places taken", 200, SlotBody,
        body=SlotPatch, problems=(404, 409),
    ),
    Route(
        "DELETE", "/slots/{id}", delete_slot, "deleteSlot", "Delete a slot nobody booked", 204,
        None, problems=(404, 409),
    ),
    Route(
        "GET", "/me/pass", get_pass, "getMyPass", "The pass of whoever is signed in", 200,
        PassBody, problems=(404,),
    ),
    Route(
        "PUT", "/me/pass", put_pass, "putMyPass", "Book an entry slot, or move there", 200,
        PassBody, body=PassRequest, problems=(404, 409),
    ),
    Route(
        "DELETE", "/me/pass", delete_pass, "deleteMyPass", "Give the pass back", 204, None,
        problems=(404, 409),
    ),
    Route(
        "DELETE", "/me/identity", delete_identity, "deleteMyIdentity",
        "Erase one's identity number", 204, None, problems=(404, 409),
    ),
    Route(
        "POST", "/gate/scans", scan, "scanPass", "Let the holder of a pass in, once", 200,
        VerdictBody, body=ScanRequest,
    ),
    Route(
        "POST", "/gate/people", register_at_desk, "registerAtDesk",
        "Register a visitor who stands at the desk", 201, DeskBody, body=DeskRequest,
        problems=(404, 409),
    ),
    Route(
        "POST", "/people/{id}/identity:reveal", reveal, "revealIdentity",
        "An identity number in clear; goes into the audit log", 200, RevealBody,
        body=RevealRequest, problems=(404,),
    ),
)  # fmt: skip
