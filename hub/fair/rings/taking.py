"""One of the staff takes a ring: decided by one statement before anything else happens."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.engine import transaction
from hub.fair.rings.calling import Calling
from hub.fair.rings.rows import RUNG, TOOK, R, S, load, silence, step
from hub.fair.tables import companies, company_staff, ring_staff, rings
from hub.fair.talks import insert_talk
from hub.ports.rings import RingRefused
from hub.ports.talks import GUEST_SIDE, Belonging, TalkDraft, TalkRefused
from rooms.model import Mode, Role
from rooms.rings import Happening, Ring, State


class Taking(Calling):
    async def answer(self, ring: str, person: str) -> Ring:
        now = self._now_ms()
        rung = sa.exists().where(S.ring == R.id, S.person == person, S.state == RUNG)
        works_there = sa.exists().where(  # who has left since it began takes nothing
            company_staff.c.company == R.company, company_staff.c.person == person
        )
        take = (
            sa.update(rings)
            .where(
                R.id == ring, R.state == State.RINGING.value, R.expires_ms > now, rung,
                works_there,
            )
            .values(**step(Happening.TAKEN, now), answered_by=person)
            .returning(R.company, R.visitor, R.subject)
        )  # fmt: skip
        try:
            async with transaction(self._engine) as connection:
                row = (await connection.execute(take)).one_or_none()
                if row is None:
                    return await self._late(connection, ring, person)
                name = await connection.scalar(
                    sa.select(companies.c.name).where(companies.c.slug == row.company)
                )
                draft = TalkDraft(
                    origin="ring", origin_id=ring, company=row.company, mode=Mode.ONE_TO_ONE,
                    subject=row.subject or str(name), starts_ms=now,
                    ends_ms=None, by=person, capacity=2,
                    sides={row.company: 1, GUEST_SIDE: 1},
                    members=(
                        Belonging(person, row.company, Role.HOST),
                        Belonging(row.visitor, GUEST_SIDE),
                    ),
                )  # fmt: skip
                talk = await insert_talk(connection, draft, now)
                await connection.execute(
                    sa.update(rings).where(R.id == ring).values(room=talk.room)
                )
                await connection.execute(
                    sa.update(ring_staff)
                    .where(S.ring == ring, S.person == person)
                    .values(state=TOOK, changed_ms=now)
                )
                await silence(connection, ring)
                taken = await load(connection, ring)
        except TalkRefused:  # one of the two, or the company, is gone: nothing was kept
            raise RingRefused("ring_over") from None
        assert taken is not None
        return taken

    async def _late(self, connection: AsyncConnection, ring: str, person: str) -> Ring:
        """What whoever came second is told. Raises RingRefused."""
        found = await load(connection, ring)
        if found is None or person not in found.staff:
            raise RingRefused("unknown_ring")
        if found.by == person:
            return found
        raise RingRefused("ring_over")
