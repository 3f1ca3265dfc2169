"""What the live parts of one hub worker share: the connections, the rooms, the clock.

It holds and starts; what is done with a message or a notice is in the module named for it.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final, TypeVar

import structlog
from aiohttp import web

from hub.config import Config
from hub.live import wire
from hub.live.connection import Connection
from hub.live.limits import Addresses, Buckets, networks
from hub.live.media import Sessions
from hub.live.reactions import Reactions
from hub.live.registry import Rooms
from hub.live.roles import Roles
from hub.live.slow import SlowReaders
from hub.live.talking import Notebooks
from hub.live.waiting import Waiting
from hub.live.writer import Writers
from hub.ports import StoreLost
from hub.services import Services
from rooms.errors import Code, Refusal
from rooms.model import Role
from rooms.session import Place

T = TypeVar("T")
log = structlog.get_logger(__name__)


class LiveHub:
    def __init__(self, services: Services, writers: Writers) -> None:
        limits = services.config.limits
        self.services = services
        self.config: Config = services.config
        self.writers = writers
        self.loop = asyncio.get_running_loop()
        self.connections: dict[str, Connection] = {}  # bounded by Addresses and open files
        self.strangers: set[web.WebSocketResponse] = set()  # before hello; as connections
        self.joins = Buckets(limits.joins / limits.joins_window_s, limits.joins)
        self.addresses = Addresses(
            limits.address_connections_per_s, limits.address_connections_open
        )
        self.proxies = networks(services.config.server.trusted_proxies)
        self.slow = SlowReaders(self)
        self.rooms = Rooms(self)
        self.waiting = Waiting(self)
        self.reactions = Reactions(self)
        self.sessions = Sessions(self)
        self.roles = Roles(services, self.now)
        self.notebooks = Notebooks(self)
        self.renewed = self.now()  # when the last renewing that was answered was asked for
        self.deaf = False  # aiohttp shuts down and takes no more input: no Close will be heard
        self.gone = asyncio.Event()  # set whenever a connection ended
        self.ended = 0  # sockets, greeted or not, since the start
        self._tasks: set[asyncio.Task[Any]] = set()  # bounded by what starts them

    def now(self) -> float:
        """Seconds of the loop's monotonic clock."""
        return self.loop.time()

    def jitter_ms(self, low: int, high: int) -> int:
        return random.randint(low, high)

    def spawn(self, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        """Run ``work`` beside everything else; a fault in it is logged, never lost."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        fault = task.exception()
        if isinstance(fault, StoreLost):
            log.warning("store lost", fault=str(fault))
        elif fault is not None:
            log.error("task failed", exc_info=fault)

    async def stop(self) -> None:
        """Cancel what still runs."""
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def role_of(self, conn: Connection, slug: str) -> Role:
        """The role for an act. Who sits in a talk has the one they came in with: what ends it
        ends the seat. Raises Refusal, DirectoryLost."""
        member = conn.members.get(slug)
        if member is not None and member.place is Place.INSIDE and member.local.talk:
            return member.role
        return await self.roles.role_in(conn.identity, slug)

    async def in_room(self, slug: str, call: Callable[[], Awaitable[T]]) -> T:
        """``call``; when Redis has no such room, load it from SQL once and call again.

        Raises Refusal(unknown_room) when SQL has none either.
        """
        try:
            return await call()
        except Refusal as refusal:
            if refusal.code is not Code.UNKNOWN_ROOM:
                raise
        record = await self.services.directory.room(slug)
        if record is None:
            raise Refusal(Code.UNKNOWN_ROOM)
        await self.services.admission.load(record.spec)
        return await call()

    def resynchronise(self, conn: Connection) -> None:
        """What a slow reader missed, as it is now."""
        for member in conn.members.values():
            if member.stale and member.place is Place.INSIDE:
                member.stale = False
                self.spawn(self.fresh(conn, member.local.slug))

    async def fresh(self, conn: Connection, slug: str) -> None:
        """``room`` and the first roster page, to one socket."""
        shot = await self.services.admission.snapshot(slug)
        conn.send(wire.room(shot.view), wire.roster(slug, shot.roster))


LIVE: Final = web.AppKey("live", LiveHub)
