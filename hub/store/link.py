"""One connection to Redis: redis-py opens it, what goes over it then is written and read here.

redis-py connects, encrypts, signs in and selects the database. Its asyncio reading and writing
then cost a task's turn and a timer for each read and each write. A ``Link`` takes over the
transport: commands go to it as hiredis packs them, and what arrives goes through hiredis' reader
(RESP2) to a callback in the same turn of the loop (decisions/0031).

The only module that reaches for redis-py's ``_reader``, ``_writer`` and ``_parser``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

import hiredis
import redis.asyncio as aioredis
from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import TimeoutError as RedisTimeoutError

Argument = str | bytes | int
Command = tuple[Argument, ...]

#: hiredis' sign for "no whole answer yet"; False and None are answers.
_NOTHING: Final = object()


def make_connection(url: str, timeout_s: float) -> AbstractConnection:
    """A connection of redis-py for ``url`` (redis, rediss, unix), RESP2, not yet connected."""
    pool = aioredis.ConnectionPool.from_url(
        url, socket_timeout=timeout_s, socket_connect_timeout=timeout_s, protocol=2
    )
    connection: AbstractConnection = pool.make_connection()  # type: ignore[no-untyped-call]
    return connection


def pack(command: Command) -> bytes:
    """A command as Redis reads it. Raises TypeError for an argument of a strange kind."""
    packed: bytes = hiredis.pack_command(command)  # type: ignore[arg-type]
    return packed


def _nothing() -> None: ...


class Link(asyncio.Protocol):
    """Takes over a connected connection that is owed no answer.

    Args:
        take: is given each answer in its turn; what Redis refused is a ``ResponseError``. What
            it raises ends the link.
        drained: Redis reads again after ``full`` was true

    Raises redis' ConnectionError when the connection has ended already.
    """

    def __init__(
        self,
        connection: AbstractConnection,
        take: Callable[[Any], None],
        drained: Callable[[], None] = _nothing,
    ) -> None:
        reader, writer = connection._reader, connection._writer
        if reader is None or writer is None or writer.is_closing() or reader.at_eof():
            raise RedisConnectionError("connection ended")
        self.full = False  # more is waiting for Redis than the transport likes to hold
        self.heard = 0.0  # when something came last, or nothing was owed (the loop's clock)
        self._loop = asyncio.get_running_loop()
        self._take = take
        self._drained = drained
        self._answers = hiredis.Reader(
            replyError=connection._parser.parse_error, notEnoughData=_NOTHING
        )
        self._lost: asyncio.Future[Exception] = self._loop.create_future()
        self._transport = cast(asyncio.Transport, writer.transport)
        self._transport.set_protocol(self)
        self.expect()

    def write(self, packed: bytes) -> None:
        """Commands as ``pack`` made them. After the end nothing happens: ``watch`` tells of it."""
        if not self._lost.done():
            self._transport.write(packed)

    def expect(self) -> None:
        """Nothing was owed until now: silence counts from here."""
        self.heard = self._loop.time()

    async def watch(self, quiet_s: float, owed: Callable[[], bool]) -> None:
        """Never returns: raises what ended the connection; redis' TimeoutError when something is
        ``owed`` and nothing has come for ``quiet_s`` seconds."""
        left = quiet_s
        while not self._lost.done():
            await asyncio.wait([self._lost], timeout=left)
            await asyncio.sleep(0)  # a loop that stood still reads before it judges
            quiet = self._loop.time() - self.heard if owed() else 0.0
            if quiet >= quiet_s and not self._lost.done():
                raise RedisTimeoutError(f"no answer for {quiet_s:g} s")
            left = quiet_s - quiet
        raise self._lost.result()

    # --- asyncio.Protocol -----------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        if self._lost.done():
            return
        self.heard = self._loop.time()
        try:
            self._answers.feed(data)
            while (answer := self._answers.gets()) is not _NOTHING:
                if isinstance(answer, RedisConnectionError):  # LOADING and the like: of no command
                    raise answer
                self._take(answer)
        except Exception as fault:
            self._end(fault)
            self._transport.abort()

    def pause_writing(self) -> None:
        self.full = True

    def resume_writing(self) -> None:
        self.full = False
        self._drained()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or RedisConnectionError("connection closed by Redis"))

    def _end(self, fault: Exception) -> None:
        if not self._lost.done():
            self._lost.set_result(fault)
