"""``pavilion backup FILE`` and ``pavilion restore FILE``: what they print, how they end.

Exit status 0 when it is done, 1 when not; a failed restore leaves the database as it was.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from hub import secrets
from hub.config import Config
from hub.fair.backup import BadArchive, NotEmpty, back_up, restore
from hub.supervisor import CannotStart, lock_directory


def write(config: Config, target: Path, *, with_secrets: bool) -> int:
    """Archive the configured database; the server may run."""
    kept = secrets.directory(config) if with_secrets else None
    try:
        if kept is not None and not kept.is_dir():
            print(f"pavilion: there are no secrets in {kept}", file=sys.stderr)
            return 1
        rows = asyncio.run(back_up(config.database_url, target, kept))
    except (OSError, SQLAlchemyError) as fault:
        print(f"pavilion: no backup was made: {fault}", file=sys.stderr)
        return 1
    size = target.stat().st_size
    print(f"{sum(rows.values())} rows of {len(rows)} tables in {target} ({size} bytes)")
    if kept is not None:
        print("the archive has the installation's secrets: keep it as safe as those")
    return 0


def read(config: Config, source: Path, *, with_secrets: bool) -> int:
    """Fill the configured database, which must be empty, while no server runs here."""
    held: list[int] = []
    try:
        held = lock_directory(config.server.data_dir, ["hub"])
        kept = secrets.directory(config) if with_secrets else None
        rows = asyncio.run(restore(config.database_url, source, kept))
    except (CannotStart, BadArchive, NotEmpty, OSError, SQLAlchemyError) as fault:
        print(f"pavilion: nothing was restored: {fault}", file=sys.stderr)
        return 1
    finally:
        for descriptor in held:
            os.close(descriptor)
    print(f"{sum(rows.values())} rows of {len(rows)} tables are back")
    return 0
