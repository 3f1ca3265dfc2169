"""Carries an import out: batch by batch, progress and rows in the same transaction.

A batch begins with the statement that moves ``rows_done`` on from where this run believes it
is. When another hub has taken the job over meanwhile, that statement finds nothing, and this
run ends: no batch is ever written twice. A run that dies leaves the job at a whole number of
batches; whoever claims it after ``lease_until_ms`` reads the sheet again from there.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from hub.fair.engine import SETTLE_ROWS, settle, transaction
from hub.fair.imports import values
from hub.fair.imports.companies import apply_companies
from hub.fair.imports.people import apply_people
from hub.fair.imports.plan import (
    BadHeader,
    Context,
    Fault,
    Outcome,
    Plan,
    Record,
    fault,
    keys_of,
)
from hub.fair.imports.programme import apply_conferences, apply_rooms
from hub.fair.tables import SEARCHES, companies, conferences, import_errors, imports, people, rooms
from hub.ports import DirectoryLost
from hub.ports.fair import FairSettings
from hub.ports.imports import Kind
from hub.sheets import BadSheet, Sheet, read_sheet

BATCH: Final = 1_000
LEASE_MS: Final = 15_000
#: SQLite has one writer: between two batches the others get their turn.
PAUSE_S: Final = 0.03
TRIES: Final = 4  # of a batch that met somebody registering at the same moment
ERRORS_MAX: Final = 20_000  # a sheet with more bad rows than that is the wrong sheet
_ENDED: Final = {"source": None, "lease_until_ms": None}


class Apply(Protocol):
    async def __call__(
        self, connection: AsyncConnection, records: Sequence[Record], context: Context,
        now_ms: int, *, write: bool,
    ) -> Outcome: ...  # fmt: skip


APPLY: Final[dict[Kind, Apply]] = {
    "people": apply_people,
    "companies": apply_companies,
    "conferences": apply_conferences,
    "rooms": apply_rooms,
}

#: What an import of each kind writes to.
WRITTEN: Final[dict[Kind, tuple[sa.Table, ...]]] = {
    "people": (people, SEARCHES["person"]),
    "companies": (companies, SEARCHES["company"]),
    "conferences": (conferences, SEARCHES["conference"]),
    "rooms": (rooms,),
}


class TakenOver(Exception):
    """The job is somebody else's now, or was cancelled."""


@dataclass(frozen=True, slots=True)
class _Item:
    row: int
    cells: list[str]
    record: Record
    faults: list[Fault]


def context_of(settings: FairSettings) -> Context:
    names = values.sector_names((sector.slug, sector.names) for sector in settings.sectors)
    return Context(names, ZoneInfo(settings.time_zone), settings.languages[0])


