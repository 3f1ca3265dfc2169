"""A ring begins: who may ring, and for whom it rings.

Nobody is rung twice at a time and nobody rings twice: two unique columns say so, whatever races.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.companies.editing import insert_into
from hub.fair.engine import transaction
from hub.fair.rings.rows import RUNG, R, RingRows, load, step
from hub.fair.tables import (
    attendance,
    companies,
    company_staff,
    people,
    ring_staff,
    rings,
    talks,
)
from hub.ports.companies import STAFF_MAX
from hub.ports.rings import RingRefused
from rooms.rings import PER_HOUR, RING_MS, Ring, State, at_first

HOUR_MS: Final = 3_600_000
#: Who has just taken a ring is on the way into its talk for so long.
ON_THE_WAY_MS: Final = 30_000


def _alive() -> Any:
    return people.c.erased_ms.is_(None) & people.c.blocked.is_(False)


class Calling(RingRows):
    async def ring(self, visitor: str, company: str, subject: str, online: Collection[str]) -> Ring:
        now, id = self._now_ms(), secrets.token_hex(10)
        try:
            async with transaction(self._engine) as connection:
                await self._check(connection, visitor, company, now)
                there = await self._there(connection, company, online)
                free = sorted(set(there) - await self._busy(connection, there, now))
                await connection.execute(
                    sa.insert(rings).values(
                        id=id, company=company, visitor=visitor, ringing=visitor,
                        subject=subject, state=State.RINGING.value, created_ms=now,
                        expires_ms=now + RING_MS,
                    )
                )  # fmt: skip
                rung = await self._rung(connection, id, free, now)
                over = at_first(len(there), rung)
                if over is not None:
                    await connection.execute(
                        sa.update(rings).where(R.id == id).values(**step(over, now))
                    )
                made = await load(connection, id)
        except IntegrityError:  # the company or the person went between the look and the write
            raise RingRefused("unknown_company") from None
        assert made is not None
        return made

    async def _check(
        self, connection: AsyncConnection, visitor: str, company: str, now: int
    ) -> None:
        # Held until the end: what one visitor does happens one after another.
        held = (
            sa.update(people)
            .where(people.c.id == visitor, _alive())
            .values(id=people.c.id)
            .returning(people.c.id)
        )
        if (await connection.execute(held)).one_or_none() is None:
            raise RingRefused("unknown_person")
        open_ = sa.select(companies.c.slug).where(
            companies.c.slug == company, companies.c.published.is_(True)
        )
        if (await connection.execute(open_)).one_or_none() is None:
            raise RingRefused("unknown_company")
        staff = sa.select(company_staff.c.person).where(
            company_staff.c.company == company, company_staff.c.person == visitor
        )
        if (await connection.execute(staff)).one_or_none() is not None:
            raise RingRefused("own_company")
        rings_now = await connection.scalar(sa.select(R.id).where(R.ringing == visitor))
        if rings_now is not None:
            raise RingRefused("already_ringing", ring=rings_now)
        lately = (
            sa.select(R.created_ms)
            .where(R.visitor == visitor, R.created_ms > now - HOUR_MS)
            .order_by(R.created_ms.desc())
            .limit(PER_HOUR)
        )
        times = (await connection.execute(lately)).scalars().all()
        if len(times) >= PER_HOUR:
            wait = max(1_000, times[-1] + HOUR_MS - now)
            raise RingRefused("too_many_rings", retry_after_ms=wait)

    async def _there(
        self, connection: AsyncConnection, company: str, online: Collection[str]
    ) -> list[str]:
        query = (
            sa.select(company_staff.c.person)
            .join(people, people.c.id == company_staff.c.person)
            .where(company_staff.c.company == company, _alive())
            .order_by(company_staff.c.person)
            .limit(STAFF_MAX)
        )
        return [one for one in (await connection.execute(query)).scalars() if one in online]

    async def _busy(self, connection: AsyncConnection, there: list[str], now: int) -> set[str]:
        """Who of them is in a talk, on the way to one, or ringing somewhere themselves."""
        if not there:
            return set()
        a = attendance.c
        asked = (
            sa.select(a.person)
            .join(talks, talks.c.room == a.room)
            .where(a.person.in_(there), a.left_ms.is_(None), talks.c.ended_ms.is_(None)),
            sa.select(R.answered_by)
            .join(talks, talks.c.room == R.room)
            .where(
                R.answered_by.in_(there),
                R.state == State.ANSWERED.value,
                R.ended_ms > now - ON_THE_WAY_MS,
                talks.c.ended_ms.is_(None),
            ),
            sa.select(R.ringing).where(R.ringing.in_(there)),
        )
        return {one for query in asked for one in (await connection.execute(query)).scalars()}

    async def _rung(self, connection: AsyncConnection, ring: str, free: list[str], now: int) -> int:
        """How many it rings for. In order of id, so that two rings never wait for each other."""
        if not free:
            return 0
        made = (
            insert_into(connection, ring_staff)
            .values(
                [
                    {"ring": ring, "person": one, "ringing": one, "state": RUNG, "changed_ms": now}
                    for one in free
                ]
            )
            .on_conflict_do_nothing()
            .returning(ring_staff.c.person)
        )
        return len((await connection.execute(made)).all())
