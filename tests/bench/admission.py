"""Redis time of admission: what a join costs inside the server, next to a bare write.

    python -m tests.bench.admission [--url redis://…] [--json FILE]

For each server: microseconds of the server's CPU a call (INFO cpu, main thread: parsing and
answering included), for joins into a room that fills, joins that queue, renewals in batches of
100 and leaves; the least of three rounds on a server of its own, for what else runs on a machine
only adds to it. The reference in the same run is what any seat table must do at least: SET and
ZADD, pipelined.

Target: a seated join within 60 µs of the embedded Valkey (or of the server at --url); Debian's
Redis 7 stands beside it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shutil
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from hub.config import Config, Redis
from hub.embedded import EmbeddedStore, find_server
from hub.load.figures import table
from hub.ports import Renewal
from hub.store import Store, open_store
from rooms.model import Attachment, AttachmentKind, Identity, RoomSpec

PEOPLE = 2_000
ROUNDS = 3
TARGET_US = 60.0
JOIN = "join, seated"
SOCKET = AttachmentKind.SOCKET


async def cpu_us(store: Store) -> float:
    """CPU the server's main thread has used; unlike commandstats' wall time it does not count
    what other processes of a busy machine took meanwhile."""
    text = (await store.submitter.call("INFO", "cpu")).decode()
    values = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    return 1e6 * sum(float(values[f"used_cpu_{kind}_main_thread"]) for kind in ("user", "sys"))


async def server_time(store: Store, act: Callable[[], Awaitable[Any]]) -> tuple[float, float]:
    """(server µs of CPU, wall seconds) of ``act``: parsing, deciding and answering."""
    before, began = await cpu_us(store), time.perf_counter()
    await act()
    wall = time.perf_counter() - began
    return await cpu_us(store) - before, wall


async def measure(url: str) -> list[dict[str, Any]]:
    store = await open_store(Config(redis=Redis(url=url)), "bench")
    admission, call = store.admission, store.submitter.call
    people = [Identity(id=f"p{i}", name=f"Person {i}") for i in range(PEOPLE)]

    async def reference() -> None:
        await asyncio.gather(
            *(call("SET", f"ref:{p.id}", "x") for p in people),
            *(call("ZADD", "ref:seats", 1_700_000_000_000, p.id) for p in people),
        )

    async def join(room: str, capacity: int) -> None:
        await admission.load(RoomSpec(slug=room, title="", capacity=capacity))
        for start in range(0, PEOPLE, 200):
            some = people[start : start + 200]
            await asyncio.gather(
                *(
                    admission.enter(room, p, Attachment(SOCKET, p.id, "bench"), wait=True)
                    for p in some
                )
            )

    async def renew() -> None:
        await admission.renew([Renewal("filling", p.id, SOCKET, p.id) for p in people])

    async def leave() -> None:
        await asyncio.gather(*(admission.leave("filling", p.id, p.id) for p in people))

    rows = []
    for name, per, act in (
        ("reference: SET + ZADD", PEOPLE, reference),
        (JOIN, PEOPLE, lambda: join("filling", PEOPLE)),
        ("join, queued", PEOPLE, lambda: join("full", 1)),
        ("renew, a seat", PEOPLE, renew),
        ("leave", PEOPLE, leave),
    ):
        spent, wall = await server_time(store, act)
        rows.append(
            {
                "what": name,
                "server_us": round(spent / per, 1),
                "wall_us": round(wall / per * 1e6, 1),
            }
        )
    await store.close()
    return rows


def least(rounds: list[list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Row by row, the round that cost least."""
    return [min(rows, key=lambda row: row["server_us"]) for rows in zip(*rounds, strict=True)]


def alone(binary: Path) -> list[dict[str, Any]]:
    """One round on a server that was just started."""
    with tempfile.TemporaryDirectory() as directory:
        server = EmbeddedStore(Path(directory), binary=binary, persist=False)
        server.start()
        try:
            return asyncio.run(measure(server.url))
        finally:
            server.kill()


def run(url: str | None) -> dict[str, list[dict[str, Any]]]:
    """Rows by server; the target is for the first."""
    if url:
        return {"given": asyncio.run(measure(url))}
    servers = {"valkey": find_server()}
    redis7 = shutil.which("redis-server")
    if redis7:
        servers["redis7"] = Path(redis7)
    return {name: least([alone(binary) for _ in range(ROUNDS)]) for name, binary in servers.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url")
    parser.add_argument("--json")
    options = parser.parse_args()
    found = run(options.url)
    lines = [
        (row["what"], name, f"{row['server_us']}", f"{row['wall_us']}")
        for name, rows in found.items()
        for row in rows
    ]
    print(table((f"{PEOPLE:,} people", "server", "server µs", "wall µs"), lines))
    name, rows = next(iter(found.items()))
    join = next(row["server_us"] for row in rows if row["what"] == JOIN)
    met = join <= TARGET_US
    print(
        f"target: a seated join ≤ {TARGET_US:.0f} µs on {name}: "
        f"{join} µs, {'met' if met else 'MISSED'}"
    )
    if options.json:
        result = {"servers": found, "join_us": join, "target_us": TARGET_US, "ok": met}
        Path(options.json).write_text(json.dumps(result, indent=2) + "\n")
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
