"""The migrations make exactly the tables that the queries expect, and may run again."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection

from hub.fair.engine import make_engine
from hub.fair.migrate import migrate, migrate_async
from hub.fair.tables import metadata


async def test_migrations_and_tables_agree(empty_url: str) -> None:
    if empty_url.startswith("postgresql"):
        # Two machines that start at once against one server.
        await asyncio.gather(migrate_async(empty_url), migrate_async(empty_url))
    await migrate_async(empty_url)
    await migrate_async(empty_url)
    engine = make_engine(empty_url)

    def ours(name: str | None, kind: str, _parents: object) -> bool:
        """All but the full-text indexes, which SQLAlchemy has no words for."""
        return not (kind in {"table", "index"} and (name or "").startswith(("fts_", "gin_")))

    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "include_name": ours}
        )
        return list(compare_metadata(context, metadata))

    try:
        async with engine.connect() as connection:
            assert await connection.run_sync(differences) == []
    finally:
        await engine.dispose()


def test_migrate_makes_the_directory(tmp_path: Path) -> None:
    path = tmp_path / "a b" / "fair.sqlite"
    migrate(f"sqlite+aiosqlite:///{path}")
    migrate(f"sqlite+aiosqlite:///{path}")
    assert path.exists()
