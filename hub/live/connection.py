"""One greeted socket of this process: who it is, where it is, and how it is written to."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import web
from msgspec import UNSET

from hub.live.limits import Bucket
from hub.live.writer import Sender
from rooms.closing import BYE_CODE, Close
from rooms.messages import Bye, ServerMessage, encode, frame_payload
from rooms.model import Attachment, AttachmentKind, Identity, Role
from rooms.notices import ChannelNotice
from rooms.session import Fact, Place, advance

if TYPE_CHECKING:
    from hub.live.fanout import LocalRoom
    from hub.live.hub import LiveHub
    from hub.live.talking import Signals

log = structlog.get_logger("hub.live")

#: A socket that does not finish its closing handshake in this time is cut.
CLOSING_S: Final = 5.0


class Member:
    """A connection's place in one room. Exists from the first ``enter`` to the end.

    ``attachment`` is what Redis knows it by, another one for each ``enter``: the end of an
    earlier seat, told late, is not taken for the end of this one.
    """

    __slots__ = (
        "attachment", "conn", "gathering", "last_position", "lobby", "local", "place", "role",
        "stale", "turn_until", "whispers",
    )  # fmt: skip

    def __init__(self, conn: Connection, local: LocalRoom) -> None:
        self.conn = conn
        self.local = local
        self.attachment = conn.attachment()
        self.place = Place.OUTSIDE
        self.last_position: tuple[int, int, bool] | None = None  # place, of, must be let in
        self.stale = False  # something droppable was dropped: resynchronise
        self.turn_until: int | None = None  # their turn came before the answer to enter
        self.role = Role.PARTICIPANT  # as of the last ``enter``
        self.lobby = False  # waits to be let in
        self.gathering = False  # ``whispers`` are kept until the answer being made is out
        self.whispers: list[ChannelNotice] = []

    def fact(self, fact: Fact) -> None:
        self.place = advance(self.place, fact)


class Connection:
    """A socket after its ``hello``.

    Times are seconds of the loop's clock. One message is carried out at a time (``lock``),
    so what Redis answers to one is known before the next is judged.
    """

    __slots__ = (
        "_read_out",
        "address",
        "busy",
        "chat",
        "closing",
        "ending",
        "entries",
        "finishing",
        "heard",
        "hub",
        "ice_until",
        "id",
        "identity",
        "lock",
        "members",
        "messages",
        "pinged",
        "queued",
        "reading",
        "sender",
        "sent",
        "session",
        "signals",
        "slow",
        "slow_since",
        "strikes",
        "write",
        "ws",
    )  # fmt: skip

    def __init__(
        self,
        hub: LiveHub,
        ws: web.WebSocketResponse,
        sender: Sender,
        identity: Identity,
        *,
        id: str,
        session: str,
        address: str,
    ) -> None:
        now = hub.now()
        limits = hub.config.limits
        self.hub = hub
        self.ws = ws
        self.sender = sender
        self.write = sender.write
        self.queued = sender.queued
        self.id = id
        self.session = session
        self.identity = identity
        self.address = address
        self.members: dict[str, Member] = {}  # bounded by ROOMS_MAX in acts
        self.lock = asyncio.Lock()
        self.heard = now
        self.sent = now
        self.pinged = now
        self.entries = 0
        self.busy = False
        self.slow = False
        self.slow_since = 0.0
        self.closing: Close | None = None
        self.ending: tuple[Close, str, int | None] | None = None
        self.finishing: asyncio.Task[None] | None = None  # the closing handshake
        self.reading = True
        self._read_out: asyncio.Event | None = None  # made when somebody waits for it
        self.messages = Bucket(limits.messages_burst, now)
        self.chat = Bucket(limits.chat_burst, now)
        self.strikes = 0  # messages over the limit, one forgiven a second
        self.ice_until: float | None = None
        self.signals: Signals | None = None  # made with the first one

    def attachment(self) -> Attachment:
        """A new one: the connection's id (which has no dot) and a number."""
        self.entries += 1
        name = f"{self.id}.{self.entries}"
        return Attachment(AttachmentKind.SOCKET, name, self.hub.services.hub_id)

    def log(self, room: str | None = None) -> structlog.stdlib.BoundLogger:
        bound = log.bind(conn=self.id, person=self.identity.id)
        found: structlog.stdlib.BoundLogger = bound.bind(room=room) if room else bound
        return found

    def send(self, *messages: ServerMessage) -> None:
        """Messages for this socket alone, as one frame. They are written in call order."""
        self.deliver(self.hub.writers.pack(frame_payload([encode(one) for one in messages])))

    def deliver(self, packed: bytes) -> None:
        """Write what ``Writers.pack`` made; must arrive. Nothing happens once closing."""
        if self.closing is not None:
            return
        queued = self._write(packed)
        if queued > self.hub.config.limits.send_soft_bytes:
            self.hub.slow.note(self, queued)

    def _write(self, packed: bytes) -> int:
        try:
            queued = self.write(packed)
            self.sent = self.hub.now()
            if queued:
                self._look_behind()
            return queued
        except (RuntimeError, OSError) as fault:
            # The transport closed under us; the reading side ends the connection.
            self.log().debug("write failed", fault=str(fault))
            return 0

    async def ping(self) -> None:
        """Raises RuntimeError or OSError when the socket is gone; ``pong`` too."""
        await self.sender.ping()
        self._look_behind()

    async def pong(self, data: bytes) -> None:
        await self.sender.pong(data)
        self._look_behind()

    def _look_behind(self) -> None:
        """What the kernel did not take is queued: what follows must queue behind it."""
        if self.queued() and self.sender.straight is not None:
            self.reorder()

    def close(self, how: Close, reason: str = "", retry_after_ms: int | None = None) -> None:
        """Say ``bye`` and close with ``how``; a second call changes nothing.

        While a message of this socket is carried out the end waits for its answer.
        """
        if self.closing is not None:
            return
        if self.busy and how is not Close.SLOW_READER:
            self.ending = self.ending or (how, reason, retry_after_ms)
            return
        code = BYE_CODE[how]
        bye = Bye(
            code=code,
            reconnect=how.reconnect,
            reason=reason or code.value,
            retry_after_ms=UNSET if retry_after_ms is None else retry_after_ms,
        )
        self._write(self.hub.writers.pack(frame_payload([encode(bye)])))
        self.closing = how
        self.reorder()
        self.log().info("closing", code=int(how), reason=bye.reason)
        self.finishing = self.hub.spawn(self._finish(int(how), code.value))

    def idle(self) -> None:
        """The message has been answered: carry out an end that came meanwhile."""
        self.busy = False
        if self.ending is not None:
            self.close(*self.ending)

    def read_out(self) -> None:
        """The reading side has ended: the client said its Close, or is gone."""
        self.reading = False
        if self._read_out is not None:
            self._read_out.set()

    async def _finish(self, code: int, reason: str) -> None:
        """The closing handshake: our Close frame, then the reading side goes on until the
        client's. aiohttp's own ``close`` ends the connection at once when someone is reading, and
        what the client sends meanwhile makes the kernel reset it and take ``bye`` away."""
        try:
            async with asyncio.timeout(CLOSING_S):
                if self.sender.goodbye(code, reason):
                    if self.reading and not self.hub.deaf:
                        self._read_out = asyncio.Event()
                        await self._read_out.wait()
                    self.sender.finish()
                else:
                    await self.ws.close(code=code, message=reason.encode(), drain=False)
        except TimeoutError:
            self.sender.abort()
        except (RuntimeError, OSError):
            self.log().debug("gone before the close")

    def reorder(self) -> None:
        """Tell the rooms that this socket is to be written to in another way, or not at all."""
        for member in self.members.values():
            member.local.reorder()

    def quiet_since(self) -> float:
        """When something was last sent, by a room or to this socket alone."""
        sent = self.sent
        for member in self.members.values():
            if member.place is Place.INSIDE:
                sent = max(sent, member.local.sent)
        return sent

    def cut(self) -> None:
        """End a socket that is silent: nothing said would arrive."""
        if self.closing is None:
            self.closing = Close.RECONNECT_ELSEWHERE
            self.reorder()
            self.log().info("silent", silent_ms=self.silent_ms())
            self.sender.abort()

    def silent_ms(self) -> int:
        return max(0, int((self.hub.now() - self.heard) * 1000))
