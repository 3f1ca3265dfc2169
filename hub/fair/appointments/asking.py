"""Asking for a meeting: a place in a slot, or a time of one's own choice; quotas; clashes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, time, timedelta
from typing import Any, Final
from weakref import WeakValueDictionary
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.appointments import busy, rows
from hub.fair.appointments.ending import HOSTS, guest, host_of, join_talk, open_talk
from hub.fair.appointments.rows import A, S
from hub.fair.appointments.slots import MeetingSlots
from hub.fair.appointments.times import check_times
from hub.fair.engine import transaction
from hub.fair.tables import (
    agenda,
    appointments,
    companies,
    company_staff,
    conferences,
    meeting_slots,
    people,
    talks,
)
from hub.ports.appointments import (
    Appointment,
    AppointmentRefused,
    Asking,
    Change,
    Clash,
    MeetingSlot,
    Quota,
    RefusalCode,
)
from rooms.appointments import State
from rooms.model import Mode

HOUR_MS: Final = 3_600_000
CLASHES_MAX: Final = 1_000


def day_of(ms: int, zone: ZoneInfo) -> tuple[int, int]:
    """The first moment of the day in ``zone`` that ``ms`` is in, and the next day's."""
    day = datetime.fromtimestamp(ms / 1000, zone).date()
    first, following = (
        int(datetime.combine(one, time(), zone).timestamp() * 1000)
        for one in (day, day + timedelta(days=1))
    )
    return first, following


