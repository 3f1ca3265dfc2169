"""GET /news: what the fair tells open pages, without a seat in any room.

Every page has one such socket, most of people who are not signed in: little is kept for each.
What is for everybody is framed once and written as a room's frames are (``LocalRoom``); what
is for some is framed once and written to those SQL says it is for, asked when it is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import structlog
from aiohttp import WSMsgType, web

from hub.live.connection import CLOSING_S
from hub.live.endpoint import origin_allowed, subprotocol_offered
from hub.live.fanout import LocalRoom
from hub.live.limits import client_address
from hub.live.reader import Reader
from hub.live.reminders import Reminders, wall_clock_ms
from hub.ports import DirectoryLost, StoreLost
from hub.ports.fair import Announcement
from rooms import news as n
from rooms.closing import Close
from rooms.messages import BadMessage, ServerMessage, encode, frame_payload
from rooms.model import Identity, Role

from . import wire

if TYPE_CHECKING:
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

TURN_S: Final = 5.0
#: Pages that nothing was told for so long get an empty frame: a dead server is noticed.
HEARTBEAT_S: Final = 60.0
#: Pages of one person on one worker; the oldest ends for a new one.
PAGES_MAX: Final = 20
BATCH: Final = 500
WORK_MAX: Final = 1_000
#: Who has a page open is counted so often; a person counts as online for 45 s.
ONLINE_S: Final = 15.0
#: SQL has the last word: what this hub knows to hold is looked up again so often.
REFRESH_S: Final = 60.0
GROUP: Final = "news"


@dataclass(frozen=True, slots=True)
class Holding:
    """An announcement that holds, as this hub knows."""

    message: n.Announcement
    audience: n.Audience
    until_ms: int


class NewsHub:
    """The news sockets of this hub worker; made by ``hub.live.setup`` as ``LiveHub.news``."""

    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self.now = hub.now
        self.spawn = hub.spawn
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
        self._work: asyncio.Queue[n.NewsNotice | None] = asyncio.Queue(WORK_MAX)
        self._holds: dict[str, Holding] = {}  # what SQL gives and REFRESH_S of notices
        self._changes = 0  # notices taken: a look at SQL that one came into is done again
        self.reminders = Reminders(hub.services, self)
        self._draining = False

    def pack(self, messages: Iterable[ServerMessage]) -> bytes:
        return self._hub.writers.pack(frame_payload([encode(one) for one in messages]))

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
        reader.send(n.Current(announcements=self._for_all()))
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
            if not pages:
                self.people.pop(reader.identity.id, None)

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
            mine = await self._mine(identity)
            due = await self.reminders.of(identity.id)
        except (StoreLost, DirectoryLost):
            reader.close(Close.RECOVERING, "recovering")
            return
        welcome = n.NewsWelcome(re=hello.id, participant=identity.id)
        reader.send(welcome, n.Current(announcements=mine))
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
        """The channel's receiver: what is for everybody goes at once, what is for some waits
        for SQL; each kind stays in order. What is for certain people is theirs at once."""
        if isinstance(notice, n.PersonalNotice):
            self._personal(notice)
            return
        self._changes += 1
        match notice:
            case n.AnnouncedNotice():
                self._holds[notice.id] = Holding(
                    _announced(notice), notice.audience, notice.until_ms
                )
            case n.WithdrawnNotice():
                self._holds.pop(notice.id, None)
        match notice:
            case n.AnnouncedNotice() if notice.audience.everybody:
                self._to_all(notice.id, _announced(notice))
            case n.WithdrawnNotice() if notice.audience.everybody:
                self._to_all(notice.id, n.Withdrawn(id=notice.id))
            case n.AnnouncedNotice() | n.WithdrawnNotice():
                self._later(notice)

    def _personal(self, notice: n.PersonalNotice) -> None:
        readers = [reader for id in notice.to for reader in self.people.get(id, ())]
        if readers:
            packed = self._hub.writers.pack(frame_payload([bytes(notice.message)]))
            for reader in readers:
                reader.deliver(packed)

    def lost(self) -> None:
        self._later(None)

    def _later(self, notice: n.NewsNotice | None) -> None:
        try:
            self._work.put_nowait(notice)
        except asyncio.QueueFull:
            log.error("news given up: too many at once")

    def _to_all(self, id: str, message: ServerMessage) -> None:
        self.group.latest(id, encode(message))

    async def work(self) -> None:
        """Runs until cancelled: what cannot be told without asking SQL."""
        self._later(None)
        while True:
            try:
                async with asyncio.timeout(REFRESH_S):
                    notice = await self._work.get()
            except TimeoutError:
                notice = None
            try:
                if notice is None:
                    await self._look_again()
                elif isinstance(notice, n.AnnouncedNotice):
                    await self._to_some(notice.audience, _announced(notice))
                elif isinstance(notice, n.WithdrawnNotice):
                    await self._to_some(notice.audience, n.Withdrawn(id=notice.id))
            except (StoreLost, DirectoryLost) as fault:
                log.warning("news not told", fault=str(fault))
            except Exception:
                # One that cannot be told must not stop those behind it.
                log.exception("news failed")

    async def _to_some(self, audience: n.Audience, message: ServerMessage) -> None:
        packed = self.pack((message,))
        people = list(self.people)
        for start in range(0, len(people), BATCH):
            some = people[start : start + BATCH]
            for id in await self._addressed(audience, some):
                for reader in self.people.get(id, ()):
                    reader.deliver(packed)

    async def _addressed(self, audience: n.Audience, people: list[str]) -> set[str]:
        found = set(await self._hub.services.fair.announcements.addressed(audience, people))
        if audience.roles_only:
            # Signed in without an account (by a link): the role is all that is known.
            for id in people:
                pages = self.people.get(id)
                identity = pages[0].identity if pages else None
                if (
                    identity is not None
                    and identity.room is None
                    and identity.role in (Role.MODERATOR, Role.ORGANISER)
                    and identity.role.value in audience.roles
                ):
                    found.add(id)
        return found

    def _for_all(self) -> tuple[n.Announcement, ...]:
        now = wall_clock_ms()
        return tuple(
            one.message
            for one in self._holds.values()
            if one.audience.everybody and one.until_ms > now
        )

    async def _mine(self, identity: Identity) -> tuple[n.Announcement, ...]:
        """All that hold for this person. Raises DirectoryLost."""
        while True:
            changes, now = self._changes, wall_clock_ms()
            out = [
                one.message
                for one in list(self._holds.values())
                if one.until_ms > now
                and (one.audience.everybody or await self._addressed(one.audience, [identity.id]))
            ]
            if changes == self._changes:
                return tuple(out)

    async def _look_again(self) -> None:
        """Ask SQL what holds; when that is not what this hub knew, everyone gets it."""
        while True:
            changes = self._changes
            found = await self._hub.services.fair.announcements.current()
            if changes == self._changes:
                break
        before, now = self._holds, wall_clock_ms()
        self._holds = {
            one.id: Holding(_as_message(one), one.audience, one.until_ms) for one in found
        }
        if self._holds == {id: one for id, one in before.items() if one.until_ms > now}:
            return
        for_all = self.pack((n.Current(announcements=self._for_all()),))
        some = any(not one.audience.everybody for one in self._holds.values())
        for count, reader in enumerate(list(self.readers), 1):
            if some and reader.identity is not None:
                reader.send(n.Current(announcements=await self._mine(reader.identity)))
            else:
                reader.deliver(for_all)
            if count % BATCH == 0:
                await asyncio.sleep(0)

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


def _announced(notice: n.AnnouncedNotice) -> n.Announcement:
    return n.Announcement(
        id=notice.id,
        texts=notice.texts,
        at=wire.timestamp(notice.at_ms),
        until=wire.timestamp(notice.until_ms),
    )


def _as_message(one: Announcement) -> n.Announcement:
    return n.Announcement(
        id=one.id,
        texts=dict(one.texts),
        at=wire.timestamp(one.created_ms),
        until=wire.timestamp(one.until_ms),
    )


NEWS: Final = web.AppKey("news", NewsHub)


async def news(request: web.Request) -> web.StreamResponse:
    return await request.app[NEWS].serve(request)
