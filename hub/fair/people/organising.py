"""What organisers do with accounts: find them, give roles, block."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from hub.fair import search
from hub.fair.engine import transaction
from hub.fair.people.accounts import sign_out_all
from hub.fair.people.privacy import Privacy
from hub.fair.people.records import COLUMNS, email_key, record
from hub.fair.tables import people
from hub.ports.people import PeopleFilter, PersonRecord
from rooms.model import Role

PAGE_MAX: Final = 200
MANY_MAX: Final = 500


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

    async def count(self) -> int:
        query = sa.select(sa.func.count()).where(people.c.erased_ms.is_(None))
        async with transaction(self._engine) as connection:
            return int((await connection.execute(query)).scalar_one())

    async def search(
        self, q: str, where: PeopleFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[PersonRecord, ...], str | None]:
        limit = max(1, min(limit, PAGE_MAX))
        query = (
            sa.select(*COLUMNS)
            .where(people.c.erased_ms.is_(None), *_conditions(where))
            .order_by(people.c.created_ms.desc(), people.c.id.desc())
            .limit(limit + 1)
        )
        if cursor is not None:
            query = query.where(_after(cursor))
        async with transaction(self._engine) as connection:
            if q.strip():
                query = query.where(_matching(q, search.ids(connection, "person", q)))
            rows = (await connection.execute(query)).all()
        found = tuple(record(row) for row in rows[:limit])
        more = len(rows) > limit
        return found, f"{found[-1].created_ms}:{found[-1].id}" if more else None


def _matching(q: str, ids: sa.Select[Any] | None) -> Any:
    """A whole address is looked up as it is; so is an id. A ``q`` of no words finds nothing."""
    exact = (people.c.email_key == email_key(q)) | (people.c.id == q.strip()[:64])
    return exact if ids is None else exact | people.c.id.in_(ids)


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


def _after(cursor: str) -> Any:
    """Rows behind ``<created_ms>:<id>``. Raises ValueError."""
    at, _, last = cursor.partition(":")
    if not last or not at.isascii() or not at.isdigit() or len(at) > 15:
        raise ValueError("cursor")
    return sa.tuple_(people.c.created_ms, people.c.id) < sa.tuple_(
        sa.literal(int(at)), sa.literal(last)
    )
