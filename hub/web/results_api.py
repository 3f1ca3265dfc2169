"""/results: what is published, for anyone; what is not, for its parties and the organiser.

Everybody else is answered as if there were no such result. Writing is in ``results_writes``.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web

from hub.ports.results import KINDS, NOTE_MAX, ResultFilter
from hub.services import SERVICES
from hub.web import results_writes as writes
from hub.web.auth import caller_of, need_caller, need_fair_organiser
from hub.web.bodies_results import (
    ResultAction,
    ResultBody,
    ResultCorrect,
    ResultCreate,
    ResultList,
    ResultPatch,
    ResultTotals,
)
from hub.web.companies_api import PAGING
from hub.web.company_people_api import need_account
from hub.web.countries import is_country
from hub.web.problems import Invalid
from hub.web.query import choice, cursor_text, limit_of, text
from hub.web.results import NO_STORE, View, count_body, is_day, own_body, public_body
from hub.web.results_calls import account_of, answer, find, unknown_room
from hub.web.routes import Query, Route
from rooms.model import SLUG
from rooms.results import State

PAGE: Final = 48


def _filter(request: web.Request) -> ResultFilter:
    sector, company = text(request, "sector", 64), text(request, "company", 64)
    for name, slug in (("sector", sector), ("company", company)):
        if slug is not None and not SLUG.fullmatch(slug):
            raise Invalid([(name, "bad_format")])
    country, day = text(request, "country", 2), text(request, "day", 10)
    if country is not None and not is_country(country):
        raise Invalid([("country", "not_allowed")])
    if day is not None and not is_day(day):
        raise Invalid([("day", "bad_format")])
    kind = choice(request, "kind", KINDS)
    return ResultFilter(text(request, "q", 100) or "", kind, sector, country, day, company)


async def list_results(request: web.Request) -> web.Response:
    """``state`` is the organiser's: results that are not published yet."""
    services = request.app[SERVICES]
    part, base = services.fair.results, services.config.public_url
    state = choice(request, "state", [state.value for state in State])
    cursor, limit, where = cursor_text(request), limit_of(request, PAGE), _filter(request)
    try:
        if state is not None:
            await need_fair_organiser(request)
            found, following = await part.managed([State(state)], cursor=cursor, limit=limit)
            items = [{**public_body(one, base), "corrections": [],
                      "own": own_body(one, View(organiser=True, own=True))}
                     for one in found]  # fmt: skip
        else:
            found, following = await part.find(where, cursor, limit)
            items = [{**public_body(one, base), "corrections": [], "own": None} for one in found]
    except ValueError:
        raise Invalid([("cursor", "bad_format")]) from None
    return web.json_response({"items": items, "next": following}, headers=NO_STORE)


async def totals(request: web.Request) -> web.Response:
    found = await request.app[SERVICES].fair.results.totals(_filter(request))
    body: dict[str, Any] = {"all": count_body(found.all)}
    for name in ("kinds", "sectors", "countries", "days"):
        body[name] = [count_body(one) for one in getattr(found, name)]
    return web.json_response(body, headers=NO_STORE)


async def get(request: web.Request) -> web.Response:
    return await answer(request, *await find(request, await caller_of(request)))


async def to_confirm(request: web.Request) -> web.Response:
    person = await need_account(request)
    services = request.app[SERVICES]
    part, base = services.fair.results, services.config.public_url
    items = [
        {**public_body(one, base), "corrections": [],
         "own": own_body(one, View(await part.standing(one, person), own=True))}
        for one in await part.to_confirm(person)
    ]  # fmt: skip
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


async def of_room(request: web.Request) -> web.Response:
    person = account_of(await need_caller(request))
    services, room = request.app[SERVICES], request.match_info["room"]
    part, base = services.fair.results, services.config.public_url
    known = person is not None and SLUG.fullmatch(room)
    if person is None or not known or await part.place(room, person) is None:
        raise unknown_room()
    items = [
        {**public_body(one, base), "corrections": [],
         "own": own_body(one, View(await part.standing(one, person), own=True))}
        for one in await part.of_room(room)
    ]  # fmt: skip
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


