"""A synthetic WebRTC peer: the load tool's and the tests' browser, without a picture.

Controlling ICE agent towards a lite one, DTLS client (or server), SRTP, over a UDP socket of
its own. It sends and receives RTP as bytes; codecs are nobody's business here.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import socket
import struct
from collections.abc import Callable, Sequence
from typing import Final, Literal

from hub.media import private, stun

CHECK_S: Final = 0.1
CONSENT_CHECK_S: Final = 2.5
CONNECT_S: Final = 20.0
EARLY: Final = 256
OPUS: Final = 111
VP8: Final = 96
AUDIO_LEVEL_ID: Final = 1
Kind = Literal["audio", "video"]


class NotConnected(Exception):
    """The other side did not answer checks, or DTLS failed."""


def rtp(
    payload_type: int, sequence: int, timestamp: int, ssrc: int, payload: bytes, *,
    marker: bool = False, level: int | None = None,
) -> bytes:  # fmt: skip
    """An RTP packet; ``level`` adds the RFC 6464 extension under AUDIO_LEVEL_ID."""
    first = 0x80 if level is None else 0x90
    head = struct.pack(
        "!BBHII",
        first,
        payload_type | (0x80 if marker else 0),
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    if level is not None:
        head += struct.pack("!HHBBH", 0xBEDE, 1, AUDIO_LEVEL_ID << 4, level, 0)
    return head + payload


def vp8(payload: bytes, *, keyframe: bool, start: bool = True) -> bytes:
    """A VP8 payload: descriptor (RFC 7741 4.2) and a first byte that says keyframe or not."""
    return bytes((0x10 if start else 0x00, 0x00 if keyframe else 0x01)) + payload


class Peer:
    """``offer`` → the hub's answer → ``connect``; then ``send_rtp``/``send_rtcp`` and callbacks.

    ``on_srtp`` gets protected RTP as it came (``srtp.unprotect`` opens it), ``on_rtcp`` opened
    RTCP. ``ssrcs`` are our own by mid; ``slots`` the server's SSRCs by mid.
    """

    def __init__(self, certificate: private.Certificate, host: str = "127.0.0.1") -> None:
        self.certificate = certificate
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(12)
        self.ssrcs: dict[str, int] = {}
        self.slots: dict[str, int] = {}
        self.on_srtp: Callable[[bytes], None] = lambda data: None
        self.on_rtcp: Callable[[bytes], None] = lambda data: None
        self.srtp: private.Srtp
        self.connected = False
        self.closed_by_peer = False
        self.checks_answered = 0
        self.client = True
        self.profiles = private.PROFILES
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, 0))
        self.socket.setblocking(False)
        self.remote: tuple[str, int] = ("", 0)
        self._remote_ufrag = ""
        self._remote_password = b""
        self._tiebreaker = secrets.randbits(64)
        self._answered = asyncio.Event()
        self._early: list[bytes] = []
        self._dtls: private.Dtls | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._readable)

    def offer(
        self, media: Sequence[Kind], direction: Literal["sendonly", "recvonly"], *,
        setup: str = "actpass",
    ) -> str:  # fmt: skip
        """An offer shaped like Chromium's, mids "0", "1", … in the order of ``media``."""
        self.client = setup != "passive"
        lines = [
            "v=0",
            f"o=- {secrets.randbits(62)} 2 IN IP4 127.0.0.1",
            "s=-",
            "t=0 0",
            "a=group:BUNDLE " + " ".join(str(n) for n in range(len(media))),
            "a=extmap-allow-mixed",
            "a=msid-semantic: WMS",
        ]
        for number, kind in enumerate(media):
            pt = OPUS if kind == "audio" else VP8
            lines += [
                f"m={kind} 9 UDP/TLS/RTP/SAVPF {pt}",
                "c=IN IP4 0.0.0.0",
                "a=rtcp:9 IN IP4 0.0.0.0",
                f"a=ice-ufrag:{self.ufrag}",
                f"a=ice-pwd:{self.password}",
                "a=ice-options:trickle",
                f"a=fingerprint:sha-256 {self.certificate.sha256}",
                f"a=setup:{setup}",
                f"a=mid:{number}",
                f"a={direction}",
                "a=rtcp-mux",
                "a=rtcp-rsize",
                f"a=rtpmap:{pt} {'opus/48000/2' if kind == 'audio' else 'VP8/90000'}",
            ]
            if kind == "audio":
                lines.append(
                    f"a=extmap:{AUDIO_LEVEL_ID} urn:ietf:params:rtp-hdrext:ssrc-audio-level"
                )
            else:
                lines += [
                    f"a=rtcp-fb:{pt} {f}" for f in ("goog-remb", "ccm fir", "nack", "nack pli")
                ]
            if direction == "sendonly":
                ssrc = self.ssrcs.setdefault(str(number), secrets.randbits(32) or 1)
                lines += [f"a=msid:- track{number}", f"a=ssrc:{ssrc} cname:synthetic"]
        return "\r\n".join(lines) + "\r\n"

    def accept(self, answer: str) -> tuple[tuple[str, str], ...]:
        """Read an answer; the server's fingerprints."""
        prints = tuple(
            (a.lower(), v.upper()) for a, v in re.findall(r"a=fingerprint:(\S+) (\S+)", answer)
        )
        candidate = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
        ufrag = re.search(r"a=ice-ufrag:(\S+)", answer)
        password = re.search(r"a=ice-pwd:(\S+)", answer)
        if not (prints and candidate and ufrag and password):
            raise NotConnected("the answer has no candidate or credentials")
        self.remote = (candidate[1], int(candidate[2]))
        self._remote_ufrag, self._remote_password = ufrag[1], password[1].encode()
        for section in answer.split("\nm=")[1:]:
            mid = re.search(r"a=mid:(\S+)", section)
            ssrc = re.search(r"a=ssrc:(\d+)", section)
            if mid and ssrc:
                self.slots[mid[1]] = int(ssrc[1])
        return prints

    async def connect(self, answer: str) -> None:
        """ICE and DTLS. Raises NotConnected."""
        prints = self.accept(answer)
        self._dtls = private.Dtls(
            self.certificate, client=self.client, send=self._send, profiles=self.profiles
        )
        try:
            async with asyncio.timeout(CONNECT_S):
                while not self._answered.is_set():
                    self.check()
                    try:
                        await asyncio.wait_for(self._answered.wait(), CHECK_S)
                    except TimeoutError:
                        continue  # lost; the next check
                self.srtp = await self._dtls.handshake(prints)
        except (TimeoutError, private.HandshakeFailed) as fault:
            raise NotConnected(str(fault)) from None
        self.connected = True
        early, self._early = self._early, []
        for data in early:
            if 192 <= data[1] <= 223:
                self._open_rtcp(data)
            else:
                self.on_srtp(data)
        self._keep()

    def check(self, *, nominate: bool = True) -> None:
        """One Binding request."""
        self._send(
            stun.request(
                secrets.token_bytes(12),
                f"{self._remote_ufrag}:{self.ufrag}",
                self._remote_password,
                nominate=nominate,
                tiebreaker=self._tiebreaker,
            )
        )

    def _keep(self) -> None:
        self.check()
        self._timer = self._loop.call_later(CONSENT_CHECK_S, self._keep)

    def silence(self) -> None:
        """Send no more consent checks, as a browser that is gone."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def send_rtp(self, plain: bytes) -> None:
        self._send(self.srtp.protect(plain))

    def send_rtcp(self, plain: bytes) -> None:
        self._send(self.srtp.protect_rtcp(plain))

    def _send(self, data: bytes) -> None:
        try:
            self.socket.sendto(data, self.remote)
        except BlockingIOError:
            return  # full: lost, as on any network

    def _readable(self) -> None:
        receive, on_srtp = self.socket.recv, self.on_srtp
        for _ in range(64):
            try:
                data = receive(2048)
            except OSError:
                return
            if len(data) < 12:
                continue
            first = data[0]
            if first >= 128:
                if not self.connected:
                    # The server may be ready one datagram before us: it answers our last
                    # flight and sends media in the same moment.
                    if len(self._early) < EARLY:
                        self._early.append(data)
                elif 192 <= data[1] <= 223:
                    self._open_rtcp(data)
                else:
                    on_srtp(data)
            elif first >= 20:
                if self._dtls is not None and not self._dtls.feed(data):
                    self.closed_by_peer = True
            elif data[:2] == b"\x01\x01":
                self.checks_answered += 1
                self._answered.set()

    def _open_rtcp(self, data: bytes) -> None:
        try:
            plain = self.srtp.unprotect_rtcp(data)
        except private.SrtpError:
            return
        self.on_rtcp(plain)

    def close(self, *, goodbye: bool = True) -> None:
        self.silence()
        if self.socket.fileno() < 0:
            return
        if goodbye and self._dtls is not None:
            self._dtls.close()
        self._loop.remove_reader(self.socket.fileno())
        self.socket.close()
