"""/negotiations/{room}/result: what was reached in a talk, written and confirmed by its members.

For whoever does not belong to the talk these pages do not exist.
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from pydantic import Field

from hub.ports import WebSession
from hub.ports.fair import FairSettings
from hub.ports.results import RESULTS_MAX, Place, Result, ResultRefused
from hub.ports.talks import GUEST_SIDE
from hub.services import SERVICES
from hub.web import auth, results_forms
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.pages import PAGES
from hub.web.results import ID, Words
from hub.web.results_forms import FILE_LIMIT, FORM_LIMIT
from rooms.model import SLUG
from rooms.results import State

_OPEN: Final = (State.DRAFT, State.CONFIRMING, State.CONFIRMED)


class VersionForm(FormModel):
    version: int = Field(ge=1)


async def _need(request: web.Request) -> tuple[WebSession, Place]:
    """Who belongs to the talk. Raises HTTPNotFound, the same for an unknown one."""
    session = await auth.need_person(request)
    room = request.match_info["room"]
    place = None
    if session.account and SLUG.fullmatch(room):
        place = await request.app[SERVICES].fair.results.place(room, session.identity.id)
    if place is None:
        raise web.HTTPNotFound()
    return session, place


async def _one(request: web.Request, place: Place) -> Result:
    id = request.match_info["id"]
    found = await request.app[SERVICES].fair.results.get(id) if ID.fullmatch(id) else None
    if found is None or found.room != place.room:
        raise web.HTTPNotFound()
    return found


def _path(place: Place, done: str = "") -> web.HTTPException:
    where = f"/negotiations/{place.room}/result" + (f"?done={done}" if done else "")
    return web.HTTPSeeOther(where, headers={"Cache-Control": "no-store"})


async def _companies(request: web.Request, place: Place, before: Result | None) -> dict[str, str]:
    """The talk's companies and those already named: slug to name."""
    named = [] if before is None else [p.company for p in before.parties if p.company]
    wanted = [side for side in place.sides if side != GUEST_SIDE]
    found = await request.app[SERVICES].fair.companies.many([*wanted, *named])
    return {slug: one.draft.name for slug, one in found.items()}


async def show(request: web.Request) -> web.Response:
    session, place = await _need(request)
    services = request.app[SERVICES]
    part, fair = services.fair.results, await services.fair.settings.current()
    found = await part.of_room(place.room)
    talk = await services.fair.talks.get(place.room)
    rows = []
    for one in found:
        standing = await part.standing(one, session.identity.id)
        mine = [one.parties[position] for position in standing.confirms]
        todo = one.state is State.CONFIRMING and any(not one.confirmed(party) for party in mine)
        rows.append((one, todo))
    used = sum(one.state is not State.WITHDRAWN for one in found)
    return await request.app[PAGES].render(
        request, "results_room.html", rows=rows, words=Words(request, fair), place=place,
        subject=talk.subject if talk else "", more=used < RESULTS_MAX, open_states=_OPEN,
        done=request.query.get("done", ""),
    )  # fmt: skip


def _first(place: Place, companies: dict[str, str], by: str) -> Form[Any]:
    """A new result's form: the talk's sides are its parties."""
    sides = sorted(place.sides, key=lambda side: side == GUEST_SIDE)
    values: dict[str, Any] = {}
    for i, side in enumerate(sides[: results_forms.ROWS]):
        if side == GUEST_SIDE:
            guests = place.sides[side]
            values[f"party_person_{i}"] = by if by in guests else guests[0]
        elif side in companies:
            values[f"party_company_{i}"] = side
    return shown(values)


async def _page(
    request: web.Request, place: Place, fair: FairSettings, before: Result | None,
    form: Form[Any], companies: dict[str, str], status: int = 200,
) -> web.Response:  # fmt: skip
    members = await request.app[SERVICES].fair.results.names(
        [person for side in place.sides.values() for person in side]
    )
    people = sorted(members.items(), key=lambda pair: pair[1])
    words, rows = Words(request, fair), results_forms.rows_of(before)
    near = await results_forms.near(request.app[SERVICES], form, rows)
    return await request.app[PAGES].render(
        request, "results_room_edit.html", status=status, form=form, one=before, place=place,
        words=words, **results_forms.choices(fair, words, before, companies, people, near),
    )  # fmt: skip


async def write(request: web.Request) -> web.Response:
    session, place = await _need(request)
    fair = await request.app[SERVICES].fair.settings.current()
    companies = await _companies(request, place, None)
    form = _first(place, companies, session.identity.id)
    return await _page(request, place, fair, None, form, companies)


async def edit(request: web.Request) -> web.Response:
    _session, place = await _need(request)
    one = await _one(request, place)
    if one.state not in _OPEN:
        raise _path(place)
    fair = await request.app[SERVICES].fair.settings.current()
    companies = await _companies(request, place, one)
    return await _page(request, place, fair, one, results_forms.typed(one), companies)


async def save(request: web.Request) -> web.Response:
    """Both a new one and a change; and, when asked for, straight on to the parties."""
    session, place = await _need(request)
    before = await _one(request, place) if "id" in request.match_info else None
    services, by = request.app[SERVICES], session.identity.id
    part, fair = services.fair.results, await services.fair.settings.current()
    companies = await _companies(request, place, before)
    model = results_forms.model(
        results_forms.tags_of(fair, before), results_forms.rows_of(before), False
    )
    form: Form[Any] = await read_form(request, model, limit=FORM_LIMIT, file_limit=FILE_LIMIT)
    data: Any = form.data
    draft = await results_forms.draft_of(services, form, fair, before, companies)
    if draft is None:
        return await _page(request, place, fair, before, form, companies, 422)
    upload = results_forms.upload_of(form)
    try:
        if before is None:
            one = await part.create(draft, by, room=place.room, upload=upload)
        else:
            one = await part.change(
                before.id, data.version, draft, by, upload=upload,
                keep_attachment=not data.drop_file,
            )  # fmt: skip
        if data.act == "submit" and one.state is State.DRAFT:
            one = await part.submit(one.id, one.version, by)
    except ResultRefused as refused:
        if refused.code in ("wrong_state", "unknown_result"):
            raise _path(place, refused.code) from None
        results_forms.say(form, refused)
        return await _page(request, place, fair, before, form, companies, 409)
    raise _path(place, "asked" if one.state is State.CONFIRMING else "saved")


async def _act(request: web.Request, act: str) -> web.Response:
    session, place = await _need(request)
    one = await _one(request, place)
    form = await read_form(request, VersionForm)
    if form.data is None:
        raise web.HTTPBadRequest()
    part, by = request.app[SERVICES].fair.results, session.identity.id
    done = {"submit": "asked", "withdraw": "withdrawn"}[act]
    try:
        if act == "submit":
            await part.submit(one.id, form.data.version, by)
        else:
            await part.withdraw_draft(one.id, by)
    except ResultRefused as refused:
        done = refused.code
    raise _path(place, done)


async def submit(request: web.Request) -> web.Response:
    return await _act(request, "submit")


async def withdraw(request: web.Request) -> web.Response:
    return await _act(request, "withdraw")


def setup(app: web.Application) -> None:
    base = "/negotiations/{room}/result"
    app.router.add_get(base, show)
    app.router.add_get(base + "/new", write)
    app.router.add_post(base + "/new", save)
    app.router.add_get(base + "/{id}", edit)
    app.router.add_post(base + "/{id}", save)
    app.router.add_post(base + "/{id}/submit", submit)
    app.router.add_post(base + "/{id}/withdraw", withdraw)