_ETAG: Final = ("ETag", "names the version, for If-Match")
_NOTE: Final = (
    Query("note", {"type": "string", "minLength": 1, "maxLength": NOTE_MAX}, "needed"),
    Query("language", {"type": "string"}, "of the note, one of the fair's; the first when absent"),
)
_FILTERS: Final = (
    Query("q", {"type": "string", "maxLength": 100}, "words, in any language"),
    Query("kind", {"type": "string", "enum": list(KINDS)}, "one kind"),
    Query("sector", {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}, "one sector"),
    Query("country", {"type": "string", "pattern": "^[A-Z]{2}$"}, "of a party; ISO 3166-1"),
    Query("day", {"type": "string", "format": "date"}, "published on, in the fair's zone"),
    Query("company", {"type": "string", "pattern": "^[a-z0-9-]{1,64}$"}, "a party"),
)

ROUTES: Final = (
    Route(
        "GET", "/results", list_results, "listResults", "Published results, newest first", 200,
        ResultList, problems=(401, 403, 422), public=True,
        query=(
            *_FILTERS, *PAGING,
            Query("state", {"type": "string", "enum": [state.value for state in State]},
                  "the organiser's: results in this state, filters aside"),
        ),
    ),
    Route(
        "GET", "/results/totals", totals, "getResultTotals",
        "How many, and disclosed amounts by currency", 200, ResultTotals, problems=(422,),
        query=_FILTERS, public=True,
    ),
    Route(
        "GET", "/me/results", to_confirm, "listResultsToConfirm",
        "What waits for one's confirmation, oldest first", 200, ResultList,
    ),
    Route(
        "GET", "/negotiations/{room}/results", of_room, "listRoomResults",
        "Results of a talk, for its members", 200, ResultList, problems=(404,),
    ),
    Route(
        "POST", "/negotiations/{room}/results", writes.create_in_room, "createRoomResult",
        "Record a result as a draft", 201, ResultBody, body=ResultCreate, problems=(404, 409),
        headers=(_ETAG, ("Location", "the result")),
    ),
    Route(
        "POST", "/results", writes.create, "createResult", "Record a result without a talk", 201,
        ResultBody, body=ResultCreate, headers=(_ETAG, ("Location", "the result")),
    ),
    Route(
        "GET", "/results/{id}", get, "getResult", "One result", 200, ResultBody,
        problems=(401, 403, 404, 410), headers=(_ETAG,), public=True,
    ),
    Route(
        "PATCH", "/results/{id}", writes.change, "changeResult",
        "Change it before it is published; every party is asked again", 200, ResultBody,
        body=ResultPatch, problems=(404, 409, 410, 412, 428), headers=(_ETAG,), if_match=True,
    ),
    Route(
        "PUT", "/results/{id}/attachment", writes.put_attachment, "putResultAttachment",
        "Attach a PDF or a picture, in place of what is attached", 200, ResultBody, sheet=True,
        query=(Query("filename", {"type": "string", "maxLength": 255}, "its name"),),
        problems=(404, 409, 410, 412, 428), headers=(_ETAG,), if_match=True,
    ),
    Route(
        "DELETE", "/results/{id}/attachment", writes.drop_attachment, "deleteResultAttachment",
        "Take the attachment away", 200, ResultBody, problems=(404, 409, 410, 412, 428),
        headers=(_ETAG,), if_match=True,
    ),
    Route(
        "POST", "/results/{id}/actions", writes.act, "actOnResult",
        "Submit, confirm, confirm on paper, schedule, release, withdraw", 200, ResultBody,
        body=ResultAction, problems=(404, 409, 410), headers=(_ETAG,),
    ),
    Route(
        "POST", "/results/{id}/corrections", writes.correct, "correctResult",
        "Correct what was published, with a note that everybody reads", 200, ResultBody,
        body=ResultCorrect, problems=(404, 409, 410, 412, 428), headers=(_ETAG,), if_match=True,
    ),
    Route(
        "PUT", "/results/{id}/corrections/attachment", writes.correct_attachment,
        "correctResultAttachment",
        "Put another file in place of what was published, with a note that everybody reads", 200,
        ResultBody, sheet=True,
        query=(Query("filename", {"type": "string", "maxLength": 255}, "its name"), *_NOTE),
        problems=(404, 409, 410, 412, 428), headers=(_ETAG,), if_match=True,
    ),
    Route(
        "DELETE", "/results/{id}/corrections/attachment", writes.withdraw_attachment,
        "withdrawResultAttachment",
        "Take a published attachment away, with a note that everybody reads", 200, ResultBody,
        query=_NOTE, problems=(404, 409, 410, 412, 422, 428), headers=(_ETAG,), if_match=True,
    ),
)  # fmt: skip