class Asks(MeetingSlots):
    """Asking, as ``hub.ports.appointments.Appointments`` has it."""

    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        #: Of slots with one place left that are asked for right now.
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._turns_over = 0

    async def ask(self, person: str, company: str, asking: Asking, zone: ZoneInfo) -> Change:
        async with self._turn(company, asking.slot):
            return await self._ask(person, company, asking, zone)

    async def _ask(self, person: str, company: str, asking: Asking, zone: ZoneInfo) -> Change:
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            await self._lock_person(connection, person)
            await self._need_company(connection, company, person)
            slot = None
            if asking.slot is not None:
                slot = await self._take_place(connection, company, asking.slot)
            one = await self._as_asked(connection, person, company, asking, slot)
            check_times(one.starts_ms, one.ends_ms, now)
            group = one.form == "group"
            if not asking.anyway:
                await self._no_clash(connection, person, one.starts_ms, one.ends_ms)
            await self._in_quota(
                connection, person, "confirmed" if group else "pending", one.starts_ms, zone
            )
            await self._insert(connection, one)
            # A hold of a session is the slot's: its host's time and table, once for all.
            wanted: dict[str, RefusalCode] = {person: "visitor_busy"}
            theirs = self._company_side(one)
            if group and slot is not None:
                if slot.taken == 1:
                    await busy.take(
                        connection, theirs, one.starts_ms, one.ends_ms, slot.id, firm=True
                    )
            else:
                wanted |= theirs
            await busy.take(connection, wanted, one.starts_ms, one.ends_ms, one.id, firm=group)
            await rows.note(connection, one.id, now, person, "ask", slot=one.slot)
            if group and slot is not None:
                await self._join_session(connection, one, slot)
            after = await rows.read(connection, one.id)
            assert after is not None
            told = await self._concerned(connection, after)
        added = (person,) if group and after.room is not None else ()
        return Change(after, "ask", tuple(p for p in told if p != person), added=added)

    @asynccontextmanager
    async def _turn(self, company: str, slot: str | None) -> AsyncIterator[None]:
        """Of those who want the last place of a slot at this hub one after another tries for it,
        and whoever comes after finds it taken by a look: the database has one writer at a time,
        and each of hundreds would hold it to be refused. Raises as ``_left`` does."""
        over = self._turns_over
        if slot is None or await self._left(company, slot) > 1:
            yield
            return
        async with self._turns.setdefault(slot, asyncio.Lock()):
            try:
                if self._turns_over != over:  # one ended since the look was asked for
                    await self._left(company, slot)
                yield
            finally:
                self._turns_over += 1

    async def _left(self, company: str, slot: str) -> int:
        """Places of the slot, one at least. Raises AppointmentRefused(unknown_slot, slot_taken)."""
        query = sa.select(S.company, S.taken, S.capacity, S.cancelled_ms).where(S.id == slot)
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None or row.company != company:
            raise AppointmentRefused("unknown_slot")
        if row.cancelled_ms is not None or row.taken >= row.capacity:
            raise AppointmentRefused("slot_taken")
        left: int = row.capacity - row.taken
        return left

    async def _lock_person(self, connection: AsyncConnection, person: str) -> None:
        """What is counted of one person happens one after another."""
        held = (
            sa.update(people)
            .where(people.c.id == person, rows.alive())
            .values(id=people.c.id)
            .returning(people.c.id)
        )
        if (await connection.execute(held)).one_or_none() is None:
            raise AppointmentRefused("unknown_person")

    async def _need_company(self, connection: AsyncConnection, company: str, person: str) -> None:
        published = sa.select(companies.c.published).where(companies.c.slug == company)
        if not (await connection.execute(published)).scalar_one_or_none():
            raise AppointmentRefused("unknown_company")
        if await rows.role_in(connection, company, person) is not None:
            raise AppointmentRefused("own_company")

    async def _take_place(
        self, connection: AsyncConnection, company: str, slot: str
    ) -> MeetingSlot:
        """One place of the slot; this statement decides who gets the last."""
        take = (
            sa.update(meeting_slots)
            .where(
                S.id == slot, S.company == company, S.cancelled_ms.is_(None),
                S.taken < S.capacity,
            )
            .values(taken=S.taken + 1)
            .returning(S.id)
        )  # fmt: skip
        got = (await connection.execute(take)).one_or_none()
        found = (await connection.execute(rows.SELECT_SLOTS.where(S.id == slot))).one_or_none()
        if found is None or found.company != company:
            raise AppointmentRefused("unknown_slot")
        if got is None:
            raise AppointmentRefused("slot_taken")
        return rows.to_slot(found)

    async def _as_asked(
        self, connection: AsyncConnection, person: str, company: str, asking: Asking,
        slot: MeetingSlot | None,
    ) -> Appointment:  # fmt: skip
        """The appointment that is asked for, not stored yet."""
        now = self._now_ms()
        if slot is None:
            if asking.starts_ms is None or asking.ends_ms is None:
                raise AppointmentRefused("bad_time")
            starts, ends = asking.starts_ms, asking.ends_ms
            place, table, staff = asking.place or "online", None, asking.staff
            if staff is not None:
                await rows.need_colleague(connection, company, staff)
        else:
            starts, ends = slot.starts_ms, slot.ends_ms
            place = asking.place or ("online" if slot.place == "both" else slot.place)
            if place != slot.place and slot.place != "both":
                raise AppointmentRefused("bad_place")
            table, staff = slot.table, slot.staff
            if staff is not None and await rows.role_in(connection, company, staff) is None:
                staff = None  # works there no longer: whoever accepts takes it
        if place not in ("online", "on_site"):
            raise AppointmentRefused("bad_place")
        group = slot is not None and slot.form == "group"
        if group and staff is None:
            raise AppointmentRefused("slot_taken")  # a session without its host
        table = None if place == "online" else table or 1
        hold = min(now + int(self._config.appointments.hold_h * HOUR_MS), starts)
        return Appointment(
            id=rows.new_id(), form="group" if group else "single",
            slot=None if slot is None else slot.id, company=company, company_name="", names={},
            booth=None, visitor=person, visitor_name="", visitor_organisation=None, staff=staff,
            staff_name=None,
            subject=slot.title if group and slot is not None else asking.subject,
            note=asking.note, place=place, table=table, starts_ms=starts, ends_ms=ends,
            state=State.CONFIRMED if group else State.PENDING, turn="" if group else "company",
            hold_until_ms=None if group else hold, reason=None, room=None, visitor_came_ms=None,
            company_came_ms=None, ended_ms=None, created_ms=now, changed_ms=now, version=1,
        )  # fmt: skip

    async def _insert(self, connection: AsyncConnection, one: Appointment) -> None:
        values = {
            column.name: getattr(one, column.name)
            for column in A
            if column.name not in {"reminded_ms", "table_no", "state"}
        }
        await connection.execute(
            sa.insert(appointments).values(
                **values, table_no=one.table, state=one.state.value, reminded_ms=None
            )
        )

    def _company_side(self, one: Appointment) -> dict[str, RefusalCode]:
        """Whose time of the company it takes: its person's and its table's."""
        wanted: dict[str, RefusalCode] = {}
        if one.staff is not None:
            wanted[one.staff] = "staff_busy"
        if one.place == "on_site" and one.table is not None:
            wanted[busy.table_of(one.company, one.table)] = "table_busy"
        return wanted

    async def _join_session(
        self, connection: AsyncConnection, one: Appointment, slot: MeetingSlot
    ) -> None:
        """Into the session's one room, opened for the first who joins; none on site. The slot is
        held by ``_take_place``."""
        if one.place != "online" or one.staff is None:
            return
        now, room = self._now_ms(), slot.room
        if room is None:
            room = await open_talk(
                connection, one, now, one.staff, Mode.ONE_TO_MANY,
                (host_of(one, one.staff), guest(one.visitor)), slot.capacity + HOSTS, {},
            )  # fmt: skip
            await connection.execute(
                sa.update(meeting_slots).where(S.id == slot.id).values(room=room)
            )
        else:
            over = sa.select(talks.c.ended_ms).where(talks.c.room == room)
            if await connection.scalar(over) is not None:
                raise AppointmentRefused("slot_taken")  # its host has ended it
            await join_talk(connection, room, now, guest(one.visitor), one.visitor)
        await connection.execute(sa.update(appointments).where(A.id == one.id).values(room=room))

    # --- clashes and quotas -------------------------------------------------------------------

    async def _no_clash(
        self, connection: AsyncConnection, person: str, starts_ms: int, ends_ms: int
    ) -> None:
        found = await self._conferences(connection, person, starts_ms, ends_ms)
        if found:
            raise AppointmentRefused("clash", clashes=found)

    async def _conferences(
        self, connection: AsyncConnection, person: str, from_ms: int, to_ms: int
    ) -> list[Clash]:
        c = conferences.c
        query = (
            sa.select(c.slug, c.title, c.starts_ms, c.ends_ms)
            .join(agenda, agenda.c.conference == c.slug)
            .where(
                agenda.c.person == person, c.cancelled.is_(False), c.starts_ms < to_ms,
                c.ends_ms > from_ms,
            )
            .order_by(c.starts_ms, c.slug)
            .limit(CLASHES_MAX)
        )  # fmt: skip
        return [Clash("conference", *row) for row in await connection.execute(query)]

    async def clashes(self, person: str, from_ms: int, to_ms: int) -> tuple[Clash, ...]:
        query = (
            sa.select(A.id, A.subject, A.starts_ms, A.ends_ms)
            .where(
                (A.visitor == person) | (A.staff == person), A.state.in_(rows.ACTIVE),
                A.starts_ms < to_ms, A.ends_ms > from_ms,
            )
            .order_by(A.starts_ms, A.id)
            .limit(CLASHES_MAX)
        )  # fmt: skip
        async with transaction(self._engine) as connection:
            found = await self._conferences(connection, person, from_ms, to_ms)
            found += [Clash("appointment", *row) for row in await connection.execute(query)]
        return tuple(sorted(found, key=lambda one: (one.starts_ms, one.id)))[:CLASHES_MAX]

    async def _used(
        self, connection: AsyncConnection, person: str, day: tuple[int, int]
    ) -> tuple[Quota, ...]:
        """What a person has of what they asked for: unanswered, and agreed and to come."""
        works = sa.select(sa.exists().where(company_staff.c.person == person))
        kind = "exhibitor" if (await connection.execute(works)).scalar_one() else "visitor"
        on_day = (A.starts_ms >= day[0]) & (A.starts_ms < day[1])
        waiting, agreed = A.state.in_(rows.WAITING), A.state.in_(rows.AGREED)
        counted = sa.select(
            *(
                sa.func.coalesce(sa.func.sum(sa.case((which, 1), else_=0)), 0)
                for which in (waiting, waiting & on_day, agreed, agreed & on_day)
            )
        ).where(A.visitor == person, waiting | agreed)
        used = (await connection.execute(counted)).one()
        names = ("pending", "pending_day", "confirmed", "confirmed_day")
        return tuple(
            Quota(
                f"{kind}_{name}", int(count), getattr(self._config.appointments, f"{kind}_{name}")
            )
            for name, count in zip(names, used, strict=True)
        )

    async def quotas(self, person: str, day: tuple[int, int]) -> tuple[Quota, ...]:
        async with transaction(self._engine) as connection:
            return await self._used(connection, person, day)

    async def _in_quota(
        self, connection: AsyncConnection, person: str, what: str, starts_ms: int, zone: ZoneInfo
    ) -> None:
        """Whether one more is allowed: ``what`` is pending or confirmed. The person is locked."""
        for one in await self._used(connection, person, day_of(starts_ms, zone)):
            if one.quota.split("_")[1] == what and one.used >= one.allowed:
                raise AppointmentRefused("quota", quota=one.quota, allowed=one.allowed)
