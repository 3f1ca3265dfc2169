"""/organise/announcements: write, see how it looks and how many it reaches, send, take back."""

from __future__ import annotations

import time
from functools import cache
from typing import Annotated, Any, Final, Literal, cast

from aiohttp import web
from pydantic import Field, create_model

from hub.ports.fair import Announcement, FairSettings, pick
from hub.services import SERVICES, Services
from hub.web import countries, i18n
from hub.web.announcements_api import publish, take_back
from hub.web.bodies_news import Country, RoleName, Text
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise.common import (
    by_language,
    field_of,
    first_page,
    language_name,
    next_page,
    organiser,
    render,
    see,
)
from hub.web.pages import PAGES
from rooms.model import SLUG
from rooms.news import AUDIENCE_MAX, TEXT_MAX, Audience

PATH: Final = "/organise/announcements"
PAGE: Final = 20
HOURS: Final = (1, 3, 8, 24, 72, 168)
HOUR_MS: Final = 3_600_000
#: Rooms named in one announcement by the page; the API takes more.
ROOMS_MAX: Final = 50


@cache
def _model(languages: tuple[str, ...]) -> type[FormModel]:
    main, *others = languages
    fields: dict[str, Any] = {field_of("text", main): (Text, ...)}
    fields |= {field_of("text", tag): (Text | None, None) for tag in others}
    fields |= {
        "who": (Literal["everybody", "some"], "everybody"),
        "roles": (list[RoleName], []),
        "sectors": (Annotated[list[str], Field(max_length=AUDIENCE_MAX)], []),
        "countries": (Annotated[list[Country], Field(max_length=AUDIENCE_MAX)], []),
        "rooms": (Annotated[str, Field(max_length=4_000)] | None, None),
        "on_site": (Literal["yes", "no"] | None, None),
        "hours": (Literal["1", "3", "8", "24", "72", "168"], ...),
        "act": (Literal["preview", "send"], "preview"),
    }
    made = create_model("Announce", __base__=FormModel, **fields)
    return cast(type[FormModel], made)


async def _audience(services: Services, form: Form[Any], fair: FairSettings) -> Audience:
    """Whom the form names; what does not exist is refused on the form."""
    data: Any = form.data
    if data.who == "everybody":
        return Audience()
    rooms = tuple(dict.fromkeys((data.rooms or "").replace(",", " ").split()))
    if len(rooms) > ROOMS_MAX:
        form.refuse("rooms", "too_long")
    for slug in rooms[:ROOMS_MAX]:
        if not SLUG.fullmatch(slug) or await services.directory.room(slug) is None:
            form.refuse("rooms", "unknown")
    if any(fair.sector(slug) is None for slug in data.sectors):
        form.refuse("sectors", "not_allowed")
    audience = Audience(
        roles=tuple(data.roles),
        sectors=tuple(data.sectors),
        countries=tuple(data.countries),
        rooms=rooms,
        on_site=None if data.on_site is None else data.on_site == "yes",
    )
    if audience.everybody:
        form.refuse("who", "nobody_named")
    return audience


class Said:
    """What an audience is called in the reader's language."""

    def __init__(self, request: web.Request, fair: FairSettings) -> None:
        self._fair = fair
        self._language = i18n.language_of(request)
        self._entry = request.app[PAGES].languages[self._language]
        _ = self._entry.text
        self.roles = {
            "participant": _("Participants"),
            "exhibitor": _("Exhibitors"),
            "speaker": _("Speakers"),
            "moderator": _("Moderators"),
            "organiser": _("Organisers"),
        }

    def audience(self, audience: Audience) -> str:
        _ = self._entry.text
        if audience.everybody:
            return _("Everybody")
        parts = [
            ", ".join(self.roles.get(role, role) for role in audience.roles),
            ", ".join(self._fair.sector_name(slug, self._language) for slug in audience.sectors),
            ", ".join(countries.name_of(code, self._entry.locale) for code in audience.countries),
            ", ".join(audience.rooms),
            "" if audience.on_site is None else _("On site") if audience.on_site
            else _("Not on site"),
        ]  # fmt: skip
        return " · ".join(part for part in parts if part)


async def _page(
    request: web.Request, form: Form[Any], status: int = 200, **more: Any
) -> web.Response:
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    reader = i18n.language_of(request)
    said = Said(request, fair)
    try:
        items, following = await services.fair.announcements.list(
            request.query.get("cursor") or None, PAGE
        )
    except ValueError:
        raise web.HTTPBadRequest() from None
    now = time.time_ns() // 1_000_000
    return await render(
        request, "announcements", status=status, form=form, fair_settings=fair,
        field_of=field_of, written=[(tag, language_name(tag, reader)) for tag in fair.languages],
        role_pairs=list(said.roles.items()), text_max=TEXT_MAX,
        sector_pairs=[(sector.slug, sector.name(reader)) for sector in fair.sectors],
        country_pairs=countries.listed(request.app[PAGES].languages[reader].locale), hours=HOURS,
        rows=[(one, pick(one.texts, reader), said.audience(one.audience), _state(one, now))
              for one in items],
        following=next_page(request, following), first=first_page(request), **more,
    )  # fmt: skip


def _state(one: Announcement, now: int) -> str:
    if one.withdrawn_ms is not None:
        return "withdrawn"
    return "current" if one.current(now) else "over"


async def show(request: web.Request) -> web.Response:
    await organiser(request)
    return await _page(request, shown({"who": "everybody", "hours": "3"}))


async def post(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    fair = await services.fair.settings.current()
    form: Form[Any] = await read_form(request, _model(fair.languages))
    if form.data is None:
        return await _page(request, form, 422)
    data: Any = form.data
    audience = await _audience(services, form, fair)
    if form.data is None:
        return await _page(request, form, 422)
    texts = by_language(data, "text", fair.languages)
    if data.act == "send":
        until = time.time_ns() // 1_000_000 + int(data.hours) * HOUR_MS
        await publish(request, session.identity, texts, audience, until)
        raise see(PATH, "sent")
    preview = {
        "texts": [(tag, language_name(tag, i18n.language_of(request)), text)
                  for tag, text in texts.items()],
        "said": Said(request, fair).audience(audience),
        "everybody": audience.everybody,
        "reach": await services.fair.announcements.reach(audience),
    }  # fmt: skip
    return await _page(request, form, preview=preview)


async def withdraw(request: web.Request) -> web.Response:
    _services, session = await organiser(request)
    await read_form(request, FormModel)  # the CSRF field
    if await take_back(request, session.identity, request.match_info["announcement"]) is None:
        raise web.HTTPNotFound()
    raise see(PATH, "withdrawn")


def setup(app: web.Application) -> None:
    app.router.add_get(PATH, show)
    app.router.add_post(PATH, post)
    app.router.add_post(PATH + "/{announcement}/withdraw", withdraw)
