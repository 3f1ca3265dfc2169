"""Media load: one publisher that sends at a real mix, viewers that count what they get.

The publisher sends 30 frames of three packets and 50 sounds a second, 140 packets in all. Its
payloads carry the monotonic clock, which all processes of a machine share, so that viewers
can tell how long a packet took. Viewers run in a process of their own (``watch``), in a plain
epoll loop: the load client must not be what is measured.
"""

from __future__ import annotations

import asyncio
import select
import struct
import time
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import Final

from hub.lifeline import die_with_parent
from hub.media import private, rtcp
from hub.media.peer import OPUS, VP8, Peer, rtp, vp8

FRAMES_PER_S: Final = 30
FRAME_PACKETS: Final = 3
SOUNDS_PER_S: Final = 50
PACKETS_PER_S: Final = FRAMES_PER_S * FRAME_PACKETS + SOUNDS_PER_S
VIDEO_BYTES: Final = 1_080
AUDIO_BYTES: Final = 100
KEYFRAME_S: Final = 10.0
#: viewers whose packets are opened to read the clock in them
SAMPLED: Final = 10
MAX_SAMPLES: Final = 50_000
CONNECTING: Final = 20  # viewers that connect at a time
KEEP_S: Final = 2.5

#: (viewer, offer) -> answer
Ask = Callable[[int, str], Awaitable[str]]
#: opens the way on which the viewers' process asks; must be picklable
Way = Callable[[], AbstractAsyncContextManager[Ask]]


class Publisher:
    """A peer with one camera and one microphone."""

    def __init__(self, certificate: private.Certificate, host: str) -> None:
        self.peer = Peer(certificate, host)
        self.peer.on_rtcp = self._on_rtcp
        self.keyframes = 0
        self._keyframe_wanted = True
        self._keyframe_at = 0.0
        self._video = self._audio = 100
        self._sent = 0

    def offer(self) -> str:
        return self.peer.offer(["audio", "video"], "sendonly")

    def _on_rtcp(self, plain: bytes) -> None:
        for part in rtcp.parse(plain):
            if part.kind == rtcp.PSFB and part.fmt in (rtcp.PLI, rtcp.FIR):
                self._keyframe_wanted = True

    async def publish(self, seconds: float) -> int:
        """Send for so long, at the pace of a camera and a microphone; packets sent."""
        before = self._sent
        start = time.monotonic()
        frames = sounds = 0
        while True:
            elapsed = time.monotonic() - start
            if elapsed >= seconds:
                return self._sent - before
            while frames <= elapsed * FRAMES_PER_S:
                self._frame()
                frames += 1
            while sounds <= elapsed * SOUNDS_PER_S:
                self._sound()
                sounds += 1
            due = min(frames / FRAMES_PER_S, sounds / SOUNDS_PER_S)
            await asyncio.sleep(max(0.0, start + due - time.monotonic()))

    def _frame(self) -> None:
        now = time.monotonic()
        keyframe = self._keyframe_wanted or now - self._keyframe_at > KEYFRAME_S
        if keyframe:
            self._keyframe_wanted, self._keyframe_at = False, now
            self.keyframes += 1
        for part in range(FRAME_PACKETS):
            payload = struct.pack("!Q", time.monotonic_ns()).ljust(VIDEO_BYTES, b"v")
            self.peer.send_rtp(
                rtp(
                    VP8, self._video, int(now * 90_000), self.peer.ssrcs["1"],
                    vp8(payload, keyframe=keyframe, start=part == 0),
                    marker=part == FRAME_PACKETS - 1,
                )
            )  # fmt: skip
            self._video += 1
        self._sent += FRAME_PACKETS

    def _sound(self) -> None:
        payload = bytes(2) + struct.pack("!Q", time.monotonic_ns()).ljust(AUDIO_BYTES, b"a")
        self.peer.send_rtp(
            rtp(OPUS, self._audio, self._audio * 960, self.peer.ssrcs["0"], payload, level=20)
        )
        self._audio += 1
        self._sent += 1


@dataclass(slots=True)
class Seen:
    """What the viewers saw between ``begin`` and ``end``."""

    viewers: int
    failed: int
    packets: int = 0
    worst: int = 0  # packets of the viewer that got fewest
    latencies_ms: list[float] = field(default_factory=list)


