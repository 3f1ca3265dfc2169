"""One news socket: what is kept for each page that is open, and how it is written to and ended."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from aiohttp import web

from hub.live.connection import CLOSING_S
from hub.live.writer import Sender
from rooms.closing import BYE_CODE, Close
from rooms.messages import Bye, ServerMessage
from rooms.model import Identity

if TYPE_CHECKING:
    from hub.live.news import NewsHub

PING_S: Final = 45.0
PONG_S: Final = 20.0
#: More than this queued, or anything for so long, and the reader is cut (4008): news are few.
QUEUE_MAX: Final = 256 * 1024
QUEUE_S: Final = 15.0


class Reader:
    """One socket. Times are seconds of the loop's clock. It stands in for both Connection and
    Member in ``LocalRoom``: nothing told to everybody is dropped for a slow one, it is cut."""

    __slots__ = (
        "_hub", "closing", "ends", "heard", "identity", "packed_since", "pinged", "queued",
        "reminded", "sender", "ws",
    )  # fmt: skip
    slow = False
    stale = False

    def __init__(self, hub: NewsHub, ws: web.WebSocketResponse, sender: Sender) -> None:
        self._hub = hub
        self.ws = ws
        self.sender = sender
        self.queued = sender.queued
        self.identity: Identity | None = None
        self.closing: Close | None = None
        self.ends = 0.0  # when a closing one is cut
        self.heard = self.pinged = hub.now()
        self.packed_since = 0.0  # since when something is queued; 0: nothing
        self.reminded: set[str] | None = None

    @property
    def conn(self) -> Reader:
        return self

    def send(self, *messages: ServerMessage) -> None:
        self.deliver(self._hub.pack(messages))

    def deliver(self, packed: bytes) -> None:
        """Nothing happens once closing."""
        if self.closing is None:
            self._write(packed)

    def _write(self, packed: bytes) -> None:
        try:
            queued = self.sender.write(packed)
        except (RuntimeError, OSError):
            return  # the reading side ends it
        if queued:
            self._hub.group.reorder()  # what follows must queue behind it
            self.packed_since = self.packed_since or self._hub.now()
            if queued > QUEUE_MAX and self.closing is None:
                self.close(Close.SLOW_READER, "read too slowly")

    def close(self, how: Close, reason: str) -> None:
        """``bye``, then the closing handshake; a second call changes nothing."""
        if self.closing is not None:
            return
        hub = self._hub
        retry = {"retry_after_ms": hub.jitter_ms()} if how.reconnect else {}
        bye = Bye(code=BYE_CODE[how], reconnect=how.reconnect, reason=reason, **retry)
        self.closing = how  # first: what is written may find the queue too long
        self._write(hub.pack((bye,)))
        self.ends = hub.now() + CLOSING_S
        hub.group.reorder()
        try:
            if not self.sender.goodbye(int(how), BYE_CODE[how].value):
                hub.spawn(self.ws.close(code=int(how), drain=False))
            elif hub.deaf:
                self.sender.finish()
        except (RuntimeError, OSError):
            self.sender.abort()

    async def look(self, now: float) -> None:
        """What the wheel does for it."""
        if self.closing is not None:
            if now >= self.ends:
                self.sender.abort()
            return
        if not self.queued():
            self.packed_since = 0.0
        elif now - (self.packed_since or now) >= QUEUE_S:
            self.close(Close.SLOW_READER, "read too slowly")
            return
        if self.pinged > self.heard and now - self.pinged >= PONG_S:
            self.sender.abort()
        elif now - max(self.pinged, self.heard) >= PING_S:
            self.pinged = now
            await self.sender.ping()
