"""/organise/results: waiting for release, scheduled, published; by hand, on paper, corrected."""

from __future__ import annotations

import time as clock
from datetime import date, time
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import Field

from hub.ports.fair import FairSettings
from hub.ports.results import RELEASE_MAX, Result, ResultRefused
from hub.services import SERVICES
from hub.web import form_texts, results_forms
from hub.web.audits import audit
from hub.web.bodies_results import Digest, Note
from hub.web.forms import Form, FormModel, read_form
from hub.web.organise.common import first_page, local, next_page, organiser, render, see, to_ms
from hub.web.results import ID, View, Words
from hub.web.results_forms import FILE_LIMIT, FORM_LIMIT
from hub.web.results_pages import draw
from rooms.results import State

PATH: Final = "/organise/results"
PAGE: Final = 50
AHEAD_MS: Final = 366 * 24 * 3_600_000
#: Tab -> (states, whether scheduled).
TABS: Final[dict[str, tuple[tuple[State, ...], bool | None]]] = {
    "waiting": ((State.CONFIRMED,), False),
    "scheduled": ((State.CONFIRMED,), True),
    "published": ((State.RELEASED,), None),
    "confirming": ((State.DRAFT, State.CONFIRMING), None),
    "withdrawn": ((State.WITHDRAWN,), None),
}


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


form_texts.add(
    {
        "not_on_paper": _("Somebody at the fair works for this company and can confirm it."),
        "wrong_state": _("This is not possible any more: its state has changed."),
        "not_a_party": _("There is no such party."),
        ("note", "missing"): _("Write a note."),
        ("day", "missing"): _("Enter a day."),
        ("at", "missing"): _("Enter a time."),
    }
)


class ReleaseForm(FormModel):
    ids: Annotated[list[str], Field(max_length=RELEASE_MAX)] = Field(default_factory=list)
    act: Literal["release", "schedule", "unschedule"]
    day: date | None = None
    at: time | None = None
    back: Literal["waiting", "scheduled", "one"] = "waiting"


class PaperForm(FormModel):
    version: int
    digest: Digest
    party: int = Field(ge=0)
    note: Note


class SubmitForm(FormModel):
    version: int


class WithdrawForm(FormModel):
    note: Note


# --- lists ----------------------------------------------------------------------------------


async def _list(
    request: web.Request, form: Form[Any] | None = None, tab: str = "", status: int = 200
) -> web.Response:
    part = request.app[SERVICES].fair.results
    fair = await request.app[SERVICES].fair.settings.current()
    asked = tab or request.query.get("tab", "waiting")
    tab = asked if asked in TABS else "waiting"
    states, scheduled = TABS[tab]
    try:
        found, following = await part.managed(
            states, scheduled=scheduled, cursor=request.query.get("cursor") or None, limit=PAGE
        )
    except ValueError:
        raise web.HTTPBadRequest() from None
    counts = await part.managed_counts()
    numbers = {
        "waiting": counts["confirmed"], "scheduled": counts["scheduled"],
        "published": counts["released"], "withdrawn": counts["withdrawn"],
        "confirming": counts["draft"] + counts["confirming"],
    }  # fmt: skip
    return await render(
        request, "results", status=status, rows=found, words=Words(request, fair), tab=tab,
        numbers=numbers, form=form or Form(), following=next_page(request, following),
        first=first_page(request), zone=fair.time_zone,
    )  # fmt: skip


async def show(request: web.Request) -> web.Response:
    await organiser(request)
    return await _list(request)


def _moment(form: Form[ReleaseForm], fair: FairSettings) -> int | None:
    """When it is to be published, in the fair's zone; None when the form says what is wrong."""
    data = form.data
    if data is None:
        return None
    if data.day is None or data.at is None:
        form.refuse("day" if data.day is None else "at", "missing")
        return None
    at = to_ms(data.day, data.at, fair.time_zone)
    there = local(at, fair.time_zone)
    if (there.date(), there.time().replace(second=0)) != (data.day, data.at.replace(second=0)):
        form.refuse("at", "no_such_time")
    elif not 0 < at - clock.time() * 1000 < AHEAD_MS:
        form.refuse("day", "in_the_past" if at <= clock.time() * 1000 else "out_of_range")
    return at if form.data is not None else None


