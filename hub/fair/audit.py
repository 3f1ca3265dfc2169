"""The audit log: append-only rows, each holding the hash of the one before it.

What the chain proves: no row between the first and the newest was changed, removed, put in
or reordered, unless every later row was rewritten too. Whoever can write to the database
could do that, or cut off the newest rows; the head (seq and hash of the newest row), kept
somewhere else, shows either. Hubs keep it in data_dir and in their log (``keep_head``).
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import math
from collections import deque
from enum import Enum
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
import structlog
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.base import Part
from hub.fair.engine import transaction
from hub.fair.tables import audit_log
from hub.ports import DirectoryLost
from hub.ports.events import AuditCheck, AuditHead, AuditRow
from rooms.model import Identity

log = structlog.get_logger(__name__)

NOTHING: Final = "0" * 64  # what the first row has for ``previous``
WAITING_MAX: Final = 10_000  # rows kept while the database is away
BATCH: Final = 200  # rows written in one transaction
PAGE_MAX: Final = 500
DETAIL_MAX: Final = 8 * 1024
TRIES: Final = 5
_LOCK: Final = 0x41_55_44_49  # PostgreSQL advisory lock: one writer of the chain at a time
_READ: Final = 1_000  # rows read at once by ``verify``
HEAD_FILE: Final = "audit.head"

_Entry = dict[str, Any]


def digest(row: _Entry) -> str:
    """SHA-256, hex, over a JSON array of the row's columns in this order, ``previous`` last.

    Keys sorted, no spaces, everything beyond ASCII escaped: the same bytes whatever the
    database made of the text in between.
    """
    columns = ("seq", "at_ms", "actor", "actor_name", "act", "target", "detail", "address",
               "previous")  # fmt: skip
    encoded = json.dumps(
        [row[name] for name in columns], sort_keys=True, separators=(",", ":"), allow_nan=False
    )
    return hashlib.sha256(encoded.encode()).hexdigest()


def _text(value: str, limit: int) -> str:
    """What every database keeps as it is: no NUL, no lone surrogates."""
    return value.encode("utf-8", "replace").decode().replace("\0", "")[:limit]


def _plain(value: Any, depth: int = 0) -> Any:
    """``value`` as JSON that reads back the same from every database."""
    if isinstance(value, Enum):
        value = value.value
    if value is None or isinstance(value, bool | int):
        return value
    if isinstance(value, float):
        # Written as text: databases may print the last digit of a float differently.
        return int(value) if math.isfinite(value) and value == int(value) else str(value)
    if isinstance(value, dict) and depth < 8:
        return {_text(str(key), 100): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < 8:
        return [_plain(item, depth + 1) for item in value]
    return _text(str(value), 2_000)


def _detail(detail: dict[str, Any]) -> Any:
    plain = _plain(detail)
    size = len(json.dumps(plain))
    return plain if size <= DETAIL_MAX else {"too_large": size, "keys": sorted(plain)[:50]}


class SqlAudit(Part):
    """Implements ``hub.ports.events.Audit``."""

    _waiting: deque[_Entry]
    _writing: asyncio.Lock
    _task: asyncio.Task[None] | None

    def __init__(self, *made: Any) -> None:
        super().__init__(*made)
        self._waiting = deque()
        self._writing = asyncio.Lock()
        self._task = None

    # --- writing ---

    def _entry(
        self, actor: Identity, act: str, target: str, detail: dict[str, Any], address: str | None
    ) -> _Entry:
        return {
            "at_ms": self._now_ms(),
            "actor": _text(actor.id, 64),
            "actor_name": _text(actor.name, 64),
            "act": _text(act, 64),
            "target": _text(target, 160),
            "detail": _detail(detail),
            "address": None if address is None else _text(address, 64),
        }

    def _keep(self, entry: _Entry) -> None:
        if len(self._waiting) >= WAITING_MAX:
            # The log is the last place that still has it.
            log.critical("audit row lost", **entry)
            return
        self._waiting.append(entry)

    async def record(
        self, actor: Identity, act: str, target: str, detail: dict[str, Any],
        address: str | None, *, strict: bool = False,
    ) -> None:  # fmt: skip
        entry = self._entry(actor, act, target, detail, address)
        if strict:
            async with self._writing:
                await self._append([entry])
            return
        self._keep(entry)
        await self.flush()

    def later(
        self, actor: Identity, act: str, target: str, detail: dict[str, Any], address: str | None
    ) -> None:
        self._keep(self._entry(actor, act, target, detail, address))
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self.flush(), name="audit")

    async def flush(self) -> None:
        async with self._writing:
            while self._waiting:
                batch = [self._waiting[i] for i in range(min(BATCH, len(self._waiting)))]
                try:
                    await self._append(batch)
                except DirectoryLost as lost:
                    log.error("audit rows wait", waiting=len(self._waiting), lost=str(lost))
                    return
                for _ in batch:
                    self._waiting.popleft()

    async def _append(self, entries: list[_Entry]) -> None:
        """All of them or none. Raises DirectoryLost."""
        for attempt in range(TRIES):
            try:
                async with transaction(self._engine) as connection:
                    await _lock(connection)
                    head = await _head(connection)
                    await connection.execute(sa.insert(audit_log), _chained(head, entries))
                return
            except IntegrityError:
                # Somebody wrote without the lock: take the new head.
                log.warning("audit head moved", attempt=attempt)
        raise DirectoryLost("the audit log is written to by something else")

    # --- reading ---

    async def list(
        self, *, actor: str | None = None, act: str | None = None, target: str | None = None,
        cursor: str | None = None, limit: int = 50,
    ) -> tuple[tuple[AuditRow, ...], str | None]:  # fmt: skip
        limit = max(1, min(limit, PAGE_MAX))
        query = sa.select(audit_log).order_by(audit_log.c.seq.desc()).limit(limit + 1)
        if actor:
            query = query.where(
                (audit_log.c.actor == actor)
                | audit_log.c.actor_name.icontains(actor, autoescape=True)
            )
        if act:
            query = query.where(audit_log.c.act.startswith(act, autoescape=True))
        if target:
            query = query.where(audit_log.c.target.startswith(target, autoescape=True))
        if cursor is not None:
            query = query.where(audit_log.c.seq < _seq(cursor))
        async with transaction(self._engine) as connection:
            found = (await connection.execute(query)).all()
        rows = tuple(AuditRow(**row._mapping) for row in found[:limit])
        return rows, str(rows[-1].seq) if len(found) > limit else None

    async def head(self) -> AuditHead:
        async with transaction(self._engine) as connection:
            return await _head(connection)

    async def verify(self, kept: AuditHead | None = None) -> AuditCheck:
        """A page at a time, each its own transaction: what is appended meanwhile is checked
        too, and no writer waits for the reader."""
        head = AuditHead(0, NOTHING)
        kept_seen = kept is None or (kept.seq == 0 and kept.hash == NOTHING)
        # From the lowest: a row with a number below 1 was never written by a hub.
        after = -(2**62)
        while True:
            query = sa.select(audit_log).where(audit_log.c.seq > after)
            async with transaction(self._engine) as connection:
                rows = (
                    await connection.execute(query.order_by(audit_log.c.seq).limit(_READ))
                ).all()
            for row in rows:
                why = _wrong(head, dict(row._mapping), kept)
                if why is not None:
                    return AuditCheck(head.seq, head, head.seq + 1, why)
                head = AuditHead(row.seq, row.hash)
                kept_seen = kept_seen or (kept is not None and head == kept)
            if len(rows) < _READ:
                break
            after = head.seq
        if not kept_seen:
            return AuditCheck(head.seq, head, head.seq + 1, "truncated")
        return AuditCheck(head.seq, head)

    # --- the head, kept outside the database ---

    async def kept_head(self) -> AuditHead | None:
        path = Path(self._config.server.data_dir) / HEAD_FILE
        try:
            return await asyncio.to_thread(read_head, path)
        except (OSError, ValueError) as fault:
            log.error("audit head unreadable", path=str(path), fault=str(fault))
            return None

    async def keep_head(self) -> None:
        """Write the head down in data_dir and in the log; cry out when the one written down
        before is no longer in the database, and keep that one then. Raises DirectoryLost."""
        path = Path(self._config.server.data_dir) / HEAD_FILE
        kept = await self.kept_head()
        head = await self.head()
        if kept is not None and kept.seq:
            query = sa.select(audit_log.c.hash).where(audit_log.c.seq == kept.seq)
            async with transaction(self._engine) as connection:
                found = (await connection.execute(query)).scalar_one_or_none()
            if found != kept.hash:
                log.critical("the audit log was rewritten or cut off", kept=str(kept))
                return
        if head.seq > (0 if kept is None else kept.seq):
            await asyncio.to_thread(_write_head, path, head)
            log.info("audit head", head=str(head))


def _wrong(before: AuditHead, row: _Entry, kept: AuditHead | None) -> str | None:
    """Why ``row`` cannot follow ``before``."""
    if row["seq"] != before.seq + 1:
        return "missing"
    if row["previous"] != before.hash:
        return "unchained"
    if digest(row) != row["hash"]:
        return "changed"
    if kept is not None and kept.seq == row["seq"] and kept.hash != row["hash"]:
        return "changed"  # rewritten with everything after it
    return None


def _chained(head: AuditHead, entries: list[_Entry]) -> list[_Entry]:
    rows = []
    for entry in entries:
        row = {**entry, "seq": head.seq + 1, "previous": head.hash}
        row["hash"] = digest(row)
        head = AuditHead(row["seq"], row["hash"])
        rows.append(row)
    return rows


async def _lock(connection: AsyncConnection) -> None:
    """Until the transaction ends nobody else appends, on any hub."""
    if connection.dialect.name == "postgresql":
        await connection.execute(sa.text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
    else:
        # The driver would begin only at the first INSERT, after the head was read.
        await connection.exec_driver_sql("BEGIN IMMEDIATE")


async def _head(connection: AsyncConnection) -> AuditHead:
    query = sa.select(audit_log.c.seq, audit_log.c.hash).order_by(audit_log.c.seq.desc()).limit(1)
    row = (await connection.execute(query)).one_or_none()
    return AuditHead(0, NOTHING) if row is None else AuditHead(row.seq, row.hash)


def _seq(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdigit() or len(cursor) > 18:
        raise ValueError("no such cursor")
    return int(cursor)


def parse_head(text: str) -> AuditHead:
    """``<seq>:<hash>``. Raises ValueError."""
    seq, _, found = text.strip().partition(":")
    if len(found) != 64 or set(found) - set("0123456789abcdef"):
        raise ValueError("<seq>:<64 hex digits> is expected")
    return AuditHead(_seq(seq), found)


def read_head(path: Path) -> AuditHead | None:
    """The head kept at ``path``; None when there is none. Raises ValueError for another text."""
    try:
        return parse_head(path.read_text("ascii"))
    except FileNotFoundError:
        return None


def _write_head(path: Path, head: AuditHead) -> None:
    part = path.with_name(f"{path.name}.{head.seq}.part")
    part.write_text(f"{head}\n", "ascii")
    part.replace(path)
