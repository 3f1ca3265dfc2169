"""The audit log takes rows from many hubs into one chain, gives up none, and shows a change."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.auditing import verify
from hub.config import Config, Database, Server, load
from hub.fair.audit import NOTHING, SqlAudit, parse_head, read_head
from hub.fair.base import FairKeys
from hub.fair.engine import make_engine
from hub.fair.tables import audit_log
from hub.ports import DirectoryLost
from hub.ports.events import AuditHead
from rooms.model import Identity, Role
from tests.databases import ready

ADA = Identity(id="u_ada", name="Ada 李", role=Role.ORGANISER)
KEYS = FairKeys(b"m" * 32, b"d" * 32, b"v" * 32)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    await ready(database_url)
    found = make_engine(database_url)
    yield found
    await found.dispose()


@pytest.fixture
def audit(engine: AsyncEngine, tmp_path: Path) -> SqlAudit:
    config = load(None)
    config = config.model_copy(
        update={"server": config.server.model_copy(update={"data_dir": tmp_path})}
    )
    return SqlAudit(engine, config, KEYS)


async def _write(audit: SqlAudit, count: int) -> None:
    for number in range(count):
        await audit.record(ADA, "room.change", f"room:r{number}", {"n": number, "t": "厅"}, "::1")


async def test_writers_of_several_hubs_make_one_chain(
    database_url: str, audit: SqlAudit, clock: Any
) -> None:
    others = [make_engine(database_url) for _ in range(3)]
    hubs = [audit, *(SqlAudit(engine, load(None), KEYS, clock) for engine in others)]
    await asyncio.gather(*(_write(hub, 12) for hub in hubs))
    for hub in hubs:
        hub.later(ADA, "room.lock", "room:a", {"locked": True, "odd": "a\0b\ud800"}, None)
    await asyncio.gather(*(hub.flush() for hub in hubs))
    check = await audit.verify()
    assert (check.rows, check.broken) == (52, None)
    assert check.head == await audit.head()
    rows, following = await audit.list(act="room.change", target="room:r1", limit=5)
    assert len(rows) == 5 and following == str(rows[-1].seq)
    assert rows[0].detail["t"] == "厅" and rows[0].actor_name == "Ada 李"
    assert (await audit.list(actor="u_nobody"))[0] == ()
    assert len((await audit.list(actor="李", cursor="5"))[0]) == 4
    with pytest.raises(ValueError, match="cursor"):
        await audit.list(cursor="x")
    for engine in others:
        await engine.dispose()


@pytest.mark.parametrize(
    "statement",
    ["UPDATE audit_log SET act = 'x' WHERE seq = 1", "DELETE FROM audit_log WHERE seq = 2"],
)
async def test_no_row_is_changed_or_removed(
    audit: SqlAudit, engine: AsyncEngine, statement: str
) -> None:
    await _write(audit, 2)
    with pytest.raises(DBAPIError, match="append only"):
        async with engine.begin() as connection:
            await connection.execute(sa.text(statement))
    if engine.dialect.name == "sqlite":
        replace = "INSERT OR REPLACE INTO audit_log SELECT * FROM audit_log WHERE seq = 1"
        with pytest.raises(DBAPIError, match="append only"):
            async with engine.begin() as connection:
                await connection.execute(sa.text(replace))
    assert (await audit.verify()).broken is None


async def _open_up(engine: AsyncEngine) -> None:
    """As someone with the rights of the database's owner could."""
    async with engine.begin() as connection:
        if engine.dialect.name == "sqlite":
            for what in ("update", "delete"):
                await connection.execute(sa.text(f"DROP TRIGGER audit_log_no_{what}"))
        else:
            drop = "DROP TRIGGER audit_log_append_only ON audit_log"
            await connection.execute(sa.text(drop))


TAMPERED = {
    "seq": "500", "at_ms": "at_ms + 1", "actor": "'u_eve'", "actor_name": "'Eve'",
    "act": "'room.close'", "target": "'room:other'", "detail": "'{\"n\": 9}'",
    "address": "NULL", "previous": f"'{NOTHING}'", "hash": f"'{'a' * 64}'",
}  # fmt: skip


async def test_verify_names_the_row_for_every_column(audit: SqlAudit, engine: AsyncEngine) -> None:
    await _write(audit, 6)
    await _open_up(engine)
    assert set(TAMPERED) == {column.name for column in audit_log.columns}
    third = sa.select(audit_log).where(audit_log.c.seq == 3)
    async with engine.connect() as connection:
        whole = dict((await connection.execute(third)).one()._mapping)
    for column, value in TAMPERED.items():
        async with engine.begin() as connection:
            await connection.execute(
                sa.text(f"UPDATE audit_log SET {column} = {value} WHERE seq = 3")
            )
        check = await audit.verify()
        assert (check.broken, check.rows) == (3, 2), column
        async with engine.begin() as connection:
            await connection.execute(sa.delete(audit_log).where(audit_log.c.seq.in_((3, 500))))
            await connection.execute(sa.insert(audit_log), whole)
        assert (await audit.verify()).broken is None, column


async def test_a_cut_off_end_is_seen_by_the_kept_head(
    audit: SqlAudit, engine: AsyncEngine, tmp_path: Path
) -> None:
    await _write(audit, 4)
    await audit.keep_head()
    kept = read_head(tmp_path / "audit.head")
    assert kept == await audit.head() == parse_head(str(kept))
    await _open_up(engine)
    async with engine.begin() as connection:
        await connection.execute(sa.text("DELETE FROM audit_log WHERE seq > 2"))
    assert (await audit.verify()).broken is None  # the chain alone cannot know
    check = await audit.verify(kept)
    assert (check.broken, check.why) == (3, "truncated")
    await audit.keep_head()
    assert read_head(tmp_path / "audit.head") == kept
    # Rewritten from there on, as long as before: the hash tells.
    await _write(audit, 2)
    assert (await audit.verify(kept)).broken == 4
    assert (await audit.verify(AuditHead(0, NOTHING))).broken is None


async def test_rows_wait_for_a_database_that_is_away(
    audit: SqlAudit, monkeypatch: pytest.MonkeyPatch
) -> None:
    append = audit._append

    async def away(_entries: list[dict[str, Any]]) -> None:
        raise DirectoryLost("away")

    monkeypatch.setattr(audit, "_append", away)
    await audit.record(ADA, "room.lock", "room:a", {}, None)
    with pytest.raises(DirectoryLost):
        await audit.record(ADA, "pass.reveal", "person:u_1", {}, None, strict=True)
    monkeypatch.setattr(audit, "_append", append)
    await audit.flush()
    rows, _ = await audit.list()
    assert [row.act for row in rows] == ["room.lock"]


async def test_the_command_says_which_row(
    audit: SqlAudit, engine: AsyncEngine, database_url: str, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    await _write(audit, 3)
    config = Config(database=Database(url=database_url), server=Server(data_dir=tmp_path))
    assert await verify(config, None) == 0 and "no head was kept" in capsys.readouterr().out
    head = await audit.head()
    assert await verify(config, str(head)) == 0
    assert f"head: 3:{head.hash}" in capsys.readouterr().out
    assert await verify(config, f"4:{head.hash}") == 1
    assert "row 4 and those after it were cut off" in capsys.readouterr().out
    assert await verify(config, "4:abc") == 2
    await _open_up(engine)
    async with engine.begin() as connection:
        await connection.execute(sa.text("UPDATE audit_log SET actor_name = 'E' WHERE seq = 2"))
    capsys.readouterr()
    assert await verify(config, None) == 1
    assert "BROKEN: row 2 was changed" in capsys.readouterr().out
