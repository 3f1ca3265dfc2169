"""What a company offers: published, changed, taken back.

``taken`` changes only in a statement that also checks ``capacity``. What counts or compares
slots of one company happens one after another (``lock_company``).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import rows
from hub.fair.appointments.ending import Ending
from hub.fair.appointments.rows import A, S
from hub.fair.appointments.times import check_times
from hub.fair.engine import transaction
from hub.fair.tables import meeting_slots
from hub.ports.appointments import (
    CAPACITY_MAX,
    PAGE_MAX,
    SERIES_MAX,
    SLOTS_MAX,
    TABLES_MAX,
    AppointmentRefused,
    Change,
    MeetingSlot,
    SlotChange,
    SlotDraft,
)
from rooms.appointments import Act, State

_ROWS = 200  # of one INSERT


class MeetingSlots(Ending):
    """The slots of ``hub.ports.appointments.Appointments``."""

    async def publish(
        self, company: str, drafts: Sequence[SlotDraft], by: str
    ) -> tuple[MeetingSlot, ...]:
        if not drafts:
            raise AppointmentRefused("no_slots")
        if len(drafts) > SERIES_MAX:
            raise AppointmentRefused("too_many_slots")
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            if not await rows.lock_company(connection, company):
                raise AppointmentRefused("unknown_company")
            wanted = [await self._owned(connection, company, by, _whole(one)) for one in drafts]
            for one in wanted:
                _check(one, now)
            for person in {one.staff for one in wanted if one.staff is not None}:
                await rows.need_colleague(connection, company, person)
            counted = sa.select(sa.func.count()).where(
                S.company == company, S.ends_ms > now, S.cancelled_ms.is_(None)
            )
            if (await connection.execute(counted)).scalar_one() + len(wanted) > SLOTS_MAX:
                raise AppointmentRefused("too_many_slots")
            await _check_overlaps(connection, company, wanted)
            values: list[dict[str, Any]] = [
                {
                    "id": rows.new_id(), "company": company, "staff": one.staff,
                    "starts_ms": one.starts_ms, "ends_ms": one.ends_ms, "place": one.place,
                    "form": one.form, "title": one.title, "capacity": one.capacity, "taken": 0,
                    "room": None, "table_no": one.table, "by": by, "created_ms": now,
                    "cancelled_ms": None,
                }
                for one in wanted
            ]  # fmt: skip
            for first in range(0, len(values), _ROWS):
                await connection.execute(sa.insert(meeting_slots), values[first : first + _ROWS])
            return await _read_many(connection, [row["id"] for row in values])

    async def _owned(
        self, connection: AsyncConnection, company: str, by: str, one: SlotDraft
    ) -> SlotDraft:
        """The slot as ``by`` may offer it: staff for themselves, editors for anybody."""
        role = await rows.role_in(connection, company, by)
        if role is None:
            raise AppointmentRefused("not_yours")
        staff = one.staff
        if staff is None and (one.form == "group" or not rows.edits(role)):
            staff = by
        if staff != by and not rows.edits(role):
            raise AppointmentRefused("own_slots_only")
        return replace(one, staff=staff)

    async def slot(self, slot: str) -> MeetingSlot | None:
        async with transaction(self._engine) as connection:
            found = await _read_many(connection, [slot])
        return found[0] if found else None

    async def slots(
        self, company: str, from_ms: int, to_ms: int, *, open_only: bool = False,
        cursor: str | None = None, limit: int = PAGE_MAX,
    ) -> tuple[tuple[MeetingSlot, ...], str | None]:  # fmt: skip
        limit = max(1, min(limit, PAGE_MAX))
        query = (
            rows.SELECT_SLOTS.where(
                S.company == company, S.starts_ms >= from_ms, S.starts_ms < to_ms
            )
            .order_by(S.starts_ms, S.id)
            .limit(limit + 1)
        )
        if open_only:
            query = query.where(S.cancelled_ms.is_(None), S.taken < S.capacity)
        if cursor is not None:
            query = query.where(rows.after(cursor, S.starts_ms, S.id))
        async with transaction(self._engine) as connection:
            found = (await connection.execute(query)).all()
        page = tuple(rows.to_slot(row) for row in found[:limit])
        more = len(found) > limit
        return page, rows.cursor_of(page[-1].starts_ms, page[-1].id) if more else None

    async def starts(self, company: str, from_ms: int, to_ms: int) -> tuple[int, ...]:
        query = (
            sa.select(S.starts_ms)
            .where(
                S.company == company, S.starts_ms >= from_ms, S.starts_ms < to_ms,
                S.cancelled_ms.is_(None), S.taken < S.capacity,
            )
            .order_by(S.starts_ms)
            .limit(SLOTS_MAX)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            return tuple((await connection.execute(query)).scalars())

    async def change_slot(
        self, company: str, slot: str, change: SlotChange, by: str
    ) -> MeetingSlot:
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            if not await rows.lock_company(connection, company):
                raise AppointmentRefused("unknown_company")
            was = await self._theirs(connection, company, slot, by)
            if was.cancelled or was.ends_ms <= now:
                raise AppointmentRefused("over")
            wanted = _whole(_changed(was, change))
            if change.staff is not None:
                wanted = await self._owned(connection, company, by, wanted)
                if wanted.staff is not None and wanted.staff != was.staff:
                    await rows.need_colleague(connection, company, wanted.staff)
            moved = (wanted.starts_ms, wanted.ends_ms) != (was.starts_ms, was.ends_ms)
            holds = (wanted.staff, wanted.table, wanted.place) != (was.staff, was.table, was.place)
            _check(wanted, now if moved else min(now, was.starts_ms - 1))
            if moved or holds:
                await _check_overlaps(connection, company, [wanted], apart_from=slot)
            update = (
                sa.update(meeting_slots)
                .where(S.id == slot, S.cancelled_ms.is_(None), S.taken <= wanted.capacity)
                .values(
                    starts_ms=wanted.starts_ms, ends_ms=wanted.ends_ms, place=wanted.place,
                    title=wanted.title, capacity=wanted.capacity, staff=wanted.staff,
                    table_no=wanted.table,
                )
                .returning(S.id)
            )  # fmt: skip
            if moved or holds:  # who has it was promised that time, place and person
                update = update.where(S.taken == 0)
            if (await connection.execute(update)).one_or_none() is None:
                raise AppointmentRefused("slot_in_use" if moved or holds else "below_taken")
            return (await _read_many(connection, [slot]))[0]

    async def cancel_slot(
        self, company: str, slot: str, by: str, reason: str | None = None
    ) -> tuple[Change, ...]:
        now = self._now_ms()
        changes = []
        async with transaction(self._engine) as connection:
            was = await self._theirs(connection, company, slot, by)
            if was.cancelled:
                return ()
            if was.ends_ms <= now:
                raise AppointmentRefused("over")
            gone = (
                sa.update(meeting_slots)
                .where(S.id == slot, S.cancelled_ms.is_(None))
                .values(cancelled_ms=now)
                .returning(S.id)
            )
            if (await connection.execute(gone)).one_or_none() is None:
                return ()
            held = (
                sa.select(A.id, A.state)
                .where(A.slot == slot, A.state.in_(rows.ACTIVE))
                .order_by(A.id)
            )
            for row in (await connection.execute(held)).all():
                if row.state == State.RUNNING.value:
                    raise AppointmentRefused("over")
                one = await rows.hold(connection, row.id)
                changes.append(
                    await self._end(connection, one, Act.CANCEL, State.CANCELLED, by, reason)
                )
        return tuple(changes)

    async def _theirs(
        self, connection: AsyncConnection, company: str, slot: str, by: str
    ) -> MeetingSlot:
        """The company's slot when it is for ``by`` to change: their own, or they edit."""
        found = await _read_many(connection, [slot])
        role = await rows.role_in(connection, company, by)
        if role is None:
            raise AppointmentRefused("not_yours")
        if not found or found[0].company != company:
            raise AppointmentRefused("unknown_slot")
        if found[0].staff != by and not rows.edits(role):
            raise AppointmentRefused("own_slots_only")
        return found[0]


