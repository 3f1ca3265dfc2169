"""Migrated databases in milliseconds: migrated once a run, then copied for each test."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import asyncpg
from sqlalchemy import URL, make_url

from hub.fair.migrate import migrate_async

_TEMPLATE = "pv_template"


_made: list[Path] = []


@cache
def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pv-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


def _copy(template: Path, to: Path) -> None:
    if not to.exists():  # else somebody is at work in it already
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(template, to)


@asynccontextmanager
async def _server(url: URL) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(
        host=str(url.query["host"]), user="pavilion", database="postgres"
    )
    try:
        yield connection
    finally:
        await connection.close()


async def _exists(server: asyncpg.Connection, name: str | None) -> bool:
    found = await server.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", name)
    return found is not None


async def empty(url: str) -> None:
    """Make the database at ``url``, with nothing in it; SQLite makes its own."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite":
        async with _server(parsed) as server:
            await server.execute(f"CREATE DATABASE {parsed.database}")


async def ready(url: str) -> None:
    """Make the database at ``url`` with the newest schema, unless it is there already."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        template = _folder() / "fair.sqlite"
        if not _made:
            await migrate_async(f"sqlite+aiosqlite:///{template}")
            _made.append(template)
        _copy(template, Path(parsed.database))
        return
    async with _server(parsed) as server:
        if not await _exists(server, _TEMPLATE):
            await server.execute(f"CREATE DATABASE {_TEMPLATE}")
            await migrate_async(str(parsed.set(database=_TEMPLATE)))
        if not await _exists(server, parsed.database):
            await server.execute(f"CREATE DATABASE {parsed.database} TEMPLATE {_TEMPLATE}")
