"""The fair's settings: defaults, compare and swap, versions of the privacy text."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.config import Config, Fair, Server
from hub.fair import FairKeys
from hub.fair.engine import make_engine
from hub.fair.settings import FRESH_MS, SqlSettings
from hub.ports import StaleVersion
from hub.ports.fair import FairChange, Sector, pick
from tests.databases import ready

KEYS = FairKeys(b"m" * 32, b"d" * 32, b"v" * 32)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    await ready(database_url)
    made = make_engine(database_url)
    yield made
    await made.dispose()


@pytest.fixture
def config(tmp_path: Path) -> Config:
    return Config(server=Server(data_dir=tmp_path), fair=Fair(name="Configured", time_zone="UTC"))


async def test_settings_begin_with_the_configuration_and_change_once_a_version(
    engine: AsyncEngine, config: Config, clock: Any
) -> None:
    one, two = (SqlSettings(engine, config, KEYS, clock) for _ in range(2))
    before = await one.current()
    assert (before.version, before.name, before.time_zone) == (0, "Configured", "UTC")
    assert len(before.sectors) == 12 and before.days == ()
    assert before.sector_name("health", "zh-Hans") == "健康与社会服务"
    assert before.sector_name("gone", "en") == "gone"
    await two.current()

    dates = (date(2027, 9, 4), date(2027, 9, 9))
    after = await one.change(
        0, FairChange(names={"en": "Services Fair", "zh-Hans": "服贸会"}, dates=dates)
    )
    assert (after.version, after.name, after.name_in("zh-Hans")) == (1, "Services Fair", "服贸会")
    assert len(after.days) == 6 and after.days[-1] == dates[1]

    with pytest.raises(StaleVersion):
        await two.change(0, FairChange(time_zone="Asia/Shanghai"))
    assert (await two.current()).version == 0, "the other hub looks again after 2 s only"
    clock.ms += FRESH_MS
    assert (await two.current()).name == "Services Fair"

    sectors = (Sector("space", {"en": "Space"}), Sector("health", {"en": "Health"}))
    outcomes = await asyncio.gather(
        *(part.change(1, FairChange(sectors=sectors)) for part in (one, two)),
        return_exceptions=True,
    )
    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "FairSettings", "StaleVersion",
    ]  # fmt: skip
    clock.ms += FRESH_MS
    found = await one.current()
    assert [sector.slug for sector in found.sectors] == ["space", "health"]
    assert found.days == after.days, "what was not changed stays"


async def test_two_first_changes_at_once_are_one(
    engine: AsyncEngine, config: Config, clock: Any
) -> None:
    parts = [SqlSettings(engine, config, KEYS, clock) for _ in range(5)]
    outcomes = await asyncio.gather(
        *(part.change(0, FairChange(contact=f"c{i}@example.org")) for i, part in enumerate(parts)),
        return_exceptions=True,
    )
    assert sum(isinstance(outcome, StaleVersion) for outcome in outcomes) == 4


async def test_each_privacy_text_is_a_version_that_stays(
    engine: AsyncEngine, config: Config, clock: Any
) -> None:
    settings = SqlSettings(engine, config, KEYS, clock)
    assert (await settings.current()).privacy.version == 1
    made = await settings.publish_privacy(1, {"en": "New text"})
    assert made.version == 2
    assert (await settings.current()).privacy == made
    for wrong in (1, 5):
        with pytest.raises(StaleVersion):
            await settings.publish_privacy(wrong, {"en": "Other"})
    assert await settings.privacy(2) == made
    first = await settings.privacy(1)
    assert first is not None and "organiser" in first.texts["en"]
    assert await settings.privacy(3) is None


async def test_a_database_that_is_away_does_not_take_the_settings_away(
    config: Config, clock: Any, tmp_path: Path
) -> None:
    lost = make_engine(f"sqlite+aiosqlite:///{tmp_path / 'empty.sqlite'}")
    settings = SqlSettings(lost, config, KEYS, clock)
    found = await settings.current()
    await lost.dispose()
    assert (found.name, len(found.sectors)) == ("Configured", 12)


def test_a_text_is_shown_in_the_nearest_language() -> None:
    texts = {"fr": "Bonjour", "zh-Hant": "您好", "en": ""}
    assert pick(texts, "zh-Hans") == ("您好", "zh-Hant")
    assert pick(texts, "en") == ("Bonjour", "fr")
    assert pick({}, "en") == ("", "en")
