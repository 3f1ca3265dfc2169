"""What everybody may read: published results, found, counted and summed.

The one condition of everything here is ``_published``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair import search
from hub.fair.companies.directory import cursor_parts, cursor_text
from hub.fair.engine import transaction
from hub.fair.results.reading import Reading
from hub.fair.results.rows import COLUMNS, records
from hub.fair.tables import result_parties, results
from hub.ports.results import Count, Result, ResultFilter, Stamp, Sum, Totals
from rooms.results import State

PAGE_MAX: Final = 500
GROUPS_MAX: Final = 400  # different values counted, of days and countries the most
#: Amounts are summed in two halves: no database's sum of integers overflows by them.
_HALF: Final = 1_000_000_000


def _published() -> sa.ColumnElement[bool]:
    return results.c.state == State.RELEASED.value


async def _where(
    connection: AsyncConnection, where: ResultFilter
) -> list[sa.ColumnElement[bool]] | None:
    """The conditions; None when nothing can fit."""
    r, p = results.c, result_parties.c
    out = [_published()]
    if where.q.strip():
        named = search.ids(connection, "result", where.q)
        if named is None:
            return None
        out.append(r.id.in_(named))
    for column, value in (
        (r.kind, where.kind),
        (r.sector, where.sector),
        (r.released_on, where.day),
    ):
        if value is not None:
            out.append(column == value)
    for column, value in ((p.country, where.country), (p.company, where.company)):
        if value is not None:
            out.append(r.id.in_(sa.select(p.result).where(column == value)))
    return out


def _counts(rows: Iterable[Any]) -> dict[str, Count]:
    """Rows of (key, currency, decimals, n, high, low): each key with its sums."""
    numbers: dict[str, int] = {}
    disclosed: dict[str, int] = {}
    sums: dict[str, list[Sum]] = {}
    for row in rows:
        numbers[row.key] = numbers.get(row.key, 0) + row.n
        if row.currency is not None:
            disclosed[row.key] = disclosed.get(row.key, 0) + row.n
            amount = int(row.high) * _HALF + int(row.low)
            sums.setdefault(row.key, []).append(Sum(row.currency, row.decimals, amount))
    return {
        key: Count(
            key,
            n,
            disclosed.get(key, 0),
            tuple(sorted(sums.get(key, []), key=lambda s: s.currency)),
        )
        for key, n in numbers.items()
    }


def _largest(found: dict[str, Count]) -> tuple[Count, ...]:
    return tuple(sorted(found.values(), key=lambda one: (-one.number, one.key)))


class Lists(Reading):
    """What is published."""

    async def find(
        self, where: ResultFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[Result, ...], str | None]:
        r, limit = results.c, max(1, min(limit, PAGE_MAX))
        query = sa.select(*COLUMNS)
        if cursor is not None:
            at, id = cursor_parts(cursor, int, str)
            query = query.where(sa.tuple_(r.released_ms, r.id) < sa.tuple_(at, id))
        async with transaction(self._engine) as connection:
            conditions = await _where(connection, where)
            if conditions is None:
                return (), None
            query = query.where(*conditions)
            query = query.order_by(r.released_ms.desc(), r.id.desc()).limit(limit + 1)
            found = await records(connection, query)
        page = tuple(found[:limit])
        last = (page[-1].released_ms, page[-1].id) if len(found) > limit else None
        return page, cursor_text(last)

    async def totals(self, where: ResultFilter) -> Totals:
        r, p = results.c, result_parties.c
        async with transaction(self._engine) as connection:
            conditions = await _where(connection, where)
            if conditions is None:
                return Totals(Count("", 0, 0))

            async def grouped(key: Any, source: Any = results) -> dict[str, Count]:
                query = (
                    sa.select(
                        key.label("key"), r.currency, r.decimals,
                        sa.func.count().label("n"),
                        sa.func.sum(r.amount // _HALF).label("high"),
                        sa.func.sum(r.amount % _HALF).label("low"),
                    )
                    .select_from(source)
                    .where(*conditions)
                    .group_by(key, r.currency, r.decimals)
                )  # fmt: skip
                return _counts((await connection.execute(query)).all())

            # A result counts once in each country of its parties.
            pairs = sa.select(p.result, p.country).distinct().subquery()
            by_country = results.join(pairs, pairs.c.result == r.id)
            sectors = await grouped(r.sector)
            countries = await grouped(pairs.c.country, by_country)
            days = await grouped(r.released_on)
            kinds = await grouped(r.kind)
        return Totals(
            all=_added(kinds.values()),
            sectors=_largest(sectors)[:GROUPS_MAX],
            countries=_largest(countries)[:GROUPS_MAX],
            days=tuple(days[key] for key in sorted(days, reverse=True)[:GROUPS_MAX])[::-1],
            kinds=_largest(kinds),
        )

    async def stamp(self) -> Stamp:
        r = results.c
        was = sa.or_(_published(), r.released_ms.is_not(None))
        query = sa.select(
            sa.func.count().filter(_published()),
            sa.func.coalesce(sa.func.sum(r.version).filter(_published()), 0),
            sa.func.coalesce(sa.func.max(r.changed_ms), 0),
        ).where(was)
        async with transaction(self._engine) as connection:
            number, versions, changed = (await connection.execute(query)).one()
        return Stamp(int(number), int(versions), int(changed))


def _added(counts: Iterable[Count]) -> Count:
    """All of several counts of different results."""
    number = disclosed = 0
    sums: dict[tuple[str, int], int] = {}
    for one in counts:
        number, disclosed = number + one.number, disclosed + one.disclosed
        for part in one.sums:
            key = (part.currency, part.decimals)
            sums[key] = sums.get(key, 0) + part.amount
    listed = tuple(Sum(currency, decimals, n) for (currency, decimals), n in sorted(sums.items()))
    return Count("", number, disclosed, listed)
