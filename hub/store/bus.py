"""``hub.ports.Bus`` in Redis: one connection, a sharded channel for each partition in use.

A message is the room, then one notice a line; what is about rooms nobody here follows is
dropped unread. A subscription can die without a word (notes/realtime.md finding 7), so
the bus publishes a probe through the normal way every two seconds and calls the connection
lost when three are missing; every reconnect names the rooms followed in ``lost``.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from time import monotonic
from typing import Any, Final

import msgspec
import structlog
from redis.exceptions import RedisError

from hub.ports import StoreLost
from hub.store import keys
from hub.store.link import Command, Link, make_connection, pack
from hub.store.submitter import Submitter, end
from hub.store.tags import PARTITIONS, partition
from rooms.notices import Notice, ProbeNotice

PROBE_S: Final = 2.0
PROBE_LATE_S: Final = 6.0
FOLLOW_S: Final = 5.0

_notice: Final = msgspec.json.Decoder(Notice)
_json: Final = msgspec.json.Encoder()
log = structlog.get_logger(__name__)


class RedisBus:
    """``start`` and ``close`` belong to the store; the rest is the port."""

    def __init__(self, url: str, submitter: Submitter, hub_id: str) -> None:
        self._url = url
        self._submitter = submitter
        self._hub_id = hub_id
        self._notice: Callable[[Notice], None] = lambda notice: None
        self._lost: Callable[[frozenset[str]], None] = lambda rooms: None
        self._rooms: Counter[str] = Counter()
        self._channels: Counter[bytes] = Counter()
        self._confirmed: dict[bytes, asyncio.Event] = {}
        self._asked: Counter[bytes] = Counter()  # SSUBSCRIBEs not yet confirmed
        self._unsure: set[bytes] = set()  # channels of a reconnect, not yet confirmed
        self._link: Link | None = None
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._proved = 0.0  # monotonic: when a probe last came back
        self._nonce = 0
        # Probes of all hubs spread over the partitions, each on a channel of its own choice.
        self._probe_room = f"probe-{hub_id}"
        self._probe_channel = keys.channel(random.randrange(PARTITIONS)).encode()
        self._want(self._probe_channel)

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="store-bus")
        with contextlib.suppress(TimeoutError):  # faults() says so until it is up
            await asyncio.wait_for(self._up.wait(), FOLLOW_S)

    async def close(self) -> None:
        await end(self._task)
        self._task = None

    def listen(
        self, notice: Callable[[Notice], None], lost: Callable[[frozenset[str]], None]
    ) -> None:
        self._notice, self._lost = notice, lost

    def faults(self) -> Sequence[str]:
        if not self._up.is_set():
            return ("pub/sub is not connected",)
        if monotonic() - self._proved > PROBE_LATE_S:
            return ("the pub/sub probe is overdue",)
        return ()

    async def follow(self, room: str) -> None:
        """Raises StoreLost when Redis does not confirm within 5 s; then nothing is counted."""
        channel = keys.channel(partition(room)).encode()
        self._rooms[room] += 1
        confirmed = self._want(channel)
        try:
            if self._channels[channel] == 1:
                self._asked[channel] += 1
                self._send(("SSUBSCRIBE", channel))
            await asyncio.wait_for(confirmed.wait(), FOLLOW_S)
        except (TimeoutError, StoreLost, asyncio.CancelledError) as fault:
            await self.unfollow(room)
            if isinstance(fault, TimeoutError):
                raise StoreLost("the subscription was not confirmed") from None
            raise

    async def unfollow(self, room: str) -> None:
        if self._rooms[room] <= 0:
            return
        channel = keys.channel(partition(room)).encode()
        self._rooms[room] -= 1
        if not self._rooms[room]:
            del self._rooms[room]
        self._channels[channel] -= 1
        if not self._channels[channel]:
            del self._channels[channel]
            del self._confirmed[channel]
            with contextlib.suppress(StoreLost):  # a lost connection follows nothing
                self._send(("SUNSUBSCRIBE", channel))

    def _want(self, channel: bytes) -> asyncio.Event:
        self._channels[channel] += 1
        return self._confirmed.setdefault(channel, asyncio.Event())

    def _send(self, command: Command) -> None:
        if self._link is None:
            raise StoreLost("pub/sub is not connected")
        self._link.write(pack(command))

    async def _run(self) -> None:
        first = True
        while True:
            connection = make_connection(self._url, FOLLOW_S)
            tasks: list[asyncio.Task[None]] = []
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                self._link = link = Link(connection, self._take)
                self._asked = Counter(dict.fromkeys(self._channels, 1))
                self._unsure = set() if first else set(self._channels)
                self._send(("SSUBSCRIBE", *self._channels))
                self._proved = monotonic()
                tasks = [
                    # A probe arrives every two seconds: silence is a fault.
                    asyncio.create_task(link.watch(FOLLOW_S, lambda: True)),
                    asyncio.create_task(self._probe()),
                ]
                self._up.set()
                first = False
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            except (RedisError, OSError, TimeoutError, EOFError, StoreLost) as fault:
                log.warning("pub/sub connection lost", fault=str(fault))
            except Exception:
                # Not foreseen is no reason to stay deaf: connect again.
                log.exception("pub/sub failed")
            finally:
                self._up.clear()
                self._link = None
                await end(*tasks)
                for confirmed in self._confirmed.values():
                    confirmed.clear()
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(random.uniform(0.05, 0.3))

    async def _probe(self) -> None:
        """Raises StoreLost when probes stop coming back."""
        while True:
            self._nonce += 1
            probe = _json.encode(ProbeNotice(self._probe_room, self._hub_id, self._nonce))
            payload = self._probe_room.encode() + b"\n" + probe
            with contextlib.suppress(StoreLost):  # the submitter reconnects by itself
                await self._submitter.call("SPUBLISH", self._probe_channel, payload)
            await asyncio.sleep(PROBE_S)
            if monotonic() - self._proved > PROBE_LATE_S:
                raise StoreLost("probes do not come back")

    def _take(self, message: Any) -> None:
        if isinstance(message, Exception):
            raise message
        kind, channel, body = message[0], message[1], message[2]
        if kind == b"smessage":
            self._deliver(body)
        elif kind == b"ssubscribe":
            # The last one asked for counts: an earlier one may have been taken back since.
            self._asked[channel] -= 1
            if self._asked[channel] <= 0:
                self._sure(channel)

    def _sure(self, channel: bytes) -> None:
        if channel in self._confirmed:
            self._confirmed[channel].set()
        if channel in self._unsure:
            self._unsure.discard(channel)
            if not self._unsure:
                # Not before: what is published between a look at the room and the
                # subscription would be missed by both.
                self._lost(frozenset(self._rooms))

    def _deliver(self, body: bytes) -> None:
        name, _, lines = body.partition(b"\n")
        room = name.decode()
        if room == self._probe_room:
            self._proved = monotonic()
            return
        if room not in self._rooms:
            return
        for line in lines.split(b"\n"):
            try:
                self._notice(_notice.decode(line))
            except msgspec.MsgspecError as fault:  # a newer hub's notice: the next look repairs
                log.warning("notice not understood", room=room, fault=str(fault))
