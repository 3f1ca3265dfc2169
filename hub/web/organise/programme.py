"""/organise/programme: the conferences of a day; making, changing and cancelling one."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import replace
from datetime import date, time, timedelta
from functools import cache
from typing import Annotated, Any, Final, Literal, cast

from aiohttp import web
from pydantic import AfterValidator, Field, create_model

from hub.ports import StaleVersion
from hub.ports.fair import FairSettings
from hub.ports.programme import (
    Conference,
    ConferenceExists,
    Draft,
    Filter,
    RoomTaken,
    Speaker,
    UnknownReference,
)
from hub.services import Services
from hub.web import form_texts, i18n
from hub.web.audits import audit
from hub.web.bodies import Company, Name, Slug, Title
from hub.web.bodies_fair import TAGS, Paragraphs
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.opening import let_go
from hub.web.organise.common import (
    by_language,
    field_of,
    first_page,
    language_name,
    local,
    next_page,
    organiser,
    render,
    see,
    spread,
    to_ms,
)
from rooms.model import SLUG, Kind

PAGE: Final = 100
SPEAKERS_MAX: Final = 30  # rows a form may have
BLANK_ROWS: Final = 3
ROOMS_MAX: Final = 500
DAY_MS: Final = 24 * 3_600_000
PATH: Final = "/organise/programme"


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("room", "room_taken"): _("Another conference is in this room at that time."),
        ("room", "unknown"): _("There is no such room."),
        ("company", "unknown"): _("There is no company with this address."),
        ("speakers", "unknown"): _("Nobody has registered with one of these e-mail addresses."),
        ("speakers", "missing"): _("A speaker needs a name."),
        ("sector", "not_allowed"): _("Choose one of the fair's sectors."),
    }
)

Position = Annotated[str, Field(max_length=80)]
Email = Annotated[str, Field(max_length=254)]
Tag = Annotated[str, AfterValidator(lambda tag: tag if tag in TAGS else "")]


@cache
def _model(languages: tuple[str, ...]) -> type[FormModel]:
    main, *others = languages
    fields: dict[str, Any] = {field_of("title", main): (Title, ...)}
    fields |= {field_of("title", tag): (Title | None, None) for tag in others}
    fields |= {field_of("about", tag): (Paragraphs | None, None) for tag in languages}
    for row in range(SPEAKERS_MAX):
        fields |= {
            f"name{row}": (Name | None, None),
            f"role{row}": (Literal["speaker", "host"], "speaker"),
            f"email{row}": (Email | None, None),
            f"organisation{row}": (Company | None, None),
            f"position{row}": (Position | None, None),
        }
    made = create_model(
        "ConferenceForm", __base__=FormModel, **fields,
        slug=(Slug | None, None), room=(Slug, ...), sector=(Slug, ...), company=(Slug | None, None),
        day=(date, ...), starts=(time, ...), ends=(time, ...),
        languages=(list[Tag], []), version=(int, 0),
    )  # fmt: skip
    return cast(type[FormModel], made)


# --- the list --------------------------------------------------------------------------------


def _days(settings: FairSettings, starts: tuple[tuple[int, int], ...]) -> dict[date, int]:
    """Every day of the fair and every other one that has conferences, with how many."""
    counts = dict.fromkeys(settings.days, 0)
    for ms, many in starts:
        day = local(ms, settings.time_zone).date()
        counts[day] = counts.get(day, 0) + many
    return dict(sorted(counts.items()))


async def listing(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    settings = await services.fair.settings.current()
    days = _days(settings, await services.fair.conferences.starts(Filter()))
    q = request.query.get("q", "")[:100]
    try:
        chosen: date | None = date.fromisoformat(request.query.get("day", ""))
    except ValueError:
        chosen = next(iter(days), None)
    wanted = Filter(q=q or None)
    if chosen is not None and not q:
        begin = to_ms(chosen, time(), settings.time_zone)
        end = to_ms(chosen + timedelta(days=1), time(), settings.time_zone)
        wanted = replace(wanted, from_ms=begin, to_ms=end)
    try:
        found, following = await services.fair.conferences.find(
            wanted, request.query.get("cursor") or None, PAGE
        )
    except ValueError:
        raise web.HTTPBadRequest() from None
    return await render(
        request, "programme", found=found, days=days, chosen=chosen, q=q, settings=settings,
        noon={one: to_ms(one, time(12), settings.time_zone) for one in days},
        following=next_page(request, following), first=first_page(request),
    )  # fmt: skip


# --- one conference --------------------------------------------------------------------------


async def _page(
    request: web.Request, form: Form[Any], conference: Conference | None = None
) -> web.Response:
    services, _session = await organiser(request)
    settings = await services.fair.settings.current()
    reader = i18n.language_of(request)
    records, _more = await services.directory.rooms(
        kind=Kind.CONFERENCE.value, q=None, cursor=None, limit=ROOMS_MAX
    )
    rooms = [(r.spec.slug, f"{r.spec.title} ({r.spec.capacity})") for r in records]
    room = form.value("room")
    if room and room not in {slug for slug, _title in rooms}:
        rooms.append((room, room))
    used = [row for row in range(SPEAKERS_MAX) if form.value(f"name{row}")]
    return await render(
        request, "conference", form=form, conference=conference, rooms=rooms, settings=settings,
        rows=min(SPEAKERS_MAX, (used[-1] + 1 if used else 0) + BLANK_ROWS), field_of=field_of,
        written=[(tag, language_name(tag, reader)) for tag in settings.languages],
        tags=[(tag, language_name(tag, reader)) for tag in TAGS],
        status=422 if form.errors else 200,
    )  # fmt: skip


async def _filled(services: Services, settings: FairSettings, one: Conference) -> Form[Any]:
    draft = one.draft
    people = await services.fair.people.many([s.person for s in draft.speakers if s.person])
    starts, ends = (local(ms, settings.time_zone) for ms in (draft.starts_ms, draft.ends_ms))
    values: dict[str, Any] = {
        **spread("title", {settings.languages[0]: draft.title, **draft.titles}, settings.languages),
        **spread("about", draft.about, settings.languages),
        "slug": draft.slug, "room": draft.room, "sector": draft.sector, "company": draft.company,
        "day": starts.date(), "starts": f"{starts:%H:%M}", "ends": f"{ends:%H:%M}",
        "languages": list(draft.languages), "version": one.version,
    }  # fmt: skip
    for row, speaker in enumerate(draft.speakers[:SPEAKERS_MAX]):
        person = people.get(speaker.person or "")
        values |= {
            f"name{row}": speaker.name, f"role{row}": speaker.role,
            f"email{row}": person.email if person else None,
            f"organisation{row}": speaker.organisation, f"position{row}": speaker.position,
        }  # fmt: skip
    return shown(values)


async def _speakers(services: Services, form: Form[Any]) -> tuple[Speaker, ...]:
    """The speakers as typed; an address of nobody is refused."""
    found = []
    data: Any = form.data
    for row in range(SPEAKERS_MAX):
        name, email = getattr(data, f"name{row}"), getattr(data, f"email{row}")
        if name is None:
            if email is not None:
                form.refuse("speakers", "missing")
            continue
        person = await services.fair.people.by_email(email) if email else None
        if email and person is None:
            form.refuse("speakers", "unknown")
            continue
        found.append(
            Speaker(
                name, getattr(data, f"role{row}"), person.id if person else None,
                getattr(data, f"organisation{row}"), getattr(data, f"position{row}"),
            )
        )  # fmt: skip
    return tuple(found)


def _slug(title: str, day: date) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    stem = re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:48].strip("-")
    return stem or f"conference-{day:%m%d}"


async def _draft(
    services: Services, settings: FairSettings, form: Form[Any], before: Draft | None
) -> Draft | None:
    """What the form makes of ``before``; None when something was refused."""
    data: Any = form.data
    starts, ends = (to_ms(data.day, at, settings.time_zone) for at in (data.starts, data.ends))
    if ends <= starts:
        # Past midnight is possible, before the beginning on the same day is a slip.
        if data.ends < time(6) and data.starts > time(18):
            ends += DAY_MS
        else:
            form.refuse("ends", "before_start")
    kept = before is not None and before.sector == data.sector
    if settings.sector(data.sector) is None and not kept:
        form.refuse("sector", "not_allowed")
    speakers = await _speakers(services, form) if form.data is not None else ()
    if form.data is None:
        return None
    titles = by_language(data, "title", settings.languages)
    fresh: dict[str, Any] = {
        "room": data.room, "sector": data.sector, "company": data.company,
        "title": titles[settings.languages[0]], "titles": titles, "speakers": speakers,
        "about": by_language(data, "about", settings.languages),
        "starts_ms": starts, "ends_ms": ends,
        "languages": tuple(dict.fromkeys(tag for tag in data.languages if tag)),
    }  # fmt: skip
    if before is not None:
        return replace(before, **fresh)
    return Draft(slug=data.slug or _slug(fresh["title"], data.day), **fresh)


def _refuse(form: Form[Any], fault: Exception) -> None:
    match fault:
        case ConferenceExists():
            form.refuse("slug", "taken")
        case RoomTaken():
            form.refuse("room", "room_taken")
        case UnknownReference():
            for name in fault.args:
                form.refuse(name.split(".")[0], "unknown")
        case _:
            form.refuse("version", "stale")


REFUSALS: Final = (ConferenceExists, RoomTaken, UnknownReference, StaleVersion)


async def new(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    settings = await services.fair.settings.current()
    if request.method == "GET":
        day = request.query.get("day") or next(iter(settings.days), None)
        values = {"day": day, "starts": "09:00", "ends": "10:00", "room": request.query.get("room")}
        return await _page(request, shown(values))
    form = await read_form(request, _model(settings.languages))
    draft = await _draft(services, settings, form, None) if form.data is not None else None
    if draft is None:
        return await _page(request, form)
    try:
        await services.fair.conferences.create(draft)
    except REFUSALS as fault:
        _refuse(form, fault)
        return await _page(request, form)
    detail = {"title": draft.title, "room": draft.room}
    await audit(request, session.identity, "conference.create", f"conference:{draft.slug}", detail)
    raise see(PATH, "made", day=form.value("day"))


async def _found(request: web.Request, services: Services) -> Conference:
    slug = request.match_info["slug"]
    found = await services.fair.conferences.get(slug) if SLUG.fullmatch(slug) else None
    if found is None:
        raise web.HTTPNotFound()
    return found


async def edit(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    settings = await services.fair.settings.current()
    one = await _found(request, services)
    if request.method == "GET":
        return await _page(request, await _filled(services, settings, one), one)
    form = await read_form(request, _model(settings.languages))
    draft = await _draft(services, settings, form, one.draft) if form.data is not None else None
    if draft is None:
        return await _page(request, form, one)
    try:
        await services.fair.conferences.change(one.slug, int(form.value("version")), draft)
    except REFUSALS as fault:
        _refuse(form, fault)
        return await _page(request, form, one)
    await audit(
        request, session.identity, "conference.change", f"conference:{one.slug}",
        {"title": draft.title, "room": draft.room},
    )  # fmt: skip
    if draft.room != one.draft.room:
        await let_go(services, one.draft.room)
    raise see(PATH, "saved", day=form.value("day"))


async def cancel(request: web.Request) -> web.Response:
    """Cancels, or takes it back: the last part of the path says which."""
    services, session = await organiser(request)
    settings = await services.fair.settings.current()
    one = await _found(request, services)
    await read_form(request, FormModel)
    cancelled = request.path.endswith("/cancel")
    try:
        await services.fair.conferences.change(
            one.slug, one.version, replace(one.draft, cancelled=cancelled)
        )
    except REFUSALS as fault:
        form = await _filled(services, settings, one)
        _refuse(form, fault)
        return await _page(request, form, one)
    act = "conference.cancel" if cancelled else "conference.restore"
    await audit(request, session.identity, act, f"conference:{one.slug}", {})
    day = local(one.draft.starts_ms, settings.time_zone).date().isoformat()
    raise see(PATH, "cancelled" if cancelled else "restored", day=day)


def setup(app: web.Application) -> None:
    app.router.add_get(PATH, listing)
    for path, handler in ((f"{PATH}/new", new), (f"{PATH}/{{slug}}", edit)):
        app.router.add_get(path, handler)
        app.router.add_post(path, handler)
    for name in ("cancel", "restore"):
        app.router.add_post(f"{PATH}/{{slug}}/{name}", cancel)
