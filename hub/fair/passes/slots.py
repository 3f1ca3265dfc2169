"""Entry slots: ``taken`` changes only in a statement that also checks ``capacity``."""

from __future__ import annotations

import re
import secrets
from typing import Any, Final

import sqlalchemy as sa

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import entry_slots, passes
from hub.ports.onsite import OnsiteRefused, Slot

SLOTS_MAX: Final = 5_000  # of the whole fair; ten days in quarters of an hour are 960
PAGE_MAX: Final = 500
_CURSOR: Final = re.compile(r"([0-9]{1,15})\.([0-9a-f]{1,32})")


def to_slot(row: sa.Row[*tuple[Any, ...]]) -> Slot:
    return Slot(row.id, row.starts_ms, row.ends_ms, row.capacity, row.taken)


class SqlSlots(Part):
    """The slots of ``hub.ports.onsite.Passes``."""

    async def create_slot(self, starts_ms: int, ends_ms: int, capacity: int) -> Slot:
        slot = Slot(secrets.token_hex(8), starts_ms, ends_ms, capacity, 0)
        async with transaction(self._engine) as connection:
            total = await connection.scalar(sa.select(sa.func.count()).select_from(entry_slots))
            if (total or 0) >= SLOTS_MAX:
                raise OnsiteRefused("too_many_slots")
            await connection.execute(
                sa.insert(entry_slots).values(
                    id=slot.id, starts_ms=starts_ms, ends_ms=ends_ms, capacity=capacity, taken=0,
                    created_ms=self._now_ms(),
                )
            )  # fmt: skip
        return slot

    async def slot(self, slot: str) -> Slot | None:
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(sa.select(entry_slots).where(entry_slots.c.id == slot))
            ).one_or_none()
        return None if row is None else to_slot(row)

    async def slots(
        self, *, after_ms: int | None = None, cursor: str | None = None, limit: int = 100
    ) -> tuple[tuple[Slot, ...], str | None]:
        limit = max(1, min(limit, PAGE_MAX))
        query = (
            sa.select(entry_slots)
            .order_by(entry_slots.c.starts_ms, entry_slots.c.id)
            .limit(limit + 1)
        )
        if after_ms is not None:
            query = query.where(entry_slots.c.ends_ms > after_ms)
        if cursor is not None:
            found = _CURSOR.fullmatch(cursor)
            if found is None:
                raise ValueError("cursor")
            starts_ms, last = int(found[1]), found[2]
            query = query.where(
                (entry_slots.c.starts_ms > starts_ms)
                | ((entry_slots.c.starts_ms == starts_ms) & (entry_slots.c.id > last))
            )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        page = tuple(to_slot(row) for row in rows[:limit])
        following = f"{page[-1].starts_ms}.{page[-1].id}" if len(rows) > limit else None
        return page, following

    async def change_slot(self, slot: str, capacity: int) -> Slot:
        change = (
            sa.update(entry_slots)
            .where(entry_slots.c.id == slot, entry_slots.c.taken <= capacity)
            .values(capacity=capacity)
            .returning(entry_slots)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(change)).one_or_none()
        if row is not None:
            return to_slot(row)
        raise OnsiteRefused("unknown_slot" if await self.slot(slot) is None else "below_taken")

    async def delete_slot(self, slot: str) -> None:
        used = sa.exists().where(passes.c.slot == slot)
        gone = (
            sa.delete(entry_slots)
            .where(entry_slots.c.id == slot, entry_slots.c.taken == 0, ~used)
            .returning(entry_slots.c.id)
        )
        try:
            async with transaction(self._engine) as connection:
                row = (await connection.execute(gone)).one_or_none()
        except sa.exc.IntegrityError:  # somebody booked it just now
            raise OnsiteRefused("slot_taken") from None
        if row is None:
            raise OnsiteRefused("unknown_slot" if await self.slot(slot) is None else "slot_taken")
