"""Media: CPU per forwarded packet of a media worker beside a bare loop, in the same run.

    python -m tests.bench.media [--viewers 200,500] [--seconds 4] [--json FILE]

Each size is measured twice, one after the other: a bare Python loop (rewrite the header,
pylibsrtp ``protect``, ``sendto``) and a real media worker process with one publisher and that
many subscribers over ICE, DTLS and SRTP. Both send the same paced mix, 30 frames of three
packets and 50 sounds a second, to sockets that are read. CPU is user and system time of the
sending process.

Targets: worker ≤ 1.1 × the bare loop; ≥ 99.5 % delivered and p99 ≤ 40 ms at 500; joining ≤ 2 ms.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import select
import socket
import struct
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from pylibsrtp import Policy, Session

from hub.config import Config, Media, Server
from hub.lifeline import die_with_parent
from hub.load import streams
from hub.media import private
from hub.media.client import MediaPool, open_media
from hub.media.worker import main as run_worker
from rooms.model import Attachment, AttachmentKind

SECRET = b"bench" * 8
RATIO, DELIVERED, P99_MS, JOIN_MS = 1.1, 0.995, 40.0, 2.0
SPAWN = multiprocessing.get_context("spawn")


class FirstWorker:
    """Placement for one worker."""

    async def place(self, room: str, candidates: Any) -> str:
        return str(candidates[0])


def cpu_s(pid: int) -> float:
    """User and system seconds of a process so far (proc(5), 10 ms steps)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


# --- the bare loop --------------------------------------------------------------------------


def receive(pipe: Connection, count: int) -> None:
    """The bare loop's viewers: sockets that are read and counted."""
    die_with_parent()
    poll = select.epoll()
    sockets: dict[int, socket.socket] = {}
    for _ in range(count):
        sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        sock.bind(("127.0.0.1", 0))
        sockets[sock.fileno()] = sock
        poll.register(sock.fileno(), select.EPOLLIN)
    poll.register(pipe.fileno(), select.EPOLLIN)
    pipe.send([sock.getsockname() for sock in sockets.values()])
    got = 0
    while True:
        for descriptor, _ in poll.poll():
            if descriptor in sockets:
                sockets[descriptor].recv(2048)
                got += 1
            else:
                pipe.recv()
                pipe.send(got)
                return


def bare(pipe: Connection, addresses: list[tuple[str, int]], seconds: float) -> None:
    """The bare loop itself: what one would write first."""
    die_with_parent()
    profile = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
    viewers = [
        (
            Session(Policy(os.urandom(28), Policy.SSRC_ANY_OUTBOUND, 0, profile)).protect,
            address,
            number + 1,
        )
        for number, address in enumerate(addresses)
    ]
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8 << 20)
    pack = struct.Struct("!BBHII").pack
    video, audio = bytes(streams.VIDEO_BYTES), bytes(streams.AUDIO_BYTES)
    frames = sounds = sent = 0
    start, began = time.monotonic(), time.process_time()
    while (elapsed := time.monotonic() - start) < seconds:
        packets = []
        while frames <= elapsed * streams.FRAMES_PER_S:
            packets += [(96, frames * 3 + part, frames * 3000, video) for part in range(3)]
            frames += 1
        while sounds <= elapsed * streams.SOUNDS_PER_S:
            packets.append((111, sounds, sounds * 960, audio))
            sounds += 1
        for payload_type, sequence, timestamp, payload in packets:
            for protect, address, ssrc in viewers:
                head = pack(0x80, payload_type, sequence & 0xFFFF, timestamp, ssrc ^ payload_type)
                sock.sendto(protect(head + payload), address)
        sent += len(packets) * len(viewers)
        due = min(frames / streams.FRAMES_PER_S, sounds / streams.SOUNDS_PER_S)
        time.sleep(max(0.0, start + due - time.monotonic()))
    pipe.send((sent, time.process_time() - began, time.monotonic() - start))


def measure_bare(count: int, seconds: float) -> dict[str, float]:
    here, there = SPAWN.Pipe()
    receiver = SPAWN.Process(target=receive, args=(there, count))
    receiver.start()
    addresses = here.recv()
    near, far = SPAWN.Pipe()
    sender = SPAWN.Process(target=bare, args=(far, addresses, seconds))
    sender.start()
    sent, cpu, took = near.recv()
    sender.join()
    time.sleep(0.3)  # what is on its way
    here.send("end")
    got = here.recv()
    receiver.join()
    return {"us": cpu / sent * 1e6, "delivered": got / sent, "core": cpu / took}


# --- the worker ------------------------------------------------------------------------------


@asynccontextmanager
async def over_control(directory: str, room: str) -> AsyncIterator[streams.Ask]:
    """Offers of the viewers' process, straight over the control channel."""
    pool = open_media(config_of(directory), "viewers", FirstWorker(), SECRET)
    await pool.start()

    async def ask(number: int, offer: str) -> str:
        attachment = Attachment(AttachmentKind.SUBSCRIBE, f"v{number}", "viewers")
        return await pool.offer(room, f"v{number}", attachment, offer)

    try:
        yield ask
    finally:
        await pool.stop()


