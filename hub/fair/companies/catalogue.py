"""The directory's order and filters, in memory: what to show and how many of each.

Which companies a word finds, the database says (``hub.fair.search``); all else about a query
is set arithmetic over a few thousand companies. A set is an integer with a bit for each
company, in the order of the directory: the next page is the next bits, a count is a
``bit_count``. 18,000 companies take about 6 MB and are read again when something changed.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from hub.ports.companies import CompanyFilter, Facets


class Listed(NamedTuple):
    """A published company, as far as the directory sorts and counts it."""

    sort_key: str
    slug: str
    no: int  # its number in the search
    sector: str
    country: str
    on_site: bool
    online: bool


def _set(positions: Iterable[int], size: int) -> int:
    bits = bytearray(size // 8 + 1)
    for position in positions:
        bits[position >> 3] |= 1 << (position & 7)
    return int.from_bytes(bits, "little")


def _bits(found: int, start: int, limit: int) -> list[int]:
    """The first ``limit`` positions in ``found`` from ``start`` on."""
    rest = found >> start
    taken: list[int] = []
    while rest and len(taken) < limit:
        step = (rest & -rest).bit_length()
        start += step
        taken.append(start - 1)
        rest >>= step
    return taken


@dataclass(slots=True)
class Catalogue:
    """Made once from all rows, never changed."""

    rows: list[Listed]
    all: int = 0
    on_site: int = 0
    online: int = 0
    sectors: dict[str, int] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)
    place: dict[str, int] = field(default_factory=dict)  # by slug
    place_of_no: dict[int, int] = field(default_factory=dict)

    @classmethod
    def of(cls, rows: Iterable[Listed]) -> Catalogue:
        ordered = sorted(rows)
        size = len(ordered)

        def where(test: Callable[[Listed], bool]) -> int:
            return _set((i for i, row in enumerate(ordered) if test(row)), size)

        by_sector: dict[str, list[int]] = {}
        by_country: dict[str, list[int]] = {}
        for i, row in enumerate(ordered):
            by_sector.setdefault(row.sector, []).append(i)
            by_country.setdefault(row.country, []).append(i)
        return cls(
            rows=ordered,
            all=(1 << size) - 1,
            on_site=where(lambda row: row.on_site),
            online=where(lambda row: row.online),
            sectors={name: _set(found, size) for name, found in by_sector.items()},
            countries={name: _set(found, size) for name, found in by_country.items()},
            place={row.slug: i for i, row in enumerate(ordered)},
            place_of_no={row.no: i for i, row in enumerate(ordered)},
        )

    def of_slugs(self, slugs: Collection[str]) -> int:
        return _set((self.place[s] for s in slugs if s in self.place), len(self.rows))

    def of_numbers(self, numbers: Collection[int]) -> int:
        place = self.place_of_no
        return _set((place[no] for no in numbers if no in place), len(self.rows))

    def count(
        self, where: CompanyFilter, matching: int, live: Collection[str]
    ) -> tuple[int, Facets]:
        """(the set of all that fit, counts). ``live``: who is in a room now."""
        now = self.of_slugs(live)
        parts = {
            "q": matching,
            "sector": self.sectors.get(where.sector, 0) if where.sector else self.all,
            "country": self.countries.get(where.country, 0) if where.country else self.all,
            "on_site": self.on_site if where.on_site else self.all,
            "online": self.online if where.online else self.all,
            "live": self.of_slugs(where.live) if where.live is not None else self.all,
        }

        def without(name: str) -> int:
            found = self.all
            for part, members in parts.items():
                if part != name:
                    found &= members
            return found

        def counts(name: str, sets: Mapping[str, int]) -> dict[str, int]:
            rest = without(name)
            found = {value: (rest & members).bit_count() for value, members in sets.items()}
            return {value: n for value, n in found.items() if n}

        facets = Facets(
            sectors=counts("sector", self.sectors),
            countries=counts("country", self.countries),
            on_site=(without("on_site") & self.on_site).bit_count(),
            online=(without("online") & self.online).bit_count(),
            live=(without("live") & now).bit_count(),
        )
        return without(""), facets

    def page(
        self, found: int, named: int, cursor: tuple[int, str, str] | None, limit: int
    ) -> tuple[list[str], tuple[int, str, str] | None]:
        """Slugs after ``cursor`` (tier, sort key, slug): first those in ``named``, then the
        rest, each in the order of names; and the cursor of the next page.

        A cursor names a company, not a number: what comes and goes meanwhile makes neither
        a hole nor a repeat.
        """
        slugs: list[str] = []
        last: tuple[int, str, str] | None = None
        first_tier, key = (cursor[0], cursor[1:]) if cursor else (0, None)
        for tier, members in enumerate((found & named, found & ~named)):
            if tier < first_tier:
                continue
            start = 0
            if key is not None and tier == first_tier:
                start = bisect_right(self.rows, key, key=lambda row: (row.sort_key, row.slug))
            for i in _bits(members, start, limit + 1 - len(slugs)):
                if len(slugs) == limit:
                    return slugs, last
                slugs.append(self.rows[i].slug)
                last = (tier, self.rows[i].sort_key, self.rows[i].slug)
        return slugs, None
