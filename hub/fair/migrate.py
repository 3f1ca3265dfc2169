"""Brings a database to the newest schema; the migrations travel in the package."""

from __future__ import annotations

import asyncio
from pathlib import Path

from sqlalchemy import Connection, text

from hub.fair.engine import make_engine

_LOCK = 0x50_41_56_49  # PostgreSQL advisory lock: two machines may start at once


def _upgrade(connection: Connection) -> None:
    # Every worker imports this module, and none but the first process migrates.
    from alembic import command
    from alembic.config import Config as AlembicConfig

    config = AlembicConfig()
    here = Path(__file__).parent / "migrations"
    config.set_main_option("script_location", str(here).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


async def migrate_async(url: str) -> None:
    """``migrate`` for a caller that already runs in an event loop."""
    engine = make_engine(url)
    try:
        async with engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                # Held until the transaction ends, so a second machine finds nothing to do.
                await connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))
            await connection.run_sync(_upgrade)
    finally:
        await engine.dispose()


def migrate(url: str) -> None:
    """Upgrade the database at ``url`` to head; nothing to do is fine.

    Raises what SQLAlchemy or Alembic raise: the server is not to start then.
    """
    asyncio.run(migrate_async(url))
