"""A backup is one moment of the database, and comes back whole on either of the two."""

from __future__ import annotations

import asyncio
import json
import os
import stat
import zipfile
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub import backups
from hub.config import Config, Database, Server
from hub.fair import search
from hub.fair.backup import BadArchive, NotEmpty, back_up, restore
from hub.fair.engine import make_engine
from hub.fair.imports.people import apply_people
from hub.fair.imports.plan import Context
from hub.fair.tables import blobs, figures, mails, metadata
from hub.supervisor import lock_directory
from tests.databases import ready

CONTEXT = Context({}, None)  # type: ignore[arg-type]
RECORDS = [
    {"name": f"王敏 {n}", "email": (f"p{n}@example.com",) * 2, "country": "CN",
     "sectors": ["finance"], "organisation": "'; DROP TABLE people; --"} for n in range(1_200)
]  # fmt: skip


async def fill(url: str) -> None:
    await ready(url)
    engine = make_engine(url)
    async with engine.begin() as connection:
        await apply_people(connection, RECORDS, CONTEXT, 5, write=True)
        await connection.execute(
            sa.insert(blobs).values(
                hash="0" * 64, content_type="x", size=4, body=b"\x00\xff\n{", created_ms=1
            )
        )
        await connection.execute(
            sa.insert(mails).values(
                address="a@b.cn", kind="k", subject="s", text="a\nb\u2028c", created_ms=1,
                due_ms=1, attempts=0,
            )
        )  # fmt: skip
    await engine.dispose()


async def contents(url: str) -> dict[str, list[Any]]:
    """Every row of every table (the search's words apart)."""
    engine = make_engine(url)
    found = {}
    async with engine.connect() as connection:
        for table in metadata.sorted_tables:
            if not table.name.startswith("search_"):
                rows = await connection.execute(sa.select(table).order_by(*table.primary_key))
                found[table.name] = [tuple(row) for row in rows]
        wanted = search.ids(connection, "person", "王敏 77")
        assert wanted is not None
        found["searched"] = [tuple(row) for row in await connection.execute(wanted)]
    await engine.dispose()
    return found


async def make_empty(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            await connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            await connection.exec_driver_sql("CREATE SCHEMA public")
            return
    await engine.dispose()
    for file in Path(str(engine.url.database)).parent.glob("fair.sqlite*"):
        file.unlink()


async def test_what_is_restored_is_what_was_there(database_url: str, tmp_path: Path) -> None:
    """Into the other database than it came from, and from there back."""
    await fill(database_url)
    archive, second = tmp_path / "fair.zip", tmp_path / "again.zip"
    rows = await back_up(database_url, archive)
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600 and rows["people"] == 1_200
    other = f"sqlite+aiosqlite:///{tmp_path / 'restored.sqlite'}"
    assert await restore(other, archive) == rows
    before = await contents(database_url)
    assert len(before["searched"]) == 1 and await contents(other) == before
    with pytest.raises(NotEmpty):
        await restore(other, archive)
    await back_up(other, second)
    engine = make_engine(database_url)
    await make_empty(engine)
    await restore(database_url, second)
    assert await contents(database_url) == before
    async with engine.begin() as connection:  # numbers go on where they were
        made = await connection.execute(
            sa.insert(mails).values(address="a", kind="k", subject="s", text="t", created_ms=1,
                                    due_ms=1, attempts=0).returning(mails.c.id)
        )  # fmt: skip
        assert made.scalar_one() > before["mails"][0][0]
    await engine.dispose()


async def test_a_backup_is_one_moment_while_others_write(database_url: str, tmp_path: Path) -> None:
    """Each writer's transaction puts one row into two tables: as many of both in the archive."""
    await fill(database_url)
    engine = make_engine(database_url)
    stop, going = asyncio.Event(), asyncio.Event()
    written = 0

    async def write() -> None:
        nonlocal written
        while not stop.is_set():
            async with engine.begin() as connection:
                await connection.execute(
                    sa.insert(figures).values(at_ms=written, registered=0, online=0, on_site=0,
                                              rooms_open=0, seats_taken=0, waiting=0)
                )  # fmt: skip
                person = {**RECORDS[0], "email": (f"w{written}@example.com",) * 2}
                await apply_people(connection, [person], CONTEXT, 5, write=True)
            written += 1
            if written == 3:
                going.set()

    writer = asyncio.create_task(write())
    await going.wait()
    before = written
    rows = await back_up(database_url, tmp_path / "a.zip")
    after = written
    stop.set()
    await writer
    await engine.dispose()
    assert rows["people"] - 1_200 == rows["figures"] == rows["search_person"] - 1_200
    assert before <= rows["figures"] <= after and after > before, "nobody wrote meanwhile"


async def test_a_changed_archive_is_refused_and_nothing_restored(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'a.sqlite'}"
    await fill(url)
    archive, changed = tmp_path / "a.zip", tmp_path / "b.zip"
    await back_up(url, archive)
    other = f"sqlite+aiosqlite:///{tmp_path / 'b.sqlite'}"
    with zipfile.ZipFile(archive) as old, zipfile.ZipFile(changed, "w") as new:
        for name in old.namelist():
            body = old.read(name)
            if name == "tables/people.jsonl":
                body = body.replace(b"participant", b"organiser", 1)
            new.writestr(name, body)
    cut = tmp_path / "c.zip"
    cut.write_bytes(archive.read_bytes()[:-200])
    for bad in (changed, cut):
        with pytest.raises(BadArchive):
            await restore(other, bad)
    assert not (await asyncio.to_thread((tmp_path / "b.sqlite").exists))


def test_the_commands_keep_secrets_apart_and_refuse_a_running_server(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "one"
    (data / "secrets").mkdir(parents=True)
    (data / "secrets" / "match-key").write_text("ab" * 32)
    config = Config(server=Server(data_dir=data))
    asyncio.run(ready(config.database_url))
    plain, full = tmp_path / "plain.zip", tmp_path / "full.zip"
    assert backups.write(config, plain, with_secrets=False) == 0
    assert backups.write(config, full, with_secrets=True) == 0
    with zipfile.ZipFile(plain) as archive:
        assert not any("secrets" in name for name in archive.namelist())
        assert json.loads(archive.read("manifest.json"))["secrets"] == {}
    other = Config(server=Server(data_dir=tmp_path / "two"))
    held = lock_directory(other.server.data_dir, ["hub"])
    assert backups.read(other, full, with_secrets=True) == 1
    assert "in use" in capsys.readouterr().err
    os.close(held[0])
    assert backups.read(other, full, with_secrets=True) == 0
    key = other.server.data_dir / "secrets" / "match-key"
    assert key.read_text() == "ab" * 32 and stat.S_IMODE(key.stat().st_mode) == 0o600


def test_the_commands_use_the_configured_database(tmp_path: Path) -> None:
    missing = Config(
        server=Server(data_dir=tmp_path),
        database=Database(url=f"sqlite+aiosqlite:///{tmp_path}/no/such/dir/\0"),
    )
    assert backups.read(missing, tmp_path / "none.zip", with_secrets=False) == 1
