"""``pavilion load media``: one publisher over WHIP, viewers over WHEP, and what arrives.

Makes a room through the API, publishes at a real mix (hub.load.streams), counts what each
viewer gets, and ends what it began. Exit status 1 when a check failed. The server's CPU per
forwarded packet needs its process: ``--pid`` of the media worker, on the same machine.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import os
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Final

import aiohttp
import typer

from hub.load import streams
from hub.load.figures import table
from hub.media import private
from hub.media.peer import NotConnected

DELIVERED: Final = 0.995
P99_MS: Final = 40.0
VIEWERS_MAX: Final = 5_000
SETTLE_S: Final = 1.0
_SPAWN: Final = multiprocessing.get_context("spawn")


class LoadFailed(RuntimeError):
    """The run could not be made at all: the hub did not answer, or refused."""


@dataclass(frozen=True, slots=True)
class Settings:
    url: str
    key: str
    room: str
    viewers: int
    duration_s: float
    host: str
    pid: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """What was measured. ``cpu_us`` is None without ``--pid``."""

    room: str
    viewers: int
    failed: int
    packets_per_viewer: int
    delivered: float
    delivered_worst: float
    p50_ms: float
    p99_ms: float
    join_s: float
    cpu_us: float | None
    failures: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.failures

    def text(self) -> str:
        rows = [
            ("viewers connected", f"{self.viewers:,} of {self.viewers + self.failed:,}"),
            ("until all had joined", f"{self.join_s:.1f} s"),
            ("packets to each", f"{self.packets_per_viewer:,}"),
            ("delivered", f"{self.delivered:.2%} (worst viewer {self.delivered_worst:.2%})"),
            ("added latency p50 / p99", f"{self.p50_ms:.1f} / {self.p99_ms:.1f} ms"),
            (
                "server CPU a packet",
                "give --pid" if self.cpu_us is None else f"{self.cpu_us:.2f} µs",
            ),
        ]
        verdict = "every check passed" if self.ok else "FAILED: " + "; ".join(self.failures)
        return table(("media load", self.room), rows) + "\n" + verdict


def cpu_s(pid: int) -> float:
    """User and system seconds of a process so far (proc(5)). Raises LoadFailed."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError as fault:
        raise LoadFailed(f"process {pid}: {fault}") from None
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Endpoint:
    """The hub's HTTP side, as one WHIP or WHEP client sees it."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session = session
        self._url = url

    async def call(self, method: str, path: str, key: str, body: Any = None) -> Any:
        """JSON of an API call. Raises LoadFailed for a status of 400 and above."""
        headers = {"Authorization": f"Bearer {key}"}
        async with self._session.request(
            method, self._url + "/api/v1" + path, json=body, headers=headers
        ) as answer:
            text = await answer.text()
        if answer.status >= 400:
            raise LoadFailed(f"{method} {path}: {answer.status} {text[:300]}")
        return json.loads(text) if text else None

    async def offer(self, way: str, room: str, token: str, sdp: str) -> tuple[str, str]:
        """POST an offer: (Location, answer). Raises LoadFailed."""
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sdp"}
        async with self._session.post(
            f"{self._url}/{way}/{room}", data=sdp.encode(), headers=headers
        ) as answer:
            text = await answer.text()
            if answer.status != 201:
                raise LoadFailed(f"POST /{way}/{room}: {answer.status} {text[:300]}")
            return answer.headers["Location"], text

    async def end(self, location: str, token: str) -> None:
        """DELETE a session."""
        headers = {"Authorization": f"Bearer {token}"}
        async with self._session.delete(self._url + location, headers=headers) as answer:
            if answer.status >= 400:
                raise LoadFailed(f"DELETE {location}: {answer.status}")


def _session() -> aiohttp.ClientSession:
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(ssl=False, limit=32),
        timeout=aiohttp.ClientTimeout(total=60),
    )


@asynccontextmanager
async def over_whep(url: str, room: str, tokens: list[str]) -> AsyncIterator[streams.Ask]:
    """Offers of the viewers' process."""
    async with _session() as session:
        endpoint = Endpoint(session, url)

        async def ask(number: int, offer: str) -> str:
            return (await endpoint.offer("whep", room, tokens[number], offer))[1]

        yield ask


async def _prepare(endpoint: Endpoint, settings: Settings) -> tuple[str, list[str]]:
    """Make the room (an existing one is used as it is): host token, viewers' tokens."""
    room, key = settings.room, settings.key
    try:
        await endpoint.call("GET", f"/rooms/{room}", key)
    except LoadFailed:
        body = {
            "slug": room,
            "title": f"Media load {room}",
            "kind": "conference",
            "capacity": settings.viewers + 10,
        }
        await endpoint.call("POST", "/rooms", key, body)
    host = await endpoint.call(
        "POST",
        f"/rooms/{room}/tokens",
        key,
        {"participant": {"id": "load-host", "name": "Load host"}, "role": "host", "ttl_s": 3600},
    )
    tokens: list[str] = []
    for start in range(0, settings.viewers, 1000):
        people = [
            {"id": f"load-viewer-{n}", "name": f"Viewer {n}"}
            for n in range(start, min(start + 1000, settings.viewers))
        ]
        answer = await endpoint.call(
            "POST",
            f"/rooms/{room}/tokens:batch",
            key,
            {"participants": people, "role": "participant", "ttl_s": 3600},
        )
        tokens += [one if isinstance(one, str) else one["token"] for one in answer["tokens"]]
    return host["token"], tokens


