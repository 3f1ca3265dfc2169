"""Imports on both databases: good rows in, bad ones named, nothing twice and nothing lost."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine

from hub import sheets
from hub.config import Config, Database
from hub.fair import search
from hub.fair.base import FairKeys
from hub.fair.engine import make_engine
from hub.fair.imports import SqlImports, runner
from hub.fair.imports.runner import Run, TakenOver
from hub.fair.settings import SqlSettings
from hub.fair.tables import companies, conferences, imports, people, rooms, speakers
from hub.ports.imports import KINDS, ImportJob, Kind
from tests.databases import ready


class Fair:
    """A migrated database and what imports need of it."""

    def __init__(self, url: str, clock: Any) -> None:
        self.url, self.clock = url, clock
        self.engine: AsyncEngine = make_engine(url)
        made: tuple[Any, ...] = (
            self.engine, Config(database=Database(url=url)), FairKeys(b"", b"", b""), clock,
        )  # fmt: skip
        self.imports, self.settings = SqlImports(*made), SqlSettings(*made)

    async def run(self) -> Run:
        return Run(self.engine, await self.settings.current(), self.clock)

    async def take(self, kind: Kind, source: bytes, *, dry_run: bool = False) -> ImportJob:
        """The import of ``source``, carried out."""
        job = await self.imports.submit(kind, "a.csv", source, "u_1", dry_run=dry_run)
        run = await self.run()
        claimed = await run.claim(job.id)
        assert claimed is not None
        await run.carry_out(claimed)
        ended = await self.imports.get(job.id)
        assert ended is not None
        return ended

    async def rows(self, query: Any) -> list[Any]:
        async with self.engine.connect() as connection:
            return list((await connection.execute(query)).all())

    async def count(self, table: sa.Table) -> int:
        return int((await self.rows(sa.select(sa.func.count()).select_from(table)))[0][0])


@pytest.fixture
async def fair(database_url: str, clock: Any) -> AsyncIterator[Fair]:
    await ready(database_url)
    found = Fair(database_url, clock)
    yield found
    await found.engine.dispose()


def csv_of(rows: list[list[Any]]) -> bytes:
    return b"".join(sheets.csv_chunks(rows))


def counts(job: ImportJob) -> tuple[int, int, int, int]:
    return job.created, job.updated, job.unchanged, job.bad


HEAD = ["姓名", "Shoe size", "E-mail", "国家或地区", "公司", "Sectors"]


def person(n: int) -> list[Any]:
    return [
        f"Person {n} 王",
        "42",
        f"p{n}@example.com",
        "中国",
        f"Firm {n % 7}",
        "金融服务;tourism",
    ]


async def test_bad_rows_are_named_and_the_mended_file_brings_only_those(fair: Fair) -> None:
    rows = [person(n) for n in range(300)]
    rows[10][2] = "nobody"
    rows[20][0] = "evil \u202e name"
    rows[30][3] = "Atlantis"
    rows[40][2] = "P7@example.com"  # as row 9
    rows[50] = ["", "1", "x@example.com", "CN", "", "nothing"]
    sheet = csv_of([HEAD, *rows])
    dry = await fair.take("people", sheet, dry_run=True)
    assert counts(dry) == (295, 0, 0, 5) and await fair.count(people) == 0
    job = await fair.take("people", sheet)
    assert (job.state, job.rows_total, job.rows_done) == ("done", 300, 300)
    assert counts(job) == (295, 0, 0, 5) and job.unknown == ("Shoe size",)
    faults = await fair.imports.errors(job.id)
    assert [(f.row, [(x["column"], x["code"]) for x in f.faults]) for f in faults] == [
        (12, [("email", "bad_format")]),
        (22, [("name", "bad_text")]),
        (32, [("country", "unknown")]),
        (42, [("email", "twice")]),
        (52, [("sectors", "unknown")]),
    ]
    assert faults[3].faults[0]["value"] == "9"
    mended = [[*f.cells, "a reason"] for f in faults]
    for n, row in enumerate(mended):
        row[:6] = ["Mended", "", f"mended{n}@example.com", "Viet Nam" if n else "UK", "", ""]
    mended[1][3] = "越南"
    again = await fair.take("people", csv_of([[*job.header, "原因"], *mended[1:]]))
    assert counts(again) == (4, 0, 0, 0)
    before = await fair.rows(sa.select(people).order_by(people.c.id))
    same = await fair.take("people", sheet)
    assert counts(same) == (0, 0, 295, 5)
    assert await fair.rows(sa.select(people).order_by(people.c.id)) == before
    one = (await fair.rows(sa.select(people).where(people.c.email_key == "p3@example.com")))[0]
    assert (one.country, one.sectors, one.source) == ("CN", ["finance", "tourism"], "import")
    assert one.password_hash is None and one.role == "participant" and one.privacy_version == 0
    async with fair.engine.connect() as connection:
        wanted = search.ids(connection, "person", "Mended")
        assert wanted is not None
        found = (await connection.execute(wanted)).all()
    assert len(found) == again.created


async def test_keys_find_people_again_and_addresses_stay_their_owners(fair: Fair) -> None:
    head = ["key", "name", "email", "country", "position"]
    ann, bo = ["1", "Ann", "ann@example.com", "FR", "CEO"], ["2", "Bo", "bo@example.com", "SE", ""]
    first = await fair.take("people", csv_of([head, ann, bo]))
    assert counts(first) == (2, 0, 0, 0)
    async with fair.engine.begin() as connection:
        await connection.execute(sa.update(people).values(verified_ms=5))
    second = await fair.take("people", csv_of([
        head,
        ["1", "Ann B", "ann@example.com", "FR", ""],  # an empty cell leaves what was there
        ["2", "Bo", "bo@new.example.com", "SE", ""],
        ["3", "Thief", "ann@example.com", "SE", ""],
        ["4", "Cy", "", "SE", ""],
    ]))  # fmt: skip
    assert counts(second) == (1, 2, 0, 1)
    rows = {row.external_key: row for row in await fair.rows(sa.select(people))}
    assert (rows["1"].name, rows["1"].position, rows["1"].verified_ms) == ("Ann B", "CEO", 5)
    assert rows["2"].email_key == "bo@new.example.com" and rows["2"].verified_ms is None
    assert rows["4"].email is None and "3" not in rows


async def test_companies_come_in_by_slug_key_or_name(fair: Fair) -> None:
    head = ["公司名称", "中文名称", "行业", "国家", "website", "booth", "简介"]
    rows = [["北京示例科技有限公司", "", "business", "CN", "example.com/a", "A1", "做软件的公司"],
            ["Müller & Söhne", "", "Nonsense", "Germany", "", "", ""],
            ["Acme", "", "business", "US", "javascript:alert(1)", "", ""],
            ["Acme", "", "financial services", "US", "", "", ""],
            ["Acme", "", "business", "GB", "", "", ""]]  # fmt: skip
    job = await fair.take("companies", csv_of([head, *rows]))
    faults = await fair.imports.errors(job.id)
    assert [(f.row, f.faults[0]["column"], f.faults[0]["code"]) for f in faults] == [
        (3, "sector", "unknown"), (4, "website", "bad_format")]  # fmt: skip
    assert counts(job) == (3, 0, 0, 2)
    slugs = {row.slug: row for row in await fair.rows(sa.select(companies))}
    assert len(slugs) == 3 and "acme" in slugs
    assert counts(await fair.take("companies", csv_of([head, *rows]))) == (0, 0, 3, 2)
    rows[4][5] = "B2"
    assert counts(await fair.take("companies", csv_of([head, *rows])))[:3] == (0, 1, 2)
    async with fair.engine.connect() as connection:
        wanted = search.ids(connection, "company", "软件")
        assert wanted is not None and len((await connection.execute(wanted)).all()) == 1


async def test_conferences_bring_their_rooms_and_speakers_and_never_overlap(fair: Fair) -> None:
    await fair.take("people", csv_of([["name", "email", "country"],
                                      ["Wang Min", "wang@example.com", "CN"]]))  # fmt: skip
    room = ["slug", "title", "capacity", "guests"]
    made = await fair.take("rooms", csv_of([room, ["hall-1", "Hall 1", "1,000", "是"]]))
    assert counts(made) == (1, 0, 0, 0)
    head = ["title", "sector", "room", "capacity", "starts", "ends", "speakers", "languages"]
    speakers_cell = "host: Wang Min <wang@example.com>; Firm; CEO | 李娜"
    rows = [
        ["First", "business", "hall-1", "", "2026-09-05 09:00", "2026-09-05 10:00",
         speakers_cell, "中文, en"],
        ["Clash", "business", "hall-1", "", "2026/9/5 9:30", "2026-09-05 10:30", "", ""],
        ["After", "business", "hall-1", "", "2026-09-05 10:00", "2026-09-05T11:00+00:00", "", ""],
        ["Own room", "business", "", "500", "2026年9月5日 9:00", "2026-09-05 10:00", "", ""],
        ["Backwards", "business", "", "", "2026-09-05 09:00", "2026-09-05 08:00", "", ""],
        ["Stranger", "business", "", "", "2026-09-05 09:00", "2026-09-05 10:00",
         "X <x@example.com>", ""],
    ]  # fmt: skip
    job = await fair.take("conferences", csv_of([head, *rows]))
    faults = await fair.imports.errors(job.id)
    assert [(f.row, f.faults[0]["column"], f.faults[0]["code"]) for f in faults] == [
        (3, "room", "room_taken"), (6, "ends", "not_after_start"), (7, "speakers", "unknown"),
    ]  # fmt: skip
    assert counts(job) == (3, 0, 0, 3)
    assert {(row.slug, row.capacity) for row in await fair.rows(sa.select(rooms))} == {
        ("hall-1", 1000), ("own-room", 500)}  # fmt: skip
    spoken = await fair.rows(sa.select(speakers).order_by(speakers.c.ordinal))
    assert [(s.name, s.role, s.person is not None, s.position) for s in spoken] == [
        ("Wang Min", "host", True, "CEO"), ("李娜", "speaker", False, None)]  # fmt: skip
    first = (await fair.rows(sa.select(conferences).where(conferences.c.slug == "first")))[0]
    assert first.languages == ["zh-Hans", "en"] and first.ends_ms - first.starts_ms == 3_600_000
    assert counts(await fair.take("conferences", csv_of([head, *rows]))) == (0, 0, 3, 3)


async def test_500_conferences_come_from_one_sheet(fair: Fair) -> None:
    head = ["external_key", "title", "title_zh", "sector", "starts", "ends", "capacity"]
    rows = [[f"c{n}", f"Talk {n}", f"论坛 {n}", "business", "2026-09-05 09:00",
             "2026-09-05 10:00", "100"] for n in range(500)]  # fmt: skip
    job = await fair.take("conferences", csv_of([head, *rows]))
    assert counts(job) == (500, 0, 0, 0)
    assert await fair.count(rooms) == 500


@pytest.mark.parametrize(
    ("source", "why"),
    [
        (b"name,country\nA,CN", "missing_column:email"),
        (b"name,email,country,Name\nA,a@b.cn,CN,B", "duplicate_column:name"),
        (b"PK\x03\x04", "not_a_sheet"),
        (b"", "empty"),
    ],
    ids=["missing", "double", "broken", "empty"],
)
async def test_a_sheet_that_cannot_be_imported_says_why(
    fair: Fair, source: bytes, why: str
) -> None:
    job = await fair.take("people", source)
    assert (job.state, job.why) == ("failed", why)
    assert (await fair.rows(sa.select(imports.c.source)))[0][0] is None


async def test_a_job_is_carried_out_by_one_hub_at_a_time(
    fair: Fair, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hub that stood still past its lease finds that another went on, and writes nothing."""
    monkeypatch.setattr(runner, "BATCH", 10)
    sheet = csv_of([HEAD, *[person(n) for n in range(100)]])
    job = await fair.imports.submit("people", "a.csv", sheet, "u_1", dry_run=False)
    slow, other = await fair.run(), await fair.run()
    claimed = await slow.claim()
    assert claimed is not None and claimed.id == job.id and await other.claim() is None
    batches = 0

    async def stand_still(done: int, total: int) -> None:
        nonlocal batches
        batches += 1
        if batches == 3:
            fair.clock.ms += runner.LEASE_MS + 1
            taken = await other.claim()
            assert taken is not None and taken.rows_done == 30
            await other.carry_out(taken)

    slow._told = stand_still
    with pytest.raises(TakenOver):
        await slow.carry_out(claimed)
    ended = await fair.imports.get(job.id)
    assert ended is not None and ended.state == "done" and counts(ended) == (100, 0, 0, 0)
    assert await fair.count(people) == 100


