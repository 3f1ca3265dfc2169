"""/organise/settings: name, dates, zone and languages; sectors; the privacy text."""

from __future__ import annotations

import re
import unicodedata
from datetime import date
from functools import cache
from typing import Annotated, Any, Final, cast
from zoneinfo import available_timezones

from aiohttp import web
from pydantic import Field, create_model

from hub.ports import StaleVersion
from hub.ports.fair import FairChange, FairSettings, Sector
from hub.web import form_texts, i18n
from hub.web.audits import audit
from hub.web.bodies import Title
from hub.web.bodies_fair import SECTORS_MAX, TAGS, Contact, Paragraphs, Zone
from hub.web.fair_api import date_errors
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise.common import (
    by_language,
    field_of,
    language_name,
    organiser,
    render,
    see,
    spread,
)

BLANK_ROWS: Final = 3
PATH: Final = "/organise/settings"


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("ends_on", "before_start"): _("The last day is before the first."),
        ("ends_on", "too_long"): _("A fair lasts 366 days at most."),
        ("starts_on", "missing"): _("Give both days, or neither."),
        ("ends_on", "missing"): _("Give both days, or neither."),
        ("languages", "no_page_language"): _("Choose English or Chinese at least."),
        ("main", "not_chosen"): _("Choose one of the languages ticked above."),
        ("sectors", "none_left"): _("One sector must stay at least."),
        ("sectors", "missing"): _("Each sector needs a name in the main language."),
        ("confirm", "missing"): _("Tick this to publish the new text."),
    }
)  # fmt: skip


