"""Imports on SQL: sheets wait in the database, any hub carries them out in a child process.

``SqlImports`` is the hub's side (``hub.ports.imports.Imports``); ``Run`` does the work, in the
child (``hub.fair.imports.child``) or in ``pavilion import``.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import re
import secrets
import sys
from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa
import structlog

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import import_errors, imports
from hub.lifeline import die_with_parent
from hub.ports.imports import ImportFault, ImportJob, Kind, TooManyImports

log = structlog.get_logger(__name__)

WAITING_MAX: Final = 20
LIST_MAX: Final = 200
DRY_RUN_KEPT_MS: Final = 24 * 3_600_000
_FAILED_TWICE_S: Final = 10.0  # a child that fails is not started again at once
_COLUMNS: Final = [column for column in imports.c if column.name not in {"source", "digest"}]
_CURSOR: Final = re.compile(r"([0-9]{1,15})-([0-9a-f]{1,32})")


def job_of(row: sa.Row[Any]) -> ImportJob:
    return ImportJob(
        id=row.id, kind=row.kind, filename=row.filename, by=row.by, dry_run=row.dry_run,
        state=row.state, why=row.why, header=tuple(row.header), unknown=tuple(row.unknown),
        rows_total=row.rows_total, rows_done=row.rows_done, created=row.created,
        updated=row.updated, unchanged=row.unchanged, bad=row.bad,
        created_ms=row.created_ms, finished_ms=row.finished_ms,
    )  # fmt: skip


class SqlImports(Part):
    """Implements ``hub.ports.imports.Imports``."""

    async def submit(
        self, kind: Kind, filename: str, source: bytes, by: str, *, dry_run: bool
    ) -> ImportJob:
        waiting = sa.select(sa.func.count()).where(imports.c.state.in_(("waiting", "running")))
        row = {
            "id": secrets.token_hex(8), "kind": kind, "filename": filename[:160], "by": by,
            "dry_run": dry_run, "state": "waiting", "why": None, "source": source,
            "digest": hashlib.sha256(source).hexdigest(), "header": [], "unknown": [],
            "rows_total": 0, "rows_done": 0, "created": 0, "updated": 0, "unchanged": 0,
            "bad": 0, "lease_until_ms": None, "created_ms": self._now_ms(), "finished_ms": None,
        }  # fmt: skip
        async with transaction(self._engine) as connection:
            made = await connection.execute(sa.insert(imports).values(row).returning(*_COLUMNS))
            job = job_of(made.one())
            # After the insert: two at once on SQLite come one after the other by now.
            if (await connection.execute(waiting)).scalar_one() > WAITING_MAX:
                raise TooManyImports(WAITING_MAX)
        return job

    async def find(self, kind: Kind, source: bytes, *, dry_run: bool) -> ImportJob | None:
        """The unfinished import of the very same sheet, left by a run that died."""
        wanted = (
            sa.select(*_COLUMNS)
            .where(
                imports.c.digest == hashlib.sha256(source).hexdigest(),
                imports.c.kind == kind,
                imports.c.dry_run == dry_run,
                imports.c.state.in_(("waiting", "running")),
            )
            .order_by(imports.c.created_ms.desc())
            .limit(1)
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(wanted)).one_or_none()
        return None if row is None else job_of(row)

    async def get(self, job: str) -> ImportJob | None:
        async with transaction(self._engine) as connection:
            found = await connection.execute(sa.select(*_COLUMNS).where(imports.c.id == job))
            row = found.one_or_none()
        return None if row is None else job_of(row)

    async def list(
        self, cursor: str | None = None, limit: int = 20
    ) -> tuple[Sequence[ImportJob], str | None]:
        limit = max(1, min(limit, LIST_MAX))
        order = (imports.c.created_ms.desc(), imports.c.id.desc())
        wanted = sa.select(*_COLUMNS).order_by(*order).limit(limit + 1)
        if cursor is not None:
            found = _CURSOR.fullmatch(cursor)
            if found is None:
                raise ValueError("not a cursor")
            before = sa.tuple_(sa.literal(int(found[1])), sa.literal(found[2]))
            wanted = wanted.where(sa.tuple_(imports.c.created_ms, imports.c.id) < before)
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(wanted)).all()
        jobs = [job_of(row) for row in rows[:limit]]
        more = len(rows) > limit
        return jobs, f"{jobs[-1].created_ms}-{jobs[-1].id}" if more else None

    async def errors(self, job: str, after: int = 0, limit: int = 100) -> Sequence[ImportFault]:
        wanted = (
            sa.select(import_errors)
            .where(import_errors.c.job == job, import_errors.c.id > after)
            .order_by(import_errors.c.id)
            .limit(max(1, min(limit, 1_000)))
        )
        async with transaction(self._engine) as connection:
            rows = (await connection.execute(wanted)).all()
        return [
            ImportFault(row.id, row.row, tuple(row.faults), tuple(json.loads(row.cells)))
            for row in rows
        ]

    async def cancel(self, job: str) -> bool:
        statement = (
            sa.update(imports)
            .where(imports.c.id == job, imports.c.state.in_(("waiting", "running")))
            .values(state="cancelled", source=None, lease_until_ms=None, finished_ms=self._now_ms())
        )
        async with transaction(self._engine) as connection:
            return (await connection.execute(statement)).rowcount == 1

    async def start_real(self, job: str, by: str) -> ImportJob | None:
        wanted = sa.select(imports).where(
            imports.c.id == job, imports.c.dry_run, imports.c.state == "done"
        )
        async with transaction(self._engine) as connection:
            row = (await connection.execute(wanted)).one_or_none()
        if row is None or row.source is None:
            return None
        started = await self.submit(row.kind, row.filename, row.source, by, dry_run=False)
        async with transaction(self._engine) as connection:  # once is enough
            await connection.execute(
                sa.update(imports).where(imports.c.id == job).values(source=None)
            )
        return started

    # --- the work --------------------------------------------------------------------------

    async def work(self) -> None:
        while await self._anything_to_do():
            if await self._child() != 0:
                await asyncio.sleep(_FAILED_TWICE_S)
                return

    async def _anything_to_do(self) -> bool:
        now = self._now_ms()
        free = sa.or_(
            imports.c.state == "waiting",
            sa.and_(imports.c.state == "running", imports.c.lease_until_ms < now),
        )
        async with transaction(self._engine) as connection:
            found = await connection.execute(sa.select(imports.c.id).where(free).limit(1))
            waits = found.first() is not None
            if not waits:
                old = imports.c.source.is_not(None) & (
                    imports.c.finished_ms < now - DRY_RUN_KEPT_MS
                )
                there = await connection.execute(sa.select(imports.c.id).where(old).limit(1))
                if there.first() is not None:
                    await connection.execute(sa.update(imports).where(old).values(source=None))
        return waits

    async def _child(self) -> int:
        """Run what waits in a process of its own: its work takes nothing from the hub's event
        loop, and a sheet made to fill the memory fills the child's."""
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "hub.fair.imports.child",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.DEVNULL,
            preexec_fn=die_with_parent,
        )  # fmt: skip
        # Not in the arguments: the address may have a password in it.
        settings = {
            "database": {"url": self._config.database_url},
            "fair": self._config.fair.model_dump(mode="json"),
        }
        try:
            await process.communicate(json.dumps(settings).encode())
            return process.returncode or 0
        except asyncio.CancelledError:
            process.terminate()  # the next hub goes on when the lease is over
            await process.wait()
            raise
