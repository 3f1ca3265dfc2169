"""A ring ends without a talk: declined by all, hung up, dropped, not answered in time."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.rings.rows import DECLINED, RUNG, R, S, load, silence, step
from hub.fair.rings.taking import Taking
from hub.fair.tables import ring_staff, rings
from hub.ports.rings import RingRefused
from rooms.rings import Happening, Ring, State

#: Overdue rings ended in one go; the next second takes the rest.
BATCH: Final = 200


class Ending(Taking):
    async def decline(self, ring: str, person: str) -> Ring:
        now = self._now_ms()
        # Held until the end: of two who decline at once the second sees that it is the last.
        held = (
            sa.update(rings)
            .where(R.id == ring, R.state == State.RINGING.value)
            .values(id=R.id)
            .returning(R.id)
        )
        others = sa.exists().where(S.ring == ring, S.state == RUNG)
        async with transaction(self._engine) as connection:
            rings_on = (await connection.execute(held)).one_or_none() is not None
            found = await load(connection, ring)
            if found is None or person not in found.staff:
                raise RingRefused("unknown_ring")
            if not rings_on:
                raise RingRefused("ring_over")
            await connection.execute(
                sa.update(ring_staff)
                .where(S.ring == ring, S.person == person, S.state == RUNG)
                .values(state=DECLINED, ringing=None, changed_ms=now)
            )
            await connection.execute(
                sa.update(rings)
                .where(R.id == ring, R.state == State.RINGING.value, ~others)
                .values(**step(Happening.ALL_DECLINED, now))
            )
            after = await load(connection, ring)
        assert after is not None
        return after

    async def end(self, ring: str, happening: Happening, visitor: str | None = None) -> Ring | None:
        if happening not in (Happening.HANG_UP, Happening.DROP):
            raise ValueError(f"not the visitor's to do: {happening}")
        change = (
            sa.update(rings)
            .where(R.id == ring, R.state == State.RINGING.value)
            .values(**step(happening, self._now_ms()))
            .returning(R.id)
        )
        if visitor is not None:
            change = change.where(R.visitor == visitor)
        async with transaction(self._engine) as connection:
            if (await connection.execute(change)).one_or_none() is None:
                return None
            await silence(connection, ring)
            return await load(connection, ring)

    async def overdue(self) -> tuple[Ring, ...]:
        now = self._now_ms()
        due = (R.state == State.RINGING.value) & (R.expires_ms <= now)
        some = sa.select(R.id).where(due).order_by(R.expires_ms).limit(BATCH)
        async with transaction(self._engine) as connection:
            # A look first: it is made every second, and writes only when there is something.
            ids = sorted((await connection.execute(some)).scalars())
        ended: list[Ring] = []
        if ids:
            change = (
                sa.update(rings)
                .where(R.id.in_(ids), due)
                .values(**step(Happening.TIME_UP, now))
                .returning(R.id)
            )
            async with transaction(self._engine) as connection:
                for ring in (await connection.execute(change)).scalars().all():
                    await silence(connection, ring)
                    one = await load(connection, ring)
                    if one is not None:
                        ended.append(one)
        return tuple(ended)
