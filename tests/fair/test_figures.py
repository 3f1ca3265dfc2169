"""The fair's figures, on both databases."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config, Server
from hub.fair import FairKeys, FairParts, make_parts
from hub.fair.engine import make_engine
from hub.fair.tables import companies, people
from hub.ports.fair import Moment
from tests.databases import ready
from tests.fair.conftest import Clock
from tests.fair.test_announcements import fill, person

MINUTE = 60_000


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    await ready(database_url)
    found = make_engine(database_url)
    yield found
    await found.dispose()


@pytest.fixture
def fair(engine: AsyncEngine, clock: Clock, tmp_path: Path) -> FairParts:
    config = Config(server=Server(data_dir=tmp_path))
    return make_parts(engine, config, FairKeys(b"m" * 32, b"d" * 32, b"v" * 32), clock)


async def test_the_census_counts_everybody_once_and_is_cheap(
    fair: FairParts, engine: AsyncEngine, clock: Clock
) -> None:
    await fill(
        engine, people, person("u_1", sectors=["law", "health"], country="DE"),
        person("u_2", sectors=["law", "law"], country="DE"),
        person("u_3", sectors=[], country="FR"),
        person("u_4", sectors=["law"], country="DE", erased_ms=1),
    )  # fmt: skip
    await fill(
        engine, companies,
        {"slug": "a", "name": "A", "published": True}, {"slug": "b", "name": "B"},
    )  # fmt: skip
    statements: list[str] = []

    def seen(_c: object, _k: object, statement: str, *_: object) -> None:
        statements.append(statement)

    event.listen(engine.sync_engine, "before_cursor_execute", seen)
    first, *others = await asyncio.gather(*(fair.figures.census() for _ in range(20)))
    assert all(one is first for one in others)
    assert len([text for text in statements if text.startswith("SELECT")]) == 4
    assert (first.registered, first.companies, first.on_site) == (3, 1, 0)
    assert first.countries == (("DE", 2), ("FR", 1))
    assert first.sectors == (("law", 2), ("health", 1))
    await fill(engine, people, person("u_5"))
    clock.ms += 9_000
    assert (await fair.figures.census()).registered == 3
    clock.ms += 2_000
    assert (await fair.figures.census()).registered == 4


def moment(at_ms: int, online: int = 0) -> Moment:
    return Moment(at_ms, 1, online, 2, 3, 4, 5)


async def test_one_row_a_minute_is_written_whoever_tries(fair: FairParts, clock: Clock) -> None:
    start = clock.ms - clock.ms % MINUTE
    tries = await asyncio.gather(
        *(fair.figures.write(moment(start + second * 1000, second)) for second in range(8))
    )
    assert sorted(tries) == [False] * 7 + [True]
    (kept,) = await fair.figures.history(start, start + MINUTE, 100)
    assert kept.at_ms == start and kept.online in range(8)


async def test_history_is_thinned_to_the_last_of_each_span(
    fair: FairParts, engine: AsyncEngine, clock: Clock
) -> None:
    start = clock.ms - clock.ms % MINUTE
    for number in range(60):
        assert await fair.figures.write(moment(start + number * MINUTE, number))
    whole = await fair.figures.history(start, start + 60 * MINUTE, 1000)
    assert [one.online for one in whole] == list(range(60))
    thin = await fair.figures.history(start, start + 60 * MINUTE, 6)
    assert [one.online for one in thin] == [9, 19, 29, 39, 49, 59]
    assert await fair.figures.history(0, start, 10) == ()
    async with engine.connect() as connection:
        assert await connection.scalar(sa.text("SELECT count(*) FROM figures")) == 60