async def release(request: web.Request) -> web.Response:
    """Publish now, or set when, or take that back: one or several."""
    services, session = await organiser(request)
    fair = await services.fair.settings.current()
    form = await read_form(request, ReleaseForm)
    data = form.data
    tab = data.back if data is not None and data.back in TABS else "waiting"
    ids = [id for id in (data.ids if data else []) if ID.fullmatch(id)]
    if data is not None and not ids:
        form.refuse("ids", "none_chosen")
    at = _moment(form, fair) if data is not None and data.act == "schedule" else None
    if data is None or form.data is None:
        if data is not None and data.back == "one" and ids:
            return await _one(request, ids[0], form, 422)
        return await _list(request, form, tab, 422)
    if data.act == "release":
        done = await services.fair.results.release(ids, fair.time_zone)
    else:
        done = await services.fair.results.schedule(ids, at)
    for id in done:
        detail = {} if at is None else {"at_ms": at}
        await audit(request, session.identity, f"result.{data.act}", f"result:{id}", detail)
    said = {"release": "released", "schedule": "scheduled", "unschedule": "unscheduled"}[data.act]
    said = said if len(done) == len(ids) else "some" if done else "wrong_state"
    if data.back == "one":
        raise see(f"{PATH}/{ids[0]}", said)
    raise see(PATH, said, tab=tab)


# --- one ------------------------------------------------------------------------------------


async def _find(request: web.Request, id: str) -> Result:
    found = await request.app[SERVICES].fair.results.get(id) if ID.fullmatch(id) else None
    if found is None or not (found.asked or found.room is None):
        raise web.HTTPNotFound()
    return found


async def _one(
    request: web.Request, id: str, form: Form[Any] | None = None, status: int = 200
) -> web.Response:
    found = await _find(request, id)
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    staffed = {
        party.company
        for party in found.parties
        if party.company and await services.fair.companies.staff(party.company)
    }
    at = found.release_ms
    return await draw(
        request, "organise/result.html", found, View(organiser=True, own=True), fair, status,
        form=form or Form(), paper=[
            party for party in found.parties
            if found.state is State.CONFIRMING and not found.confirmed(party)
            and party.company not in staffed
        ],
        zone=fair.time_zone, local_at=None if at is None else local(at, fair.time_zone),
    )  # fmt: skip


async def one(request: web.Request) -> web.Response:
    await organiser(request)
    return await _one(request, request.match_info["id"])