async def run(settings: Settings) -> Report:
    """The whole run. Raises LoadFailed."""
    async with _session() as session:
        endpoint = Endpoint(session, settings.url)
        try:
            token, tokens = await _prepare(endpoint, settings)
            publisher = streams.Publisher(private.Certificate.generateCertificate(), settings.host)
            location, answer = await endpoint.offer("whip", settings.room, token, publisher.offer())
            await publisher.peer.connect(answer)
        except (aiohttp.ClientError, TimeoutError, NotConnected) as fault:
            raise LoadFailed(f"{settings.url}: {fault}") from None
        try:
            way = partial(over_whep, settings.url, settings.room, tokens)
            return await _measure(settings, publisher, way)
        finally:
            publisher.peer.close()
            await endpoint.end(location, token)


async def _measure(settings: Settings, publisher: streams.Publisher, way: streams.Way) -> Report:
    loop = asyncio.get_running_loop()
    here, there = _SPAWN.Pipe()
    viewers = _SPAWN.Process(
        target=streams.run_viewers, args=(there, settings.viewers, settings.host, way)
    )
    began = time.monotonic()
    viewers.start()
    there.close()  # so that a viewers' process that dies is seen as the end of the pipe
    try:
        waiting = loop.run_in_executor(None, here.recv)
        while not waiting.done():
            await publisher.publish(0.2)
        await waiting
        join_s = time.monotonic() - began
        await publisher.publish(SETTLE_S)
        await asyncio.sleep(SETTLE_S / 2)
        here.send("begin")
        await loop.run_in_executor(None, here.recv)
        before = cpu_s(settings.pid) if settings.pid else 0.0
        packets = await publisher.publish(settings.duration_s)
        await asyncio.sleep(SETTLE_S / 2)
        cpu = cpu_s(settings.pid) - before if settings.pid else None
        here.send("end")
        seen: streams.Seen = await loop.run_in_executor(None, here.recv)
        here.send("quit")
    except (EOFError, ConnectionError):
        raise LoadFailed("the viewers' process ended") from None
    finally:
        viewers.join(5)
        if viewers.is_alive():
            viewers.kill()
    return judge(settings, seen, packets, join_s, cpu)


def judge(
    settings: Settings, seen: streams.Seen, packets: int, join_s: float, cpu: float | None
) -> Report:
    """The figures and which of the checks they fail."""
    delivered = seen.packets / max(1, packets * seen.viewers)
    p99 = streams.percentile(seen.latencies_ms, 0.99)
    failures = []
    if seen.failed:
        failures.append(f"{seen.failed} viewers could not connect")
    if delivered < DELIVERED:
        failures.append(f"{delivered:.2%} delivered, {DELIVERED:.1%} wanted")
    if p99 > P99_MS:
        failures.append(f"p99 of the added latency {p99:.0f} ms, {P99_MS:.0f} wanted")
    if not seen.viewers or not seen.latencies_ms:
        failures.append("nobody saw anything")
    return Report(
        settings.room,
        seen.viewers,
        seen.failed,
        packets,
        delivered,
        seen.worst / max(1, packets),
        streams.percentile(seen.latencies_ms, 0.5),
        p99,
        join_s,
        cpu / max(1, seen.packets) * 1e6 if cpu is not None else None,
        tuple(failures),
    )


def command(
    url: Annotated[str, typer.Option(help="the hub's address")] = "http://127.0.0.1:8080",
    key: Annotated[str, typer.Option(envvar="PAVILION_API_KEY", help="organiser key")] = "",
    room: Annotated[str, typer.Option(help="made when there is none; default: a new one")] = "",
    viewers: Annotated[int, typer.Option(min=1, max=VIEWERS_MAX)] = 50,
    duration: Annotated[float, typer.Option(min=1, max=3000, help="seconds")] = 10,
    host: Annotated[str, typer.Option(help="local address of publisher and viewers")] = "127.0.0.1",
    pid: Annotated[int, typer.Option(min=0, help="media worker's process, for its CPU")] = 0,
    as_json: Annotated[str, typer.Option("--json", help="also write JSON here; - is stdout")] = "",
) -> None:
    """Publish over WHIP, watch over WHEP, and check what arrives and when."""
    if not key:
        raise typer.BadParameter("--key or PAVILION_API_KEY: the organiser key is expected")
    os.environ.pop("PAVILION_API_KEY", None)  # the viewers' process has no use for it
    name = room or f"load-media-{secrets.token_hex(3)}"
    settings = Settings(url.rstrip("/"), key, name, viewers, duration, host, pid or None)
    try:
        report = asyncio.run(run(settings))
    except LoadFailed as fault:
        print(f"pavilion: {fault}", file=sys.stderr)
        raise typer.Exit(1) from None
    result = asdict(report) | {"ok": report.ok}
    if as_json == "-":
        print(json.dumps(result, indent=2))
    else:
        print(report.text())
        if as_json:
            Path(as_json).write_text(json.dumps(result, indent=2) + "\n")
    raise typer.Exit(0 if report.ok else 1)


app = typer.Typer()
app.command("media")(command)
