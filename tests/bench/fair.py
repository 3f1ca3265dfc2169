"""Importing 100,000 people and 18,000 companies: seconds and memory, SQLite and PostgreSQL.

    python -m tests.bench.fair [--json FILE] [--people N] [--companies N]

Sheets of the invented fair go in by ``pavilion import``, a process of its own, as an organiser
would do it; its memory is read by psutil while it runs. PostgreSQL is left out where it is not
installed. Status 1 when a target is missed.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from hub import sheets
from hub.demo_full.invent import Invention
from hub.ports.imports import COLUMNS, Kind
from tests.fair.conftest import BINARIES, _run_as

TARGET_S: dict[str, float] = {"people": 90, "companies": 30}
TARGET_MB = 500


def sheet_of(kind: Kind, records: Iterable[dict[str, Any]], target: Path) -> None:
    """A CSV file as an organiser might have it."""
    names = [column.name for column in COLUMNS[kind]]

    def cell(name: str, value: Any) -> str:
        if name == "email" and value:
            return str(value[0])
        if isinstance(value, bool):
            return "yes" if value else "no"
        return "; ".join(value) if isinstance(value, list) else str(value or "")

    rows = ([cell(name, record.get(name)) for name in names] for record in records)
    with target.open("wb") as file:
        for piece in sheets.csv_chunks(itertools.chain([names], rows)):
            file.write(piece)


@contextmanager
def postgres() -> Iterator[str | None]:
    """The address of an empty database on a server of its own; None without PostgreSQL."""
    if BINARIES is None:
        yield None
        return
    user, directory = _run_as(), Path(tempfile.mkdtemp(prefix="pv-pg-"))
    if user is not None:
        shutil.chown(directory, user)
    data = directory / "data"
    subprocess.run(
        [BINARIES / "initdb", "-D", data, "-A", "trust", "-U", "pavilion", "-E", "UTF8"],
        user=user, cwd="/", check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    server = subprocess.Popen(
        [BINARIES / "postgres", "-D", data, "-k", directory, "-c", "listen_addresses="],
        user=user, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        ready = [BINARIES / "pg_isready", "-h", directory, "-U", "pavilion"]
        while subprocess.run(ready, stdout=subprocess.DEVNULL).returncode != 0:
            time.sleep(0.05)
        make = [BINARIES / "createdb", "-h", directory, "-U", "pavilion", "fair"]
        subprocess.run(make, check=True)
        yield f"postgresql+asyncpg://pavilion@/fair?host={directory}"
    finally:
        server.terminate()
        server.wait(20)
        shutil.rmtree(directory)


def import_once(url: str, kind: str, file: Path) -> dict[str, float]:
    """Seconds and peak resident MB of one ``pavilion import``."""
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "hub", "import", kind, str(file)],
        env={**os.environ, "PAVILION__DATABASE__URL": url, "PAVILION_LOG_LEVEL": "warning"},
        stdout=subprocess.DEVNULL,
    )
    watched, peak = psutil.Process(process.pid), 0
    while process.poll() is None:
        try:
            peak = max(peak, watched.memory_info().rss)
        except psutil.NoSuchProcess:
            break
        time.sleep(0.1)
    assert process.wait() == 0, f"the import of {kind} ended with {process.returncode}"
    return {"seconds": round(time.perf_counter() - began, 1), "mb": round(peak / 1_048_576)}


def measure(url: str, files: dict[str, Path]) -> dict[str, dict[str, float]]:
    found = {}
    for kind, file in files.items():
        found[kind] = import_once(url, kind, file)
        found[f"{kind} again"] = import_once(url, kind, file)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--companies", type=int, default=18_000)
    options = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as directory:
        place = Path(directory)
        files = {"companies": place / "companies.csv", "people": place / "people.csv"}
        invention = Invention(1)
        firms = list(invention.companies(options.companies))
        sheet_of("companies", firms, files["companies"])
        sheet_of("people", invention.people(options.people, firms), files["people"])
        results["SQLite"] = measure(f"sqlite+aiosqlite:///{place / 'fair.sqlite'}", files)
        with postgres() as url:
            if url is not None:
                results["PostgreSQL"] = measure(url, files)
    missed = False
    for database, figures in results.items():
        for what, figure in figures.items():
            limit = TARGET_S[what.split()[0]]
            late = figure["seconds"] > limit or figure["mb"] > TARGET_MB
            missed = missed or late
            took = f"{figure['seconds']:>6.1f} s (target {limit:g})"
            held = f"{figure['mb']:>4.0f} MB (target {TARGET_MB})"
            print(f"{database:<11} {what:<16} {took}  {held}{'  MISSED' if late else ''}")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
    return int(missed)


if __name__ == "__main__":
    sys.exit(main())
