"""WebSocket: what one message to a room of 1,000 costs, and what an idle person weighs.

    python -m tests.bench.websocket [--sockets 1000] [--idle 2000] [--json FILE]

Each part runs in processes of its own: one holds the server and its sockets, one the clients.
In turns, in the same run and over the very same sockets: a bare ``socket.send`` of the same bytes
to each; a message that goes the whole way (Redis, bus, fan-out); ten messages of one tick. Then
python-socketio emits to a room of as many clients. CPU is user and system time of the server.

Targets: a message ≤ 1.3 × bare send; a burst of ten ≤ 1.5 µs a message and socket;
≤ 20 KiB of process memory a seated idle person.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import logging
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import socketio
import structlog
import uvloop
from aiohttp import web

from hub.embedded import EmbeddedStore
from hub.live.writer import frame
from rooms.model import Identity, Role
from tests.bench.websocket_swarm import Script, Swarm, masked, raise_file_limit
from tests.live.driver import Hub, make_config, serving

RATIO, BURST_US, KIB = 1.3, 1.5, 20.0
ROUNDS = 31
PARTS = ("deliver", "socketio", "idle")
BURST = 10
TEXT = "A message of the length people write: sixty characters or so."


def rss_kib() -> float:
    """Resident memory of this process (proc(5))."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def entering(hub: Hub, room: str, person: str) -> Script:
    who = Identity(id=person, name=person, room=room)
    hello = {"type": "hello", "id": 1, "token": hub.services.tokens.issue(who, 600)[0]}
    enter = {"type": "enter", "id": 2, "room": room}
    return Script(
        "/live",
        (
            (b"\r\n\r\n", masked(json.dumps(hello).encode())),
            (b'"welcome"', masked(json.dumps(enter).encode())),
            (b'"entered"', b""),
        ),
        headers="Sec-WebSocket-Protocol: pavilion.v1\r\n",
    )


def address(hub: Hub) -> tuple[str, int]:
    host, port = hub.url.removeprefix("ws://").removesuffix("/live").split(":")
    return host, int(port)


async def quiet(hub: Hub) -> None:
    """Until what entering left behind has gone out."""
    before = -1.0
    while (now := time.process_time()) - before > 0.005:
        before = now
        await asyncio.sleep(0.5)


async def idle_people(hub: Hub, swarm: Swarm, count: int) -> float:
    """KiB of this process a seated idle person, in rooms of 100."""

    async def seat(start: int, stop: int) -> None:
        scripts = []
        for number in range(start, stop):
            room = f"idle-{number // 100}"
            if number % 100 == 0:
                await hub.room(slug=room, capacity=100)
            scripts.append(entering(hub, room, f"p{number}"))
        await asyncio.to_thread(swarm.ask, "connect", (address(hub), scripts))
        await quiet(hub)
        gc.collect()

    await seat(0, 200)  # what the first of all cost is not a person's
    before = rss_kib()
    await seat(200, 200 + count)
    weight = (rss_kib() - before) / count
    await asyncio.to_thread(swarm.ask, "close")
    async with asyncio.timeout(60):
        while hub.live.connections:
            hub.live.gone.clear()
            await hub.live.gone.wait()
    return weight


class Delivery:
    """A room of ``count`` sockets and the bytes its clients have read."""

    def __init__(self, hub: Hub, swarm: Swarm, count: int) -> None:
        self.hub, self.swarm, self.count = hub, swarm, count
        self.read = 0

    async def fill(self) -> None:
        await self.hub.room(slug="hall", capacity=self.count)
        scripts = [entering(self.hub, "hall", f"a{number}") for number in range(self.count)]
        await asyncio.to_thread(self.swarm.ask, "connect", (address(self.hub), scripts))
        await quiet(self.hub)
        self.read = await asyncio.to_thread(self.swarm.ask, "bytes")

    async def arrived(self, size: int) -> None:
        """Wait until every client has read ``size`` bytes more, and sleeps again: waking
        the readers is part of what a send costs."""
        self.read += size * self.count
        async with asyncio.timeout(30):
            while (read := await asyncio.to_thread(self.swarm.ask, "bytes")) < self.read:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert read == self.read, f"{read - self.read} bytes too many"
        await asyncio.sleep(0.1)

    async def say(self, count: int) -> int:
        """``count`` messages of one tick, all the way through Redis; the bytes of the frame."""
        admission = self.hub.services.admission
        held = self.hub.live.rooms.get("hall")
        assert held is not None
        local = held.local
        sizes: list[int] = []
        packed = asyncio.Event()  # not a timer: waiting must cost nothing that is measured
        pack = local._pack

        def weigh(payload: bytes) -> bytes:
            sizes.append(len(frame(payload)))
            packed.set()
            return pack(payload)

        local._pack = weigh
        last = local.last or 0
        await asyncio.gather(
            *(admission.say("hall", "a0", "Ada", Role.PARTICIPANT, TEXT) for _ in range(count))
        )
        while (local.last or 0) < last + count or local._must:
            packed.clear()
            await packed.wait()
        while local._spreading:  # noqa: ASYNC110 - each turn of the loop sends a slice
            await asyncio.sleep(0)
        local._pack = pack
        return sum(sizes)

    def bare(self, sockets: list[socket.socket], packed: bytes) -> float:
        began = time.process_time()
        for sock in sockets:
            sock.send(packed)
        return time.process_time() - began


