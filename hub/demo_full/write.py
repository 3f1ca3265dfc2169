"""The invented fair into the database: in bulk, through the imports' code, once.

That it is there is marked by a row among the imports, in which each step's end is written too:
a start that was interrupted goes on, a second start finds all done.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from datetime import time as clock
from typing import Any, Final
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.config import Config
from hub.demo_full.invent import SLOTS, Invention, Record
from hub.fair.base import FairKeys, wall_clock_ms
from hub.fair.engine import SETTLE_ROWS, make_engine, settle, transaction
from hub.fair.imports.plan import Context
from hub.fair.imports.runner import APPLY, WRITTEN, context_of
from hub.fair.people.passwords import Passwords
from hub.fair.search import unindex
from hub.fair.settings import SqlSettings
from hub.fair.tables import (
    agenda,
    companies,
    company_staff,
    conferences,
    entry_slots,
    favourites,
    imports,
    people,
)
from hub.ports import StaleVersion
from hub.ports.fair import FairChange
from hub.ports.imports import Kind

BATCH: Final = 1_000
HOUR_MS: Final = 3_600_000
PASSWORD: Final = "pavilion-demo"  # printed at each start: a demo is open to whoever sees it


@dataclass(frozen=True, slots=True)
class Size:
    people: int
    companies: int
    conferences: int
    rooms: int
    days: int


SMALL: Final = Size(120, 60, 40, 6, 3)
FULL: Final = Size(100_000, 18_000, 500, 60, 5)

#: name, e-mail, role, what it is for
ACCOUNTS: Final = (
    ("Lin Yue 林悦", "organiser@example.com", "organiser"),
    ("Chen Rui 陈睿", "moderator@example.com", "moderator"),
    ("Amara Okafor", "exhibitor@example.com", "participant"),
    ("Zhang Wei 张伟", "visitor@example.com", "participant"),
)

Told = Callable[[str, int, int], None]


class Writer:
    """One invented fair. ``told``: step, done, total; after each batch."""

    def __init__(self, engine: AsyncEngine, context: Context, seed: int, told: Told) -> None:
        self._engine, self._context, self._told = engine, context, told
        self.seed = seed

    async def bring(self, kind: Kind, records: Iterable[Record], total: int) -> None:
        """Records through the imports' code, 1,000 in a transaction."""
        done = 0
        for batch in _batches(records):
            async with transaction(self._engine) as connection:
                await _take_lock(connection)
                outcome = await APPLY[kind](
                    connection, batch, self._context, wall_clock_ms(), write=True
                )
            assert not outcome.refused, outcome.refused
            done += len(batch)
            self._told(kind, done, total)
        if done >= SETTLE_ROWS:
            await settle(self._engine, WRITTEN[kind])

    async def talks(self, invention: Invention, days: Sequence[int], size: Size) -> None:
        firms = list(Invention(self.seed).companies(size.companies))
        halls = list(invention.rooms(size.rooms))
        talks = list(invention.conferences(days, halls, firms, size.conferences))
        await self.bring("conferences", talks, len(talks))

    async def staff(self) -> None:
        """People of the companies they say they work for."""
        worker = sa.select(people.c.id, people.c.organisation, people.c.position).where(
            people.c.external_key.like(f"demo-{self.seed}-p%"), people.c.organisation.is_not(None)
        )
        firm = sa.select(companies.c.name, companies.c.slug).where(
            companies.c.external_key.like(f"demo-{self.seed}-c%")
        )
        async with transaction(self._engine) as connection:
            slugs = {row.name: row.slug for row in await connection.execute(firm)}
            found = (await connection.execute(worker.order_by(people.c.id))).all()
            there = set((await connection.execute(sa.select(company_staff.c.person))).scalars())
        owners: set[str] = set()
        rows = []
        for row in found:
            slug = slugs.get(row.organisation)
            if slug is None or row.id in there:
                continue
            role = "staff" if slug in owners else "owner"
            owners.add(slug)
            rows.append({"company": slug, "person": row.id, "role": role, "title": row.position,
                         "shown": True, "created_ms": wall_clock_ms()})  # fmt: skip
        for batch in _batches(rows):
            async with transaction(self._engine) as connection:
                await connection.execute(sa.insert(company_staff), batch)
        if len(rows) >= SETTLE_ROWS:
            await settle(self._engine, [company_staff])