class Run:
    """One go at one job. ``told`` is awaited after each batch with (done, total)."""

    def __init__(
        self,
        engine: AsyncEngine,
        settings: FairSettings,
        now_ms: Callable[[], int],
        told: Callable[[int, int], Awaitable[None]] | None = None,
    ) -> None:
        self._engine = engine
        self._context = context_of(settings)
        self._now_ms = now_ms
        self._told = told

    async def claim(self, job: str | None = None) -> sa.Row[Any] | None:
        """The oldest job that waits or whose hub is gone (or ``job``, if it is such a one)."""
        now = self._now_ms()
        free = sa.or_(
            imports.c.state == "waiting",
            sa.and_(imports.c.state == "running", imports.c.lease_until_ms < now),
        )
        wanted = sa.select(imports.c.id).where(
            free if job is None else free & (imports.c.id == job)
        )
        wanted = wanted.order_by(imports.c.created_ms, imports.c.id).limit(1)
        taken = (
            sa.update(imports)
            .where(imports.c.id == wanted.scalar_subquery(), free)
            .values(state="running", lease_until_ms=now + LEASE_MS)
            .returning(imports)
        )
        async with transaction(self._engine) as connection:
            row: sa.Row[Any] | None = (await connection.execute(taken)).one_or_none()
        return row

    async def carry_out(self, job: sa.Row[Any]) -> None:
        """To the end of the sheet. Raises TakenOver, DirectoryLost."""
        beat = asyncio.create_task(self._hold(job.id))
        try:
            sheet = await asyncio.to_thread(read_sheet, job.source)
            plan = Plan(job.kind, sheet.header, self._context)
            await self._begin(job.id, sheet, plan)
            await self._batches(job, sheet, plan)
            await self._end(job.id, "done", dry_run=job.dry_run)
            if sheet.count >= SETTLE_ROWS and not job.dry_run:
                await settle(self._engine, WRITTEN[job.kind])
        except BadSheet as bad:
            await self._end(job.id, "failed", bad.code + (f":{bad.row}" if bad.row else ""))
        except BadHeader as bad:
            await self._end(job.id, "failed", bad.why)
        except IntegrityError:
            await self._end(job.id, "failed", "conflict")
        finally:
            beat.cancel()

    async def _hold(self, job: str) -> None:
        """Reading a large sheet takes longer than the lease."""
        while True:
            await asyncio.sleep(LEASE_MS / 3000)
            held = (
                sa.update(imports)
                .where(imports.c.id == job, imports.c.state == "running")
                .values(lease_until_ms=self._now_ms() + LEASE_MS)
            )
            try:
                async with transaction(self._engine) as connection:
                    await connection.execute(held)
            except DirectoryLost:
                continue  # the batch at work meets it too

    async def _begin(self, job: str, sheet: Sheet, plan: Plan) -> None:
        await self._update(job, header=sheet.header, unknown=plan.unknown, rows_total=sheet.count)

    async def _batches(self, job: sa.Row[Any], sheet: Sheet, plan: Plan) -> None:
        done, bad = job.rows_done, job.bad
        seen: dict[tuple[str, int], int] = {}
        for start, batch in _in_batches(sheet, plan, job.kind, seen):
            if start + len(batch) <= done:
                continue  # written before the run that died; only its keys count
            for left in range(TRIES):
                try:
                    bad += await self._write(job, start, batch)
                    break
                except IntegrityError:
                    if left == TRIES - 1:
                        raise
            done = start + len(batch)
            if self._told is not None:
                await self._told(done, sheet.count)
            if bad > ERRORS_MAX:
                await self._update(job.id, state="failed", why="too_many_errors", **_ENDED,
                                   finished_ms=self._now_ms())  # fmt: skip
                raise TakenOver(job.id)
            await asyncio.sleep(PAUSE_S)

    async def _write(self, job: sa.Row[Any], start: int, batch: list[_Item]) -> int:
        """One batch in one transaction; how many of its rows were refused."""
        now = self._now_ms()
        good = [item for item in batch if not item.faults]
        async with transaction(self._engine) as connection:
            moved = await connection.execute(
                sa.update(imports)
                .where(
                    imports.c.id == job.id,
                    imports.c.state == "running",
                    imports.c.rows_done == start,
                )
                .values(rows_done=start + len(batch), lease_until_ms=now + LEASE_MS)
            )
            if moved.rowcount != 1:
                raise TakenOver(job.id)
            outcome = await APPLY[job.kind](
                connection, [item.record for item in good], self._context, now,
                write=not job.dry_run,
            )  # fmt: skip
            refused = [(item, item.faults) for item in batch if item.faults]
            refused += [(good[place], faults) for place, faults in outcome.refused.items()]
            refused.sort(key=lambda pair: pair[0].row)
            if refused:
                await connection.execute(
                    sa.insert(import_errors),
                    [
                        {"job": job.id, "row": item.row, "faults": faults,
                         "cells": json.dumps(item.cells, ensure_ascii=False)}
                        for item, faults in refused
                    ],
                )  # fmt: skip
            await connection.execute(
                sa.update(imports)
                .where(imports.c.id == job.id)
                .values(
                    created=imports.c.created + outcome.created,
                    updated=imports.c.updated + outcome.updated,
                    unchanged=imports.c.unchanged + outcome.unchanged,
                    bad=imports.c.bad + len(refused),
                )
            )
        return len(refused)

    async def _end(
        self, job: str, state: str, why: str | None = None, *, dry_run: bool = False
    ) -> None:
        # The sheet of a dry run is kept for the real one that follows.
        dropped = {"lease_until_ms": None} if dry_run else _ENDED
        await self._update(job, state=state, why=why, finished_ms=self._now_ms(), **dropped)

    async def _update(self, job: str, **changes: Any) -> None:
        """Raises TakenOver when the job is not running any more."""
        statement = (
            sa.update(imports)
            .where(imports.c.id == job, imports.c.state == "running")
            .values(**changes)
        )
        async with transaction(self._engine) as connection:
            if (await connection.execute(statement)).rowcount != 1:
                raise TakenOver(job)


def _in_batches(
    sheet: Sheet, plan: Plan, kind: Kind, seen: dict[tuple[str, int], int]
) -> Iterator[tuple[int, list[_Item]]]:
    """(rows before it, batch): always the same batches of the same sheet.

    A row that names the same person or thing as an earlier good one is refused: which of the
    two is meant is not for us to guess.
    """
    batch: list[_Item] = []
    start = 0
    for number, cells in sheet.rows():
        record, faults = plan.read(cells)
        if not faults:
            for column, value in keys_of(kind, record):
                first = seen.setdefault((column, hash(value)), number)
                if first != number:
                    faults.append(fault(column, "twice", str(first)))
                    break
        batch.append(_Item(number, cells, record, faults))
        if len(batch) == BATCH:
            yield start, batch
            start += len(batch)
            batch = []
    if batch:
        yield start, batch
