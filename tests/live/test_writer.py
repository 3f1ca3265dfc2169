"""Going round the transport never changes the order of what a socket is sent."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop

from hub.live.writer import RawSender, RawWriters, choose, works

Run = Callable[[Coroutine[Any, Any, None]], None]
LOOPS = pytest.mark.parametrize("run", [uvloop.run, asyncio.run])


@LOOPS
def test_frames_keep_their_order_whichever_way_they_go(run: Run) -> None:
    """The reader stops until the kernel is full: from then on the transport takes over, and what
    aiohttp itself writes in between stays in its place."""
    run(_in_order())


async def _in_order() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    sender = RawSender(transport)
    write = sender.write
    chunks = [bytes((number % 251,)) * (1 + number * 37 % 5000) for number in range(600)]
    queued, got = [], b""
    for number, chunk in enumerate(chunks):
        if number % 7 == 3:
            transport.write(chunk)
        else:
            queued.append(write(chunk))
    assert queued[0] == 0 and queued[-1] > 0  # both ways were taken
    expected = b"".join(chunks)
    reader, writer = await asyncio.open_connection(sock=theirs)
    async with asyncio.timeout(10):
        assert got + await reader.readexactly(len(expected) - len(got)) == expected
    # Drained: the short way again.
    assert write(b"end") == 0 and await reader.readexactly(3) == b"end"
    writer.close()
    transport.abort()


@LOOPS
def test_a_closing_transport_is_not_gone_round(run: Run) -> None:
    """Its descriptor may belong to another socket by now."""
    run(_closing())


async def _closing() -> None:
    loop = asyncio.get_running_loop()
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    transport, _ = await loop.create_connection(asyncio.Protocol, sock=ours)
    descriptor = ours.fileno()
    sender = RawSender(transport)
    write = sender.write
    transport.abort()
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    theirs.close()
    other, peer = socket.socketpair()
    try:
        assert descriptor in (other.fileno(), peer.fileno())
        with contextlib.suppress(OSError, RuntimeError):
            write(b"not for you")
        for end in (other, peer):
            end.setblocking(False)
            try:
                assert end.recv(64) == b""
            except BlockingIOError:
                continue
    finally:
        other.close()
        peer.close()


async def test_the_self_test_chooses_the_raw_way_and_notices_a_broken_one() -> None:
    assert (await choose()).name == "raw"

    class Broken(RawWriters):
        def pack(self, payload: bytes) -> bytes:
            return super().pack(payload)[1:]

    assert not await works(Broken(), timeout_s=1)
