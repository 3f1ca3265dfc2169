"""/rooms: a room's configuration lives in SQL, its live settings in Redis while it is open."""

from __future__ import annotations

import hashlib
import time
from contextlib import suppress
from typing import Any, Final

import msgspec
from aiohttp import web

from hub.ports import RoomExists, RoomRecord, RoomView, StaleVersion, StoreLost
from hub.ports.programme import Filter
from hub.services import SERVICES, Services
from hub.web.audits import audit
from hub.web.auth import Caller, need_caller, need_fair, need_right
from hub.web.bodies import epoch_ms, read
from hub.web.bodies_rooms import RoomBody, RoomCreate, RoomList, RoomPatch
from hub.web.problems import Invalid, Problem
from hub.web.query import choice, cursor_slug, limit_of, text
from hub.web.routes import BASE, Query, Route
from rooms.errors import Code, Refusal
from rooms.model import SIDES_SEATS_MAX, SLUG, Counts, Kind, Mode, RoomSpec
from rooms.permissions import Right
from rooms.times import rfc3339

PAGE: Final = 100
#: What Redis decides while a room is open; the rest is as SQL has it.
LIVE_SETTINGS: Final = ("capacity", "reserved", "locked", "lock_message", "chat", "slow_mode_s")
TIMES: Final = ("opens_at", "closes_at")
#: What a room token may change in its own room; everything else is the fair's.
FIELD_RIGHT: Final[dict[str, Right]] = {
    "capacity": Right.CAPACITY,
    "reserved": Right.CAPACITY,
    "locked": Right.LOCK,
    "lock_message": Right.LOCK,
    "chat": Right.CHAT_MODE,
    "slow_mode_s": Right.CHAT_MODE,
    "lobby": Right.ADMIT,
}


def now_ms() -> int:
    return time.time_ns() // 1_000_000


# --- a room as it is now ------------------------------------------------------------------


def at_rest(record: RoomRecord) -> RoomView:
    """The view of a room nobody ever entered."""
    return RoomView(record.spec, record.spec.state(now_ms()), Counts(), (), (), "", 0)


async def find_room(services: Services, slug: str) -> RoomRecord:
    """Raises Refusal(unknown_room)."""
    record = await services.directory.room(slug) if SLUG.fullmatch(slug) else None
    if record is None:
        raise Refusal(Code.UNKNOWN_ROOM, "there is no such room")
    return record


async def live_view(services: Services, record: RoomRecord) -> RoomView:
    """The room in Redis, loaded there when it is not yet. Raises StoreLost."""
    try:
        return await services.admission.view(record.spec.slug)
    except Refusal as refusal:
        if refusal.code is not Code.UNKNOWN_ROOM:
            raise
    if record.spec.closed:
        return at_rest(record)
    await services.admission.load(record.spec)
    return await services.admission.view(record.spec.slug)


def in_force(record: RoomRecord, view: RoomView) -> RoomSpec:
    """The configuration with the live settings that moderators have set since."""
    live = {name: getattr(view.spec, name) for name in LIVE_SETTINGS}
    return msgspec.structs.replace(record.spec, **live)


def etag_of(record: RoomRecord, spec: RoomSpec) -> str:
    """Changes with the configuration, live settings included; never with occupancy."""
    content = hashlib.blake2s(msgspec.json.encode(spec), digest_size=6).hexdigest()
    return f'"{record.version}-{content}"'


def room_body(record: RoomRecord, view: RoomView) -> dict[str, Any]:
    spec, counts = in_force(record, view), view.counts
    body = {
        name: getattr(spec, name)
        for name in RoomBody.model_fields
        if name in RoomSpec.__struct_fields__
    }
    for name in TIMES:
        body[name] = None if body[name] is None else rfc3339(body[name])
    return {
        **body,
        "state": "closed" if record.spec.closed else view.state,
        "live": counts.live,
        "held": counts.held,
        "offered": counts.offered,
        "waiting": counts.waiting,
        "stage": counts.stage,
    }


def _answer(
    record: RoomRecord, view: RoomView, status: int = 200, headers: dict[str, str] | None = None
) -> web.Response:
    etag = etag_of(record, in_force(record, view))
    return web.json_response(
        room_body(record, view),
        status=status,
        headers={"ETag": etag, "Cache-Control": "no-store", **(headers or {})},
    )


# --- what a configuration must hold -------------------------------------------------------


