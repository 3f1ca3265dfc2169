"""GET /news: what the fair tells open pages, without a seat in any room.

Every page has one such socket, most of people who are not signed in: little is kept for each.
What is for everybody is framed once and written as a room's frames are (``LocalRoom``); what
is for some is framed once and written to those it is for. What is told is in ``announcing``,
``reminders`` and ``ringing``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import WSMsgType, web

from hub.live.announcing import Announcing
from hub.live.connection import CLOSING_S
from hub.live.endpoint import origin_allowed, subprotocol_offered
from hub.live.fanout import LocalRoom
from hub.live.limits import client_address
from hub.live.reader import Reader
from hub.live.reminders import Reminders
from hub.live.ringing import Ringing
from hub.ports import DirectoryLost, StoreLost
from rooms import news as n
from rooms.closing import Close
from rooms.messages import BadMessage, ServerMessage, encode, frame_payload

if TYPE_CHECKING:
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

TURN_S: Final = 5.0
#: Pages that nothing was told for so long get an empty frame: a dead server is noticed.
HEARTBEAT_S: Final = 60.0
#: Pages of one person on one worker; the oldest ends for a new one.
PAGES_MAX: Final = 20
BATCH: Final = 500
#: Who has a page open is counted so often; a person counts as online for 45 s.
ONLINE_S: Final = 15.0
GROUP: Final = "news"


class NewsHub:
    """The news sockets of this hub worker; made by ``hub.live.setup`` as ``LiveHub.news``."""

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self.now = hub.now
        self.spawn = hub.spawn
        self.later = hub.loop.call_later
        self.readers: set[Reader] = set()  # bounded by Addresses and open files
        self.people: dict[str, list[Reader]] = {}  # of those greeted, oldest first
        self.group = LocalRoom(
            GROUP,
            pack=hub.writers.pack,
            tick_s=hub.config.limits.tick_ms / 1000,
            spawn=hub.spawn,
            loop=hub.loop,
        )
        # A Reader is all that LocalRoom needs of a connection and of its member.
        self._members: dict[Any, Any] = self.group.members
        self.announcing = Announcing(hub.services, self)
        self.reminders = Reminders(hub.services, self)
        self.ringing = Ringing(hub.services, self)
        self._draining = False

    def pack(self, messages: Iterable[ServerMessage]) -> bytes:
        return self._hub.writers.pack(frame_payload([encode(one) for one in messages]))

    @property
    def leaving(self) -> bool:
        """Everyone is being sent to other hubs: a page that goes here comes there."""
        return self._draining or self._hub.services.draining

    @property
    def deaf(self) -> bool:
        """Nothing is read any more: nobody's Close will be heard."""
        return self._hub.deaf

    def jitter_ms(self) -> int:
        return self._hub.jitter_ms(500, 15_000)

    # --- one socket ------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        hub = self._hub
        if not origin_allowed(request, hub.config.origins):
            raise web.HTTPForbidden(text="forbidden: this origin is not allowed\n")
        if not subprotocol_offered(request, n.SUBPROTOCOL):
            raise web.HTTPBadRequest(text=f"the subprotocol is {n.SUBPROTOCOL}\n")
        address = client_address(request, hub.proxies)
        wait = hub.addresses.enter(address, hub.now())
        if wait:
            retry = {"Retry-After": str(max(1, wait // 1000))}
            raise web.HTTPTooManyRequests(
                text="rate_limited: too many connections\n", headers=retry
            )
        try:
            ws = web.WebSocketResponse(
                protocols=(n.SUBPROTOCOL,) if "Sec-WebSocket-Protocol" in request.headers else (),
                compress=False,
                max_msg_size=n.MESSAGE_MAX + 1,
                autoping=False,
                autoclose=False,
                timeout=CLOSING_S,
            )
            await ws.prepare(request)
            reader = Reader(self, ws, hub.writers.attach(ws))
            try:
                self._come(reader)
                await self._read(reader)
            finally:
                self._go(reader)
        finally:
            hub.addresses.leave(address)
        return ws

    def _come(self, reader: Reader) -> None:
        """What holds, then whatever is told. Synchronous: nothing can come between."""
        self.readers.add(reader)
        reader.send(n.Current(announcements=self.announcing.for_all()))
        self._members[reader] = reader
        self.group.reorder()
        if self._hub.services.draining:
            reader.close(Close.DRAINING, "this server is going away")

    def _go(self, reader: Reader) -> None:
        if reader.closing is not None:
            reader.sender.finish()
        reader.closing = reader.closing or Close.RECONNECT_ELSEWHERE
        self.readers.discard(reader)
        self._members.pop(reader, None)
        self.group.reorder()
        if reader.identity is not None:
            pages = self.people.get(reader.identity.id, [])
            if reader in pages:
                pages.remove(reader)
            if not pages and self.people.pop(reader.identity.id, None) is not None:
                self.ringing.left(reader.identity.id)

    async def _read(self, reader: Reader) -> None:
        while True:
            message = await reader.ws.receive()
            if message.type is WSMsgType.PONG:
                reader.heard = self.now()
            elif message.type is WSMsgType.PING:
                await reader.sender.pong(message.data)
            elif message.type is WSMsgType.TEXT and reader.closing is None:
                await self._hello(reader, message.data)
            elif message.type is WSMsgType.BINARY:
                reader.close(Close.BAD_MESSAGE, "text frames only")
            elif message.type is not WSMsgType.TEXT:
                return

    async def _hello(self, reader: Reader, text: str) -> None:
        reader.heard = self.now()
        if reader.identity is not None:
            reader.close(Close.BAD_MESSAGE, "one hello is enough")
            return
        try:
            hello = n.parse(text)
        except BadMessage as fault:
            reader.close(Close.BAD_MESSAGE, str(fault))
            return
        try:
            identity = await self._hub.services.vault.take_ticket(hello.ticket)
            if identity is None:
                reader.close(Close.UNAUTHORISED, "not valid, used, or too old")
                return
            reader.identity = identity  # before asking: what is told meanwhile is not missed
            pages = self.people.setdefault(identity.id, [])
            pages.append(reader)
            if len(pages) > PAGES_MAX:
                pages[0].close(Close.REPLACED, "too many pages")
                del pages[0]
            await self.ringing.came(identity.id)
            mine = await self.announcing.of(identity)
            due = await self.reminders.of(identity.id)
            rings = await self.ringing.of(identity.id)
        except (StoreLost, DirectoryLost):
            reader.close(Close.RECOVERING, "recovering")
            return
        welcome = n.NewsWelcome(re=hello.id, participant=identity.id)
        reader.send(welcome, n.Current(announcements=mine), *rings)
        self.remind(identity.id, due)

    def remind(self, person: str, due: Iterable[n.Reminder]) -> None:
        """To each page of theirs that has not had it."""
        for reminder in due:
            packed: bytes | None = None
            for reader in self.people.get(person, ()):
                reader.reminded = reader.reminded or set()
                if reminder.id not in reader.reminded:
                    reader.reminded.add(reminder.id)
                    packed = packed or self.pack((reminder,))
                    reader.deliver(packed)

    # --- what is told -------------------------------------------------------------------------

    def notice(self, notice: n.NewsNotice) -> None:
        """The channel's receiver. What is for certain people is theirs at once."""
        match notice:
            case n.PersonalNotice():
                self.tell(notice.to, bytes(notice.message))
            case n.RingNotice() | n.RingOverNotice():
                self.ringing.notice(notice)
                self.tell(notice.to, bytes(notice.message))
            case n.AnnouncedNotice() | n.WithdrawnNotice():
                self.announcing.notice(notice)

    def tell(self, people: Iterable[str], message: bytes) -> None:
        """One message, encoded, to every page that these people have here."""
        readers = [reader for id in people for reader in self.people.get(id, ())]
        if readers:
            packed = self._hub.writers.pack(frame_payload([message]))
            for reader in readers:
                reader.deliver(packed)

    def lost(self) -> None:
        self.announcing.lost()

    # --- the wheel ----------------------------------------------------------------------------

    async def wheel(self) -> None:
        """Runs until cancelled."""
        empty = self._hub.writers.pack(b"[]")
        beat = self.now()
        while True:
            await asyncio.sleep(TURN_S)
            now = self.now()
            beats = now - beat >= HEARTBEAT_S
            if beats:
                beat = now
            for count, reader in enumerate(list(self.readers), 1):
                try:
                    await reader.look(now)
                    if beats:
                        reader.deliver(empty)
                except Exception as fault:
                    # Whoever stumbles here goes; everybody else is still looked after.
                    log.info("news socket gone", fault=str(fault))
                    reader.sender.abort()
                if count % BATCH == 0:
                    await asyncio.sleep(0)
            if self._hub.services.draining and not self._draining:
                self.drain()

    def drain(self) -> None:
        """Send everyone away, spread over time: a page finds the next hub by itself."""
        self._draining = True
        for reader in list(self.readers):
            reader.close(Close.DRAINING, "this server is going away")

    async def count(self) -> None:
        """A job: who has a page open here, signed in or in a room, counts as online."""
        here = set(self.people)
        here.update(conn.identity.id for conn in self._hub.connections.values())
        if here:
            await self._hub.services.news.seen(list(here))


NEWS: Final = web.AppKey("news", NewsHub)


async def news(request: web.Request) -> web.StreamResponse:
    return await request.app[NEWS].serve(request)
