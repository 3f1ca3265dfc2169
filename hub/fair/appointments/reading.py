"""Appointments read: one, lists, what was done, and times that both sides have."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice
from typing import Any

import sqlalchemy as sa

from hub.fair.appointments import busy, rows
from hub.fair.appointments.rounds import Rounds
from hub.fair.appointments.rows import A, R, S
from hub.fair.engine import transaction
from hub.fair.tables import appointment_log, appointments, company_staff, round_companies
from hub.ports.appointments import (
    PAGE_MAX,
    SUGGESTIONS_MAX,
    Appointment,
    FreeTime,
    LogLine,
    Which,
)
from rooms.appointments import ticks

_LOG_MAX = 500
_LOOK_FIRST = 64  # slots looked through for suggestions: most often enough are free among these
_LOOK_MAX = 2_000
_DAYS_MS = 14 * 24 * 3_600_000  # of a window for suggestions


class Reading(Rounds):
    """What ``hub.ports.appointments.Appointments`` answers without changing anything."""

    async def get(self, appointment: str) -> Appointment | None:
        async with transaction(self._engine) as connection:
            return await rows.read(connection, appointment)

    async def sides(self, appointment: str, person: str) -> frozenset[str]:
        w = company_staff.c
        own = (
            sa.select(w.company)
            .join(appointments, A.company == w.company)
            .where(A.id == appointment, w.person == person)
        )
        theirs = (
            sa.select(w.company)
            .join(round_companies, R.company == w.company)
            .where(R.appointment == appointment, w.person == person)
        )
        visits = sa.select(sa.literal("visitor")).where(
            appointments.c.id == appointment, A.visitor == person, A.form != "round"
        )
        async with transaction(self._engine) as connection:
            found = await connection.execute(own.union(theirs, visits))
            return frozenset(found.scalars())

    async def list(
        self, which: Which, cursor: str | None, limit: int
    ) -> tuple[tuple[Appointment, ...], str | None]:
        limit = max(1, min(limit, PAGE_MAX))
        order = (A.starts_ms.desc(), A.id.desc()) if which.newest else (A.starts_ms, A.id)
        query = rows.SELECT.where(*_where(which)).order_by(*order).limit(limit + 1)
        if cursor is not None:
            query = query.where(rows.after(cursor, A.starts_ms, A.id, newest=which.newest))
        async with transaction(self._engine) as connection:
            found = (await connection.execute(query)).all()
            page = await rows.records(connection, found[:limit])
        more = len(found) > limit
        return page, rows.cursor_of(page[-1].starts_ms, page[-1].id) if more else None

    async def counts(self) -> dict[str, int]:
        query = sa.select(A.state, sa.func.count()).group_by(A.state)
        async with transaction(self._engine) as connection:
            return {state: count for state, count in await connection.execute(query)}

    async def log(self, appointment: str) -> tuple[LogLine, ...]:
        c = appointment_log.c
        query = (
            sa.select(c.at_ms, c.by, c.act, c.detail)
            .where(c.appointment == appointment)
            .order_by(c.id)
            .limit(_LOG_MAX)
        )
        async with transaction(self._engine) as connection:
            return tuple(LogLine(*row) for row in await connection.execute(query))

    async def suggest(
        self, person: str, company: str, from_ms: int, to_ms: int, *, length_min: int = 30,
        hours: Sequence[tuple[int, int]] = (), limit: int = 10,
    ) -> tuple[FreeTime, ...]:  # fmt: skip
        now = self._now_ms()
        from_ms = max(from_ms, now + 1)
        to_ms = min(to_ms, from_ms + _DAYS_MS)
        limit = max(1, min(limit, SUGGESTIONS_MAX))
        query = (
            rows.SELECT_SLOTS.where(
                S.company == company, S.starts_ms >= from_ms, S.starts_ms < to_ms,
                S.cancelled_ms.is_(None), S.taken < S.capacity,
            )
            .order_by(S.starts_ms, S.id)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            staff = await rows.staff_of(connection, company)
            for most in (_LOOK_FIRST, _LOOK_MAX):
                offered = (await connection.execute(query.limit(most))).all()
                # All are looked through, or what lies behind the last of these is not known yet.
                through = len(offered) < most or most == _LOOK_MAX
                until = to_ms if through else max(slot.ends_ms for slot in offered)
                taken = await busy.taken(
                    connection, {person, *staff, *_tables(company, offered)}, from_ms, until
                )
                for one in await self._conferences(connection, person, from_ms, until):
                    taken[person] |= set(ticks(one.starts_ms, one.ends_ms))
                free = (slot for slot in offered if _is_free(slot, person, taken))
                found = [
                    FreeTime(slot.starts_ms, slot.ends_ms, rows.to_slot(slot))
                    for slot in islice(free, limit)
                ]
                if through or len(found) == limit:
                    break
        if len(found) < limit:
            there = [(slot.starts_ms, slot.ends_ms) for slot in offered]
            length = length_min * 60_000
            for starts in _starts(hours, from_ms, to_ms, length):
                wanted = set(ticks(starts, starts + length))
                inside = any(a < starts + length and b > starts for a, b in there)
                somebody = any(wanted.isdisjoint(taken[who]) for who in staff)
                if somebody and not inside and wanted.isdisjoint(taken[person]):
                    found.append(FreeTime(starts, starts + length))
                    if len(found) == limit:
                        break
        return tuple(sorted(found, key=lambda one: one.starts_ms))


def _tables(company: str, slots: Sequence[Any]) -> set[str]:
    return {busy.table_of(company, slot.table_no) for slot in slots if slot.table_no is not None}


def _is_free(slot: Any, person: str, taken: dict[str, set[int]]) -> bool:
    """Whether the visitor has the time, and whoever and whatever the slot names. Of a session
    that has begun to fill the host's time is its own."""
    wanted = set(ticks(slot.starts_ms, slot.ends_ms))
    subjects = [person]
    if not (slot.form == "group" and slot.taken):
        if slot.staff is not None:
            subjects.append(slot.staff)
        if slot.place == "on_site" and slot.table_no is not None:
            subjects.append(busy.table_of(slot.company, slot.table_no))
    return all(wanted.isdisjoint(taken.get(subject, ())) for subject in subjects)


def _starts(
    hours: Sequence[tuple[int, int]], from_ms: int, to_ms: int, length: int
) -> Sequence[int]:
    """Beginnings within ``hours``, one after another from the first of each, not before
    ``from_ms``."""
    found: list[int] = []
    for opens, closes in hours:
        first = opens + max(0, -(-(from_ms - opens) // length)) * length
        found += range(first, min(closes, to_ms) - length + 1, length)
    return found


def _where(which: Which) -> list[Any]:
    where: list[Any] = []
    if which.visitor is not None:
        where.append((A.visitor == which.visitor) & (A.form != "round"))
    if which.person is not None:
        mine = sa.select(R.appointment).where(R.staff == which.person, R.state == "accepted")
        where.append((A.visitor == which.person) | (A.staff == which.person) | A.id.in_(mine))
    if which.company is not None:
        rounds = sa.select(R.appointment).where(R.company == which.company)
        where.append((A.company == which.company) | A.id.in_(rounds))
    if which.states:
        where.append(A.state.in_([state.value for state in which.states]))
    if which.from_ms is not None:
        where.append(A.ends_ms > which.from_ms)
    if which.to_ms is not None:
        where.append(A.starts_ms < which.to_ms)
    return where
