"""Searching the directory: words in the database, order, filters and counts in memory."""

from __future__ import annotations

import asyncio
import json
import time
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Collection
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.config import Config
from hub.fair import search
from hub.fair.base import FairKeys, Part, wall_clock_ms
from hub.fair.companies.catalogue import Catalogue, Listed
from hub.fair.companies.rows import LIST_COLUMNS, record_of
from hub.fair.engine import transaction
from hub.fair.tables import SEARCHES, attendance, companies, company_staff
from hub.ports.companies import Company, CompanyFilter, CompanyPage

LIMIT_MAX: Final = 200
MANY_MAX: Final = 500
LOOK_S: Final = 2.0  # how often it is asked whether anything changed
LIVE_S: Final = 2.0
LIVE_MAX: Final = 5_000
FEW: Final = 3  # an exact search that finds fewer is helped by similar names
SIMILAR: Final = 5
QUERIES_KEPT: Final = 256
#: A change is stamped before it is committed: what was stamped so long before counts as new.
LATE_MS: Final = 15_000
PIECES_S: Final = 600.0  # how long it is remembered which pieces of names are common
_BATCH: Final = 500  # rows read before others have their turn
_QUICK_S: Final = 0.02  # a catalogue read so fast is read again at once after a change here

_Stamp = tuple[int, int, int]
_Known = dict[str, tuple[Listed | None, int]]  # by slug; None: not published; the version


def cursor_text(parts: tuple[Any, ...] | None) -> str | None:
    """An opaque cursor: URL-safe."""
    if parts is None:
        return None
    raw = json.dumps(parts, ensure_ascii=False, separators=(",", ":")).encode()
    return urlsafe_b64encode(raw).decode().rstrip("=")


def cursor_parts(cursor: str, *types: type) -> tuple[Any, ...]:
    """What ``cursor_text`` was given. Raises ValueError."""
    raw = json.loads(urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)))
    if (
        not isinstance(raw, list)
        or len(raw) != len(types)
        or any(type(part) is not kind for part, kind in zip(raw, types, strict=True))
    ):
        raise ValueError("not a cursor")
    return tuple(raw)


