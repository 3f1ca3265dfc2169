"""``pavilion load rooms``: people enter rooms, speak, drop and return, and check the hub.

This process makes the rooms and tokens, starts the client processes (hub.load.people), asks
the API for occupancy meanwhile, adds up and prints. Exit status 1 when a check failed.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final

import aiohttp
import msgspec
import typer

from hub.lifeline import die_with_parent
from hub.load.figures import table
from hub.load.people import Job, Outcome, Seat, merge

PER_PROCESS: Final = 10_000  # half of the 20,000 files a process may have open
PER_SOURCE: Final = 200  # people of one loopback address
BATCH: Final = 1000  # participants of one tokens:batch
DURATION_MAX_S: Final = 3000  # tokens live an hour
PEOPLE_MAX: Final = 200_000
TRIES: Final = 4  # of a call that may be asked again
AGAIN_S: Final = 2.0
LOOPBACK: Final = ("127.0.0.1", "localhost")


@dataclass(frozen=True, slots=True)
class Settings:
    url: str
    key: str
    conferences: int
    negotiations: int
    people: int
    capacity: int
    rates: tuple[float, ...]
    churn: float
    join_rate: float
    duration_s: float
    processes: int
    seed: int
    keep: bool


@dataclass(frozen=True, slots=True)
class LoadRoom:
    """``mode`` is None for a conference. ``companies``: seats by side of a many-to-many talk;
    the first ``hosts`` people of any other talk are its host side."""

    slug: str
    capacity: int
    people: range
    mode: str | None = None
    companies: tuple[int, ...] = ()
    hosts: int = 0

    def body(self) -> dict[str, Any]:
        """As POST /rooms takes it."""
        kind = "conference" if self.mode is None else "negotiation"
        body = {
            "slug": self.slug, "title": f"Load {self.slug}", "kind": kind,
            "capacity": self.capacity, "mode": self.mode,
        }  # fmt: skip
        if self.companies:
            body["sides"] = {side(n): seats for n, seats in enumerate(self.companies)}
        elif self.mode == "one_to_many":
            body["reserved"] = self.hosts
        return body

    def groups(self) -> list[tuple[range, str, str | None]]:
        """(people, role, company) of each request for tokens."""
        if self.companies:
            out, given = [], 0
            for number, seats in enumerate(self.companies):
                some = self.people[given : given + seats]
                out.append((some, "participant", side(number)))
                given += seats
            return [group for group in out if group[0]]
        parts = ((self.people[: self.hosts], "host"), (self.people[self.hosts :], "participant"))
        return [(some, role, None) for some, role in parts if some]


#: Of five talks two are one to one, two one to many, one is many to many: what the fair's
#: 5,000 rooms hold 25,000 people in.
MODES: Final = ("one_to_one", "one_to_many", "one_to_one", "one_to_many", "many_to_many")
SIZES: Final = {"one_to_one": 2, "one_to_many": 5, "many_to_many": 11}
COMPANIES: Final = (4, 4, 3)


def side(number: int) -> str:
    return f"load-company-{number}"


class LoadFailed(RuntimeError):
    """The run could not be made at all: the hub did not answer or refused the rooms."""


def plan_rooms(settings: Settings, run: str) -> list[LoadRoom]:
    """Who goes where: as many to a negotiation room as its mode seats (``SIZES``), everybody
    else evenly over conferences."""
    rooms, given = [], 0
    for number in range(settings.negotiations):
        mode = MODES[number % len(MODES)]
        count = min(SIZES[mode], settings.people - given)
        rooms.append(
            LoadRoom(
                f"load-{run}-n{number}", SIZES[mode], range(given, given + count), mode,
                COMPANIES if mode == "many_to_many" else (), int(mode != "many_to_many"),
            )
        )  # fmt: skip
        given += count
    left = settings.people - given
    for number in range(settings.conferences):
        count = left // settings.conferences + (number < left % settings.conferences)
        rooms.append(
            LoadRoom(f"load-{run}-c{number}", settings.capacity, range(given, given + count))
        )
        given += count
    return rooms


class Api:
    """The organiser's calls of a load run."""

    def __init__(self, settings: Settings) -> None:
        self._session = aiohttp.ClientSession(
            settings.url,
            headers={"Authorization": f"Bearer {settings.key}"},
            connector=aiohttp.TCPConnector(ssl=False, limit=16),
            timeout=aiohttp.ClientTimeout(total=60),
        )

    async def __aenter__(self) -> Api:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def call(self, method: str, path: str, body: Any = None) -> Any:
        """The JSON answer. Raises LoadFailed for a status of 400 and above; what may be asked
        twice is asked again while the hub says that it recovers."""
        for _ in range(TRIES if method in ("GET", "DELETE") else 1):
            try:
                async with self._session.request(method, "/api/v1" + path, json=body) as answer:
                    text = await answer.text()
            except (aiohttp.ClientError, TimeoutError) as fault:
                raise LoadFailed(f"{method} {path}: {fault}") from None
            if answer.status != 503:
                break
            await asyncio.sleep(AGAIN_S)
        if answer.status >= 400:
            raise LoadFailed(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text else None

    async def prepare(self, room: LoadRoom) -> list[Seat]:
        """Make the room and a token for each of its people."""
        await self.call("POST", "/rooms", room.body())
        seats: list[Seat] = []
        for some, role, company in room.groups():
            for start in range(0, len(some), BATCH):
                numbers = some[start : start + BATCH]
                tokens = await self._tokens(room.slug, numbers, role, company)
                seats += (
                    Seat(f"load-{number}", room.slug, room.capacity, token, None)
                    for number, token in zip(numbers, tokens, strict=True)
                )
        return seats

    async def _tokens(self, slug: str, numbers: range, role: str, company: str | None) -> list[str]:
        people: list[dict[str, str]] = [{"id": f"load-{n}", "name": f"Load {n}"} for n in numbers]
        if company is not None:
            people = [{**one, "company": company} for one in people]
        body = {"participants": people, "role": role, "ttl_s": 3600}
        answer = await self.call("POST", f"/rooms/{slug}/tokens:batch", body)
        return [item if isinstance(item, str) else item["token"] for item in answer["tokens"]]


@dataclass(slots=True)
class Watch:
    """What the API says while the run goes on: occupancy against capacity, each second."""

    readings: int = 0
    over: int = 0
    worst: str = ""

    def read(self, row: dict[str, Any]) -> None:
        self.readings += 1
        occupied = row["live"] + row["held"] + row["offered"]
        if occupied > row["capacity"]:
            self.over += 1
            self.worst = f"{row.get('slug', row.get('room'))}: {occupied} of {row['capacity']}"

    async def run(self, api: Api, rooms: list[LoadRoom]) -> None:
        """Until cancelled; a hub being replaced may fail to answer, which is no violation."""
        place = 0
        while True:
            await asyncio.sleep(1.0)
            for room in rooms[place : place + 10]:
                try:
                    self.read(await api.call("GET", f"/rooms/{room.slug}"))
                except LoadFailed:
                    continue
            place = (place + 10) % max(1, len(rooms))


def share_out(settings: Settings, seats_by_room: list[list[Seat]]) -> list[Job]:
    """One job a process; a room's people stay together, so that one process sees them all."""
    jobs: list[list[Seat]] = [[] for _ in range(settings.processes)]
    for seats in sorted(seats_by_room, key=len, reverse=True):
        min(jobs, key=len).extend(seats)
    local = any(f"//{name}:" in settings.url for name in LOOPBACK)
    number = 0
    for people in jobs:
        for seat in people:
            if local:
                block = number // PER_SOURCE
                seat.source = f"127.1.{block // 250}.{1 + block % 250}"
            number += 1
    share = 1 / settings.processes
    return [
        Job(
            settings.url, people, list(settings.rates), share, settings.churn * share,
            settings.join_rate * share, settings.duration_s, settings.seed + index,
        )
        for index, people in enumerate(jobs)
    ]  # fmt: skip


async def _client(job: Job, limit_s: float) -> Outcome:
    """Run one client process. Raises LoadFailed."""
    with tempfile.TemporaryDirectory(prefix="pavilion-load-") as directory:
        report = Path(directory) / "outcome.json"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "hub.load.people", str(report),
            stdin=asyncio.subprocess.PIPE, preexec_fn=die_with_parent,
        )  # fmt: skip
        try:
            async with asyncio.timeout(limit_s):
                await process.communicate(msgspec.json.encode(job))
        except TimeoutError:
            process.kill()
            await process.wait()
            raise LoadFailed(f"a client process was not done after {limit_s:.0f} s") from None
        if process.returncode != 0:
            raise LoadFailed(f"a client process ended with status {process.returncode}")
        return msgspec.json.decode(report.read_bytes(), type=Outcome)


