"""The fair's negotiation rooms as numbers and states; opened in bulk, ended on a complaint.

Never who is in a talk, nor what it is about: organisers are outsiders of it.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, time
from typing import Annotated, Any, Final, Literal

from aiohttp import web
from pydantic import AfterValidator, Field

from hub.ports import BoardRow, WebSession
from hub.ports.talks import (
    CAPACITY_MAX,
    OPEN_MANY_MAX,
    OPENS_BEFORE_MS,
    STATES,
    Belonging,
    TalkDraft,
    TalkRefused,
)
from hub.services import SERVICES, Services
from hub.web import form_texts
from hub.web.audits import audit
from hub.web.bodies import Slug, Title
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise import talk_sheets
from hub.web.organise.common import first_page, local, next_page, organiser, render, see, to_ms
from hub.web.organise.people import ReasonForm
from hub.web.organise.talk_sheets import BadTalks
from hub.web.talks import end_talk, now_ms
from hub.web.talks_api import board_rows
from rooms.model import SLUG, Mode

PAGE: Final = 50
SHEET_MAX: Final = 2 * 1024 * 1024
MINUTES_MAX: Final = 720
HOSTS_MAX: Final = 50
PATH: Final = "/organise/negotiations"
_TALK_ROOM: Final = re.compile(r"n-[a-z2-7]{20}")


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("company", "nobody"): _("Nobody works for this company at the fair yet."),
        ("starts", "in_the_past"): _("This is in the past."),
        ("sheet", "bad_rows"): _(
            "Nothing was opened. Put right what is listed, then send it again."
        ),
    }
)

#: What is wrong in a row of a sheet.
FAULTS: Final[dict[str, str]] = {
    "missing": _("is missing"),
    "not_allowed": _("is none of the possible values"),
    "bad_text": _("has characters that must not be there, or is too long"),
    "bad_format": _("is no date and time like 2027-09-04 14:30"),
    "in_the_past": _("is in the past"),
    "before_start": _("is before the beginning, or in the past"),
    "out_of_range": _("is outside what is possible"),
    "unknown": _("is not known at this fair"),
    "too_many": _("has too many"),
    "wrong_mode": _("has more people than the mode allows"),
    "too_many_rows": _("The sheet has more than 1,000 rows."),
    "empty": _("The sheet has no rows."),
}


class OpenForm(FormModel):
    mode: Literal["one_to_one", "one_to_many", "many_to_many"]
    subject: Title
    company: Slug
    count: Annotated[int, Field(ge=1, le=OPEN_MANY_MAX)] = 1
    seats: Annotated[int, Field(ge=2, le=CAPACITY_MAX)] = 10
    day: date
    starts: Annotated[time, AfterValidator(lambda value: value.replace(tzinfo=None))]
    minutes: Annotated[int, Field(ge=5, le=MINUTES_MAX)]
    lobby: bool = False
    relay_only: bool = False


class SheetForm(FormModel):
    """A file and nothing else."""


# --- the list -----------------------------------------------------------------------------------


async def listing(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    q = "".join(char for char in request.query.get("q", "")[:64] if char.isprintable())
    state = _picked(request, "state", STATES)
    mode = _picked(request, "mode", [mode.value for mode in Mode])
    try:
        found, following = await services.fair.talks.list(
            state=state, mode=mode, cursor=request.query.get("cursor") or None, limit=PAGE,
            q=q or None,
        )  # fmt: skip
    except ValueError:
        raise web.HTTPBadRequest() from None
    rows, now = await board_rows(services), now_ms()
    return await render(
        request, "negotiations", talks=found, rows=rows, q=q, state=state or "", mode=mode or "",
        counts=await services.fair.talks.counts(), live=_live(rows), now=now,
        made=request.query.get("made", ""), modes=[mode.value for mode in Mode], states=STATES,
        following=next_page(request, following), first=first_page(request),
    )  # fmt: skip


def _picked(request: web.Request, name: str, allowed: Any) -> str | None:
    value = request.query.get(name, "")
    return value if value in allowed else None


def _live(rows: dict[str, BoardRow]) -> dict[str, int]:
    """Of the talks' rooms, as the board has them now."""
    talks = [row for room, row in rows.items() if _TALK_ROOM.fullmatch(room)]
    return {
        "busy": sum(1 for row in talks if row.live + row.held > 0),
        "inside": sum(row.live + row.held for row in talks),
        "waiting": sum(row.waiting for row in talks),
    }


# --- opening ------------------------------------------------------------------------------------


async def _form(
    request: web.Request, services: Services, form: Form[Any], sheet: Form[Any] | None = None,
    faults: Any = (),
) -> web.Response:  # fmt: skip
    sheet = sheet or shown({})
    settings = await services.fair.settings.current()
    return await render(
        request, "negotiations_new", form=form, sheet=sheet, faults=faults, settings=settings,
        said=FAULTS, status=422 if form.errors or sheet.errors else 200,
        modes=[mode.value for mode in Mode],
    )  # fmt: skip


