"""Favourites, cards and visits: people who are interested in a company."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.companies.directory import MANY_MAX, cursor_parts, cursor_text
from hub.fair.companies.editing import insert_into
from hub.fair.companies.rows import LIST_COLUMNS, record_of
from hub.fair.companies.staff import CompanyStaff
from hub.fair.engine import transaction
from hub.fair.tables import cards, companies, favourites, people, visits
from hub.ports.companies import FAVOURITES_MAX, Card, Company, Visitor

LIMIT_MAX: Final = 500
VISIT_MS: Final = 30 * 60 * 1000  # the same visit, for so long
_CARD: Final = (
    people.c.id, people.c.name, people.c.email, people.c.organisation, people.c.position,
    people.c.country, cards.c.note, cards.c.changed_ms,
)  # fmt: skip
_VISITOR: Final = (
    people.c.id, people.c.name, people.c.organisation, people.c.position, people.c.country,
    people.c.shows, visits.c.times, visits.c.last_ms,
)  # fmt: skip


def _here() -> Any:
    """Someone who is there to be shown."""
    return people.c.erased_ms.is_(None) & people.c.blocked.is_(False)


def _after(when: Any, person: Any, cursor: str | None) -> Any:
    """Newest first, from behind ``cursor``. Raises ValueError."""
    if cursor is None:
        return sa.true()
    at_ms, last = cursor_parts(cursor, int, str)
    if not 0 <= at_ms < 1 << 62:
        raise ValueError("not a cursor")
    return (when < at_ms) | ((when == at_ms) & (person > last))


class CompanyInterest(CompanyStaff):
    async def _open_to(self, connection: AsyncConnection, company: str) -> bool:
        query = sa.select(companies.c.slug).where(
            companies.c.slug == company, companies.c.published.is_(True)
        )
        return (await connection.execute(query)).one_or_none() is not None

    # --- favourites ---

    async def favour(self, person: str, company: str, on: bool) -> bool:
        c = favourites.c
        try:
            async with transaction(self._engine) as connection:
                if not on:
                    gone = sa.delete(favourites).where(c.person == person, c.company == company)
                    await connection.execute(gone)
                    return True
                counted = sa.select(sa.func.count()).where(c.person == person)
                if (
                    not await self._open_to(connection, company)
                    or (await connection.execute(counted)).scalar_one() >= FAVOURITES_MAX
                ):
                    return False
                await connection.execute(
                    insert_into(connection, favourites)
                    .values(person=person, company=company, created_ms=self._now_ms())
                    .on_conflict_do_nothing()
                )
        except IntegrityError:  # no account
            return False
        return True

    async def favourites(
        self, person: str, cursor: str | None, limit: int
    ) -> tuple[tuple[Company, ...], str | None]:
        limit = max(1, min(limit, LIMIT_MAX))
        c = favourites.c
        query = (
            sa.select(c.created_ms.label("at_ms"), *LIST_COLUMNS)
            .join(companies, companies.c.slug == c.company)
            .where(
                c.person == person,
                companies.c.published.is_(True),
                _after(c.created_ms, c.company, cursor),
            )
            .order_by(c.created_ms.desc(), c.company)
            .limit(limit + 1)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        last = (rows[limit - 1].at_ms, rows[limit - 1].slug) if len(rows) > limit else None
        return tuple(record_of(row) for row in rows[:limit]), cursor_text(last)

    async def favoured(self, person: str, companies_: Collection[str]) -> frozenset[str]:
        wanted = list(companies_)[:MANY_MAX]
        if not wanted:
            return frozenset()
        query = sa.select(favourites.c.company).where(
            favourites.c.person == person, favourites.c.company.in_(wanted)
        )
        async with transaction(self._engine) as connection:
            return frozenset((await connection.execute(query)).scalars())

    # --- cards ---

    async def leave_card(self, person: str, company: str, note: str | None) -> bool:
        now = self._now_ms()
        try:
            async with transaction(self._engine) as connection:
                if not await self._open_to(connection, company):
                    return False
                await connection.execute(
                    insert_into(connection, cards)
                    .values(
                        person=person, company=company, note=note, created_ms=now, changed_ms=now
                    )
                    .on_conflict_do_update(
                        index_elements=["person", "company"],
                        set_={"note": note, "changed_ms": now},
                    )
                )
        except IntegrityError:  # no account
            return False
        return True

    async def withdraw_card(self, person: str, company: str) -> bool:
        gone = (
            sa.delete(cards)
            .where(cards.c.person == person, cards.c.company == company)
            .returning(cards.c.company)
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(gone)).one_or_none() is not None

    async def card_of(self, person: str, company: str) -> Card | None:
        query = (
            sa.select(*_CARD)
            .join(people, people.c.id == cards.c.person)
            .where(cards.c.person == person, cards.c.company == company)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(query)).one_or_none()
        return None if row is None else Card(*row)

    async def cards_left(self, person: str) -> tuple[tuple[Company, Card], ...]:
        mine = tuple(column.label(f"card_{i}") for i, column in enumerate(_CARD))
        query = (
            sa.select(*mine, *LIST_COLUMNS)
            .join(cards, cards.c.company == companies.c.slug)
            .join(people, people.c.id == cards.c.person)
            .where(cards.c.person == person)
            .order_by(cards.c.changed_ms.desc(), companies.c.slug)
            .limit(LIMIT_MAX)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple((record_of(row), Card(*row[: len(_CARD)])) for row in rows)

    async def cards(
        self, company: str, cursor: str | None, limit: int
    ) -> tuple[tuple[Card, ...], str | None]:
        limit = max(1, min(limit, LIMIT_MAX))
        c = cards.c
        query = (
            sa.select(*_CARD)
            .join(people, people.c.id == c.person)
            .where(c.company == company, _here(), _after(c.changed_ms, c.person, cursor))
            .order_by(c.changed_ms.desc(), c.person)
            .limit(limit + 1)
        )
        async with transaction(self._engine) as connection:
            found = [Card(*row) for row in (await connection.execute(query)).all()]
        more = len(found) > limit
        last = (found[limit - 1].changed_ms, found[limit - 1].person) if more else None
        return tuple(found[:limit]), cursor_text(last)

    # --- visits ---

    async def visited(self, person: str, company: str) -> None:
        now = self._now_ms()
        try:
            async with transaction(self._engine) as connection:
                made = insert_into(connection, visits).values(
                    company=company, person=person, first_ms=now, last_ms=now, times=1
                )
                await connection.execute(
                    made.on_conflict_do_update(
                        index_elements=["company", "person"],
                        set_={"last_ms": now, "times": visits.c.times + 1},
                        where=visits.c.last_ms < now - VISIT_MS,
                    )
                )
        except IntegrityError:
            return  # no account, or the company has just gone

    async def visitors(
        self, company: str, cursor: str | None, limit: int
    ) -> tuple[tuple[Visitor, ...], str | None]:
        limit = max(1, min(limit, LIMIT_MAX))
        c = visits.c
        query = (
            sa.select(*_VISITOR)
            .join(people, people.c.id == c.person)
            .where(
                c.company == company,
                people.c.listed.is_(True),
                _here(),
                _after(c.last_ms, c.person, cursor),
            )
            .order_by(c.last_ms.desc(), c.person)
            .limit(limit + 1)
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        found = [
            Visitor(
                person=row.id,
                name=row.name,
                organisation=row.organisation if "organisation" in row.shows else None,
                position=row.position if "position" in row.shows else None,
                country=row.country if "country" in row.shows else None,
                times=row.times,
                last_ms=row.last_ms,
            )
            for row in rows
        ]
        last = (rows[limit - 1].last_ms, rows[limit - 1].id) if len(rows) > limit else None
        return tuple(found[:limit]), cursor_text(last)

    async def visitor_counts(self, company: str) -> tuple[int, int]:
        shown = sa.case((people.c.listed.is_(True) & _here(), 1), else_=0)
        query = (
            sa.select(sa.func.count(), sa.func.coalesce(sa.func.sum(shown), 0))
            .select_from(visits)
            .join(people, people.c.id == visits.c.person)
            .where(visits.c.company == company)
        )
        async with transaction(self._engine) as connection:
            total, listed = (await connection.execute(query)).one()
        return int(total), int(listed)
