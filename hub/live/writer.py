"""One frame, many sockets: the pre-framed write, hidden behind ``Writers``.

A room's payload is framed once and the same bytes go to every socket's transport. aiohttp
has no public call for that, so the raw way reaches for ``ws._writer.transport``: this
module is the only place that does. ``choose`` proves at start-up, over a real connection,
that the raw way still yields frames a client reads; if not, the public way is taken
(about 1.5 times the CPU).

Frames: RFC 6455 section 5.2, FIN set, opcode text, no mask, no extension. That is only
right because permessage-deflate is never negotiated.
"""

from __future__ import annotations

import asyncio
import struct
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Protocol

import structlog
from aiohttp import ClientSession, UnixConnector, WSMsgType, web

log = structlog.get_logger(__name__)

_TEXT: Final = 0x81
_SAMPLES: Final = (b"[]", b'["' + b"a" * 122 + b'"]', b'["' + b"b" * 70_000 + b'"]')


def frame(payload: bytes) -> bytes:
    """``payload`` as one unmasked text frame (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", _TEXT, size) + payload
    if size < 65536:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload


class Sender(Protocol):
    """One socket's way out. Never blocks; the caller watches ``queued``."""

    @property
    def write(self) -> Callable[[bytes], Any]:
        """Write what ``Writers.pack`` made. Raises RuntimeError or OSError when it is gone."""
        ...

    @property
    def queued(self) -> Callable[[], int]:
        """Bytes not yet taken by the kernel."""
        ...

    @property
    def abort(self) -> Callable[[], Any]:
        """End at once, without flushing."""
        ...


class Writers(Protocol):
    name: str

    def pack(self, payload: bytes) -> bytes: ...

    def attach(self, ws: web.WebSocketResponse) -> Sender: ...


class RawSender:
    __slots__ = ("abort", "queued", "write")

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self.write: Callable[[bytes], Any] = transport.write
        self.queued: Callable[[], int] = transport.get_write_buffer_size
        self.abort: Callable[[], Any] = transport.abort


class RawWriters:
    """Writes ready frames to the transport behind the socket."""

    name = "raw"

    def pack(self, payload: bytes) -> bytes:
        return frame(payload)

    def attach(self, ws: web.WebSocketResponse) -> Sender:
        writer = ws._writer
        transport = None if writer is None else writer.transport
        # By what it can do, not by its class: uvloop's transport is no asyncio.WriteTransport.
        if transport is None or not hasattr(transport, "get_write_buffer_size"):
            raise RuntimeError("the socket has no transport of the expected kind")
        return RawSender(transport)


class PublicSender:
    """The same through ``send_str``: a queue and one task a socket, made when needed."""

    __slots__ = ("_pending", "_size", "_task", "_ws")

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws
        self._pending: deque[bytes] = deque()  # bounded by the slow-reader policy
        self._size = 0
        self._task: asyncio.Task[None] | None = None

    def write(self, payload: bytes) -> None:
        self._pending.append(payload)
        self._size += len(payload)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._pump())

    def queued(self) -> int:
        return self._size

    def abort(self) -> None:
        self._pending.clear()
        if self._task is not None:
            self._task.cancel()

    async def _pump(self) -> None:
        try:
            while self._pending:
                payload = self._pending[0]
                await self._ws.send_str(payload.decode())
                self._pending.popleft()
                self._size -= len(payload)
        except (ConnectionError, RuntimeError) as fault:
            log.debug("socket gone while sending", fault=str(fault))
        finally:
            self._task = None


class PublicWriters:
    """aiohttp's public API only."""

    name = "public"

    def pack(self, payload: bytes) -> bytes:
        return payload

    def attach(self, ws: web.WebSocketResponse) -> Sender:
        return PublicSender(ws)


async def works(writers: Writers, timeout_s: float = 5.0) -> bool:
    """Whether a client reads what ``writers`` sends: three sizes of frame, one connection."""

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        sender = writers.attach(ws)
        for payload in _SAMPLES:
            sender.write(writers.pack(payload))
        await ws.receive()
        return ws

    app = web.Application()
    app.router.add_get("/", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        with tempfile.TemporaryDirectory() as directory:
            path = str(Path(directory) / "t.sock")
            await web.UnixSite(runner, path).start()
            async with (
                asyncio.timeout(timeout_s),
                ClientSession(connector=UnixConnector(path)) as client,
                client.ws_connect("http://test/", compress=0) as ws,
            ):
                for payload in _SAMPLES:
                    message = await ws.receive()
                    if message.type is not WSMsgType.TEXT or message.data.encode() != payload:
                        return False
    except (AttributeError, OSError, RuntimeError, TimeoutError) as fault:
        log.warning("writer self-test failed", writer=writers.name, fault=repr(fault))
        return False
    finally:
        await runner.cleanup()
    return True


async def choose() -> Writers:
    """The fastest way of writing that works with the aiohttp installed here."""
    raw = RawWriters()
    if await works(raw):
        return raw
    log.warning("pre-framed writes do not work with this aiohttp; using its public API")
    return PublicWriters()
