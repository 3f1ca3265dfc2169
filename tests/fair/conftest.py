"""The databases the directory is to work on: SQLite, and PostgreSQL where it is installed."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine
from tests.databases import empty, ready
from tests.fair.rig import Rig


def _postgres_binaries() -> Path | None:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1].parent if found else None


BINARIES = _postgres_binaries()
DATABASES = ["sqlite", *(["postgresql"] if BINARIES else [])]


def _run_as() -> str | None:
    """PostgreSQL refuses to run as root: another user, when we are root."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


@pytest.fixture(scope="session")
def postgres() -> Iterator[Path]:
    """A PostgreSQL server of the run's own; the directory of its Unix socket."""
    assert BINARIES is not None
    user = _run_as()
    directory = Path(tempfile.mkdtemp(prefix="pv-pg-"))
    if user is not None:
        shutil.chown(directory, user)
    data = directory / "data"
    subprocess.run(
        [BINARIES / "initdb", "-D", data, "-A", "trust", "-U", "pavilion", "-E", "UTF8",
         "--locale=C", "--no-sync"],
        user=user, cwd="/", check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    server = subprocess.Popen(
        [BINARIES / "postgres", "-D", data, "-k", directory, "-c", "listen_addresses=",
         "-c", "fsync=off"],
        user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 20
        ready = [BINARIES / "pg_isready", "-h", directory, "-U", "pavilion"]
        while subprocess.run(ready, stdout=subprocess.DEVNULL).returncode != 0:
            assert server.poll() is None and time.monotonic() < deadline, "no PostgreSQL"
            time.sleep(0.05)
        yield directory
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(directory)


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database that ``ready`` makes, migrated."""
    if request.param == "sqlite":
        return f"sqlite+aiosqlite:///{tmp_path / 'fair.sqlite'}"
    host = request.getfixturevalue("postgres")
    return f"postgresql+asyncpg://pavilion@/t{uuid.uuid4().hex}?host={host}"


@pytest.fixture
async def empty_url(database_url: str) -> str:
    """The address of an empty database."""
    await empty(database_url)
    return database_url


class Clock:
    """Milliseconds that a test moves."""

    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def __call__(self) -> int:
        return self.ms


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def directory(database_url: str, clock: Clock) -> AsyncIterator[SqlDirectory]:
    await ready(database_url)
    found = SqlDirectory(make_engine(database_url), clock)
    yield found
    await found.close()


@pytest.fixture
async def rig(database_url: str, clock: Clock) -> AsyncIterator[Rig]:
    """Companies and people who meet, ring and talk; a test file may have another."""
    await ready(database_url)
    made = Rig(database_url, clock)
    await made.fill()
    yield made
    await made.engine.dispose()