def check_spec(spec: RoomSpec, before: RoomSpec | None = None) -> RoomSpec:
    """Raises Invalid for fields that contradict each other."""
    errors = []
    # A moderator may have lowered the capacity below it: that stops no other change.
    if spec.reserved > spec.capacity and (
        before is None or (before.reserved, before.capacity) != (spec.reserved, spec.capacity)
    ):
        errors.append(("reserved", "out_of_range"))
    if spec.kind is Kind.CONFERENCE:
        only_talks = ("mode", "lobby", "sides", "relay_only")
        errors += [(name, "not_allowed") for name in only_talks if getattr(spec, name)]
    else:
        errors += _talk_errors(spec)
    if spec.closes_at is not None:
        if spec.opens_at is not None and spec.closes_at <= spec.opens_at:
            errors.append(("closes_at", "before_opening"))
        elif spec.closes_at <= now_ms() and (before is None or before.closes_at != spec.closes_at):
            errors.append(("closes_at", "in_the_past"))
    if errors:
        raise Invalid(errors)
    return spec


def _talk_errors(spec: RoomSpec) -> list[tuple[str, str]]:
    """What a negotiation room may not be."""
    errors = []
    if spec.guests:
        errors.append(("guests", "not_allowed"))  # only invited people enter
    if spec.sides:
        most = 2 if spec.mode is Mode.ONE_TO_ONE else min(spec.capacity, SIDES_SEATS_MAX)
        if spec.mode not in {Mode.ONE_TO_ONE, Mode.MANY_TO_MANY}:
            errors.append(("sides", "not_allowed"))
        elif sum(spec.sides.values()) > most:
            errors.append(("sides", "out_of_range"))
        if spec.reserved:
            errors.append(("reserved", "not_allowed"))  # each side has its seats already
    return errors


def _values(body: RoomCreate | RoomPatch, names: set[str]) -> dict[str, Any]:
    values = {name: getattr(body, name) for name in names}
    for name in TIMES:
        if name in values:
            values[name] = epoch_ms(values[name])
    if values.get("mode") is not None:
        values["mode"] = Mode(values["mode"])
    if "kind" in values:
        values["kind"] = Kind(values["kind"])
    return values


# --- handlers -----------------------------------------------------------------------------


async def create(request: web.Request) -> web.Response:
    caller = await need_fair(request)
    services = request.app[SERVICES]
    body = await read(request, RoomCreate)
    spec = check_spec(RoomSpec(**_values(body, set(RoomCreate.model_fields))))
    try:
        record = await services.directory.create_room(spec)
    except RoomExists:
        raise Problem(409, "room_exists", "a room with this slug exists") from None
    detail = body.model_dump(mode="json", exclude_unset=True)
    await audit(request, caller.identity, "room.create", f"room:{spec.slug}", detail)
    if spec.state(now_ms()) == "open":
        opened_ms = record.created_ms if spec.opens_at is None else spec.opens_at
        await services.fair.webhooks.room_opened_or_closed(
            "opened", spec.slug, spec.title, opened_ms
        )
    try:
        view = await live_view(services, record)
    except StoreLost:
        view = at_rest(record)  # it exists; Redis learns of it at its first use
    return _answer(record, view, 201, {"Location": f"{BASE}/rooms/{spec.slug}"})


async def list_rooms(request: web.Request) -> web.Response:
    """Counts come from the fair's board: at most 2 s old, one read for the page."""
    await need_fair(request)
    services = request.app[SERVICES]
    kind = choice(request, "kind", [kind.value for kind in Kind])
    q = text(request, "q", 100)
    cursor = cursor_slug(request)
    limit = limit_of(request, PAGE)
    records, following = await services.directory.rooms(kind=kind, q=q, cursor=cursor, limit=limit)
    rows = {row.room: row for row in (await services.board.read()).rows}
    items = []
    for record in records:
        view = at_rest(record)
        row = rows.get(record.spec.slug)
        if row is not None and not record.spec.closed:
            live = msgspec.structs.replace(
                record.spec, capacity=row.capacity, reserved=row.reserved, locked=row.locked
            )
            counts = Counts(row.live, row.held, row.offered, row.waiting, row.stage)
            view = RoomView(live, row.state, counts, (), (), "", 0)
        items.append(room_body(record, view))
    return web.json_response(
        {"items": items, "next": following}, headers={"Cache-Control": "no-store"}
    )


async def get(request: web.Request) -> web.Response:
    services = request.app[SERVICES]
    slug = request.match_info["room"]
    caller = await need_caller(request)
    # A guest, or a token of another room, learns nothing here, not even that it exists.
    if not (caller.everywhere or caller.identity.room == slug):
        raise Refusal(Code.FORBIDDEN, "this needs a credential for the room")
    record = await find_room(services, slug)
    return _answer(record, await live_view(services, record))


def _check_fields(caller: Caller, slug: str, fields: set[str]) -> None:
    if caller.everywhere:
        return
    for name in fields:
        right = FIELD_RIGHT.get(name)
        if right is None or not caller.may(slug, right):
            raise Refusal(Code.FORBIDDEN, f"changing {name} needs more rights")


async def _check_times(services: Services, spec: RoomSpec, before: RoomSpec) -> None:
    """Raises Invalid for times set by hand where the programme would take them back at once."""
    moved = [name for name in TIMES if getattr(spec, name) != getattr(before, name)]
    if not moved:
        return
    coming = Filter(room=spec.slug, ends_after_ms=now_ms(), cancelled=False)
    if (await services.fair.conferences.find(coming, None, 1))[0]:
        raise Invalid([(name, "by_programme") for name in moved])