def _whole(one: SlotDraft) -> SlotDraft:
    """With what follows from the rest: one place in a single slot, a table only on site."""
    single = one.form == "single"
    return replace(
        one,
        capacity=1 if single else one.capacity,
        title="" if single else one.title,
        table=None if one.place == "online" else one.table or 1,
    )


def _changed(was: MeetingSlot, change: SlotChange) -> SlotDraft:
    def given(new: Any, old: Any) -> Any:
        return old if new is None else new

    staff = was.staff if change.staff is None else change.staff or None
    return SlotDraft(
        starts_ms=given(change.starts_ms, was.starts_ms),
        ends_ms=given(change.ends_ms, was.ends_ms), place=given(change.place, was.place),
        form=was.form, title=given(change.title, was.title),
        capacity=given(change.capacity, was.capacity), staff=staff,
        table=given(change.table, was.table),
    )  # fmt: skip


def _check(one: SlotDraft, now_ms: int) -> None:
    check_times(one.starts_ms, one.ends_ms, now_ms)
    if one.form not in ("single", "group"):
        raise AppointmentRefused("bad_form")
    if not 1 <= one.capacity <= CAPACITY_MAX or (one.table or 1) > TABLES_MAX:
        raise AppointmentRefused("capacity")
    if one.form == "group" and not one.title:
        raise AppointmentRefused("bad_form")
    if one.form == "group" and one.place == "both":  # it has one room, or one table
        raise AppointmentRefused("bad_place")


async def _check_overlaps(
    connection: AsyncConnection, company: str, wanted: Sequence[SlotDraft], apart_from: str = ""
) -> None:
    """No two slots of one person, nor of one table, at the same time. The company is locked."""
    people = {one.staff for one in wanted if one.staff is not None}
    tables = {one.table for one in wanted if one.table is not None}
    there = sa.select(S.staff, S.table_no, S.starts_ms, S.ends_ms).where(
        S.company == company, S.cancelled_ms.is_(None), S.id != apart_from,
        S.starts_ms < max(one.ends_ms for one in wanted),
        S.ends_ms > min(one.starts_ms for one in wanted),
        S.staff.in_(people) | S.table_no.in_(tables),
    )  # fmt: skip
    spans: list[tuple[str, int, int]] = []
    for row in await connection.execute(there):
        spans += _spans(row.staff, row.table_no, row.starts_ms, row.ends_ms)
    for one in wanted:
        spans += _spans(one.staff, one.table, one.starts_ms, one.ends_ms)
    mine = {f"p:{person}" for person in people} | {f"t:{table}" for table in tables}
    before: dict[str, int] = {}
    for whose, starts, ends in sorted(span for span in spans if span[0] in mine):
        if starts < before.get(whose, 0):
            raise AppointmentRefused("slot_overlaps")
        before[whose] = ends


def _spans(
    staff: str | None, table: int | None, starts: int, ends: int
) -> Iterable[tuple[str, int, int]]:
    if staff is not None:
        yield f"p:{staff}", starts, ends
    if table is not None:
        yield f"t:{table}", starts, ends


async def _read_many(connection: AsyncConnection, ids: Sequence[str]) -> tuple[MeetingSlot, ...]:
    query = rows.SELECT_SLOTS.where(S.id.in_(ids)).order_by(S.starts_ms, S.id)
    return tuple(rows.to_slot(row) for row in await connection.execute(query))
