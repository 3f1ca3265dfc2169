"""Finding by words: Chinese, Latin, misspelt; the same on both databases."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub.fair import search
from hub.fair.engine import make_engine, transaction
from hub.fair.search import Entry
from hub.fair.tables import SEARCHES
from tests.databases import ready

COMPANIES = (
    Entry(
        "pearl", ("Pearl River Robotics Co., Ltd.", "珠江机器人有限公司"), ("工业自动化解决方案",)
    ),
    Entry("lotus", ("Lotus Digital Trade Group", "蓮花數字貿易集團"), ("Cross-border platforms",)),
    Entry("hongchuan", ("Hongchuan Tea", "泓川茶業股份有限公司"), ("Green tea, 绿茶出口",)),
    Entry("cafe", ("Café Müller GmbH",), ("Kaffee und Robotik; robots for bars",)),
    Entry("kofi", ("株式会社さくら",), ("ソフトウェア",)),
)


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    await ready(database_url)
    made = make_engine(database_url)
    async with transaction(made) as connection:
        await search.index(connection, "company", COMPANIES)
    yield made
    await made.dispose()


async def find(engine: AsyncEngine, query: str) -> set[str]:
    async with transaction(engine) as connection:
        wanted = search.ids(connection, "company", query)
        assert wanted is not None
        return set((await connection.execute(wanted)).scalars())


def test_tokens_fold_and_cut() -> None:
    assert search.tokens("ＡＢＣ Straße") == ["abc", "strasse"]
    assert search.tokens("數字貿易 2026") == ["数字", "字贸", "贸易", "易", "2026"]
    assert search.tokens("Café—d'Été") == ["cafe", "d", "ete"]
    assert search.tokens("\u202e\u0000 <>'\"*") == []


WORDS: tuple[tuple[str, set[str]], ...] = (
    ("机器", {"pearl"}),  # two characters, inside a word
    ("機器人", {"pearl"}),  # traditional finds simplified
    ("贸易", {"lotus"}),  # and the other way round
    ("珠江自动化", {"pearl"}),  # words that stand apart
    ("泓川", {"hongchuan"}),  # in no dictionary
    ("茶", {"hongchuan"}),  # one character, also the last of a run
    ("珠江的机器人", {"pearl"}),  # particles count for nothing
    ("さくら", {"kofi"}),
    ("robot", {"pearl", "cafe"}),  # the beginning of words
    ("MULLER cafe", {"cafe"}),
    ("müller tea", set()),  # every word must occur
    ("co", {"pearl"}),  # short words as they are: not "company"
    ("tea 绿茶", {"hongchuan"}),
    ("' OR 1=1 --*\"", set()),
)


async def test_words_are_found(engine: AsyncEngine) -> None:
    for query, found in WORDS:
        assert await find(engine, query) == found, query


async def test_names_come_apart_from_texts(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        named, all_found = await search.numbers(connection, "company", "robot") or ([], [])
        table = SEARCHES["company"]
        rows = await connection.execute(sa.select(table.c.no, table.c.id))
        ids = {row.no: row.id for row in rows}
        assert await search.numbers(connection, "company", "…") is None
    assert [ids[no] for no in named] == ["pearl"]
    assert {ids[no] for no in all_found} == {"pearl", "cafe"}


MISSPELT: tuple[tuple[str, str | None], ...] = (
    ("Perl Rivver Robotiks", "pearl"),
    ("Lotos Digitle", "lotus"),
    ("Honchuang", "hongchuan"),
    ("莲花数码贸易", "lotus"),
    ("Zzyzx Ltd.", None),
    ("有限公司", None),
)


async def test_misspelt_names(engine: AsyncEngine) -> None:
    for misspelt, first in MISSPELT:
        async with transaction(engine) as connection:
            found = await search.similar(connection, "company", misspelt)
        assert next((one for one, _ in found), None) == first, misspelt
        assert all(0 < share <= 1 for _, share in found)


async def test_changed_and_gone(engine: AsyncEngine) -> None:
    async with transaction(engine) as connection:
        await search.index(connection, "company", [Entry("pearl", ("Jade Bridge",))])
        await search.unindex(connection, "company", ["lotus", "never-was"])
        await search.index(connection, "person", [Entry("u_1", ("Jade Lin", "林玉"))])
    assert await find(engine, "robotics") == set()
    assert await find(engine, "jade") == {"pearl"}  # not the person
    assert await find(engine, "lotus") == set()
    async with transaction(engine) as connection:
        assert await search.similar(connection, "company", "Lotos Digital") == []