async def apply_change(
    services: Services, record: RoomRecord, before: RoomSpec, spec: RoomSpec
) -> RoomRecord:
    """Change a room from ``before``, what is in force, to ``spec``: stored and running.

    SQL first: what it accepted, Redis is brought in line with. Raises Problem(412 stale),
    nothing changed then.
    """
    stale = Problem(412, "stale", "the room was changed since; read it again")
    slug = spec.slug
    try:
        changed = await services.directory.change_room(slug, record.version, spec)
    except StaleVersion:
        raise stale from None
    try:
        await services.admission.settings(spec, before)
    except StaleVersion:
        # A moderator inside was quicker, between our look and here: theirs holds.
        with suppress(StaleVersion):
            await services.directory.change_room(slug, changed.version, record.spec)
        raise stale from None
    return changed


async def change(request: web.Request) -> web.Response:
    """Compare and swap by ETag."""
    services = request.app[SERVICES]
    slug = request.match_info["room"]
    caller = await need_caller(request)
    if not (caller.everywhere or caller.may(slug, Right.LOCK)):
        raise Refusal(Code.FORBIDDEN, "this needs more rights in the room")
    record = await find_room(services, slug)
    condition = request.headers.get("If-Match")
    if condition is None:
        raise Problem(428, "precondition_required", "If-Match with the room's ETag is needed")
    body = await read(request, RoomPatch)
    fields = set(body.model_fields_set)
    _check_fields(caller, slug, fields)
    view = await live_view(services, record)
    before = in_force(record, view)
    if not _matches(condition, etag_of(record, before)):
        raise Problem(412, "stale", "the room was changed since; read it again")
    if record.spec.closed:
        raise Refusal(Code.ROOM_CLOSED, "the room is closed")
    spec = check_spec(msgspec.structs.replace(before, **_values(body, fields)), before)
    await _check_times(services, spec, before)
    if spec != before:
        record = await apply_change(services, record, before, spec)
        detail = body.model_dump(mode="json", include=fields)
        await audit(request, caller.identity, "room.change", f"room:{slug}", detail)
        view = await services.admission.view(slug)
    return _answer(record, view)


def _matches(condition: str, etag: str) -> bool:
    """RFC 9110 section 13.1.1: strong comparison, a list or ``*``."""
    given = [part.strip() for part in condition.split(",")]
    return "*" in given or etag in given


async def close(request: web.Request) -> web.Response:
    """Both sides are closed each time, so that a repeat mends a half-done one."""
    services = request.app[SERVICES]
    slug = request.match_info["room"]
    caller = await need_right(request, slug, Right.CLOSE)
    record = await find_room(services, slug)
    await live_view(services, record)
    await services.directory.close_room(slug)
    try:
        await services.admission.close(slug, caller.identity, caller.identity.role)
    except Refusal as refusal:
        if refusal.code not in {Code.ROOM_CLOSED, Code.UNKNOWN_ROOM}:
            raise
    await audit(request, caller.identity, "room.close", f"room:{slug}", {})
    if not record.spec.closed:
        await services.fair.webhooks.room_opened_or_closed(
            "closed", slug, record.spec.title, now_ms()
        )
    return web.Response(status=204)


_ETAG: Final = ("ETag", "names the configuration, for If-Match")

ROUTES: Final = (
    Route(
        "POST", "/rooms", create, "createRoom", "Create a room", 201, RoomBody,
        body=RoomCreate, problems=(409,), headers=(_ETAG, ("Location", "the room")),
    ),
    Route(
        "GET", "/rooms", list_rooms, "listRooms", "List rooms", 200, RoomList, problems=(422,),
        query=(
            Query("kind", {"type": "string", "enum": [kind.value for kind in Kind]}, "one kind"),
            Query("q", {"type": "string", "maxLength": 100}, "part of title or slug"),
            Query("cursor", {"type": "string", "maxLength": 64}, "`next` of the page before"),
            Query("limit", {"type": "integer", "minimum": 1, "maximum": 200}, "rooms a page"),
        ),
    ),
    Route(
        "GET", "/rooms/{room}", get, "getRoom", "One room, exact", 200, RoomBody,
        problems=(404,), headers=(_ETAG,),
    ),
    Route(
        "PATCH", "/rooms/{room}", change, "changeRoom",
        "Change a room; its times are the programme's while it has a conference to come", 200,
        RoomBody, body=RoomPatch, problems=(404, 409, 412, 428), headers=(_ETAG,), if_match=True,
    ),
    Route(
        "DELETE", "/rooms/{room}", close, "closeRoom", "Close a room", 204, None,
        problems=(404, 409),
    ),
)  # fmt: skip