def _batches(records: Iterable[Record]) -> Iterable[list[Record]]:
    taken = iter(records)
    while batch := list(itertools.islice(taken, BATCH)):
        yield batch


async def _take_lock(connection: AsyncConnection) -> None:
    """The imports read before they write: on SQLite the lock has to be there first."""
    await connection.execute(sa.update(imports).where(imports.c.id == "").values(bad=0))


async def _done(engine: AsyncEngine, mark: str) -> bool:
    async with transaction(engine) as connection:
        found = await connection.execute(sa.select(imports.c.id).where(imports.c.id == mark))
        return found.first() is not None


async def _mark(engine: AsyncEngine, mark: str, size: Size) -> None:
    now = wall_clock_ms()
    async with transaction(engine) as connection:
        await connection.execute(
            sa.insert(imports).values(
                id=mark, kind="people", filename=f"pavilion demo ({mark})", by="demo",
                dry_run=False, state="done", digest="", header=[], unknown=[],
                rows_total=size.people, rows_done=size.people, created=size.people, updated=0,
                unchanged=0, bad=0, created_ms=now, finished_ms=now,
            )
        )  # fmt: skip


async def _accounts(engine: AsyncEngine, config: Config) -> None:
    """The accounts a visitor of the demo signs in with; their password is the same each time."""
    now = wall_clock_ms()
    async with transaction(engine) as connection:
        emails = [email for _name, email, _role in ACCOUNTS]
        known = set(
            (
                await connection.execute(
                    sa.select(people.c.email_key).where(people.c.email_key.in_(emails))
                )
            ).scalars()
        )
    if len(known) == len(ACCOUNTS):
        return
    hashed = await Passwords(config.limits).hash(PASSWORD)
    records: list[Record] = [
        {"external_key": f"demo-account-{email}", "name": name, "email": (email, email),
         "country": "NG" if name.startswith("Amara") else "CN", "sectors": ["finance"],
         "organisation": "Pavilion Demo", "languages": ["zh-Hans", "en"], "language": "en"}
        for name, email, _role in ACCOUNTS
    ]  # fmt: skip
    async with transaction(engine) as connection:
        await _take_lock(connection)
        context = Context({}, ZoneInfo("UTC"))
        await APPLY["people"](connection, records, context, now, write=True)
        for _name, email, role in ACCOUNTS:
            await connection.execute(
                sa.update(people)
                .where(people.c.email_key == email)
                .values(role=role, password_hash=hashed, verified_ms=now, consent_ms=now,
                        privacy_version=1, source="demo", gate=role != "participant", listed=True)
            )  # fmt: skip


async def _choices(engine: AsyncEngine) -> None:
    """What the demo's visitor likes and wants to hear; the exhibitor's company."""
    now = wall_clock_ms()
    async with transaction(engine) as connection:
        emails = [email for _, email, _ in ACCOUNTS]
        wanted = sa.select(people.c.email_key, people.c.id).where(people.c.email_key.in_(emails))
        ids = {row.email_key: row.id for row in await connection.execute(wanted)}
        visitor, exhibitor = ids["visitor@example.com"], ids["exhibitor@example.com"]
        first = sa.select(companies.c.slug).order_by(companies.c.sort_key).limit(5)
        firms = (await connection.execute(first)).scalars().all()
        to_come = sa.select(conferences.c.slug).where(conferences.c.ends_ms > now)
        to_come = to_come.order_by(conferences.c.starts_ms).limit(4)
        talks = (await connection.execute(to_come)).scalars().all()
        await _insert_missing(connection, favourites, "company", visitor, firms, created_ms=now)
        await _insert_missing(connection, agenda, "conference", visitor, talks, added_ms=now)
        await _insert_missing(
            connection, company_staff, "company", exhibitor, firms[:1], role="owner", title="CEO",
            shown=True, created_ms=now,
        )  # fmt: skip


async def _insert_missing(
    connection: AsyncConnection, table: sa.Table, column: str, person: str,
    values: Sequence[str], **more: Any,
) -> None:  # fmt: skip
    found = await connection.execute(sa.select(table.c[column]).where(table.c.person == person))
    there = set(found.scalars())
    rows = [{"person": person, column: one, **more} for one in values if one not in there]
    if rows:
        await connection.execute(sa.insert(table), rows)


