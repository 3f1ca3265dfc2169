"""What organisers do with accounts: find them, give roles, block."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from hub.fair import search
from hub.fair.engine import transaction
from hub.fair.people.accounts import sign_out_all
from hub.fair.people.privacy import Privacy
from hub.fair.people.records import COLUMNS, email_key, record
from hub.fair.tables import SEARCHES, people
from hub.ports.people import PeopleFilter, PersonRecord
from rooms.model import Role

PAGE_MAX: Final = 200
MANY_MAX: Final = 500
COUNT_S: Final = 2.0  # how long the number of all people is remembered
_INDEXED: Final = SEARCHES["person"]
_NUMBER_MAX: Final = 2**31 - 1


class Organising(Privacy):
    """The organisers' half of ``hub.ports.people.People``."""

    async def get(self, person: str) -> PersonRecord | None:
        return (await self.many([person])).get(person)

    async def by_email(self, email: str) -> PersonRecord | None:
        async with transaction(self._engine) as connection:
            return await self._by_key(connection, email)

    async def many(self, ids: Sequence[str]) -> dict[str, PersonRecord]:
        if not ids:
            return {}
        query = sa.select(*COLUMNS).where(people.c.id.in_(list(ids)[:MANY_MAX]))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return {row.id: record(row) for row in rows}

    async def appoint(
        self, person: str, *, role: Role | None = None, gate: bool | None = None,
        blocked: bool | None = None,
    ) -> PersonRecord | None:  # fmt: skip
        given = {"role": role and role.value, "gate": gate, "blocked": blocked}
        values = {name: value for name, value in given.items() if value is not None}
        now = self._now_ms()
        async with transaction(self._engine) as connection:
            row = (
                await connection.execute(
                    sa.update(people)
                    .where(people.c.id == person, people.c.erased_ms.is_(None))
                    .values(**values, changed_ms=now, version=people.c.version + 1)
                    .returning(*COLUMNS)
                )
            ).one_or_none()
            if row is None:
                return None
            if blocked:
                await sign_out_all(connection, person, now)
        return record(row)

    _counted: tuple[float, int] = (float("-inf"), 0)

    async def count(self) -> int:
        """At most COUNT_S old: counting 100,000 rows takes longer than finding fifty."""
        if time.monotonic() - self._counted[0] > COUNT_S:
            query = sa.select(sa.func.count()).where(people.c.erased_ms.is_(None))
            async with transaction(self._engine) as connection:
                found = int((await connection.execute(query)).scalar_one())
            self._counted = (time.monotonic(), found)
        return self._counted[1]

    async def search(
        self, q: str, where: PeopleFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[PersonRecord, ...], str | None]:
        limit = max(1, min(limit, PAGE_MAX))
        if q.strip():
            return await self._find(q, where, cursor, limit)
        query = (
            sa.select(*COLUMNS)
            .where(people.c.erased_ms.is_(None), *_conditions(where))
            .order_by(people.c.created_ms.desc(), people.c.id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(_after(cursor))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        found = tuple(record(row) for row in rows[:limit])
        more = len(rows) > limit
        return found, f"{found[-1].created_ms}:{found[-1].id}" if more else None

    async def _find(
        self, q: str, where: PeopleFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[PersonRecord, ...], str | None]:
        """Whom a whole address or an id names, then whom the words find, last written first: in
        the order of the search's own numbers, which needs no list of all that match."""
        before = None if cursor is None else _number(cursor)
        fits = (people.c.erased_ms.is_(None), *_conditions(where))
        exact = (people.c.email_key == email_key(q)) | (people.c.id == q.strip()[:64])
        async with transaction(self._engine) as connection:
            named = (await connection.execute(sa.select(*COLUMNS).where(exact, *fits))).all()
            ids = [row.id for row in named]
            words = search.newest(connection, "person", q)
            rows: list[Any] = []
            if words is not None:
                query, number = words
                query = query.add_columns(*COLUMNS).join(people, people.c.id == _INDEXED.c.id)
                query = query.where(*fits).order_by(number.desc()).limit(limit + 1)
                query = query.where(people.c.id.not_in(ids)) if ids else query
                query = query if before is None else query.where(number < before)
                rows = list(await connection.execute(query))
        taken = rows[: limit if before is not None else max(0, limit - len(named))]
        last = taken[-1].no if taken else _NUMBER_MAX
        first = [] if before is not None else named[:limit]
        more = len(rows) > len(taken)
        return tuple(record(row) for row in (*first, *taken)), f"n{last}" if more else None


def _conditions(where: PeopleFilter) -> list[Any]:
    found: list[Any] = []
    if where.country is not None:
        found.append(people.c.country == where.country)
    if where.role is not None:
        found.append(people.c.role == where.role)
    if where.blocked is not None:
        found.append(people.c.blocked.is_(where.blocked))
    if where.verified is not None:
        known = people.c.verified_ms.is_not(None)
        found.append(known if where.verified else sa.not_(known))
    if where.sector is not None:
        # Slugs are letters, digits and hyphens: a quoted one stands in the list or it does not.
        text = sa.cast(people.c.sectors, sa.Text)
        found.append(text.contains(f'"{where.sector}"', autoescape=True))
    return found


def _number(cursor: str) -> int:
    """What ``_find`` said. Raises ValueError."""
    number = cursor.removeprefix("n")
    if number == cursor or not number.isascii() or not number.isdigit() or len(number) > 10:
        raise ValueError("cursor")
    return min(int(number), _NUMBER_MAX)


def _after(cursor: str) -> Any:
    """Rows behind ``<created_ms>:<id>``. Raises ValueError."""
    at, _, last = cursor.partition(":")
    if not last or not at.isascii() or not at.isdigit() or len(at) > 15:
        raise ValueError("cursor")
    return sa.tuple_(people.c.created_ms, people.c.id) < sa.tuple_(
        sa.literal(int(at)), sa.literal(last)
    )