@dataclass(slots=True)
class Report:
    outcomes: list[Outcome]
    watch: Watch
    seconds: float
    prepared_s: float
    settings: Settings

    @property
    def setup_s(self) -> float:
        """Until every room was made and everybody had an answer to ``enter``."""
        return self.prepared_s + max((one.arrived_s for one in self.outcomes), default=0.0)

    def as_dict(self) -> dict[str, Any]:
        counts, violations, latencies = merge(self.outcomes)
        if self.watch.over:
            violations["capacity (API)"] += self.watch.over
        return {
            "people": self.settings.people,
            "rooms": self.settings.conferences + self.settings.negotiations,
            "seconds": round(self.seconds, 1),
            "setup_s": round(self.setup_s, 1),
            "ok": not violations,
            "violations": dict(violations),
            "samples": [line for outcome in self.outcomes for line in outcome.samples][:50],
            "occupancy_readings": self.watch.readings,
            "counts": dict(sorted(counts.items())),
            "latency_ms": {
                name: {
                    "count": one.count, "p50": round(one.at(0.5), 1),
                    "p99": round(one.at(0.99), 1), "max": round(one.at(1.0), 1),
                }
                for name, one in latencies.items()
            },
        }  # fmt: skip

    def text(self) -> str:
        counts, _, latencies = merge(self.outcomes)
        rows = [one.row(name) for name, one in latencies.items()]
        parts = [
            table(("latency, ms", "count", "p50", "p95", "p99", "max"), rows),
            table(("what happened", "times"), [(k, f"{v:,}") for k, v in sorted(counts.items())]),
        ]
        result = self.as_dict()
        if result["ok"]:
            parts.append(f"all checks hold ({self.watch.readings} occupancy readings)")
        else:
            parts.append("VIOLATIONS " + json.dumps(result["violations"]))
            parts += result["samples"][:20]
            parts += [self.watch.worst] if self.watch.worst else []
        return "\n\n".join(parts[:3]) + "".join(f"\n  {line}" for line in parts[3:])