async def _start(services: Services) -> Form[Any]:
    zone = (await services.fair.settings.current()).time_zone
    today = local(now_ms(), zone).date()
    values = {"mode": "one_to_many", "count": 1, "seats": 10, "minutes": 60, "day": today}
    return shown(values)


async def new(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    if request.method == "GET":
        return await _form(request, services, await _start(services))
    form = await read_form(request, OpenForm)
    data = form.data
    if data is None:
        return await _form(request, services, form)
    company = await services.fair.companies.get(data.company)
    if company is None:
        return await _form(request, services, form.refuse("company", "unknown"))
    staff = await services.fair.companies.staff(data.company)
    if not staff:
        return await _form(request, services, form.refuse("company", "nobody"))
    zone = (await services.fair.settings.current()).time_zone
    starts = to_ms(data.day, data.starts, zone)
    ends = starts + data.minutes * 60_000
    if ends <= now_ms():
        return await _form(request, services, form.refuse("starts", "in_the_past"))
    mode = Mode(data.mode)
    hosts = staff[: 1 if mode is Mode.ONE_TO_ONE else HOSTS_MAX]
    draft = TalkDraft(
        origin="organiser", origin_id=None, company=data.company, mode=mode, subject=data.subject,
        starts_ms=starts, ends_ms=ends, by=session.identity.id, capacity=data.seats,
        reserved=1 if mode is Mode.ONE_TO_MANY else 0, lobby=data.lobby,
        relay_only=data.relay_only, opens_ms=starts - OPENS_BEFORE_MS,
        members=tuple(Belonging(one.person, data.company) for one in hosts),
    )  # fmt: skip
    drafts = [draft] * data.count
    if data.count > 1:
        drafts = [
            replace(draft, subject=f"{data.subject[:194]} {number}")
            for number in range(1, data.count + 1)
        ]
    try:
        await _open(request, session, drafts)
    except TalkRefused:  # its staff changed just now
        return await _form(request, services, form.refuse("company", "nobody"))
    raise see(PATH, "made", made=str(len(drafts)))


async def _open(request: web.Request, session: WebSession, drafts: list[TalkDraft]) -> None:
    services = request.app[SERVICES]
    made = await services.fair.talks.open_many(drafts)
    detail = {"made": len(made), "mode": made[0].mode, "company": made[0].company}
    await audit(request, session.identity, "talks.open", f"room:{made[0].room}", detail)


async def sheet(request: web.Request) -> web.Response:
    """All rows or none."""
    services, session = await organiser(request)
    form = await read_form(request, SheetForm, file_limit=SHEET_MAX)
    upload = form.files.get("sheet")
    if upload is None and "sheet" not in form.errors:
        form.refuse("sheet", "missing")
    if upload is None or form.data is None:
        return await _form(request, services, await _start(services), form)
    zone = (await services.fair.settings.current()).time_zone
    try:
        rows = await talk_sheets.parse(upload.body, zone, now_ms())
        drafts = await talk_sheets.drafts(services, rows, session.identity.id)
        await _open(request, session, drafts)
    except BadTalks as bad:
        form.refuse("sheet", "bad_rows")
        return await _form(request, services, await _start(services), form, bad.faults)
    except TalkRefused as refused:
        # Somebody or some company went between the look and the write.
        form.refuse("sheet", "bad_rows")
        column = "company" if refused.code == "unknown_company" else "people"
        faults = (talk_sheets.Fault(0, column, "unknown"),)
        return await _form(request, services, await _start(services), form, faults)
    raise see(PATH, "made", made=str(len(drafts)))


# --- one ----------------------------------------------------------------------------------------


async def one(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    room = request.match_info["room"]
    talk = await services.fair.talks.get(room) if SLUG.fullmatch(room) else None
    if talk is None:
        raise web.HTTPNotFound()
    form: Form[Any] = shown({})
    if request.method == "POST":
        form = await read_form(request, ReasonForm)
        if form.data is not None:
            if await end_talk(services, room, session.identity, "complaint"):
                note = {"note": form.data.reason}
                await audit(request, session.identity, "talk.end", f"room:{room}", note)
            raise see(f"{PATH}/{room}", "ended")
    record = await services.directory.room(room)
    return await render(
        request, "negotiation", talk=talk, form=form, spec=record.spec if record else None,
        row=(await board_rows(services)).get(room), now=now_ms(),
        status=422 if form.errors else 200,
    )  # fmt: skip


def setup(app: web.Application) -> None:
    """Add the pages to ``app``."""
    add = app.router
    add.add_get(PATH, listing)
    add.add_get(f"{PATH}/new", new)
    add.add_post(f"{PATH}/new", new)
    add.add_post(f"{PATH}/sheet", sheet)
    add.add_get(f"{PATH}/{{room}}", one)
    add.add_post(f"{PATH}/{{room}}", one)
