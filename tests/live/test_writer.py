"""Going round the transport never changes the order of what a socket is sent."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import struct
from collections.abc import Callable, Coroutine
from typing import Any

import pytest
import uvloop
from aiohttp import web

from hub.live.writer import Losses, RawSender, RawWriters, Sender, choose, works

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


@LOOPS
@pytest.mark.parametrize("end", ["abort", "close", "fin", "reset", "shutdown"])
def test_a_lost_connection_is_counted_while_its_descriptor_is_its_own(run: Run, end: str) -> None:
    """Whoever ends it: only then is the count a sign that no descriptor is another's."""
    run(_counted(end))


async def _counted(end: str) -> None:
    seen: list[tuple[bool, bool]] = []
    held: list[tuple[Any, int, int]] = []

    class Looking(Losses):
        @property
        def count(self) -> int:
            return len(seen)

        @count.setter
        def count(self, value: int) -> None:
            if held:
                transport, descriptor, inode = held[0]
                same = os.fstat(descriptor).st_ino == inode
                seen.append((same, transport.is_closing()))

    losses = Looking()
    came = asyncio.Event()

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse()
        await ws.prepare(request)
        transport = request.transport
        assert transport is not None and request.protocol._manager is not None
        losses.watch(request.protocol._manager)
        losses.watch(request.protocol._manager)  # once
        descriptor = transport.get_extra_info("socket").fileno()
        held.append((transport, descriptor, os.fstat(descriptor).st_ino))
        came.set()
        await ws.receive()
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    writer = await upgraded(*runner.addresses[0][:2])
    async with asyncio.timeout(10):
        await came.wait()
        transport, descriptor, inode = held[0]
        if end == "abort":
            transport.abort()
        elif end == "close":
            transport.close()
        elif end == "fin":
            writer.close()
        elif end == "reset":
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            writer.transport.abort()
        else:
            await runner.cleanup()
        while not gone(descriptor, inode):  # noqa: ASYNC110 - each turn of the loop brings it on
            await asyncio.sleep(0)
    assert seen == [(True, True)]
    writer.close()
    await runner.cleanup()


async def upgraded(host: str, port: int) -> asyncio.StreamWriter:
    """A WebSocket from the bytes up: its end can be any."""
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(
        b"GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
    )
    await reader.readuntil(b"\r\n\r\n")
    return writer


def gone(descriptor: int, inode: int) -> bool:
    try:
        return os.fstat(descriptor).st_ino != inode
    except OSError:
        return True


async def test_the_self_test_chooses_the_raw_way_and_notices_a_broken_one() -> None:
    assert (await choose()).name == "raw"

    class Broken(RawWriters):
        def pack(self, payload: bytes) -> bytes:
            return super().pack(payload)[1:]

    assert not await works(Broken(), timeout_s=1)

    class Deaf(RawWriters):
        """An aiohttp whose server does not say what it loses."""

        def attach(self, ws: web.WebSocketResponse) -> Sender:
            assert ws._writer is not None
            return RawSender(ws._writer.transport)  # type: ignore[arg-type]

    assert not await works(Deaf(), timeout_s=1)