def config_of(directory: str) -> Config:
    return Config(server=Server(data_dir=Path(directory)), media=Media(port=0))


async def measure_worker(directory: str, pid: int, count: int, seconds: float) -> dict[str, float]:
    pool = open_media(config_of(directory), "bench", FirstWorker(), SECRET)
    await pool.start()
    room = f"bench-{count}"
    publisher = streams.Publisher(private.Certificate.generateCertificate(), "127.0.0.1")
    attachment = Attachment(AttachmentKind.PUBLISH, "p", "bench")
    await publisher.peer.connect(await pool.offer(room, "speaker", attachment, publisher.offer()))
    await publisher.publish(0.5)
    here, there = SPAWN.Pipe()
    before = cpu_s(pid)
    viewers = SPAWN.Process(
        target=streams.run_viewers,
        args=(there, count, "127.0.0.1", partial(over_control, directory, room)),
    )
    viewers.start()
    loop = asyncio.get_running_loop()
    connected, failed = await loop.run_in_executor(None, here.recv)
    join_ms = (cpu_s(pid) - before) / max(1, connected) * 1e3
    await publisher.publish(1.0)  # keyframe, speaker, everyone settled
    await asyncio.sleep(0.5)
    here.send("begin")
    await loop.run_in_executor(None, here.recv)
    counters = await fresh(pool)
    before, began = cpu_s(pid), time.monotonic()
    packets = await publisher.publish(seconds)
    took = time.monotonic() - began
    cpu = cpu_s(pid) - before
    await asyncio.sleep(0.5)
    forwarded = (await fresh(pool))["packets_forwarded"] - counters["packets_forwarded"]
    here.send("end")
    seen: streams.Seen = await loop.run_in_executor(None, here.recv)
    here.send("quit")
    viewers.join()
    publisher.peer.close()
    await pool.close_room(room)
    await pool.stop()
    return {
        "us": cpu / max(1, forwarded) * 1e6,
        "delivered": seen.packets / max(1, packets * seen.viewers),
        "core": cpu / took,
        "p50_ms": streams.percentile(seen.latencies_ms, 0.5),
        "p99_ms": streams.percentile(seen.latencies_ms, 0.99),
        "join_ms": join_ms,
        "failed": failed,
    }


async def fresh(pool: MediaPool) -> dict[str, float]:
    """Counters that are newer than this call; the bound is for a worker that hangs."""
    old = pool.counters()["media-0"]
    async with asyncio.timeout(30):
        while (new := pool.counters()["media-0"]) is old:  # noqa: ASYNC110 - figures come by the second
            await asyncio.sleep(0.02)
    return new


def measure(sizes: list[int], seconds: float) -> dict[str, Any]:
    """Both, for each number of viewers."""
    results: dict[str, Any] = {"packets_per_s": streams.PACKETS_PER_S, "sizes": {}}
    with tempfile.TemporaryDirectory() as directory:
        worker = SPAWN.Process(target=run_worker, args=(config_of(directory), 0, SECRET))
        worker.start()
        assert worker.pid is not None
        try:
            for count in sizes:
                reference = measure_bare(count, seconds)
                ours = asyncio.run(measure_worker(directory, worker.pid, count, seconds))
                ratio = ours["us"] / reference["us"]
                good = ratio <= RATIO and ours["join_ms"] <= JOIN_MS and not ours["failed"]
                if count >= 500:
                    good = good and ours["delivered"] >= DELIVERED and ours["p99_ms"] <= P99_MS
                results["sizes"][count] = {
                    "bare": reference, "worker": ours, "ratio": ratio, "ok": good,
                }  # fmt: skip
        finally:
            worker.terminate()
            worker.join()
    results["ok"] = all(size["ok"] for size in results["sizes"].values())
    return results


def text(results: dict[str, Any]) -> str:
    lines = [
        f"media: {results['packets_per_s']} packets/s to each viewer",
        "viewers   bare µs  worker µs  ratio  delivered   p50 ms   p99 ms  join ms   core",
    ]
    for count, size in results["sizes"].items():
        bare_, ours = size["bare"], size["worker"]
        lines.append(
            f"{count:7}  {bare_['us']:8.2f}  {ours['us']:9.2f}  {size['ratio']:5.2f}"
            f"  {ours['delivered']:8.2%}  {ours['p50_ms']:7.1f}  {ours['p99_ms']:7.1f}"
            f"  {ours['join_ms']:7.2f}  {ours['core']:4.0%}  {'ok' if size['ok'] else 'MISSED'}"
        )
    return "\n".join(lines)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--viewers", default="200,500")
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--json", type=Path)
    chosen = parser.parse_args()
    results = measure([int(count) for count in chosen.viewers.split(",")], chosen.seconds)
    print(text(results))
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=2) + "\n")
    return 0 if results["ok"] else 1


if __name__ == "__main__":
    raise SystemExit(main())