async def deliver(hub: Hub, swarm: Swarm, count: int) -> dict[str, float]:
    """Microseconds of CPU a socket: bare send, one message, one of ten."""
    room = Delivery(hub, swarm, count)
    await room.fill()
    sockets = [
        socket.socket(fileno=os.dup(conn.ws.get_extra_info("socket").fileno()))
        for conn in hub.live.connections.values()
    ]
    assert len(sockets) == count
    size = await room.say(1)
    await room.arrived(size)
    spent: dict[str, list[float]] = {"bare": [], "message": [], "burst": []}
    for _ in range(ROUNDS):
        spent["bare"].append(room.bare(sockets, frame(b" " * (size - 4))))
        await room.arrived(size)
        for name, messages in (("message", 1), ("burst", BURST)):
            began = time.process_time()
            sent = await room.say(messages)
            spent[name].append(time.process_time() - began)
            await room.arrived(sent)
    for sock in sockets:
        sock.close()
    await asyncio.to_thread(swarm.ask, "close")
    # The middle of the rounds, and of the ratios within a round: this machine has other work, in
    # bursts that last for several rounds.
    each = {name: statistics.median(times) * 1e6 / count for name, times in spent.items()}
    pairs = zip(spent["message"], spent["bare"], strict=True)
    return {
        "ratio": statistics.median(message / bare for message, bare in pairs),
        "bare_us": each["bare"],
        "message_us": each["message"],
        "burst_us": each["burst"] / BURST,
    }


async def socketio_emit(swarm: Swarm, count: int) -> float:
    """The same with python-socketio: a room emit to ``count`` WebSocket clients."""
    server = socketio.AsyncServer(async_mode="aiohttp", ping_interval=600)
    app = web.Application()
    server.attach(app)

    @server.event  # type: ignore[untyped-decorator]
    async def connect(sid: str, environ: dict[str, Any]) -> None:
        await server.enter_room(sid, "hall")

    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    script = Script(
        "/socket.io/?EIO=4&transport=websocket",
        ((b"\r\n\r\n", b""), (b'0{"sid"', masked(b"40")), (b"40{", b"")),
    )
    await asyncio.to_thread(swarm.ask, "connect", ((host, port), [script] * count))
    await asyncio.sleep(0.5)
    body = {"room": "hall", "seq": 1, "kind": "chat", "by": "a0", "body": {"text": TEXT}}
    rounds = 3
    began = time.process_time()
    for _ in range(rounds):
        await server.emit("event", body, room="hall")
    await asyncio.sleep(0.2)
    spent = time.process_time() - began
    await asyncio.to_thread(swarm.ask, "close")
    await server.shutdown()
    await runner.cleanup()
    return spent * 1e6 / (rounds * count)


async def measure(part: str, sockets: int, idle: int) -> dict[str, float]:
    """One part, in this process."""
    swarm = Swarm()
    with tempfile.TemporaryDirectory() as directory:
        store = EmbeddedStore(Path(directory) / "store", persist=False)
        store.start()
        try:
            if part == "socketio":
                return {"socketio_us": await socketio_emit(swarm, sockets)}
            config = await make_config(
                store.url, Path(directory), ping_s=600, pong_s=60, heartbeat_ms=600_000,
                lease_ms=600_000, address_connections_per_s=100_000,
            )  # fmt: skip
            async with serving(config, "bench") as hub:
                if part == "idle":
                    return {"idle_kib": await idle_people(hub, swarm, idle)}
                return await deliver(hub, swarm, sockets)
        finally:
            swarm.stop()
            store.kill()


def measure_apart(part: str, options: argparse.Namespace) -> dict[str, float]:
    """One part in a process of its own: what another part left in the heap is not measured."""
    command = [sys.executable, "-m", "tests.bench.websocket", "--part", part]
    command += ["--sockets", str(options.sockets), "--idle", str(options.idle)]
    done = subprocess.run(command, stdout=subprocess.PIPE, timeout=180, check=True)
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def show(figures: dict[str, float], sockets: int) -> bool:
    """The table; whether every target was met."""
    rows = [
        (f"bare socket.send, {sockets} sockets", f"{figures['bare_us']:.1f} µs", "reference", True),
        (
            "one message, all the way", f"{figures['message_us']:.1f} µs",
            f"{figures['ratio']:.2f} × bare (≤ {RATIO})", figures["ratio"] <= RATIO,
        ),
        (
            "ten of one tick, each", f"{figures['burst_us']:.2f} µs", f"≤ {BURST_US} µs",
            figures["burst_us"] <= BURST_US,
        ),
        ("python-socketio room emit", f"{figures['socketio_us']:.1f} µs", "reference", True),
        (
            "a seated idle person", f"{figures['idle_kib']:.1f} KiB", f"≤ {KIB} KiB",
            figures["idle_kib"] <= KIB,
        ),
    ]  # fmt: skip
    for what, figure, target, met in rows:
        print(f"  {what:38} {figure:>12}   {target:24} {'' if met else 'MISSED'}")
    return all(met for *_, met in rows)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sockets", type=int, default=1000)
    parser.add_argument("--idle", type=int, default=2000)
    parser.add_argument("--json", help="write the figures here")
    parser.add_argument("--part", choices=PARTS, help="one part, in this process, as JSON")
    options = parser.parse_args()
    if options.part:
        raise_file_limit()
        quiet_log = structlog.make_filtering_bound_logger(logging.WARNING)
        structlog.configure(wrapper_class=quiet_log)
        print(json.dumps(uvloop.run(measure(options.part, options.sockets, options.idle))))
        return 0
    figures: dict[str, float] = {}
    for part in PARTS:
        figures |= measure_apart(part, options)
    met = show(figures, options.sockets)
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2))
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
