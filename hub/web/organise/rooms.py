"""/organise/rooms: the halls conferences are held in; one at a time, or many by a pattern."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from aiohttp import web
from pydantic import Field

from hub.ports import RoomExists, StoreLost
from hub.services import Services
from hub.web import form_texts
from hub.web.audits import audit
from hub.web.bodies import Slug, Title
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.organise.common import first_page, next_page, organiser, render, see
from hub.web.problems import Invalid
from hub.web.rooms_api import at_rest, check_spec, live_view
from rooms.model import CAPACITY_MAX, SLUG, Kind, RoomSpec

PAGE: Final = 50
BULK_MAX: Final = 500
PATH: Final = "/organise/rooms"

Capacity = Annotated[int, Field(ge=1, le=CAPACITY_MAX)]
Reserved = Annotated[int, Field(ge=0, le=CAPACITY_MAX)]


def _(text: str) -> str:
    return text


form_texts.add(
    {
        ("slug", "bad_format"): _("Use small letters a to z, digits and hyphens."),
        ("prefix", "bad_format"): _("Use small letters a to z, digits and hyphens."),
        ("prefix", "taken"): _("Every one of these rooms exists already."),
        ("reserved", "out_of_range"): _("There are not so many seats in the room."),
    }
)


class RoomForm(FormModel):
    title: Title
    slug: Slug
    capacity: Capacity
    reserved: Reserved = 0
    guests: bool = False
    waitlist: bool = False


class BulkForm(FormModel):
    prefix: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,56}$")]
    title: Title
    count: Annotated[int, Field(ge=1, le=BULK_MAX)]
    first: Annotated[int, Field(ge=1, le=9_999)] = 1
    capacity: Capacity
    reserved: Reserved = 0
    guests: bool = False
    waitlist: bool = False


async def listing(request: web.Request) -> web.Response:
    services, _session = await organiser(request)
    q = request.query.get("q", "")[:100]
    cursor = request.query.get("cursor") or None
    if cursor is not None and not SLUG.fullmatch(cursor):
        raise web.HTTPBadRequest()
    records, following = await services.directory.rooms(
        kind=Kind.CONFERENCE.value, q=q or None, cursor=cursor, limit=PAGE
    )
    try:
        rows = {row.room: row for row in (await services.board.read()).rows}
    except StoreLost:
        rows = {}  # the rooms are listed without their live numbers
    return await render(
        request, "rooms", records=records, views={r.spec.slug: at_rest(r) for r in records},
        rows=rows, q=q, following=next_page(request, following), first=first_page(request),
        made=request.query.get("made", ""), skipped=request.query.get("skipped", ""),
    )  # fmt: skip


async def _form(request: web.Request, form: Form[Any], many: bool) -> web.Response:
    return await render(
        request, "room_new", form=form, many=many, status=422 if form.errors else 200
    )


async def _make(services: Services, spec: RoomSpec) -> None:
    """Raises RoomExists."""
    record = await services.directory.create_room(spec)
    try:
        await live_view(services, record)
    except StoreLost:
        return  # it exists; Redis learns of it at its first use


def _refused(form: Form[Any], spec: RoomSpec) -> bool:
    try:
        check_spec(spec)
    except Invalid as fault:
        for error in fault.members["errors"]:
            form.refuse(error["field"], error["code"])
        return True
    return False


async def new(request: web.Request) -> web.Response:
    services, session = await organiser(request)
    if request.method == "GET":
        return await _form(request, shown({"capacity": 100, "waitlist": True}), many=False)
    form = await read_form(request, RoomForm)
    data = form.data
    if data is None:
        return await _form(request, form, many=False)
    spec = RoomSpec(**data.model_dump())
    if _refused(form, spec):
        return await _form(request, form, many=False)
    try:
        await _make(services, spec)
    except RoomExists:
        return await _form(request, form.refuse("slug", "taken"), many=False)
    await audit(
        request, session.identity, "room.create", f"room:{spec.slug}", {"capacity": spec.capacity}
    )
    raise see(PATH, "made", made="1")


def _numbered(data: BulkForm) -> list[RoomSpec]:
    """``hall-007`` and ``Hall 7`` for prefix ``hall-`` and title ``Hall``."""
    last = data.first + data.count - 1
    width = max(2, len(str(last)))
    stem = re.sub(r"-+$", "", data.prefix)
    return [
        RoomSpec(
            slug=f"{stem}-{number:0{width}d}", title=f"{data.title} {number}"[:200],
            capacity=data.capacity, reserved=data.reserved, guests=data.guests,
            waitlist=data.waitlist,
        )
        for number in range(data.first, last + 1)
    ]  # fmt: skip


async def bulk(request: web.Request) -> web.Response:
    """What exists is left as it is, so that a repeat makes only what is missing."""
    services, session = await organiser(request)
    if request.method == "GET":
        values = {"count": 10, "first": 1, "capacity": 100, "waitlist": True}
        return await _form(request, shown(values), many=True)
    form = await read_form(request, BulkForm)
    if form.data is None:
        return await _form(request, form, many=True)
    specs = _numbered(form.data)
    if _refused(form, specs[0]):
        return await _form(request, form, many=True)
    made = 0
    for spec in specs:
        try:
            await services.directory.create_room(spec)
            made += 1
        except RoomExists:
            continue
    if made == 0:
        return await _form(request, form.refuse("prefix", "taken"), many=True)
    detail = {"made": made, "first": specs[0].slug, "last": specs[-1].slug}
    await audit(request, session.identity, "rooms.create", f"rooms:{form.value('prefix')}", detail)
    raise see(PATH, "made", made=str(made), skipped=str(len(specs) - made))


def setup(app: web.Application) -> None:
    app.router.add_get(PATH, listing)
    for path, handler in ((f"{PATH}/new", new), (f"{PATH}/bulk", bulk)):
        app.router.add_get(path, handler)
        app.router.add_post(path, handler)
