"""``hub.ports.news.News`` in Redis: one channel for the fair, on a connection of its own.

Plain publish and subscribe (a cluster passes it on to every node): announcements are few.
A subscription can die without a word, so each hub publishes a probe every two
seconds, on a channel of its own, and takes six without one for a loss, as ``hub.store.bus`` does.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import time
from collections.abc import Callable, Collection, Sequence
from time import monotonic
from typing import Any, Final

import msgspec
import structlog
from redis.exceptions import RedisError

from hub.ports import StoreLost
from hub.ports.news import ONLINE_MS, WENT_MS
from hub.store import keys
from hub.store.link import Link, make_connection, pack
from hub.store.submitter import Submitter, end
from rooms.news import NewsNotice, NewsProbe

PROBE_S: Final = 2.0
PROBE_LATE_S: Final = 6.0
ANSWER_S: Final = 5.0
START_S: Final = 2.0
SEEN_BATCH: Final = 500
HERE_MS: Final = 60_000
CHANNELS: Final = 2  # subscriptions of a connection: the fair's news and the probe

_notice: Final = msgspec.json.Decoder(NewsNotice)
_json: Final = msgspec.json.Encoder()
log = structlog.get_logger(__name__)


class RedisNews:
    """``start`` after ``listen`` and after the submitter; ``close`` before it."""

    def __init__(self, url: str, submitter: Submitter, hub_id: str) -> None:
        self._url = url
        self._submitter = submitter
        self._hub_id = hub_id
        self._probe_channel = keys.news_probe(hub_id)
        self._notice: Callable[[NewsNotice], None] = lambda notice: None
        self._lost: Callable[[], None] = lambda: None
        self._task: asyncio.Task[None] | None = None
        self._up = asyncio.Event()
        self._proved = 0.0
        self._again = False  # it has been up before

    def listen(self, notice: Callable[[NewsNotice], None], lost: Callable[[], None]) -> None:
        self._notice, self._lost = notice, lost

    async def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="store-news")
        with contextlib.suppress(TimeoutError):  # goes on trying; ``lost`` follows
            await asyncio.wait_for(self._up.wait(), START_S)

    async def close(self) -> None:
        await end(self._task)
        self._task = None

    async def tell(self, notice: NewsNotice) -> None:
        await self._submitter.call("PUBLISH", keys.NEWS_CHANNEL, _json.encode(notice))

    async def seen(self, people: Sequence[str]) -> None:
        now = time.time_ns() // 1_000_000
        for start in range(0, len(people), SEEN_BATCH):
            scored = [part for id in people[start : start + SEEN_BATCH] for part in (now, id)]
            await self._submitter.call("ZADD", keys.ONLINE, *scored)
        await self._submitter.call("ZREMRANGEBYSCORE", keys.ONLINE, "-inf", now - 2 * ONLINE_MS)
        await self._submitter.call("PEXPIRE", keys.ONLINE, 2 * ONLINE_MS)

    async def online(self) -> int:
        since = time.time_ns() // 1_000_000 - ONLINE_MS
        return int(await self._submitter.call("ZCOUNT", keys.ONLINE, since, "+inf"))

    async def online_of(self, people: Collection[str]) -> frozenset[str]:
        since, asked = time.time_ns() // 1_000_000 - ONLINE_MS, list(people)
        found: set[str] = set()
        for start in range(0, len(asked), SEEN_BATCH):
            some = asked[start : start + SEEN_BATCH]
            scores = await self._submitter.call("ZMSCORE", keys.ONLINE, *some)
            found.update(
                id
                for id, score in zip(some, scores, strict=True)
                if score is not None and float(score) >= since
            )
        return frozenset(found)

    async def went(self, person: str) -> None:
        left = time.time_ns() // 1_000_000 - ONLINE_MS + WENT_MS
        await self._submitter.call("ZADD", keys.ONLINE, "XX", "LT", left, person)

    async def here(self, person: str) -> None:
        await self._submitter.call("SADD", keys.pages(person), self._hub_id)
        await self._submitter.call("PEXPIRE", keys.pages(person), HERE_MS)

    async def gone(self, person: str) -> int:
        # Of two hubs that lose the last pages at once, whoever counts last counts none.
        await self._submitter.call("SREM", keys.pages(person), self._hub_id)
        return int(await self._submitter.call("SCARD", keys.pages(person)))

    async def _run(self) -> None:
        while True:
            connection = make_connection(self._url, ANSWER_S)
            tasks: list[asyncio.Task[None]] = []
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                link = Link(connection, self._take)
                link.write(pack(("SUBSCRIBE", keys.NEWS_CHANNEL, self._probe_channel)))
                self._proved = monotonic()
                tasks = [
                    # A probe arrives every two seconds: silence is a fault.
                    asyncio.create_task(link.watch(ANSWER_S, lambda: True)),
                    asyncio.create_task(self._probe()),
                ]
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
                for task in tasks:
                    if task.done():
                        task.result()
            except (RedisError, OSError, TimeoutError, EOFError, StoreLost) as fault:
                log.warning("news connection lost", fault=str(fault))
            except Exception:
                # Not foreseen is no reason to stay deaf: connect again.
                log.exception("news failed")
            finally:
                self._up.clear()
                await end(*tasks)
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    await connection.disconnect(nowait=True)
            await asyncio.sleep(random.uniform(0.05, 0.5))

    async def _probe(self) -> None:
        """Raises StoreLost when probes stop coming back."""
        probe = _json.encode(NewsProbe(self._hub_id))
        while True:
            with contextlib.suppress(StoreLost):  # the submitter reconnects by itself
                await self._submitter.call("PUBLISH", self._probe_channel, probe)
            await asyncio.sleep(PROBE_S)
            if monotonic() - self._proved > PROBE_LATE_S:
                raise StoreLost("news probes do not come back")

    def _subscribed(self) -> None:
        self._up.set()
        if self._again:
            self._lost()
        self._again = True

    def _take(self, message: Any) -> None:
        if isinstance(message, Exception):
            raise message
        kind, _, body = message
        if kind != b"message":
            if body == CHANNELS:  # the last of our subscriptions is confirmed
                self._subscribed()
            return
        try:
            notice = _notice.decode(body)
        except msgspec.MsgspecError as fault:  # a newer hub's: the next look repairs
            log.warning("news not understood", fault=str(fault))
            return
        if isinstance(notice, NewsProbe):
            self._proved = monotonic()
        else:
            self._notice(notice)
