"""SQLite behind its thread, one crossing a statement.

aiosqlite runs a connection in a thread of its own, and SQLAlchemy crosses over to it four times a
statement: a cursor, its execution, its rows, its end. Each crossing waits for the thread to get the
interpreter and for the loop to come round again: nothing on an idle hub, tens of milliseconds on a
busy one. Here all four are one piece of work for the thread (docs/decisions/0029).
"""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self, TypeAlias

import aiosqlite

#: Rows that come along with the execution. More are fetched when they are asked for, so that a
#: copy of a large table does not stand in memory as a whole.
FIRST_ROWS: Final = 500

Rows: TypeAlias = Sequence[Any]


class Cursor:
    """What SQLAlchemy's adapter asks of a cursor (``AsyncIODBAPICursor``), over ``connection``."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._open: sqlite3.Cursor | None = None  # only while rows are left in it
        self._rows: deque[Any] = deque()
        self.description: Any = None
        self.rowcount = -1
        self.lastrowid: int | None = None
        self.arraysize = 1

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def execute(self, operation: str, parameters: Any = ()) -> Self:
        """Raises what sqlite3 raises."""
        await self.close()
        await self._connection.apart(self._execute, operation, parameters)
        return self

    async def executemany(self, operation: str, parameters: Any) -> Self:
        """Raises what sqlite3 raises."""
        await self.close()
        await self._connection.apart(self._executemany, operation, parameters)
        return self

    async def fetchone(self) -> Any:
        """The next row, or None."""
        rows = await self.fetchmany(1)
        return rows[0] if rows else None

    async def fetchmany(self, size: int | None = None) -> Rows:
        """The next rows, ``size`` or ``arraysize`` of them at most."""
        size = self.arraysize if size is None else size
        if len(self._rows) < size and self._open is not None:
            await self._connection.apart(self._fetch, size - len(self._rows))
        return [self._rows.popleft() for _ in range(min(size, len(self._rows)))]

    async def fetchall(self) -> Rows:
        """All rows that are left."""
        if self._open is not None:
            await self._connection.apart(self._fetch, None)
        rows = list(self._rows)
        self._rows.clear()
        return rows

    async def close(self) -> None:
        """Crosses over only where rows were left in the thread."""
        self._rows.clear()
        if self._open is not None:
            await self._connection.apart(self._end, self._open)

    # --- in the thread ---------------------------------------------------------------------

    def _execute(self, operation: str, parameters: Any) -> None:
        cursor = self._connection.driver.cursor()
        cursor.execute(operation, parameters)
        self._keep(cursor)
        if cursor.description is None:
            self._end(cursor)
        else:
            self._open = cursor
            self._fetch(FIRST_ROWS)

    def _executemany(self, operation: str, parameters: Any) -> None:
        cursor = self._connection.driver.cursor()
        cursor.executemany(operation, parameters)
        self._keep(cursor)
        self._end(cursor)

    def _fetch(self, size: int | None) -> None:
        cursor = self._open
        assert cursor is not None
        rows = cursor.fetchall() if size is None else cursor.fetchmany(size)
        self._rows.extend(rows)
        if size is None or len(rows) < size:
            self._keep(cursor)  # sqlite3 counts the rows of RETURNING as they are fetched
            self._end(cursor)

    def _keep(self, cursor: sqlite3.Cursor) -> None:
        self.description = cursor.description
        self.rowcount = cursor.rowcount
        self.lastrowid = cursor.lastrowid

    def _end(self, cursor: sqlite3.Cursor) -> None:
        cursor.close()
        self._open = None


class Connection(aiosqlite.Connection):
    """A connection of aiosqlite that crosses over no more often than it must."""

    #: Each is counted by one thread alone. Equal: nothing is under way, not even what a task that
    #: was cancelled has left.
    _asked = 0
    _done = 0

    @property
    def driver(self) -> sqlite3.Connection:
        """For the connection's thread alone."""
        return self._conn

    def cursor(self) -> Cursor:  # type: ignore[override]  # no crossing, so nothing to await
        return Cursor(self)

    async def commit(self) -> None:
        if not self._nothing_to_end:
            await super().commit()

    async def rollback(self) -> None:
        if not self._nothing_to_end:
            await super().rollback()

    async def apart(self, work: Callable[..., None], *arguments: Any) -> None:
        """Run ``work`` in the connection's thread, after what was asked before."""
        self._asked += 1
        await self._execute(self._work, work, *arguments)  # type: ignore[no-untyped-call]

    @property
    def _nothing_to_end(self) -> bool:
        """After statements that only read, and after a commit, there is no transaction."""
        return self._asked == self._done and not self.in_transaction

    def _work(self, work: Callable[..., None], *arguments: Any) -> None:
        try:
            work(*arguments)
        finally:
            self._done += 1


async def connect(path: Path) -> Connection:
    """Open ``path``. Raises ``sqlite3.OperationalError`` when it cannot be opened."""
    connection = Connection(lambda: sqlite3.connect(path), iter_chunk_size=FIRST_ROWS)
    # As SQLAlchemy does for connections of its own: a forgotten one must not keep a process alive.
    connection._thread.daemon = True
    await connection
    return connection
