"""/organise/onsite: the times in which people may come in, and how many at a time."""

from __future__ import annotations

from datetime import date, time
from typing import Annotated, Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from pydantic import Field

from hub.ports.onsite import OnsiteRefused
from hub.web import form_texts
from hub.web.audits import audit
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise.common import first_page, local, next_page, organiser, render, see, to_ms

PAGE: Final = 100
PATH: Final = "/organise/onsite"
SERIES_MAX: Final = 96  # slots of one form: a day in quarters of an hour
MINUTE_MS: Final = 60_000


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("until", "before_start"): _("The end is before the beginning."),
        ("minutes", "too_many"): _("That would be more than 96 slots. Take a longer step."),
        ("minutes", "too_long"): _("The step is longer than the whole time."),
        "below_taken": _("More places than that are taken already."),
        "slot_taken": _("People hold passes for this slot. It cannot be deleted."),
    }
)


class SeriesForm(FormModel):
    day: date
    since: time
    until: time
    minutes: Annotated[int, Field(ge=5, le=1440)]
    capacity: Annotated[int, Field(ge=1, le=100_000)]


class CapacityForm(FormModel):
    capacity: Annotated[int, Field(ge=1, le=100_000)]


async def _page(
    request: web.Request, form: Form[Any] | None = None, refused: tuple[str, str] = ("", "")
) -> web.Response:
    """``refused``: (slot, code) of a slot that was not changed."""
    services, _session = await organiser(request)
    settings = await services.fair.settings.current()
    zone = ZoneInfo(settings.time_zone)
    try:
        slots, following = await services.fair.passes.slots(
            cursor=request.query.get("cursor") or None, limit=PAGE
        )
    except ValueError:
        raise web.HTTPBadRequest() from None
    days: dict[str, list[Any]] = {}
    for slot in slots:
        days.setdefault(local(slot.starts_ms, settings.time_zone).date().isoformat(), []).append(
            slot
        )
    first_day = next(iter(settings.days), None)
    form = form or shown(
        {"day": first_day, "since": "09:00", "until": "17:00", "minutes": 30, "capacity": 200}
    )
    return await render(
        request, "onsite", form=form, days=days, refused=refused, settings=settings,
        counts=await services.fair.passes.counts(zone), made=request.query.get("made", ""),
        following=next_page(request, following), first=first_page(request),
        status=422 if form.errors or refused[1] else 200,
    )  # fmt: skip


def _series(form: Form[SeriesForm], zone: str) -> list[tuple[int, int]]:
    """(start, end) of each slot; refuses what makes none or too many."""
    data = form.data
    assert data is not None
    starts, ends = to_ms(data.day, data.since, zone), to_ms(data.day, data.until, zone)
    step = data.minutes * MINUTE_MS
    if ends <= starts:
        form.refuse("until", "before_start")
    elif step > ends - starts:
        form.refuse("minutes", "too_long")
    elif (ends - starts) // step > SERIES_MAX:
        form.refuse("minutes", "too_many")
    if form.data is None:
        return []
    # What is left after the last whole step is no slot.
    return [(at, at + step) for at in range(starts, ends - step + 1, step)]


async def page(request: web.Request) -> web.Response:
    return await _page(request)


async def create(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    zone = (await services.fair.settings.current()).time_zone
    form = await read_form(request, SeriesForm)
    series = _series(form, zone) if form.data is not None else []
    data = form.data
    if data is None:
        return await _page(request, form)
    made = 0
    try:
        for starts, ends in series:
            await services.fair.passes.create_slot(starts, ends, data.capacity)
            made += 1
    except OnsiteRefused as refusal:
        form.refuse("day", refusal.code)
    if made:
        detail = {"day": data.day.isoformat(), "slots": made, "capacity": data.capacity}
        await audit(request, session.identity, "slots.create", f"slots:{data.day}", detail)
    if form.data is None:
        return await _page(request, form)
    raise see(PATH, "made", made=str(made))


async def change(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    slot = request.match_info["slot"]
    form = await read_form(request, CapacityForm)
    if form.data is None:
        return await _page(request, refused=(slot, next(iter(form.errors.values()))))
    try:
        await services.fair.passes.change_slot(slot, form.data.capacity)
    except OnsiteRefused as refusal:
        return await _refusal(request, slot, refusal)
    detail = {"capacity": form.data.capacity}
    await audit(request, session.identity, "slot.change", f"slot:{slot}", detail)
    raise see(PATH, "changed")


async def delete(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    slot = request.match_info["slot"]
    await read_form(request, FormModel)
    try:
        await services.fair.passes.delete_slot(slot)
    except OnsiteRefused as refusal:
        return await _refusal(request, slot, refusal)
    await audit(request, session.identity, "slot.delete", f"slot:{slot}", {})
    raise see(PATH, "deleted")


async def _refusal(request: web.Request, slot: str, refusal: OnsiteRefused) -> web.Response:
    if refusal.code == "unknown_slot":
        raise web.HTTPNotFound()
    return await _page(request, refused=(slot, refusal.code))


def setup(app: web.Application) -> None:
    app.router.add_get(PATH, page)
    app.router.add_post(PATH, create)
    app.router.add_post(f"{PATH}/{{slot:[A-Za-z0-9]{{1,64}}}}", change)
    app.router.add_post(f"{PATH}/{{slot:[A-Za-z0-9]{{1,64}}}}/delete", delete)
