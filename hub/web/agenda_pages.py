"""What one person chose: /me/agenda with its clashes, its calendar, and the feed to subscribe to.

/me/agenda   the list   POST …/add, …/remove   (asks first when something clashes)
/me/agenda.ics          POST /me/agenda/feed   makes, renews or revokes the feed's address
/calendar/{token}.ics   the feed: who knows the address reads the agenda
"""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import groupby
from typing import Final, Literal

from aiohttp import web
from pydantic import Field

from hub.ports.programme import Conference, Filter
from hub.services import SERVICES
from hub.web import auth, calendar, i18n
from hub.web.appointments_calendar import feed_events
from hub.web.forms import FormModel, read_form
from hub.web.pages import PAGES
from hub.web.programme_pages import rows_of
from rooms.model import SLUG

AGENDA_PAGE: Final = 200
FEED_MAX: Final = 500
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{43}")


class Choice(FormModel):
    conference: str = Field(pattern=r"^[a-z0-9-]{1,64}$")
    anyway: bool = False
    back: str = Field("/me/agenda", max_length=1024)


class FeedAct(FormModel):
    act: Literal["renew", "revoke"]


async def _account(request: web.Request) -> str:
    """The account's id. For a session without one the page does not exist (HTTPNotFound)."""
    session = await auth.need_person(request)
    if not session.account:
        raise web.HTTPNotFound()
    return session.identity.id


async def _everything(request: web.Request, person: str) -> tuple[Conference, ...]:
    """The agenda, at most FEED_MAX conferences of it."""
    find = request.app[SERVICES].fair.conferences.find
    return (await find(Filter(agenda_of=person), None, FEED_MAX))[0]


async def agenda(request: web.Request) -> web.Response:
    pages, services = request.app[PAGES], request.app[SERVICES]
    person = await _account(request)
    made = await rows_of(request)
    cursor = request.query.get("cursor") or None
    try:
        found, following = await services.fair.conferences.find(
            Filter(
                agenda_of=person,
                ends_after_ms=None if request.query.get("whole") == "1" else made.now_ms,
            ),
            cursor,
            AGENDA_PAGE,
        )
    except ValueError:
        raise web.HTTPNotFound() from None
    days = [
        (made.time.day(day), [replace(made.row(one), in_agenda=True) for one in listed])
        for day, listed in groupby(found, key=lambda one: made.time.day_of(one.draft.starts_ms))
    ]
    token = await services.fair.conferences.feed(person)
    return await pages.render(
        request, "agenda.html",
        days=days,
        clashing=sum(bool(row.clashes) for _, rows in days for row in rows),
        chosen=len(made.slots or ()),
        whole=request.query.get("whole") == "1",
        following=f"/me/agenda?cursor={following}" if following else None,
        feed=f"{services.config.public_url}/calendar/{token}.ics" if token else "",
        zone=made.time.zone_name(made.now_ms),
    )  # fmt: skip


async def add(request: web.Request) -> web.Response:
    """Without JavaScript: a clash is shown on a page of its own before anything is added."""
    pages, services = request.app[PAGES], request.app[SERVICES]
    person = await _account(request)
    form = await read_form(request, Choice)
    if form.data is None:
        raise web.HTTPBadRequest()
    slug, back = form.data.conference, auth.safe_next(form.data.back, "/me/agenda")
    try:
        clashes = await services.fair.conferences.add_to_agenda(
            person, slug, anyway=form.data.anyway
        )
    except LookupError:
        raise web.HTTPNotFound() from None
    if not clashes or form.data.anyway:
        raise web.HTTPSeeOther(back)
    one = await services.fair.conferences.get(slug)
    if one is None:
        raise web.HTTPNotFound()
    made = await rows_of(request)
    return await pages.render(
        request, "agenda_clash.html", status=409,
        row=made.row(one), others=[made.row(other) for other in clashes], back=back,
        zone=made.time.zone_name(one.draft.starts_ms),
    )  # fmt: skip


async def remove(request: web.Request) -> web.Response:
    person = await _account(request)
    form = await read_form(request, Choice)
    if form.data is None or not SLUG.fullmatch(form.data.conference):
        raise web.HTTPBadRequest()
    conferences = request.app[SERVICES].fair.conferences
    await conferences.remove_from_agenda(person, form.data.conference)
    raise web.HTTPSeeOther(auth.safe_next(form.data.back, "/me/agenda"))


# --- calendars ----------------------------------------------------------------------------


async def agenda_ics(request: web.Request) -> web.Response:
    person = await _account(request)
    language = i18n.language_of(request)
    response = await _calendar(request, person, language, "no-cache, private")
    response.headers["Vary"] = "Accept-Language, Cookie"
    return response


async def _calendar(request: web.Request, person: str, language: str, cache: str) -> web.Response:
    pages, services = request.app[PAGES], request.app[SERVICES]
    found = await _everything(request, person)
    fair = await services.fair.settings.current()
    texts = pages.languages[i18n.match(language) or "en"]
    name = texts.text("My agenda, {fair}", fair=fair.name_in(texts.tag))
    meetings = await feed_events(services, person, fair, texts)
    body = calendar.calendar(
        found, fair, texts.tag, services.config.public_url, texts.text, name, meetings
    )
    return calendar.respond(request, body, "agenda.ics", cache)


async def feed_act(request: web.Request) -> web.Response:
    person = await _account(request)
    form = await read_form(request, FeedAct)
    if form.data is None:
        raise web.HTTPBadRequest()
    conferences = request.app[SERVICES].fair.conferences
    if form.data.act == "revoke":
        await conferences.revoke_feed(person)
    else:
        await conferences.renew_feed(person)
    raise web.HTTPSeeOther("/me/agenda#calendar")


async def feed(request: web.Request) -> web.Response:
    """No cookie, no session: the address is the secret. An unknown one is a plain 404."""
    services = request.app[SERVICES]
    token = request.match_info["token"]
    owner = await services.fair.conferences.feed_owner(token) if _TOKEN.fullmatch(token) else None
    if owner is None:
        return web.Response(status=404, text="There is no such calendar.\n", headers={
            "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
        })  # fmt: skip
    return await _calendar(request, *owner, "private, max-age=300")


def setup(app: web.Application) -> None:
    app.router.add_get("/me/agenda", agenda)
    app.router.add_get("/me/agenda.ics", agenda_ics)
    app.router.add_post("/me/agenda/add", add)
    app.router.add_post("/me/agenda/remove", remove)
    app.router.add_post("/me/agenda/feed", feed_act)
    app.router.add_get("/calendar/{token}.ics", feed)
