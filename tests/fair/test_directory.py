"""Rooms in SQL: kept whole, changed by exactly one of several, listed without hole or repeat."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from hub.fair.directory import SqlDirectory
from hub.fair.engine import make_engine
from hub.ports import DirectoryLost, RoomExists, StaleVersion
from rooms.model import Kind, Mode, RoomSpec

FULL = RoomSpec(
    slug="talk-1", title="签约仪式 — signing", kind=Kind.NEGOTIATION, mode=Mode.ONE_TO_MANY,
    capacity=100_000, reserved=7, stage_capacity=3, locked=True, lock_message="稍候 🙂",
    guests=True, waitlist=False, chat="off", slow_mode_s=30, opens_at=1_900_000_000_123,
    closes_at=1_900_000_100_456, closed=True,
)  # fmt: skip


async def test_every_field_of_a_room_comes_back(directory: SqlDirectory) -> None:
    plain = RoomSpec(slug="plain", title="Plain")
    for spec in (FULL, plain):
        made = await directory.create_room(spec)
        assert (made.spec, made.version) == (spec, 1)
        assert await directory.room(spec.slug) == made
    assert await directory.room("nobody") is None
    with pytest.raises(RoomExists):
        await directory.create_room(msgspec.structs.replace(plain, title="Other"))
    kept = await directory.room("plain")
    assert kept is not None and kept.spec.title == "Plain"


async def test_of_changes_at_once_exactly_one_wins(directory: SqlDirectory) -> None:
    record = await directory.create_room(RoomSpec(slug="race", title="0"))

    async def change(n: int) -> int | None:
        spec = msgspec.structs.replace(record.spec, title=str(n))
        try:
            return int((await directory.change_room("race", 1, spec)).spec.title)
        except StaleVersion:
            return None

    winners = [n for n in await asyncio.gather(*map(change, range(1, 13))) if n is not None]
    kept = await directory.room("race")
    assert kept is not None and len(winners) == 1
    assert (kept.spec.title, kept.version) == (str(winners[0]), 2)
    with pytest.raises(LookupError):
        await directory.change_room("nobody", 1, record.spec)


async def test_pages_cover_everything_once(directory: SqlDirectory) -> None:
    slugs = [f"r-{n:02}" for n in range(23)] + ["z", "r"]
    for slug in slugs:
        kind = Kind.NEGOTIATION if slug.endswith("1") else Kind.CONFERENCE
        await directory.create_room(RoomSpec(slug=slug, title=f"Room 100%_{slug}", kind=kind))
    seen: list[str] = []
    cursor = None
    while True:
        page, cursor = await directory.rooms(kind=None, q=None, cursor=cursor, limit=5)
        assert len(page) <= 5
        seen += [record.spec.slug for record in page]
        if cursor is None:
            break
    assert seen == sorted(slugs)

    async def found(kind: str | None, q: str | None) -> list[str]:
        page, _ = await directory.rooms(kind=kind, q=q, cursor=None, limit=100)
        return [record.spec.slug for record in page]

    assert await found("negotiation", None) == ["r-01", "r-11", "r-21"]
    assert await found(None, "ROOM 100%_r-2") == ["r-20", "r-21", "r-22"]
    assert await found(None, "100_") == []  # the wildcards of LIKE are plain characters here
    assert await found(None, "r-0%") == []


async def test_ready_says_why_not(tmp_path: Path, directory: SqlDirectory) -> None:
    assert await directory.ready() is None
    empty = SqlDirectory(make_engine(f"sqlite+aiosqlite:///{tmp_path / 'empty.sqlite'}"))
    try:
        reason = await empty.ready()
        assert reason is not None and "database" in reason
        with pytest.raises(DirectoryLost):
            await empty.room("x")
    finally:
        await empty.close()


async def test_two_hubs_write_one_database(directory: SqlDirectory, database_url: str) -> None:
    """A writer of one process waits for the other's instead of failing."""
    other = SqlDirectory(make_engine(database_url))
    try:
        await asyncio.gather(
            *(
                hub.create_room(RoomSpec(slug=f"{n}-{i}", title="x"))
                for n in range(40)
                for i, hub in enumerate((directory, other))
            )
        )
        page, following = await directory.rooms(kind=None, q=None, cursor=None, limit=100)
        assert len(page) == 80 and following is None
    finally:
        await other.close()


async def test_closing_is_for_good_and_counts_once(directory: SqlDirectory) -> None:
    record = await directory.create_room(RoomSpec(slug="end", title="End"))
    assert await asyncio.gather(*(directory.close_room("end") for _ in range(4))) == [True] * 4
    closed = await directory.room("end")
    assert closed is not None and closed.spec.closed and closed.version == 2
    with pytest.raises(StaleVersion):  # whoever read it open cannot open it again
        await directory.change_room("end", record.version, record.spec)
    assert await directory.close_room("nobody") is False