async def test_cancelling_keeps_what_is_in_and_stops(
    fair: Fair, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(runner, "BATCH", 10)
    sheet = csv_of([HEAD, *[person(n) for n in range(50)]])
    job = await fair.imports.submit("people", "a.csv", sheet, "u_1", dry_run=False)
    run = await fair.run()

    async def cancel(done: int, total: int) -> None:
        if done == 20:
            assert await fair.imports.cancel(job.id)

    run._told = cancel
    claimed = await run.claim()
    assert claimed is not None
    with pytest.raises(TakenOver):
        await run.carry_out(claimed)
    ended = await fair.imports.get(job.id)
    assert ended is not None and ended.state == "cancelled" and await fair.count(people) == 20
    assert not await fair.imports.cancel(job.id)


async def _command(url: str, *words: str) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "hub", "import", *words,
        env={**os.environ, "PAVILION__DATABASE__URL": url, "LANG": "C"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip


async def test_a_killed_import_is_finished_by_running_it_again(fair: Fair, tmp_path: Path) -> None:
    """kill -9 once some batches are in; then again: nothing twice, nothing lost."""
    total = 3_000
    rows = [person(n) for n in range(total)]
    for n in range(0, total, 100):
        rows[n][3] = "nowhere"
    file, errors = tmp_path / "people.csv", tmp_path / "errors.xlsx"
    file.write_bytes(csv_of([HEAD, *rows]))
    process = await _command(fair.url, "people", str(file))
    while True:
        jobs, _ = await fair.imports.list()
        if jobs and jobs[0].rows_done >= 1_000:
            break
        assert process.returncode is None
        await asyncio.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    await process.wait()
    stopped = await fair.imports.get(jobs[0].id)
    assert stopped is not None and 1_000 <= stopped.rows_done < total
    assert await fair.count(people) == stopped.created
    # The dead process's lease is over: what time would do, without waiting for it.
    async with fair.engine.begin() as connection:
        await connection.execute(sa.update(imports).values(lease_until_ms=0))
    process = await _command(fair.url, "people", str(file), "--errors", str(errors))
    output, _ = await process.communicate()
    assert process.returncode == 1, output.decode()
    assert b"going on with an import" in output and f"{total} of {total} rows" in output.decode()
    jobs, _ = await fair.imports.list()
    assert len(jobs) == 1 and counts(jobs[0]) == (total - total // 100, 0, 0, total // 100)
    assert await fair.count(people) == total - total // 100
    sheet = sheets.read_sheet(errors.read_bytes())
    assert sheet.header == [*HEAD, "reason"] and sheet.count == total // 100
    _, cells = next(sheet.rows())
    assert cells[:6] == [str(cell) for cell in rows[0]]
    assert "is not known here: nowhere" in cells[6]
    assert json.dumps(sorted({len(cells) for _, cells in sheet.rows()})) == "[7]"


async def test_a_hub_carries_out_what_waits_in_a_child(fair: Fair) -> None:
    sources = {
        "people": csv_of([HEAD, person(1)]),
        "companies": csv_of([["name", "sector", "country"], ["A firm", "business", "CN"]]),
        "conferences": csv_of([["title", "sector", "starts", "ends"],
                               ["T", "business", "2026-09-05 09:00", "2026-09-05 10:00"]]),
        "rooms": csv_of([["title", "capacity"], ["Hall", "10"]]),
    }  # fmt: skip
    for kind in KINDS:
        await fair.imports.submit(kind, "a.csv", sources[kind], "u_1", dry_run=False)
    await fair.imports.work()
    jobs, _ = await fair.imports.list()
    assert [(job.state, job.created) for job in jobs] == [("done", 1)] * 4
