"""What was agreed at the fair, for everybody to read; and to its parties, to confirm.

/results                       what is published: search, filters, totals
/results/{id}                  one; its parties see it before, and confirm it here (POST …/confirm)
/results/{id}/attachment       always as a download
/results.atom, .csv, .xlsx, .json                      results_feed
/negotiations/{room}/result                            results_room
"""

from __future__ import annotations

from typing import Any, Final

from aiohttp import web
from pydantic import Field

from hub.ports.fair import FairSettings
from hub.ports.results import KINDS, Count, Result, ResultFilter, ResultRefused, Version
from hub.services import SERVICES, Services
from hub.web import auth, charts, results_feed, results_room
from hub.web.bodies_results import Digest
from hub.web.companies_pages import size_text
from hub.web.forms import FormModel, read_form
from hub.web.pages import PAGES
from hub.web.results import View, Words, filter_of, seen
from hub.web.sheets import disposition
from rooms.model import Role
from rooms.results import State, differing

PAGE: Final = 24
EVERY_S: Final = 2.0  # how late after its time a result is published, at most
TOP: Final = 12
DAYS: Final = 31
_FOLDED: Final = frozenset({"kind", "sector", "country", "day"})  # under one button on phones
_FILTERS: Final = ("q", "kind", "sector", "country", "day", "company")


class ConfirmForm(FormModel):
    version: int = Field(ge=1)
    digest: Digest
    back: str = ""


# --- the list -------------------------------------------------------------------------------


def _address(request: web.Request, path: str = "/results", **changes: str | None) -> str:
    """This list with other filters, from its beginning."""
    kept = {name: value for name, value in request.query.items() if name in _FILTERS and value}
    kept.update({name: value or "" for name, value in changes.items()})
    filled = {name: value for name, value in kept.items() if value}
    return str(request.rel_url.with_path(path).with_query(filled))


def _chart(
    id: str, title: str, counts: tuple[Count, ...], words: Words, name: Any
) -> dict[str, Any]:
    """The picture, and the rows of its table: (name, number, sums of what is disclosed)."""
    number, shown = words.language.number, counts[:TOP] if id != "days" else counts[-DAYS:]
    rows = [charts.Bar(name(one.key), one.number, number(one.number)) for one in shown]
    left = [one for one in counts if one not in shown]
    rest = sum(one.number for one in left)
    if rest and id == "sectors":
        said = words.language.text("{n} others", n=number(len(left)))
        rows.append(charts.Bar(said, rest, number(rest), rest=True))
    about = "; ".join(f"{row.label}: {row.shown}" for row in rows)
    return {
        "id": id, "title": title, "svg": charts.bars(id, title, about, rows),
        "rows": [(name(one.key), number(one.number), words.sums(one.sums) or "–")
                 for one in counts],
    }  # fmt: skip


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


async def _chosen(
    services: Services, where: ResultFilter, words: Words
) -> list[tuple[str, str, str | None]]:
    """(name of the filter, what it says, its language when that is not the page's) of each in
    use."""
    company = where.company or ""
    if where.company is not None:
        found = (await services.fair.companies.many([where.company])).get(where.company)
        company = company if found is None else found.draft.name
    said = (
        ("q", f"“{where.q}”" if where.q else "", ""),
        ("company", company, ""),
        ("kind", where.kind and words.kind(where.kind), None),
        ("sector", where.sector and words.sector(where.sector), None),
        ("country", where.country and words.country(where.country), None),
        ("day", where.day and words.day(where.day), None),
    )
    return [(name, text, of) for name, text, of in said if text]


async def listed(request: web.Request) -> web.Response:
    services, pages = request.app[SERVICES], request.app[PAGES]
    fair = await services.fair.settings.current()
    words, where, part = Words(request, fair), filter_of(request), services.fair.results
    cursor = request.query.get("cursor") or None
    try:
        found, following = await part.find(where, cursor, PAGE)
    except ValueError:  # an old or invented address: from the beginning
        raise web.HTTPSeeOther(_address(request)) from None
    totals, every = await part.totals(where), await part.totals(ResultFilter())
    text, chosen = words.language.text, await _chosen(services, where, words)
    return await pages.render(
        request, "results.html",
        items=found, words=words, where=where, totals=totals, filtered=where != ResultFilter(),
        chosen=chosen, folded=sum(name in _FOLDED for name, *_rest in chosen),
        undisclosed=totals.all.number - totals.all.disclosed,
        kinds=[(kind, words.kind(kind)) for kind in KINDS],
        sectors=[(one.key, words.sector(one.key)) for one in every.sectors],
        countries=[(one.key, words.country(one.key)) for one in every.countries],
        days=[(one.key, words.day(one.key), one.number) for one in reversed(every.days)],
        charts=[
            _chart("sectors", text(_("By sector")), totals.sectors, words, words.sector),
            _chart("countries", text(_("By country or region")), totals.countries, words,
                   words.country),
            _chart("days", text(_("By day")), totals.days, words, words.day),
        ] if totals.all.number else [],
        address=lambda **changes: _address(request, **changes),
        files=[(form, _address(request, f"/results.{form}"))
               for form in ("csv", "xlsx", "json", "atom")],
        following=_address(request, cursor=following) if following else None,
        first=_address(request) if cursor else None,
    )  # fmt: skip


