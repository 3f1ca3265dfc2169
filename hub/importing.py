"""``pavilion import KIND FILE``: a sheet into the fair's database, while the server runs or not.

The sheet goes into the database first, as it does from the organiser's page: when this process
is killed, running it again goes on where it stopped, and so would a hub that is there. Exit
status 0 when every row is in, 1 when rows were refused or the import failed.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any, Final

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from hub import sheets
from hub.config import Config
from hub.fair.base import FairKeys, wall_clock_ms
from hub.fair.engine import make_engine
from hub.fair.imports import SqlImports
from hub.fair.imports.runner import Run, TakenOver
from hub.fair.migrate import migrate_async
from hub.fair.settings import SqlSettings
from hub.ports.imports import COLUMNS, REASON, ImportFault, ImportJob, Kind
from hub.web import i18n
from hub.web.import_texts import explain, why_failed

POLL_S: Final = 0.5
LINE_S: Final = 2.0  # how often a line is printed where there is no terminal
SHOWN: Final = 10  # refused rows that are printed
_BY: Final = "command-line"


class _Told:
    """A bar on a terminal, else a line now and then."""

    def __init__(self) -> None:
        self.bar = (
            Progress(TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(),
                     TimeRemainingColumn())
            if sys.stdout.isatty() else None
        )  # fmt: skip
        self._task = None if self.bar is None else self.bar.add_task("rows", total=None)
        self._last = 0.0

    async def __call__(self, done: int, total: int) -> None:
        if self.bar is not None and self._task is not None:
            self.bar.update(self._task, completed=done, total=total)
        elif time.monotonic() - self._last >= LINE_S or done == total:
            self._last = time.monotonic()
            print(f"{done} of {total} rows", flush=True)


def error_rows(
    kind: Kind, header: Sequence[str], faults: Sequence[ImportFault], language: i18n.Language
) -> Iterator[list[sheets.Cell]]:
    """The rows of an error file without its header: as sent, and why they were refused."""
    width = len(header)
    for found in faults:
        cells = (list(found.cells) + [""] * width)[:width]
        yield [*cells, explain(kind, found.faults, language)]


def _language() -> i18n.Language:
    tag = i18n.match((os.environ.get("LC_ALL") or os.environ.get("LANG") or "").split(".")[0]
                     .replace("_", "-")) or "en"  # fmt: skip
    return i18n.load_languages()[tag]


async def _follow(imports: SqlImports, run: Run, job: ImportJob, told: _Told) -> ImportJob:
    """Carry the job out, or watch whoever does; as it ended."""
    found: ImportJob | None = job
    while found is not None and not found.over:
        claimed = await run.claim(job.id)
        if claimed is not None:
            with suppress(TakenOver):  # a hub went on with it while this process was stopped
                await run.carry_out(claimed)
        else:
            await told(found.rows_done, found.rows_total)
            await asyncio.sleep(POLL_S)
        found = await imports.get(job.id)
    assert found is not None, "the import was removed from the database"
    return found


async def _write_errors(
    imports: SqlImports, job: ImportJob, target: Path, language: i18n.Language
) -> None:
    chinese = language.tag.startswith("zh")
    rows: list[list[sheets.Cell]] = [[*job.header, REASON[1 if chinese else 0]]]
    after = 0
    while faults := await imports.errors(job.id, after, 1_000):
        rows += error_rows(job.kind, job.header, faults, language)
        after = faults[-1].id
    if target.suffix.lower() == ".xlsx":
        await asyncio.to_thread(sheets.write_xlsx, target, rows, job.kind)
    else:
        await asyncio.to_thread(target.write_bytes, b"".join(sheets.csv_chunks(rows)))


async def _report(
    imports: SqlImports, job: ImportJob, errors: Path | None, language: i18n.Language
) -> int:
    if job.state != "done":
        print(f"pavilion: {why_failed(job, language)}", file=sys.stderr)
        return 1
    what = "would be" if job.dry_run else "are"
    print(f"{job.created} {what} new, {job.updated} {what} changed, {job.unchanged} unchanged, "
          f"{job.bad} refused")  # fmt: skip
    if job.unknown:
        print(f"left out, no such column: {', '.join(job.unknown)}")
    for found in await imports.errors(job.id, 0, SHOWN):
        print(f"row {found.row}: {explain(job.kind, found.faults, language)}", file=sys.stderr)
    if job.bad > SHOWN:
        print(f"and {job.bad - SHOWN} more rows", file=sys.stderr)
    if job.bad and errors is not None:
        await _write_errors(imports, job, errors, language)
        print(f"refused rows to mend and import again: {errors}")
    return 1 if job.bad else 0


def _read(file: Path, limit: int) -> bytes | None:
    """None when the file is larger than ``limit``."""
    with file.open("rb") as opened:
        body = opened.read(limit + 1)
    return body if len(body) <= limit else None


async def import_file(
    config: Config, kind: Kind, file: Path, errors: Path | None, *, dry_run: bool
) -> int:
    """The exit status."""
    try:
        source = await asyncio.to_thread(_read, file, config.limits.import_bytes)
    except OSError as fault:
        print(f"pavilion: {file}: {fault.strerror}", file=sys.stderr)
        return 1
    if source is None:
        print(f"pavilion: {file} is larger than limits.import_bytes", file=sys.stderr)
        return 1
    await migrate_async(config.database_url)
    engine = make_engine(config.database_url)
    made: tuple[Any, ...] = (engine, config, FairKeys(b"", b"", b""), wall_clock_ms)
    imports, settings, told = SqlImports(*made), SqlSettings(*made), _Told()
    try:
        job = await imports.find(kind, source, dry_run=dry_run)
        if job is not None:
            print(f"going on with an import of {file.name} that was not finished", flush=True)
        else:
            job = await imports.submit(kind, file.name, source, _BY, dry_run=dry_run)
        run = Run(engine, await settings.current(), wall_clock_ms, told)
        with told.bar or nullcontext():
            job = await _follow(imports, run, job, told)
        return await _report(imports, job, errors, _language())
    finally:
        await engine.dispose()


def template_rows(kind: Kind, language: str) -> list[list[sheets.Cell]]:
    """Header and one sample row."""
    columns = COLUMNS[kind]
    return [[column.head(language) for column in columns], [column.sample for column in columns]]
