"""SQLite behind its thread: what SQLAlchemy sees of it, and how often it crosses over."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.fair import sqlite
from hub.fair.engine import make_engine

ROWS = 3 * sqlite.FIRST_ROWS + 7


@pytest.fixture(autouse=True)
async def ended() -> AsyncIterator[None]:
    """Whoever stopped waiting has left a connection that ends when its statement does."""
    before = set(threading.enumerate())
    yield
    for thread in set(threading.enumerate()) - before:
        await asyncio.to_thread(thread.join, 10)


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[AsyncEngine]:
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path / 'a.sqlite'}")
    async with engine.begin() as connection:
        await connection.execute(text("CREATE TABLE t (id INTEGER PRIMARY KEY, name TEXT UNIQUE)"))
        await connection.execute(
            text("INSERT INTO t (name) VALUES (:name)"),
            [{"name": f"n{number}"} for number in range(ROWS)],
        )
    yield engine
    await engine.dispose()


@pytest.fixture
def crossings(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What was sent to the thread, from now on."""
    seen: list[str] = []
    across = sqlite.Connection._execute

    async def counted(self: sqlite.Connection, work: Any, *arguments: Any) -> Any:
        seen.append((arguments[0] if work == self._work else work).__name__)
        return await across(self, work, *arguments)

    monkeypatch.setattr(sqlite.Connection, "_execute", counted)
    return seen


async def test_a_statement_crosses_once(engine: AsyncEngine, crossings: list[str]) -> None:
    async with engine.begin() as connection:
        one = await connection.execute(text("SELECT name FROM t WHERE id < 4 ORDER BY id"))
        assert [row.name for row in one] == ["n0", "n1", "n2"]
        none = await connection.execute(text("SELECT name FROM t WHERE id < 0"))
        assert none.first() is None
        changed = await connection.execute(text("UPDATE t SET name = name || '!' WHERE id < 4"))
        assert changed.rowcount == 3
    assert crossings == ["_execute"] * 3 + ["commit"]
    crossings.clear()
    async with engine.begin() as connection:  # what only read has nothing to commit
        await connection.execute(text("SELECT 1"))
    assert crossings == ["_execute"]


async def test_all_rows_come_in_order_and_in_two_crossings(
    engine: AsyncEngine, crossings: list[str]
) -> None:
    async with engine.connect() as connection:
        rows = (await connection.execute(text("SELECT id FROM t ORDER BY id"))).scalars().all()
    assert rows == list(range(1, ROWS + 1))
    assert crossings == ["_execute", "_fetch"]


async def test_a_stream_holds_a_part_and_may_be_left(
    engine: AsyncEngine, crossings: list[str]
) -> None:
    query = text("SELECT id FROM t ORDER BY id").execution_options(yield_per=100)
    async with engine.connect() as connection:
        whole = [row.id async for row in await connection.stream(query)]
        assert whole == list(range(1, ROWS + 1))
        assert len(crossings) == 1 + (ROWS - sqlite.FIRST_ROWS) // 100 + 1

        left = await connection.stream(query)
        assert await left.fetchone() == (1,)
        await left.close()
        assert crossings[-1] == "_end"
    async with engine.begin() as connection:  # nothing of it holds the table
        await connection.execute(text("DROP TABLE t"))


async def test_rows_of_a_change_are_all_counted(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        gone = await connection.execute(text("DELETE FROM t WHERE id > 2 RETURNING id"))
        assert len(gone.scalars().all()) == ROWS - 2
        made = await connection.execute(text("INSERT INTO t (name) VALUES ('new')"))
        assert made.lastrowid == 3
    async with engine.connect() as connection:
        count = await connection.execute(text("SELECT count(*) FROM t"))
        assert count.scalar_one() == 3


async def test_what_sqlite_refuses_is_told_and_undone(engine: AsyncEngine) -> None:
    with pytest.raises(IntegrityError):
        async with engine.begin() as connection:
            await connection.execute(text("DELETE FROM t WHERE id = 1"))
            await connection.execute(text("INSERT INTO t (name) VALUES ('n5')"))
    with pytest.raises(OperationalError):
        async with engine.connect() as connection:
            await connection.execute(text("SELECT nothing FROM t"))
    async with engine.connect() as connection:
        count = await connection.execute(text("SELECT count(*) FROM t"))
        assert count.scalar_one() == ROWS


async def test_whoever_stops_waiting_leaves_a_usable_connection(engine: AsyncEngine) -> None:
    slow = text(
        "INSERT INTO t (name) WITH RECURSIVE n(i) AS"
        " (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 300000) SELECT 'x' || max(i) FROM n"
    )

    begun = asyncio.Event()

    async def change() -> None:
        async with engine.begin() as connection:
            begun.set()  # whoever waits goes on when the statement is on its way
            await connection.execute(slow)

    task = asyncio.create_task(change())
    await begun.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with engine.begin() as connection:
        count = await connection.execute(text("SELECT count(*) FROM t"))
        assert count.scalar_one() == ROWS


async def test_a_file_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    engine = make_engine(f"sqlite+aiosqlite:///{tmp_path}")  # a directory
    with pytest.raises(OperationalError):
        async with engine.connect():
            pass
    await engine.dispose()