# --- one ------------------------------------------------------------------------------------


async def find(request: web.Request) -> tuple[Result, View]:
    """Raises HTTPNotFound for what the reader may not see, as for what is not there."""
    session = await auth.session_of(request)
    person = session.identity.id if session is not None and session.account else None
    organiser = session is not None and session.identity.role is Role.ORGANISER
    found = await seen(request, request.match_info["id"], person, organiser)
    if found is None:
        raise web.HTTPNotFound()
    return found


def _since(one: Result, view: View, versions: tuple[Version, ...]) -> tuple[int, tuple[str, ...]]:
    """(the version the reader's party confirmed last, what differs from it now); (0, ()) when
    there is none, or nothing does."""
    mine = [
        party.confirmed_version
        for party in one.parties
        if party.position in view.standing.confirms and party.confirmed_version is not None
    ]
    known = {version.version: version.content for version in versions}
    if not mine or mine[0] == one.version or mine[0] not in known or one.version not in known:
        return 0, ()
    return mine[0], differing(known[mine[0]], known[one.version])


async def draw(
    request: web.Request, name: str, one: Result, view: View, fair: FairSettings,
    status: int = 200, **more: Any,
) -> web.Response:  # fmt: skip
    """A page about one result."""
    part = request.app[SERVICES].fair.results
    words = Words(request, fair)
    versions: tuple[Version, ...] = ()
    names: Any = {}
    if view.own:
        versions = await part.versions(one.id)
        names = await part.names(
            [who for party in one.parties for who in (party.confirmed_by, party.person) if who]
        )
    before, changed = _since(one, view, versions)
    todo = [
        one.parties[position] for position in view.standing.confirms
        if one.state is State.CONFIRMING and not one.confirmed(one.parties[position])
    ]  # fmt: skip
    return await request.app[PAGES].render(
        request, name, status=status, one=one, view=view, words=words,
        corrections=await part.corrections(one.id), versions=versions, names=names,
        changed=[words.field(field) for field in changed], changed_since=before,
        history=[(version, [words.field(field) for field in version.changed])
                 for version in versions if version.version > 1],
        todo=todo, done=request.query.get("done", ""),
        size=size_text(one.attachment.size) if one.attachment else "", **more,
    )  # fmt: skip


async def show(request: web.Request) -> web.Response:
    one, view = await find(request)
    fair = await request.app[SERVICES].fair.settings.current()
    if not view.own and one.state is State.WITHDRAWN:
        return await request.app[PAGES].render(
            request, "result_withdrawn.html", status=410, one=one, words=Words(request, fair)
        )
    return await draw(request, "result.html", one, view, fair)


async def confirm(request: web.Request) -> web.Response:
    session = await auth.need_person(request)
    one, view = await find(request)
    form = await read_form(request, ConfirmForm)
    if not view.own or not session.account:
        raise web.HTTPNotFound()
    if form.data is None:
        raise web.HTTPBadRequest()
    data, done = form.data, "confirmed"
    try:
        await request.app[SERVICES].fair.results.confirm(
            one.id, data.version, data.digest, session.identity.id
        )
    except ResultRefused as refused:
        done = refused.code
    back = auth.safe_next(data.back, f"/results/{one.id}") if done == "confirmed" else ""
    target = back or f"/results/{one.id}"
    raise web.HTTPSeeOther(f"{target}?done={done}", headers={"Cache-Control": "no-store"})


async def attachment(request: web.Request) -> web.Response:
    """Always an attachment, whatever it is: nothing somebody sent runs in this origin."""
    one, view = await find(request)
    if not view.own and one.state is not State.RELEASED:
        raise web.HTTPNotFound()
    found = await request.app[SERVICES].fair.results.attachment(one.id)
    if found is None:
        raise web.HTTPNotFound()
    file, body = found
    headers = {
        "Content-Disposition": disposition(file.filename),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-cache",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=body, content_type=file.content_type, headers=headers)


def setup(app: web.Application, services: Services) -> None:
    """Add the pages to ``app``, and the job that publishes what is due."""

    async def release() -> None:
        fair = await services.fair.settings.current()
        while await services.fair.results.release_due(fair.time_zone):
            pass  # what was published is not due any more, so this ends

    services.jobs.every(EVERY_S, "results", release)
    results_feed.setup(app)
    results_room.setup(app)
    app.router.add_get("/results", listed)
    app.router.add_get("/results/{id}", show)
    app.router.add_post("/results/{id}/confirm", confirm)
    app.router.add_get("/results/{id}/attachment", attachment)
