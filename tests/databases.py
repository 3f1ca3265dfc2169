"""Migrated databases in milliseconds: migrated once a run, then copied for each test."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from functools import cache
from pathlib import Path

import asyncpg
from sqlalchemy import make_url

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


async def ready(url: str) -> None:
    """Bring the empty database at ``url`` to the newest schema, as ``migrate_async`` would."""
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite":
        assert parsed.database is not None
        template = _folder() / "fair.sqlite"
        if not _made:
            await migrate_async(f"sqlite+aiosqlite:///{template}")
            _made.append(template)
        _copy(template, Path(parsed.database))
        return
    host = str(parsed.query["host"])
    connection = await asyncpg.connect(host=host, user="pavilion", database="postgres")
    try:
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _TEMPLATE):
            await connection.execute(f"CREATE DATABASE {_TEMPLATE}")
            await migrate_async(f"postgresql+asyncpg://pavilion@/{_TEMPLATE}?host={host}")
        await connection.execute(f"DROP DATABASE {parsed.database}")
        await connection.execute(f"CREATE DATABASE {parsed.database} TEMPLATE {_TEMPLATE}")
    finally:
        await connection.close()
