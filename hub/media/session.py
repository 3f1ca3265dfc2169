"""What a publish and a subscribe session have in common: identity, path, DTLS, SRTP."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from hub.media import private
from hub.media.mux import Transport
from hub.media.sdp import Offer
from rooms.model import AttachmentKind

#: a session that never connects is given up; a page tries again by itself
CONNECT_S = 20.0


class Session:
    """One peer connection of one person.

    ``ended`` is called when the session ends by itself: the peer closed DTLS, or the
    handshake failed. ``confirmed`` is when a hub last said that its seat holds.
    """

    kind: AttachmentKind

    def __init__(
        self,
        room: str,
        person: str,
        attachment: str,
        transport: Transport,
        certificate: private.Certificate,
        offer: Offer,
        ended: Callable[[Session], None],
    ) -> None:
        self.room = room
        self.person = person
        self.attachment = attachment
        self.transport = transport
        self.offer = offer
        self.ended = ended
        self.ssrc = random.getrandbits(32) or 1  # whom our own RTCP comes from
        self.ready = False
        self.closed = False
        self.made = self.confirmed = time.monotonic()
        self.srtp: private.Srtp
        self._dtls = private.Dtls(certificate, client=offer.client, send=transport.send)
        self._task: asyncio.Task[None] | None = None
        transport.on_dtls = self._on_dtls
        transport.on_path = self._start

    def _start(self) -> None:
        self._task = asyncio.create_task(self._handshake(), name=f"dtls {self.attachment}")

    async def _handshake(self) -> None:
        try:
            self.srtp = await self._dtls.handshake(self.offer.fingerprints)
        except private.HandshakeFailed:
            if not self.closed:
                self.ended(self)
            return
        if self.closed:
            return
        self.ready = True
        self.transport.on_srtp = self.on_srtp
        self.on_ready()

    def _on_dtls(self, data: bytes) -> None:
        if not self._dtls.feed(data) and not self.closed:
            self.ended(self)

    def on_ready(self) -> None:
        raise NotImplementedError

    def on_srtp(self, data: bytes) -> None:
        raise NotImplementedError

    def send_rtcp(self, plain: bytes) -> None:
        if self.ready:
            self.transport.send(self.srtp.protect_rtcp(plain))

    def silent_ms(self, now: float) -> int:
        """Since the last valid consent check, or since the session was made."""
        return max(0, int((now - self.transport.heard) * 1_000))

    def close(self) -> None:
        """End it: tell the peer, free the path. Harmless when repeated."""
        if self.closed:
            return
        self.closed = True
        self.ready = False
        self._dtls.close()
        self.transport.mux.forget(self.transport)
        if self._task is not None and not self._task.done():
            self._task.cancel()
