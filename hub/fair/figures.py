"""The fair's figures on SQL: who has registered now, and one row a minute over time."""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from hub.fair.announcements import on_site
from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import companies, figures, people
from hub.ports.fair import Census, Moment

FRESH_MS: Final = 10_000
MINUTE_MS: Final = 60_000
POINTS_MAX: Final = 1_000

_P = people.c


class SqlFigures(Part):
    """Implements ``hub.ports.fair.Figures``."""

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self._seen: Census | None = None
        self._counting = asyncio.Lock()

    async def census(self) -> Census:
        if self._fresh() is None:
            async with self._counting:  # one counts, the others take what it found
                if self._fresh() is None:
                    self._seen = await self._count()
        assert self._seen is not None
        return self._seen

    def _fresh(self) -> Census | None:
        seen = self._seen
        return seen if seen is not None and 0 <= self._now_ms() - seen.at_ms < FRESH_MS else None

    async def _count(self) -> Census:
        """A few counts over one index or one pass of the table each: 100,000 people take some
        tens of milliseconds, off the event loop, in a transaction that only reads."""
        now = self._now_ms()
        here = _P.erased_ms.is_(None)
        number = sa.func.count().label("number")
        # Not the column itself: by its index SQLite would visit every row out of order, which
        # takes three times as long as one pass.
        country = (_P.country + "").label("country")
        by_country = sa.select(country, number).where(here).group_by(country)
        by_country = by_country.order_by(number.desc())
        # Grouped as the text it is stored as: there are few different lists, and only those
        # are taken apart. PostgreSQL has no equality for json: its text has.
        listed = sa.cast(_P.sectors, sa.Text)
        by_list = sa.select(listed.label("listed"), number).where(here).group_by(listed)
        inside = sa.select(sa.func.count()).select_from(people).where(here, on_site(now))
        open_to_all = sa.select(sa.func.count()).where(companies.c.published.is_(True))
        async with transaction(self._engine) as connection:
            countries = (await connection.execute(by_country)).all()
            lists = (await connection.execute(by_list)).all()
            there = (await connection.execute(inside)).scalar_one()
            shown = (await connection.execute(open_to_all)).scalar_one()
        sectors = _by_sector([(row.listed, row.number) for row in lists])
        return Census(
            at_ms=now,
            registered=sum(row.number for row in countries),
            companies=shown,
            on_site=there,
            countries=tuple((row.country, row.number) for row in countries),
            sectors=sectors,
        )

    async def write(self, moment: Moment) -> bool:
        values = {name: getattr(moment, name) for name in Moment.__dataclass_fields__}
        values["at_ms"] = moment.at_ms - moment.at_ms % MINUTE_MS
        insert: Any = (
            sqlite.insert(figures)
            if self._engine.dialect.name == "sqlite"
            else postgresql.insert(figures)
        )
        change = insert.values(**values).on_conflict_do_nothing().returning(figures.c.at_ms)
        async with transaction(self._engine) as connection:
            return (await connection.execute(change)).scalar_one_or_none() is not None

    async def history(self, from_ms: int, to_ms: int, points: int) -> tuple[Moment, ...]:
        points = max(1, min(points, POINTS_MAX))
        span = max(MINUTE_MS, -(-(to_ms - from_ms) // points))
        # Whole numbers: SQLAlchemy's ``/`` is a true division.
        last = (
            sa.select(sa.func.max(figures.c.at_ms))
            .where(figures.c.at_ms >= from_ms, figures.c.at_ms < to_ms)
            .group_by(
                (figures.c.at_ms - sa.literal_column(str(int(from_ms))))
                // sa.literal_column(str(int(span)), sa.BigInteger)
            )
        )
        query = sa.select(figures).where(figures.c.at_ms.in_(last)).order_by(figures.c.at_ms)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return tuple(Moment(**row._mapping) for row in rows)


def _by_sector(lists: list[tuple[str, int]]) -> tuple[tuple[str, int], ...]:
    """Counts of each sector, largest first, from counts of each stored list."""
    counts: dict[str, int] = {}
    for text, number in lists:
        for slug in set(json.loads(text)):
            counts[slug] = counts.get(slug, 0) + number
    return tuple(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0])))