async def run(settings: Settings) -> Report:
    """Make the rooms, let the people in, check, close the rooms. Raises LoadFailed."""
    rooms = plan_rooms(settings, f"{int(time.time()) % 1_000_000:06d}")
    started = time.monotonic()
    async with Api(settings) as api:
        seats = await asyncio.gather(*(api.prepare(room) for room in rooms))
        prepared_s = time.monotonic() - started
        watch = Watch()
        watching = asyncio.create_task(watch.run(api, rooms))
        jobs = share_out(settings, list(seats))
        try:
            outcomes = await asyncio.gather(
                *(_client(job, settings.duration_s + 120) for job in jobs if job.people)
            )
        finally:
            watching.cancel()
        if not settings.keep:
            await asyncio.gather(*(api.call("DELETE", f"/rooms/{room.slug}") for room in rooms))
    return Report(list(outcomes), watch, time.monotonic() - started, prepared_s, settings)


def command(
    url: Annotated[str, typer.Option(help="the hub's address")] = "http://127.0.0.1:8080",
    key: Annotated[str, typer.Option(envvar="PAVILION_API_KEY", help="organiser key")] = "",
    conferences: Annotated[int, typer.Option(min=0, max=5000)] = 5,
    negotiations: Annotated[int, typer.Option(min=0, max=20_000)] = 0,
    people: Annotated[int, typer.Option(min=1, max=PEOPLE_MAX)] = 600,
    capacity: Annotated[int, typer.Option(min=1, help="of each conference")] = 100,
    rate: Annotated[
        str, typer.Option(help="chat messages a second in all; 500,1000,2000 goes up in steps")
    ] = "10",
    churn: Annotated[
        float | None,
        typer.Option(min=0, help="drops and leaves a second in all; default people/100"),
    ] = None,
    join_rate: Annotated[float, typer.Option(min=0.1, help="arrivals a second in all")] = 400,
    duration: Annotated[float, typer.Option(min=1, max=DURATION_MAX_S, help="seconds")] = 30,
    processes: Annotated[int, typer.Option(min=0, max=64, help="0: one for 10,000")] = 0,
    seed: Annotated[int, typer.Option(help="repeats the same choices")] = 1,
    keep: Annotated[bool, typer.Option(help="leave the rooms open afterwards")] = False,
    as_json: Annotated[str, typer.Option("--json", help="also write JSON here; - is stdout")] = "",
) -> None:
    """Enter people, hold them, speak, drop, return, and check every promise of the contract."""
    if conferences + negotiations == 0:
        raise typer.BadParameter("--conferences or --negotiations must be at least 1")
    if not key:
        raise typer.BadParameter("--key or PAVILION_API_KEY: the organiser key is expected")
    try:
        rates = tuple(float(part) for part in rate.split(","))
    except ValueError:
        rates = (-1.0,)
    if not all(0 <= one < 1e6 for one in rates) or len(rates) > 20:
        raise typer.BadParameter("--rate: numbers of messages a second, separated by commas")
    least = -(-people // PER_PROCESS)
    settings = Settings(
        url.rstrip("/"), key, conferences, negotiations, people, capacity, rates,
        people / 100 if churn is None else churn, join_rate, duration, max(processes, least), seed,
        keep,
    )  # fmt: skip
    os.environ.pop("PAVILION_API_KEY", None)  # the client processes have no use for it
    try:
        report = asyncio.run(run(settings))
    except LoadFailed as fault:
        print(f"pavilion: {fault}", file=sys.stderr)
        raise typer.Exit(1) from None
    result = report.as_dict()
    if as_json == "-":
        print(json.dumps(result, indent=2))
    else:
        print(report.text())
        if as_json:
            Path(as_json).write_text(json.dumps(result, indent=2) + "\n")
    raise typer.Exit(0 if result["ok"] else 1)
