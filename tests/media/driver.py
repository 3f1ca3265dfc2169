"""Synthetic browsers with verbs, against a media worker."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hub.config import Config, Media, Server
from hub.media import private, rtcp
from hub.media.client import MediaPool
from hub.media.peer import OPUS, VP8, Peer, rtp, vp8
from hub.media.worker import Worker
from hub.ports import MediaNotice, SlotsChanged
from rooms.model import Attachment, AttachmentKind

SECRET = b"0123456789abcdef0123456789abcdef"


async def until(true: Callable[[], object], seconds: float = 5.0, why: str = "") -> None:
    """Wait for a condition; fail with ``why`` when it does not come."""
    try:
        async with asyncio.timeout(seconds):
            while not true():  # noqa: ASYNC110 - any condition, also of another process
                await asyncio.sleep(0.005)
    except TimeoutError:
        pytest.fail(f"did not happen within {seconds} s: {why or true}")


class First:
    """Placement for one hub: the first candidate, as Redis would record it."""

    async def place(self, room: str, candidates: Sequence[str]) -> str:
        return candidates[0]


class Heard(NamedTuple):
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes
    plain: bytes


def opened(plain: bytes) -> Heard:
    first, second, sequence, timestamp, ssrc = struct.unpack_from("!BBHII", plain)
    assert first & 0x1F == 0, "header extensions and CSRCs are stripped"
    payload = plain[12 : len(plain) - plain[-1]] if first & 0x20 else plain[12:]
    return Heard(second & 127, bool(second & 128), sequence, timestamp, ssrc, payload, plain)


class Browser:
    """One person's connections: publishes numbered packets, collects what arrives by mid."""

    def __init__(self, stage: Stage, person: str) -> None:
        self.stage = stage
        self.person = person
        self.publisher: Peer
        self.subscriber: Peer
        self.heard: dict[str, list[Heard]] = {}
        self.raw: list[bytes] = []  # protected, as it came
        self.lose = 0  # so many packets get lost on the way here
        self.refused = 0
        self.rtcp: list[rtcp.Part] = []  # what the subscriber was sent
        self.asked: list[rtcp.Part] = []  # what the publisher was sent
        self.video_sequence = 1000
        self.audio_sequence = 2000
        self.ts = 5000

    async def publish(self, media: Sequence[Any] = ("audio", "video"), **more: Any) -> None:
        self.publisher = self.stage.peer()
        self.publisher.on_rtcp = lambda plain: self.asked.extend(rtcp.parse(plain))
        offer = self.publisher.offer(media, "sendonly", setup=more.pop("setup", "actpass"))
        answer = await self.stage.offer(self.person, AttachmentKind.PUBLISH, offer, **more)
        await self.publisher.connect(answer)

    async def subscribe(self, media: Sequence[Any] = ("video", "audio"), **more: Any) -> None:
        self.subscriber = peer = self.stage.peer()
        mids: dict[int, str] = {}

        def take(data: bytes) -> None:
            self.raw.append(data)
            if self.lose > 0:
                self.lose -= 1
                return
            try:
                packet = opened(peer.srtp.unprotect(data))
            except private.SrtpError:
                self.refused += 1  # a repeat: SRTP's replay protection
                return
            self.heard.setdefault(mids[packet.ssrc], []).append(packet)

        peer.on_srtp = take
        peer.on_rtcp = lambda plain: self.rtcp.extend(rtcp.parse(plain))
        answer = await self.stage.offer(
            self.person, AttachmentKind.SUBSCRIBE, peer.offer(media, "recvonly"), **more
        )
        peer.accept(answer)
        mids.update({ssrc: mid for mid, ssrc in peer.slots.items()})
        await peer.connect(answer)

    def frame(
        self, keyframe: bool = False, parts: int = 2, mid: str = "1", size: int = 200
    ) -> None:
        """One video frame; each payload says who and which packet."""
        self.ts += 3000
        for part in range(parts):
            self.video(keyframe and part == 0, part == 0, part == parts - 1, mid, size)

    def video(
        self,
        keyframe: bool,
        start: bool = True,
        marker: bool = True,
        mid: str = "1",
        size: int = 200,
    ) -> None:
        body = f"{self.person}:{self.video_sequence}:".encode().ljust(size, b".")
        self.publisher.send_rtp(
            rtp(
                VP8, self.video_sequence, self.ts, self.publisher.ssrcs[mid],
                vp8(body, keyframe=keyframe, start=start), marker=marker,
            )
        )  # fmt: skip
        self.video_sequence += 1

    def sound(self, level: int = 30, count: int = 1, mid: str = "0") -> None:
        for _ in range(count):
            body = f"{self.person}:{self.audio_sequence}:".encode()
            self.publisher.send_rtp(
                rtp(
                    OPUS, self.audio_sequence, self.audio_sequence * 960,
                    self.publisher.ssrcs[mid], body, level=level,
                )
            )  # fmt: skip
            self.audio_sequence += 1

    async def talk(self, seconds: float, level: int = 30) -> None:
        for _ in range(int(seconds / 0.02)):
            self.sound(level)
            await asyncio.sleep(0.02)

    def got(self, mid: str, person: str) -> list[Heard]:
        """What came into slot ``mid`` from ``person``."""
        mark = f"{person}:".encode()
        return [packet for packet in self.heard.get(mid, []) if mark in packet.payload[:80]]

    def plis(self) -> int:
        return sum(part.kind == rtcp.PSFB and part.fmt == rtcp.PLI for part in self.asked)

    def shown(self) -> dict[str, tuple[str | None, str | None]]:
        """Newest slot rows this person was told: mid to (person, source)."""
        rows = [
            notice.slots
            for notice in self.stage.notices
            if isinstance(notice, SlotsChanged) and notice.person == self.person
        ]
        return {row.mid: (row.participant, row.source) for row in rows[-1]} if rows else {}


class Stage:
    """A worker, a hub's client of it, and the people of one room."""

    def __init__(self, worker: Worker, pool: MediaPool, room: str = "hall") -> None:
        self.worker = worker
        self.engine = worker.engine
        self.pool = pool
        self.room = room
        self.notices: list[MediaNotice] = []
        self.peers: list[Peer] = []
        self.certificate = private.Certificate.generateCertificate()
        self.profiles = private.PROFILES
        pool.listen(self.notices.append)

    def peer(self) -> Peer:
        peer = Peer(self.certificate)
        peer.profiles = self.profiles
        self.peers.append(peer)
        return peer

    def browser(self, person: str) -> Browser:
        return Browser(self, person)

    async def offer(
        self, person: str, kind: AttachmentKind, sdp: str, id: str = "", **more: Any
    ) -> str:
        attachment = Attachment(kind, id or f"{kind}-{person}", "hub-1")
        return await self.pool.offer(self.room, person, attachment, sdp, **more)

    def of(self, kind: type[Any]) -> list[Any]:
        return [notice for notice in self.notices if isinstance(notice, kind)]


def config_in(directory: Path, workers: int = 1) -> Config:
    return Config(server=Server(data_dir=directory), media=Media(port=0, workers=workers))