class CompanyDirectory(Part):
    """The reading half of the Companies port."""

    def __init__(
        self,
        engine: AsyncEngine,
        config: Config,
        keys: FairKeys,
        now_ms: Callable[[], int] = wall_clock_ms,
    ) -> None:
        super().__init__(engine, config, keys, now_ms)
        self._catalogue = Catalogue([])
        self._known: _Known = {}
        self._stamp: _Stamp | None = None
        self._pieces: tuple[float, dict[str, int]] = (float("-inf"), {})
        self._looked = self._read_at = float("-inf")
        self._read_s = 0.0
        self._changed_here = False
        self._reading = asyncio.Lock()
        self._counting = asyncio.Lock()
        self._words: OrderedDict[str, tuple[int, int, tuple[str, ...]]] = OrderedDict()
        self._live: frozenset[str] = frozenset()
        self._live_at = float("-inf")

    # --- the catalogue ---

    def _touched(self) -> None:
        """A change was made here: the next query is to see it."""
        self._changed_here = True

    async def _current(self) -> Catalogue:
        """At most LOOK_S old; while much changes, read again only every 20th of the time."""
        now = time.monotonic()
        quick = self._changed_here and self._read_s < _QUICK_S
        if not quick and now - self._looked < LOOK_S:
            return self._catalogue
        if self._reading.locked() and self._stamp is not None:
            return self._catalogue
        async with self._reading:
            now = time.monotonic()
            if self._stamp is not None and not self._changed_here and now - self._looked < LOOK_S:
                return self._catalogue
            if self._stamp is not None and not quick and now - self._read_at < 20 * self._read_s:
                return self._catalogue
            self._changed_here = False
            async with transaction(self._engine) as connection:
                stamp = await self._stamp_of(connection)
                if stamp != self._stamp:
                    await self._read(connection, stamp)
                    self._stamp = stamp
            self._looked = time.monotonic()
        return self._catalogue

    async def _stamp_of(self, connection: AsyncConnection) -> _Stamp:
        """Any change of any company changes this; answered from one index."""
        c = companies.c
        query = sa.select(
            sa.func.count(), sa.func.max(c.changed_ms), sa.func.sum(c.version)
        ).select_from(companies)
        count, changed, versions = (await connection.execute(query)).one()
        return int(count), int(changed or 0), int(versions or 0)

    async def _read(self, connection: AsyncConnection, stamp: _Stamp) -> None:
        """What changed since the last reading; everything when that does not add up (companies
        that went, a reading that was cut short)."""
        started = time.monotonic()
        c = companies.c
        changed = () if self._stamp is None else (c.changed_ms > self._stamp[1] - LATE_MS,)
        known = dict(self._known) if changed else {}
        await self._read_into(known, connection, changed)
        if changed and stamp != self._stamp_known(known, stamp[1]):
            known.clear()
            await self._read_into(known, connection, ())
        # Half a tenth of a second for 18,000: not on the loop that carries live rooms.
        self._catalogue = await asyncio.to_thread(
            Catalogue.of, [listed for listed, _ in known.values() if listed is not None]
        )
        self._known = known
        self._words.clear()
        self._read_at = time.monotonic()
        self._read_s = self._read_at - started

    async def _read_into(
        self, known: _Known, connection: AsyncConnection, where: tuple[Any, ...]
    ) -> None:
        c, found = companies.c, SEARCHES["company"]
        query = (
            sa.select(
                c.sort_key, c.slug, found.c.no, c.sector, c.country, c.on_site, c.online,
                c.published, c.version,
            )
            .join(found, found.c.id == c.slug)
            .where(*where)
        )  # fmt: skip
        result = await connection.stream(query)
        async for batch in result.partitions(_BATCH):
            for *listed, published, version in batch:
                known[listed[1]] = (Listed(*listed) if published else None, version)
            await asyncio.sleep(0)

    @staticmethod
    def _stamp_known(known: _Known, changed: int) -> _Stamp:
        return len(known), changed, sum(version for _, version in known.values())

    # --- queries ---

    async def _find(self, catalogue: Catalogue, q: str) -> tuple[int, int, tuple[str, ...]]:
        """(all that match, those that match by name, slugs of similar names); remembered
        until the catalogue changes."""
        if not q.strip():
            return catalogue.all, catalogue.all, ()
        key = search.fold(q[: search.QUERY_MAX])
        known = self._words.get(key)
        if known is not None:
            self._words.move_to_end(key)
            return known
        async with transaction(self._engine) as connection:
            found = await search.numbers(connection, "company", q)
            if found is None:
                result: tuple[int, int, tuple[str, ...]] = (0, 0, ())
            else:
                named, everywhere = (catalogue.of_numbers(numbers) for numbers in found)
                alike: tuple[str, ...] = ()
                if everywhere.bit_count() < FEW:
                    pieces = await self._common(connection)
                    pairs = await search.similar(connection, "company", q, 2 * SIMILAR, pieces)
                    alike = tuple(slug for slug, _ in pairs)
                result = (everywhere, named, alike)
        if catalogue is self._catalogue:
            self._words[key] = result
            if len(self._words) > QUERIES_KEPT:
                self._words.popitem(last=False)
        return result

    async def _common(
        self, connection: AsyncConnection, kept_s: float = float("inf")
    ) -> dict[str, int]:
        """Queries take what was counted last, however old: ``keep_ready`` counts anew."""
        if time.monotonic() - self._pieces[0] >= kept_s:
            async with self._counting:  # one counts, the others take what it found
                if time.monotonic() - self._pieces[0] >= kept_s:
                    pieces = await search.common(connection, "company")
                    self._pieces = (time.monotonic(), pieces)
        return self._pieces[1]

    async def keep_ready(self) -> None:
        await self._current()
        await self.live_now()
        async with transaction(self._engine) as connection:
            await self._common(connection, PIECES_S)
        await asyncio.to_thread(search.terms_of, "公司")  # the first one reads rjieba's words

    async def search(self, where: CompanyFilter, cursor: str | None, limit: int) -> CompanyPage:
        after = cursor_parts(cursor, int, str, str) if cursor is not None else None
        limit = max(1, min(limit, LIMIT_MAX))
        catalogue = await self._current()
        matching, named, alike = await self._find(catalogue, where.q)
        found, facets = catalogue.count(where, matching, await self.live_now())
        slugs, following = catalogue.page(
            found, named, (after[0], after[1], after[2]) if after else None, limit
        )
        shown = set(slugs)
        others = [
            slug
            for slug in alike
            if slug not in shown
            and slug in catalogue.place
            and not (matching >> catalogue.place[slug]) & 1
        ][:SIMILAR]
        records = await self.many([*slugs, *others])
        return CompanyPage(
            items=tuple(records[slug] for slug in slugs if slug in records),
            next=cursor_text(following),
            total=found.bit_count(),
            facets=facets,
            similar=tuple(records[slug] for slug in others if slug in records),
        )

    async def unpublished(
        self, where: CompanyFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[Company, ...], str | None]:
        c = companies.c
        query = sa.select(*LIST_COLUMNS).where(c.published.is_(False))
        if where.sector is not None:
            query = query.where(c.sector == where.sector)
        if where.country is not None:
            query = query.where(c.country == where.country)
        if cursor is not None:
            query = query.where(c.slug > cursor)
        async with transaction(self._engine) as connection:
            if q := where.q.strip():
                said = c.slug.icontains(q, autoescape=True)
                named = search.ids(connection, "company", q)
                query = query.where(said if named is None else said | c.slug.in_(named))
            query = query.order_by(c.slug).limit(limit + 1)
            rows = (await connection.execute(query)).all()
        found = tuple(record_of(row) for row in rows[:limit])
        return found, found[-1].slug if len(rows) > limit else None

    async def live_now(self) -> frozenset[str]:
        if time.monotonic() - self._live_at < LIVE_S:
            return self._live
        self._live_at = time.monotonic()  # one asks, the others take what there is
        query = (
            sa.select(company_staff.c.company)
            .join(attendance, attendance.c.person == company_staff.c.person)
            .where(attendance.c.left_ms.is_(None))
            .distinct()
            .limit(LIVE_MAX)
        )
        async with transaction(self._engine) as connection:
            self._live = frozenset((await connection.execute(query)).scalars())
        return self._live

    async def get(self, company: str) -> Company | None:
        async with transaction(self._engine) as connection:
            found = await connection.execute(
                sa.select(companies).where(companies.c.slug == company)
            )
            row = found.one_or_none()
        return None if row is None else record_of(row)

    async def many(self, companies_: Collection[str]) -> dict[str, Company]:
        wanted = list(companies_)[:MANY_MAX]
        if not wanted:
            return {}
        query = sa.select(*LIST_COLUMNS).where(companies.c.slug.in_(wanted))
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(query)).all()
        return {row.slug: record_of(row) for row in rows}