@cache
def zones() -> tuple[tuple[str, str], ...]:
    """(name, as shown) of the zones people know, by place; UTC first."""
    places = {"Africa", "America", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
    names = sorted(zone for zone in available_timezones() if zone.split("/")[0] in places)
    return tuple((zone, zone.replace("_", " ")) for zone in ("UTC", *names))


@cache
def _general(languages: tuple[str, ...]) -> type[FormModel]:
    main, *others = languages
    names: dict[str, Any] = {field_of("name", main): (Title, ...)}
    names |= {field_of("name", tag): (Title | None, None) for tag in others}
    return cast(
        type[FormModel],
        create_model(
            "General", __base__=FormModel, **names,
            starts_on=(date | None, None), ends_on=(date | None, None),
            time_zone=(Zone, ...),
            languages=(list[str], ...), main=(str, ...),
            contact=(Contact | None, None), version=(int, ...),
        ),
    )  # fmt: skip


@cache
def _sectors(languages: tuple[str, ...]) -> type[FormModel]:
    rows: dict[str, Any] = {}
    for row in range(SECTORS_MAX):
        rows[f"slug{row}"] = (str | None, None)
        rows[f"place{row}"] = (Annotated[int, Field(ge=1, le=999)] | None, None)
        rows[f"remove{row}"] = (bool, False)
        rows |= {field_of(f"name{row}", tag): (Title | None, None) for tag in languages}
    made = create_model("Sectors", __base__=FormModel, **rows, version=(int, ...))
    return cast(type[FormModel], made)


@cache
def _privacy(languages: tuple[str, ...]) -> type[FormModel]:
    main, *others = languages
    texts: dict[str, Any] = {field_of("text", main): (Paragraphs, ...)}
    texts |= {field_of("text", tag): (Paragraphs | None, None) for tag in others}
    made = create_model(
        "Privacy", __base__=FormModel, **texts, confirm=(bool, ...), after=(int, ...)
    )
    return cast(type[FormModel], made)


async def _page(
    request: web.Request, settings: FairSettings, tab: str, form: Form[Any], **more: Any
) -> web.Response:
    reader = i18n.language_of(request)
    return await render(
        request, "settings", tab=tab, form=form, settings=settings, zone_pairs=zones(),
        tags=[(tag, language_name(tag, reader)) for tag in TAGS],
        written=[(tag, language_name(tag, reader)) for tag in settings.languages],
        field_of=field_of, status=422 if form.errors else 200, **more,
    )  # fmt: skip


# --- name, dates, zone, languages ------------------------------------------------------------


def _shown(settings: FairSettings) -> Form[Any]:
    names = dict(settings.names) or {settings.languages[0]: settings.name}
    return shown(
        {
            **spread("name", names, settings.languages),
            "starts_on": settings.starts_on,
            "ends_on": settings.ends_on,
            "time_zone": settings.time_zone,
            "languages": list(settings.languages),
            "main": settings.languages[0],
            "contact": settings.contact,
            "version": settings.version,
        }
    )


def _check_general(form: Form[Any]) -> None:
    data: Any = form.data
    for name, code in date_errors(data.starts_on, data.ends_on):
        form.refuse(name, code)
    if not set(data.languages) <= set(TAGS):
        form.refuse("languages", "not_allowed")
    elif not set(data.languages) & set(i18n.LANGUAGES):
        form.refuse("languages", "no_page_language")
    elif data.main not in data.languages:
        form.refuse("main", "not_chosen")


async def general(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    settings = await services.fair.settings.current()
    if request.method == "GET":
        return await _page(request, settings, "general", _shown(settings))
    form = await read_form(request, _general(settings.languages))
    if form.data is not None:
        _check_general(form)
    data: Any = form.data
    if data is None:
        return await _page(request, settings, "general", form)
    languages = (data.main, *(tag for tag in data.languages if tag != data.main))
    change = FairChange(
        names=by_language(data, "name", settings.languages),
        dates=(data.starts_on, data.ends_on),
        time_zone=data.time_zone,
        languages=languages,
        contact=data.contact or "",
    )
    try:
        await services.fair.settings.change(data.version, change)
    except StaleVersion:
        return await _page(request, settings, "general", form.refuse("version", "stale"))
    detail = {"languages": list(languages), "zone": data.time_zone}
    await audit(request, session.identity, "fair.change", "fair:settings", detail)
    raise see(PATH, "saved")


# --- sectors ---------------------------------------------------------------------------------


def _slug(names: dict[str, str], used: set[str]) -> str:
    """An address for a new sector: its name's ASCII letters, else a number."""
    for name in names.values():
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        slug = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40]
        if slug and slug not in used:
            return slug
    return next(s for n in range(1, 1000) if (s := f"sector-{n}") not in used)


def _chosen(form: Form[Any], settings: FairSettings) -> tuple[Sector, ...]:
    """The sectors as the form has them, in the order given; refuses what is not whole."""
    known = {sector.slug: sector for sector in settings.sectors}
    found: list[tuple[int, Sector]] = []
    used = set(known)
    for row in range(SECTORS_MAX):
        typed = by_language(form.data, f"name{row}", settings.languages)
        slug = getattr(form.data, f"slug{row}")
        before = known.get(slug) if slug else None
        if getattr(form.data, f"remove{row}") or (before is None and not typed):
            continue
        if settings.languages[0] not in typed:
            form.refuse("sectors", "missing")
            return ()
        if before is None:
            slug = _slug(typed, used)
            used.add(slug)
        # Names in languages the fair no longer uses stay, should they be wanted again.
        kept = (
            {t: n for t, n in before.names.items() if t not in settings.languages} if before else {}
        )
        found.append((getattr(form.data, f"place{row}") or 1000, Sector(slug, {**typed, **kept})))
    if not found:
        form.refuse("sectors", "none_left")
    return tuple(sector for _place, sector in sorted(found, key=lambda pair: pair[0]))


def _sectors_shown(settings: FairSettings) -> Form[Any]:
    values: dict[str, Any] = {"version": settings.version}
    for row, sector in enumerate(settings.sectors[:SECTORS_MAX]):
        values |= {f"slug{row}": sector.slug, f"place{row}": row + 1}
        values |= spread(f"name{row}", sector.names, settings.languages)
    return shown(values)


async def sectors(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    settings = await services.fair.settings.current()
    rows = min(SECTORS_MAX, len(settings.sectors) + BLANK_ROWS)
    if request.method == "GET":
        return await _page(request, settings, "sectors", _sectors_shown(settings), rows=rows)
    form = await read_form(request, _sectors(settings.languages))
    chosen = _chosen(form, settings) if form.data is not None else ()
    data: Any = form.data
    if data is not None:
        try:
            await services.fair.settings.change(data.version, FairChange(sectors=chosen))
        except StaleVersion:
            form.refuse("version", "stale")
    if form.data is None:
        return await _page(request, settings, "sectors", form, rows=rows)
    detail = {"sectors": [sector.slug for sector in chosen]}
    await audit(request, session.identity, "fair.sectors", "fair:settings", detail)
    raise see(f"{PATH}/sectors", "saved")


# --- the privacy text ------------------------------------------------------------------------


async def privacy(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    settings = await services.fair.settings.current()
    if request.method == "GET":
        texts = spread("text", settings.privacy.texts, settings.languages)
        form = shown({**texts, "after": settings.privacy.version})
        return await _page(request, settings, "privacy", form)
    form = await read_form(request, _privacy(settings.languages))
    data: Any = form.data
    if data is not None:
        texts = by_language(data, "text", settings.languages)
        try:
            made = await services.fair.settings.publish_privacy(data.after, texts)
        except StaleVersion:
            form.refuse("version", "stale")
    if form.data is None:
        return await _page(request, settings, "privacy", form)
    detail = {"version": made.version}
    await audit(request, session.identity, "fair.privacy", "fair:privacy", detail)
    raise see(f"{PATH}/privacy", "published")


def setup(app: web.Application) -> None:
    for path, handler in (
        (PATH, general),
        (f"{PATH}/sectors", sectors),
        (f"{PATH}/privacy", privacy),
    ):
        app.router.add_get(path, handler)
        app.router.add_post(path, handler)
