"""One connection to Redis and one submitter that sends together what is waiting.

redis-py's asyncio client gives each call a connection and a round trip of its own
(57 µs of client CPU a call against 20 pipelined). Here calls made in one turn of the loop leave
in one write, and answers are matched in order. A call ends with its answer or, within
``timeout_s`` of being sent, with ``StoreLost``: what Redis decided is then unknown.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final

import structlog
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError, RedisError

from hub.ports import StoreLost
from hub.store.link import Argument, Command, Link, make_connection, pack
from hub.store.scripts import SCRIPTS

WAITING_MAX: Final = 50_000  # calls not yet sent
BATCH: Final = 512  # calls in one write
BACKOFF_S: Final = (0.05, 0.1, 0.2, 0.5, 1.0)

log = structlog.get_logger(__name__)


async def end(*tasks: asyncio.Task[None] | None) -> None:
    """Cancel tasks until they are done.

    Once is not enough: ``asyncio.wait_for`` of Python 3.11, which redis-py connects through,
    loses a cancellation that arrives as the inner await completes (python/cpython#86296).
    """
    left = {task for task in tasks if task is not None and not task.done()}
    while left:
        for task in left:
            task.cancel()
        _, left = await asyncio.wait(left, timeout=0.25)
    for each in tasks:
        if each is not None and each.done() and not each.cancelled():
            each.exception()  # looked at, so that the loop does not complain of it


class Submitter:
    """``start`` connects (and goes on connecting); ``call`` and ``script`` are one answer each.

    ``connected`` callbacks run after each connect, ``run_id`` names the Redis process.
    """

    def __init__(self, url: str, timeout_s: float = 5.0) -> None:
        self._url = url
        self._timeout_s = timeout_s
        self._waiting: deque[tuple[bytes, asyncio.Future[Any]]] = deque()
        self._inflight: deque[asyncio.Future[Any]] = deque()
        self._link: Link | None = None
        self._flushing = False  # a flush is due in this turn of the loop
        self._up = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self.on_connect: Callable[[], Awaitable[None]] | None = None
        self.run_id = ""
        self.fault: str | None = "not connected"

    async def start(self) -> None:
        """Connect; raises StoreLost when the first attempt takes longer than the bound."""
        self._task = asyncio.create_task(self._run(), name="store-submitter")
        try:
            await asyncio.wait_for(self._up.wait(), self._timeout_s + 1)
        except TimeoutError:
            fault = self.fault or "no answer"
            await self.close()
            raise StoreLost(fault) from None

    async def close(self) -> None:
        await end(self._task, *self._background)
        self._task = None
        self._fail("closed")

    @property
    def up(self) -> bool:
        return self._up.is_set()

    async def call(self, *command: Argument) -> Any:
        """One command's answer. Raises StoreLost; ResponseError when Redis refuses it."""
        return await self.submit(command)

    def submit(self, command: Command) -> asyncio.Future[Any]:
        """Queue a command now; commands queued without a pause stay together, in order.

        Raises StoreLost; TypeError for an argument of a strange kind.
        """
        if not self._up.is_set():
            raise StoreLost(self.fault or "not connected")
        if len(self._waiting) >= WAITING_MAX:
            raise StoreLost("too many calls are waiting")
        packed = pack(command)
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._waiting.append((packed, future))
        if not self._flushing:
            self._flushing = True
            loop.call_soon(self._flush)
        return future

    async def script(self, name: str, keys: Sequence[str], args: Sequence[Argument]) -> Any:
        """Run a script by its digest; a Redis that forgot it is given it again."""
        script = SCRIPTS[name]
        try:
            return await self.submit(("EVALSHA", script.sha, len(keys), *keys, *args))
        except NoScriptError:
            return await self.submit(("EVAL", script.source, len(keys), *keys, *args))

    async def script_and_wait(
        self, name: str, keys: Sequence[str], args: Sequence[Argument], replicas: int, ms: int
    ) -> tuple[Any, int]:
        """A script's answer and how many replicas confirmed it, on one connection."""
        script = SCRIPTS[name]
        for what in (("EVALSHA", script.sha), ("EVAL", script.source)):
            answer = self.submit((*what, len(keys), *keys, *args))
            confirmed = self.submit(("WAIT", replicas, ms))
            found: Any = await asyncio.gather(answer, confirmed, return_exceptions=True)
            if isinstance(found[0], NoScriptError):
                continue
            for each in found:
                if isinstance(each, BaseException):
                    raise each
            return found[0], int(found[1])
        raise StoreLost("Redis does not keep the script")

    async def _run(self) -> None:
        attempt = 0
        while True:
            connection = make_connection(self._url, self._timeout_s)
            try:
                await connection.connect()  # type: ignore[no-untyped-call]
                await self._greet(connection)
                attempt = 0
                await self._serve(connection)
            except (RedisError, OSError, TimeoutError, EOFError) as fault:
                self._fail(f"{type(fault).__name__}: {fault}")
            except Exception as fault:
                # What a library was not known to raise is a lost connection too: ending here
                # would leave every call without an answer for good.
                log.exception("store connection failed")
                self._fail(f"{type(fault).__name__}: {fault}")
            finally:
                self._up.clear()
                self._link = None
                with contextlib.suppress(RedisError, OSError, TimeoutError):
                    await connection.disconnect(nowait=True)
            pause = BACKOFF_S[min(attempt, len(BACKOFF_S) - 1)]
            attempt += 1
            await asyncio.sleep(pause * random.uniform(0.5, 1.0))

    async def _greet(self, connection: AbstractConnection) -> None:
        """Learn which Redis this is and give it the scripts, before anyone may call."""
        await connection.send_command("INFO", "server")
        info = bytes(await connection.read_response()).decode()
        self.run_id = next(
            line.partition(":")[2] for line in info.splitlines() if line.startswith("run_id:")
        )
        for script in SCRIPTS.values():
            await connection.send_command("SCRIPT", "LOAD", script.source)
            await connection.read_response()

    async def _serve(self, connection: AbstractConnection) -> None:
        """Until the connection ends; raises what ended it."""
        self._link = link = Link(connection, self._take, self._flush)
        self.fault = None
        self._up.set()
        if self.on_connect is not None:
            told = asyncio.create_task(self._tell())
            self._background.add(told)
            told.add_done_callback(self._background.discard)
        await link.watch(self._timeout_s, lambda: bool(self._inflight))

    async def _tell(self) -> None:
        if self.on_connect is not None:
            with contextlib.suppress(StoreLost):  # the next connect tells again
                await self.on_connect()

    def _flush(self) -> None:
        """Write what is waiting, as long as Redis reads."""
        self._flushing = False
        link = self._link
        if link is None:
            return
        if self._waiting and not self._inflight:
            link.expect()
        while self._waiting and not link.full:
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._inflight.extend(future for _, future in batch)
            link.write(b"".join(packed for packed, _ in batch))

    def _take(self, answer: Any) -> None:
        """The answer to the oldest call. Raises redis' ConnectionError when nothing was asked."""
        if not self._inflight:
            raise RedisConnectionError("an answer to nothing")
        future = self._inflight.popleft()
        if future.done():  # its caller was cancelled
            return
        if isinstance(answer, Exception):
            future.set_exception(answer)
        else:
            future.set_result(answer)

    def _fail(self, reason: str) -> None:
        self.fault = reason
        self._up.clear()
        left = [*self._inflight, *(future for _, future in self._waiting)]
        self._inflight.clear()
        self._waiting.clear()
        for future in left:
            if not future.done():
                future.set_exception(StoreLost(reason))
                future.exception()  # retrieved: a caller may be gone