async def _slots(engine: AsyncEngine, days: Sequence[int]) -> None:
    """Entry slots of two hours on each day that has none."""
    async with transaction(engine) as connection:
        found = await connection.execute(sa.select(entry_slots.c.starts_ms))
        there = set(found.scalars())
        rows = [
            {"id": f"demo{day // HOUR_MS + hour}", "starts_ms": day + hour * HOUR_MS,
             "ends_ms": day + (hour + 2) * HOUR_MS, "capacity": 500, "taken": 0,
             "created_ms": wall_clock_ms()}
            for day in days for hour in (8, 10, 12, 14, 16)
            if day + hour * HOUR_MS not in there
        ]  # fmt: skip
        if rows:
            await connection.execute(sa.insert(entry_slots), rows)


def _from_now(count: int) -> list[int]:
    """Beginnings of days, ms, such that the first talks began half an hour ago at most."""
    half = HOUR_MS // 2
    first = wall_clock_ms() // half * half - int(SLOTS[0][0] * HOUR_MS)
    return [first + n * 24 * HOUR_MS for n in range(count)]


async def _talks_to_come(engine: AsyncEngine, seed: int) -> bool:
    """Whether talks of the invented fair are to come; when all are over, they are taken away."""
    ours = conferences.c.external_key.like(f"demo-{seed}-k%")
    wanted = sa.select(conferences.c.slug).where(ours)
    async with transaction(engine) as connection:
        await _take_lock(connection)
        later = wanted.where(conferences.c.ends_ms > wall_clock_ms()).limit(1)
        if (await connection.execute(later)).first() is not None:
            return True
        slugs = list((await connection.execute(wanted)).scalars())
        await unindex(connection, "conference", slugs)
        await connection.execute(sa.delete(conferences).where(ours))
    return False


def _days(zone: ZoneInfo, count: int) -> list[int]:
    """Midnights from today on, ms."""
    today = datetime.now(UTC).astimezone(zone).date()
    return [
        int(datetime.combine(today + timedelta(days=n), clock(), zone).timestamp() * 1000)
        for n in range(count)
    ]


async def _set_up(settings: SqlSettings, days: int) -> None:
    """Name and dates, unless the organiser has set the fair up."""
    now = await settings.current()
    if now.version or now.starts_on:
        return
    today = datetime.now(UTC).astimezone(ZoneInfo(now.time_zone)).date()
    change = FairChange(
        names={"en": "Pavilion Services Fair", "zh-Hans": "Pavilion 服务贸易展"},
        dates=(today, today + timedelta(days=days - 1)),
    )
    try:
        await settings.change(now.version, change)
    except StaleVersion:
        return  # somebody set it up this very moment


async def furnish(config: Config, seed: int, size: Size, told: Told) -> float:
    """Bring the fair in unless it is there; seconds it took."""
    began = time.monotonic()
    engine = make_engine(config.database_url)
    settings = SqlSettings(engine, config, FairKeys(b"", b"", b""), wall_clock_ms)
    try:
        await _set_up(settings, size.days)
        found = await settings.current()
        days = _days(ZoneInfo(found.time_zone), size.days)
        mark = f"demo-{seed}-{size.people}"
        if not await _done(engine, mark):
            writer = Writer(engine, context_of(found), seed, told)
            invention = Invention(seed)
            firms = list(invention.companies(size.companies))
            halls = list(invention.rooms(size.rooms))
            await writer.bring("companies", firms, size.companies)
            await writer.bring("people", invention.people(size.people, firms), size.people)
            await writer.bring("rooms", halls, size.rooms)
            await writer.staff()
            await _slots(engine, days)
            if size.people >= FULL.people:
                await writer.talks(invention, days, size)
            await _mark(engine, mark, size)
        if size.people < FULL.people and not await _talks_to_come(engine, seed):
            writer = Writer(engine, context_of(found), seed, told)
            await writer.talks(Invention(seed), _from_now(size.days), size)
        await _accounts(engine, config)
        await _choices(engine)
    finally:
        await engine.dispose()
    return time.monotonic() - began


def account_lines() -> list[str]:
    """What to print about signing in."""
    return [f"{email:<24} {name} ({role})" for name, email, role in ACCOUNTS]