async def paper(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    found = await _find(request, request.match_info["id"])
    form = await read_form(request, PaperForm)
    data = form.data
    if data is None:
        return await _one(request, found.id, form, 422)
    try:
        await services.fair.results.paper(
            found.id, data.version, data.digest, data.party, data.note, session.identity.id
        )
    except ResultRefused as refused:
        raise see(f"{PATH}/{found.id}", refused.code) from None
    detail = {"party": data.party, "version": data.version, "note": data.note}
    await audit(request, session.identity, "result.paper", f"result:{found.id}", detail)
    raise see(f"{PATH}/{found.id}", "confirmed")


async def submit(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    found = await _find(request, request.match_info["id"])
    form = await read_form(request, SubmitForm)
    if form.data is None:
        raise web.HTTPBadRequest()
    by = session.identity.id
    try:
        await services.fair.results.submit(found.id, form.data.version, by, organiser=True)
    except ResultRefused as refused:
        raise see(f"{PATH}/{found.id}", refused.code) from None
    await audit(request, session.identity, "result.submit", f"result:{found.id}", {})
    raise see(f"{PATH}/{found.id}", "asked")


async def withdraw(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    found = await _find(request, request.match_info["id"])
    fair = await services.fair.settings.current()
    form = await read_form(request, WithdrawForm)
    if form.data is None:
        return await _one(request, found.id, form, 422)
    notes = {fair.languages[0]: form.data.note}
    try:
        await services.fair.results.withdraw(found.id, notes, session.identity.id)
    except ResultRefused as refused:
        raise see(f"{PATH}/{found.id}", refused.code) from None
    await audit(request, session.identity, "result.withdraw", f"result:{found.id}", notes)
    raise see(f"{PATH}/{found.id}", "withdrawn")


# --- written by hand, corrected ---------------------------------------------------------------


async def _form(
    request: web.Request, before: Result | None, form: Form[Any], status: int = 200
) -> web.Response:
    fair = await request.app[SERVICES].fair.settings.current()
    words = Words(request, fair)
    named = [] if before is None else [p.company for p in before.parties if p.company]
    found = await request.app[SERVICES].fair.companies.many(named)
    companies = {slug: company.draft.name for slug, company in found.items()}
    near = await results_forms.near(request.app[SERVICES], form, results_forms.rows_of(before))
    return await render(
        request, "result_edit", status=status, form=form, one=before, words=words,
        correcting=before is not None and before.state is State.RELEASED,
        **results_forms.choices(fair, words, before, companies, [], near),
    )  # fmt: skip


def _writable(found: Result) -> bool:
    """The organiser writes what is of no talk, and corrects what is published."""
    early = found.state in (State.DRAFT, State.CONFIRMING, State.CONFIRMED)
    return found.state is State.RELEASED or (found.room is None and early)


async def edit(request: web.Request) -> web.Response:
    await organiser(request)
    if "id" not in request.match_info:
        return await _form(request, None, Form())
    found = await _find(request, request.match_info["id"])
    if not _writable(found):
        raise web.HTTPNotFound()
    return await _form(request, found, results_forms.typed(found))


async def save(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    before = await _find(request, request.match_info["id"]) if "id" in request.match_info else None
    if before is not None and not _writable(before):
        raise web.HTTPNotFound()
    part, by = services.fair.results, session.identity.id
    fair = await services.fair.settings.current()
    correcting = before is not None and before.state is State.RELEASED
    tags = results_forms.tags_of(fair, before)
    model = results_forms.model(tags, results_forms.rows_of(before), correcting)
    form: Form[Any] = await read_form(request, model, limit=FORM_LIMIT, file_limit=FILE_LIMIT)
    data: Any = form.data
    known = {p.company: p.company for p in before.parties if p.company} if before else {}
    draft = await results_forms.draft_of(services, form, fair, before, known)
    notes = results_forms.texts_of(data, "note", tags) if correcting and data else {}
    if correcting and data is not None and not notes:
        form.refuse(f"note_{results_forms.id_of(tags[0])}", "missing")
    if draft is None or form.data is None:
        return await _form(request, before, form, 422)
    upload, act = results_forms.upload_of(form), "create"
    try:
        if before is None:
            made = await part.create(draft, by, upload=upload)
        elif correcting:
            act, made = "correct", await part.correct(
                before.id, data.version, draft, notes, by, upload=upload,
                keep_attachment=not data.drop_file,
            )  # fmt: skip
        else:
            act, made = "change", await part.change(
                before.id, data.version, draft, by, organiser=True, upload=upload,
                keep_attachment=not data.drop_file,
            )  # fmt: skip
    except ResultRefused as refused:
        if refused.code == "wrong_state":
            raise see(f"{PATH}/{before.id}" if before else PATH, refused.code) from None
        results_forms.say(form, refused)
        return await _form(request, before, form, 409)
    detail = {"version": made.version, **({"notes": notes} if notes else {})}
    await audit(request, session.identity, f"result.{act}", f"result:{made.id}", detail)
    raise see(f"{PATH}/{made.id}", "corrected" if act == "correct" else "saved")


def setup(app: web.Application) -> None:
    """Add the pages to ``app``."""
    add = app.router
    add.add_get(PATH, show)
    add.add_post(PATH, release)
    add.add_get(PATH + "/new", edit)
    add.add_post(PATH + "/new", save)
    add.add_get(PATH + "/{id}", one)
    add.add_get(PATH + "/{id}/edit", edit)
    add.add_post(PATH + "/{id}/edit", save)
    add.add_post(PATH + "/{id}/paper", paper)
    add.add_post(PATH + "/{id}/submit", submit)
    add.add_post(PATH + "/{id}/withdraw", withdraw)
