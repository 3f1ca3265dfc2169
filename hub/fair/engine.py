"""A connection pool for SQLite or PostgreSQL, set up the way the fair needs it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Table, event, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from hub.fair import sqlite
from hub.ports import DirectoryLost

log = structlog.get_logger(__name__)

BUSY_MS = 5_000  # how long a SQLite writer waits for another hub's write
ANSWER_S = 10  # a PostgreSQL statement without an answer for so long is given up
SETTLE_ROWS = 1_000  # fewer rows than that are left to autovacuum
#: Every statement is a prepared one. A plan that is made once for all words walks through all
#: people for a rare name and sorts all of them for a common one; planning takes some 0.3 ms.
PLANNED_EACH_TIME = {"plan_cache_mode": "force_custom_plan"}


def _sqlite_pragmas(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    # WAL: readers of one hub never wait for a writer of another. NORMAL loses at most the
    # last commits on a power cut, never consistency (sqlite.org/wal.html).
    for pragma in (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        f"busy_timeout={BUSY_MS}",
        "foreign_keys=ON",
    ):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def make_engine(url: str) -> AsyncEngine:
    """An engine for ``sqlite+aiosqlite:///…`` or ``postgresql+asyncpg://…``.

    Makes the directory of a SQLite file. Raises ``sqlalchemy.exc.ArgumentError`` for a
    URL it cannot read.
    """
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        return create_async_engine(
            parsed,
            pool_size=5,
            max_overflow=5,
            pool_timeout=ANSWER_S,
            pool_pre_ping=True,
            connect_args={
                "timeout": ANSWER_S,
                "command_timeout": ANSWER_S,
                "server_settings": PLANNED_EACH_TIME,
            },
        )
    path = Path(parsed.database or "")
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    engine = create_async_engine(
        parsed,
        async_creator=lambda: sqlite.connect(path),
        pool_size=4,
        max_overflow=4,
        pool_timeout=ANSWER_S,
    )
    event.listen(engine.sync_engine, "connect", _sqlite_pragmas)
    return engine


@asynccontextmanager
async def transaction(engine: AsyncEngine) -> AsyncIterator[AsyncConnection]:
    """One transaction, committed at the end. Raises DirectoryLost when nobody answers."""
    try:
        async with engine.begin() as connection:
            yield connection
    except (OperationalError, InterfaceError, PoolTimeout, TimeoutError, OSError) as fault:
        raise DirectoryLost(type(fault).__name__) from fault


async def settle(engine: AsyncEngine, tables: Sequence[Table]) -> None:
    """After thousands of new rows: PostgreSQL knows what they hold, and their search entries
    stand in the index instead of its list of late ones, which each search reads through.
    Autovacuum does it too, a minute later and while people search. Never fails: it can wait.
    """
    if engine.dialect.name == "sqlite":
        return
    try:
        async with engine.connect() as connection:
            connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            for table in tables:
                await connection.execute(text(f"VACUUM (ANALYZE) {table.name}"))
    except (DBAPIError, PoolTimeout, TimeoutError, OSError) as fault:
        log.warning("not settled", why=type(fault).__name__)