class _Viewer:
    __slots__ = ("count", "keep_at", "peer", "sampled")

    def __init__(self, peer: Peer, sampled: bool, keep_at: float) -> None:
        self.peer = peer
        self.sampled = sampled
        self.keep_at = keep_at
        self.count = 0


async def connect(count: int, host: str, ask: Ask) -> tuple[list[Peer], int]:
    """``count`` viewers with one video and one audio slot each; and how many failed."""
    certificate = private.Certificate.generateCertificate()
    gate = asyncio.Semaphore(CONNECTING)
    failed = 0

    async def one(number: int) -> Peer | None:
        nonlocal failed
        async with gate:
            peer = Peer(certificate, host)
            try:
                await peer.connect(await ask(number, peer.offer(["video", "audio"], "recvonly")))
            except Exception as fault:  # counted and reported; the others go on
                failed += 1
                if failed == 1:
                    print(f"viewer {number}: {fault!r}", flush=True)
                peer.close()
                return None
            return peer

    peers = await asyncio.gather(*(one(number) for number in range(count)))
    return [peer for peer in peers if peer is not None], failed


def watch(pipe: Connection, peers: list[Peer], failed: int) -> None:
    """Count until told to stop: ``begin`` zeroes, ``end`` is answered by ``Seen``, ``quit`` ends.

    Called inside the event loop's process, but without it: nothing else runs meanwhile.
    """
    loop = asyncio.get_running_loop()
    poll = select.epoll()
    viewers: dict[int, _Viewer] = {}
    now = time.monotonic()
    for number, peer in enumerate(peers):
        peer.silence()  # checks are sent from here
        descriptor = peer.socket.fileno()
        loop.remove_reader(descriptor)
        keep_at = now + KEEP_S * number / max(1, len(peers))
        viewers[descriptor] = _Viewer(peer, number < SAMPLED, keep_at)
        poll.register(descriptor, select.EPOLLIN)
    poll.register(pipe.fileno(), select.EPOLLIN)
    latencies: list[float] = []
    keep_next = now
    while True:
        for descriptor, _ in poll.poll(0.02):
            viewer = viewers.get(descriptor)
            if viewer is None:
                word = pipe.recv()
                if word == "quit":
                    break
                if word == "begin":
                    latencies.clear()
                    for viewer in viewers.values():
                        viewer.count = 0
                    pipe.send("begun")
                else:
                    counts = [viewer.count for viewer in viewers.values()]
                    pipe.send(
                        Seen(len(counts), failed, sum(counts), min(counts, default=0), latencies)
                    )
                continue
            data = viewer.peer.socket.recv(2048)
            if data[0] >= 128 and not 192 <= data[1] <= 223:
                viewer.count += 1
                if viewer.sampled and len(latencies) < MAX_SAMPLES:
                    _sample(viewer.peer, data, latencies)
        else:
            now = time.monotonic()
            if now >= keep_next:
                keep_next = now + 0.05
                for viewer in viewers.values():
                    if now >= viewer.keep_at:
                        viewer.keep_at = now + KEEP_S
                        viewer.peer.check()
                        viewer.peer.send_rtcp(rtcp.receiver_report(1, ()))
            continue
        break
    for viewer in viewers.values():
        viewer.peer.close()
    poll.close()


def _sample(peer: Peer, data: bytes, latencies: list[float]) -> None:
    now = time.monotonic_ns()
    try:
        plain = peer.srtp.unprotect(data)
    except private.SrtpError:
        return
    (sent,) = struct.unpack_from("!Q", plain, 14)
    latencies.append((now - sent) / 1e6)


def run_viewers(pipe: Connection, count: int, host: str, way: Way) -> None:
    """The viewers' process: connect, say how it went, watch."""
    die_with_parent()

    async def go() -> None:
        async with way() as ask:
            peers, failed = await connect(count, host, ask)
        pipe.send((len(peers), failed))
        watch(pipe, peers, failed)

    asyncio.run(go())


def percentile(values: list[float], share: float) -> float:
    """The value below which ``share`` of ``values`` lies; 0 of none."""
    if not values:
        return 0.0
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]
