"""A person's pass: booked, moved, given back.

Every act locks in one order, pass, slots by id, number, so that two never wait for each
other. What lost a race is looked at again and answered by what it finds then.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.engine import transaction
from hub.fair.passes.identities import TRIES, SqlIdentities
from hub.fair.passes.numbers import Number
from hub.fair.passes.secrets import code_of, hash_of
from hub.fair.passes.slots import to_slot
from hub.fair.tables import entry_slots, identities, passes, people
from hub.ports import DirectoryLost
from hub.ports.onsite import Document, OnsiteRefused, Pass, Slot

_PASS: Final = (
    passes.c.id, passes.c.person, passes.c.slot, passes.c.created_ms, passes.c.entered_ms,
    people.c.name,
)  # fmt: skip


def day_of(ms: int, zone: ZoneInfo) -> date:
    return datetime.fromtimestamp(ms / 1000, zone).date()


class _Overtaken(Exception):
    """Between the look and the write somebody changed it: look again."""


@dataclass(frozen=True, slots=True)
class _Situation:
    """What a booking finds before it writes."""

    slot: Slot
    good: Pass | None


class SqlBooking(SqlIdentities):
    """Booking of ``hub.ports.onsite.Passes``."""

    def _to_pass(self, row: sa.Row[*tuple[Any, ...]], slot: Slot) -> Pass:
        return Pass(
            row.id, row.person, row.name, slot, code_of(self._keys, row.id), row.created_ms,
            row.entered_ms,
        )  # fmt: skip

    async def _good(self, connection: AsyncConnection, person: str) -> Pass | None:
        row = (
            await connection.execute(
                sa.select(*_PASS).join(people).where(passes.c.holder == person)
            )
        ).one_or_none()
        if row is None:
            return None
        slot = (
            await connection.execute(sa.select(entry_slots).where(entry_slots.c.id == row.slot))
        ).one()
        return self._to_pass(row, to_slot(slot))

    async def mine(self, person: str) -> Pass | None:
        async with transaction(self._engine) as connection:
            return await self._good(connection, person)

    async def book(
        self, person: str, slot: str, zone: ZoneInfo, document: Document | None = None
    ) -> Pass:
        number = None if document is None else self._read(document)
        for _ in range(TRIES):
            found = await self._look(person, slot, zone, number)
            if found.good is not None and found.good.slot.id == slot and number is None:
                return found.good
            try:
                async with transaction(self._engine) as connection:
                    await self._write(connection, person, found, number)
                    booked = await self._good(connection, person)
            except (IntegrityError, _Overtaken):
                continue
            if booked is not None:
                return booked
        raise DirectoryLost("booking")

    async def _look(
        self, person: str, slot: str, zone: ZoneInfo, number: Number | None
    ) -> _Situation:
        """Raises OnsiteRefused for all that a look can tell. Changes nothing."""
        async with transaction(self._engine) as connection:
            known = await connection.scalar(sa.select(people.c.id).where(people.c.id == person))
            if known is None:
                raise OnsiteRefused("unknown_person")
            row = (
                await connection.execute(sa.select(entry_slots).where(entry_slots.c.id == slot))
            ).one_or_none()
            if row is None:
                raise OnsiteRefused("unknown_slot")
            wanted = to_slot(row)
            good = await self._good(connection, person)
            if number is not None:
                await self._check_owner(connection, person, number)
            else:
                await self._check_kept(connection, person)
        here = good is not None and good.slot.id == slot
        used = good.slot if good is not None and good.entered_ms is not None else None
        if used is not None and not here:
            later = day_of(wanted.starts_ms, zone) > day_of(used.starts_ms, zone)
            if not later:
                raise OnsiteRefused("already_entered")
        if not here:
            if wanted.ends_ms <= self._now_ms():
                raise OnsiteRefused("slot_over")
            if wanted.left == 0:
                raise OnsiteRefused("slot_full")
        return _Situation(wanted, good)

    async def _check_owner(self, connection: AsyncConnection, person: str, number: Number) -> None:
        owner = await self._owner(connection, number)
        if owner not in {None, person}:
            raise OnsiteRefused("number_taken")  # never whose

    async def _check_kept(self, connection: AsyncConnection, person: str) -> None:
        kept = await connection.scalar(
            sa.select(identities.c.person).where(
                identities.c.person == person, identities.c.match.is_not(None)
            )
        )
        if kept is None:
            raise OnsiteRefused("identity_needed")

    async def _write(
        self, connection: AsyncConnection, person: str, found: _Situation, number: Number | None
    ) -> None:
        good, wanted = found.good, found.slot.id
        if good is not None and good.entered_ms is None:
            if good.slot.id != wanted:
                await self._move(connection, good, wanted)
        elif good is None or good.slot.id != wanted:
            if (
                good is not None
            ):  # used on a day before: it stays used and is no longer the good one
                await self._change_pass(connection, good, entered=True, holder=None)
            await self._new_pass(connection, person, wanted)
            await self._take(connection, wanted)
        if number is not None:
            await self._keep(connection, person, number)

    async def _change_pass(
        self, connection: AsyncConnection, good: Pass, *, entered: bool, **values: Any
    ) -> None:
        """Compare and swap on holder, slot and entry. Raises _Overtaken."""
        is_entered = passes.c.entered_ms.is_not(None)
        change = (
            sa.update(passes)
            .where(
                passes.c.id == good.id,
                passes.c.holder == good.person,
                passes.c.slot == good.slot.id,
                is_entered if entered else ~is_entered,
            )
            .values(**values)
            .returning(passes.c.id)
        )
        if (await connection.execute(change)).one_or_none() is None:
            raise _Overtaken

    async def _new_pass(self, connection: AsyncConnection, person: str, slot: str) -> None:
        pass_id = secrets.token_hex(16)
        await connection.execute(
            sa.insert(passes).values(
                id=pass_id, person=person, holder=person, slot=slot,
                code_hash=hash_of(code_of(self._keys, pass_id)), created_ms=self._now_ms(),
            )
        )  # fmt: skip

    async def _move(self, connection: AsyncConnection, good: Pass, wanted: str) -> None:
        await self._change_pass(connection, good, entered=False, slot=wanted)
        for slot in sorted((good.slot.id, wanted)):
            if slot == wanted:
                await self._take(connection, slot)
            else:
                await self._free(connection, slot)

    async def _take(self, connection: AsyncConnection, slot: str) -> None:
        """One place, if there is one: the statement that no slot is overbooked by."""
        taken = await connection.execute(
            sa.update(entry_slots)
            .where(
                entry_slots.c.id == slot,
                entry_slots.c.taken < entry_slots.c.capacity,
                entry_slots.c.ends_ms > self._now_ms(),
            )
            .values(taken=entry_slots.c.taken + 1)
            .returning(entry_slots.c.id)
        )
        if taken.one_or_none() is None:
            raise OnsiteRefused("slot_full")

    async def _free(self, connection: AsyncConnection, slot: str) -> None:
        await connection.execute(
            sa.update(entry_slots)
            .where(entry_slots.c.id == slot)
            .values(taken=entry_slots.c.taken - 1)
        )

    async def cancel(self, person: str) -> None:
        for _ in range(TRIES):
            good = await self.mine(person)
            if good is None:
                raise OnsiteRefused("no_pass")
            if good.entered_ms is not None:
                raise OnsiteRefused("already_entered")
            try:
                async with transaction(self._engine) as connection:
                    await self._change_pass(
                        connection, good, entered=False, holder=None, cancelled_ms=self._now_ms()
                    )
                    await self._free(connection, good.slot.id)
            except _Overtaken:
                continue
            return
        raise DirectoryLost("cancelling")
