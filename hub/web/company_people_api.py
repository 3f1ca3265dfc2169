"""The people of a company's API: staff and cards; /me/favourites and /me/cards."""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hub.services import SERVICES
from hub.web.audits import audit
from hub.web.auth import need_caller, need_fair_organiser
from hub.web.bodies import read
from hub.web.bodies_companies import (
    CardLeft,
    CardList,
    CardPut,
    CardsLeft,
    FavouriteList,
    StaffAnswer,
    StaffList,
    StaffPut,
)
from hub.web.companies_api import (
    NO_STORE,
    PAGE,
    PAGING,
    find_company,
    is_organiser,
    need_editor,
    summary_body,
    unknown,
)
from hub.web.problems import Invalid, Problem
from hub.web.query import cursor_text, limit_of
from hub.web.routes import Route
from hub.web.talks import take_out
from rooms.errors import Code, Refusal
from rooms.model import PERSON_ID, SLUG
from rooms.times import rfc3339


async def need_account(request: web.Request) -> str:
    """The id of the signed-in account. Raises Refusal."""
    caller = await need_caller(request)
    if caller.how in ("key", "token", "guest") or caller.identity.room is not None:
        raise Refusal(Code.FORBIDDEN, "this needs a signed-in person")
    return caller.identity.id


# --- staff and cards of a company ---------------------------------------------------------


async def list_staff(request: web.Request) -> web.Response:
    _, found = await need_editor(request, "owner", "editor", "staff")
    staff = await request.app[SERVICES].fair.companies.staff(found.slug)
    items = [StaffAnswer.model_validate(one, from_attributes=True).model_dump() for one in staff]
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


def _person(request: web.Request) -> str:
    person = request.match_info["person"]
    if not PERSON_ID.fullmatch(person):
        raise Problem(404, "unknown_person", "there is no such person")
    return person


async def put_staff(request: web.Request) -> web.Response:
    """Only organisers name people by id; owners invite by mail."""
    caller = await need_fair_organiser(request)
    found, person = await find_company(request, caller), _person(request)
    body = await read(request, StaffPut)
    companies = request.app[SERVICES].fair.companies
    done = await companies.set_staff(
        found.slug, person, body.role, body.title, body.shown, force=True
    )
    if not done:
        raise Problem(404, "unknown_person", "there is no such person, or the staff is too many")
    await audit(
        request, caller.identity, "company.staff", f"company:{found.slug}",
        {"person": person, "role": body.role},
    )  # fmt: skip
    return web.Response(status=204)


async def delete_staff(request: web.Request) -> web.Response:
    caller, found = await need_editor(request, "owner")
    person = _person(request)
    organiser = is_organiser(caller)
    services = request.app[SERVICES]
    companies = services.fair.companies
    left = await companies.remove_staff(found.slug, person, force=organiser)
    if left is None:
        if await companies.role_of(found.slug, person) is not None:
            raise Problem(409, "last_owner", "a company keeps one owner")
        raise Problem(404, "unknown_person", "there is no such person")
    await take_out(services, left.rooms, person)
    if organiser:
        await audit(
            request, caller.identity, "company.staff", f"company:{found.slug}",
            {"person": person, "role": None},
        )  # fmt: skip
    return web.Response(status=204)


async def list_cards(request: web.Request) -> web.Response:
    _, found = await need_editor(request, "owner", "editor", "staff")
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    companies = request.app[SERVICES].fair.companies
    try:
        page, following = await companies.cards(found.slug, cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    items = [
        {
            "person": card.person, "name": card.name, "email": card.email,
            "organisation": card.organisation, "position": card.position,
            "country": card.country, "note": card.note, "changed_at": rfc3339(card.changed_ms),
        }
        for card in page
    ]  # fmt: skip
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


# --- what one keeps -----------------------------------------------------------------------


async def favourites(request: web.Request) -> web.Response:
    person = await need_account(request)
    companies = request.app[SERVICES].fair.companies
    cursor, limit = cursor_text(request), limit_of(request, PAGE)
    try:
        page, following = await companies.favourites(person, cursor, limit)
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    live = await companies.live_now()
    items = [summary_body(one, live) for one in page]
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def add_favourite(request: web.Request) -> web.Response:
    person, slug = await need_account(request), request.match_info["company"]
    companies = request.app[SERVICES].fair.companies
    if not (SLUG.fullmatch(slug) and await companies.favour(person, slug, True)):
        raise unknown()
    return web.Response(status=204)


async def drop_favourite(request: web.Request) -> web.Response:
    person, slug = await need_account(request), request.match_info["company"]
    if SLUG.fullmatch(slug):
        await request.app[SERVICES].fair.companies.favour(person, slug, False)
    return web.Response(status=204)


async def my_cards(request: web.Request) -> web.Response:
    person = await need_account(request)
    left = await request.app[SERVICES].fair.companies.cards_left(person)
    items = [
        {"company": one.slug, "note": card.note, "changed_at": rfc3339(card.changed_ms)}
        for one, card in left
    ]
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


async def leave_card(request: web.Request) -> web.Response:
    person, slug = await need_account(request), request.match_info["company"]
    body = await read(request, CardPut)
    companies = request.app[SERVICES].fair.companies
    if not (SLUG.fullmatch(slug) and await companies.leave_card(person, slug, body.note)):
        raise unknown()
    card = await companies.card_of(person, slug)
    if card is None:
        raise unknown()
    return web.json_response(
        {"company": slug, "note": card.note, "changed_at": rfc3339(card.changed_ms)},
        headers=NO_STORE,
    )


async def withdraw_card(request: web.Request) -> web.Response:
    person, slug = await need_account(request), request.match_info["company"]
    if SLUG.fullmatch(slug):
        await request.app[SERVICES].fair.companies.withdraw_card(person, slug)
    return web.Response(status=204)


ROUTES: Final = (
    Route(
        "GET", "/companies/{company}/staff", list_staff, "listStaff", "Its staff", 200, StaffList,
        problems=(404,),
    ),
    Route(
        "PUT", "/companies/{company}/staff/{person}", put_staff, "putStaff",
        "Add someone to the staff, or change their role", 204, None, body=StaffPut,
        problems=(404,),
    ),
    Route(
        "DELETE", "/companies/{company}/staff/{person}", delete_staff, "deleteStaff",
        "Take someone off the staff", 204, None, problems=(404, 409),
    ),
    Route(
        "GET", "/companies/{company}/cards", list_cards, "listCards", "Cards people left", 200,
        CardList, problems=(404, 422), query=PAGING,
    ),
    Route(
        "GET", "/me/favourites", favourites, "listFavourites", "One's favourites", 200,
        FavouriteList, problems=(422,), query=PAGING,
    ),
    Route(
        "PUT", "/me/favourites/{company}", add_favourite, "addFavourite", "Keep a company", 204,
        None, problems=(404,),
    ),
    Route(
        "DELETE", "/me/favourites/{company}", drop_favourite, "dropFavourite",
        "Keep it no longer", 204, None,
    ),
    Route("GET", "/me/cards", my_cards, "listMyCards", "Cards one left", 200, CardsLeft),
    Route(
        "PUT", "/me/cards/{company}", leave_card, "leaveCard", "Leave a card, or change its note",
        200, CardLeft, body=CardPut, problems=(404,),
    ),
    Route(
        "DELETE", "/me/cards/{company}", withdraw_card, "withdrawCard", "Withdraw a card", 204,
        None,
    ),
)  # fmt: skip
