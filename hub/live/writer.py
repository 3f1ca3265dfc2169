"""One frame, many sockets: the pre-framed write, hidden behind ``Writers``.

A room's payload is framed once and the same bytes go to every socket's transport. aiohttp
has no public call for that, so the raw way reaches for ``ws._writer.transport``, and for the
server behind a socket to hear of lost connections: this module is the only place that does.
``choose`` proves at start-up, over a real connection, that the raw way still yields frames a
client reads and that its end is heard of; if not, the public way is taken (about 1.5 times
the CPU).

Frames: RFC 6455 section 5.2, FIN set, opcode text, no mask, no extension. That is only
right because permessage-deflate is never negotiated.
"""

from __future__ import annotations

import asyncio
import os
import struct
import tempfile
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol
from weakref import WeakSet

import structlog
from aiohttp import ClientSession, UnixConnector, WSMsgType, web

log = structlog.get_logger(__name__)

_TEXT: Final = 0x81
_PING: Final = b"\x89\x00"
_PONG: Final = 0x8A
_CLOSE: Final = 0x88
_SAMPLES: Final = (b"[]", b'["' + b"a" * 122 + b'"]', b'["' + b"b" * 70_000 + b'"]')


def frame(payload: bytes) -> bytes:
    """``payload`` as one unmasked text frame (RFC 6455 section 5.2)."""
    size = len(payload)
    if size < 126:
        return struct.pack("!BB", _TEXT, size) + payload
    if size < 65536:
        return struct.pack("!BBH", _TEXT, 126, size) + payload
    return struct.pack("!BBQ", _TEXT, 127, size) + payload


class Losses:
    """How many connections this process has lost (``count``); each is counted while its descriptor
    is still its own: a transport tells its protocol first and closes the socket then."""

    __slots__ = ("_servers", "count")

    def __init__(self) -> None:
        self.count = 0
        self._servers: WeakSet[web.Server] = WeakSet()

    def watch(self, server: web.Server) -> None:
        """Count what ``server`` loses from now on."""
        if server in self._servers:
            return
        self._servers.add(server)
        lost = server.connection_lost

        def counted(handler: web.RequestHandler, exc: BaseException | None = None) -> None:
            self.count += 1
            lost(handler, exc)

        server.connection_lost = counted  # type: ignore[method-assign]


LOSSES: Final = Losses()


class Straight(NamedTuple):
    """What a loop over many sockets needs to hand bytes to the kernel itself.

    Only while ``Sender.queued`` is 0 and ``closing()`` is false: what is queued goes first, and the
    descriptor of a closed socket may be another socket's. ``closing()`` need not be asked again
    while ``LOSSES.count`` stays what it was. All that is ever queued is queued by
    ``Sender.write``, which says so: aiohttp writes nothing by itself but the answer to a close.
    """

    closing: Callable[[], bool]
    descriptor: int


class Sender(Protocol):
    """One socket's way out. Never blocks; the caller watches ``queued``."""

    @property
    def write(self) -> Callable[[bytes], int]:
        """Write what ``Writers.pack`` made; what is ``queued`` then. Raises RuntimeError or
        OSError when the socket is gone."""
        ...

    @property
    def queued(self) -> Callable[[], int]:
        """Bytes not yet taken by the kernel."""
        ...

    @property
    def abort(self) -> Callable[[], Any]:
        """End at once, without flushing."""
        ...

    @property
    def straight(self) -> Straight | None:
        """The way round the transport, where there is one."""
        ...

    async def ping(self) -> None:
        """Raises as ``write`` does; ``pong`` too."""
        ...

    async def pong(self, data: bytes) -> None: ...

    def goodbye(self, code: int, reason: str) -> bool:
        """Send a Close frame (RFC 6455 section 5.5.1) and go on reading; False where only
        aiohttp's own ``close`` can send one."""
        ...

    @property
    def finish(self) -> Callable[[], Any]:
        """End once what is queued has gone out."""
        ...


class Writers(Protocol):
    name: str
    straight: bool  # its senders have a way round the transport

    def pack(self, payload: bytes) -> bytes: ...

    def attach(self, ws: web.WebSocketResponse) -> Sender: ...


class RawSender:
    """Writes ready frames to a transport, or round it while it is idle.

    uvloop's transport gathers writes for the end of the loop's turn: two more calls and an entry in
    two lists for each socket of a room. What the kernel does not take goes the transport's way,
    and until that is empty so does all that follows. With TLS it is the transport that encrypts:
    there every frame goes through it.
    """

    __slots__ = ("_transport", "abort", "finish", "queued", "straight")

    def __init__(self, transport: asyncio.WriteTransport) -> None:
        self._transport = transport
        self.queued: Callable[[], int] = transport.get_write_buffer_size
        self.abort: Callable[[], Any] = transport.abort
        self.finish: Callable[[], Any] = transport.close
        self.straight: Straight | None = None
        plain = transport.get_extra_info("socket")
        if plain is not None and transport.get_extra_info("sslcontext") is None:
            self.straight = Straight(transport.is_closing, plain.fileno())

    def write(self, packed: bytes) -> int:
        straight = self.straight
        sent = 0
        if straight is not None and not self.queued() and not straight.closing():
            try:
                sent = os.write(straight.descriptor, packed)
            except BlockingIOError:
                sent = 0
            if sent == len(packed):
                return 0
        self._transport.write(packed[sent:])
        return self.queued()

    async def ping(self) -> None:
        self.write(_PING)

    async def pong(self, data: bytes) -> None:
        self.write(bytes((_PONG, len(data))) + data)

    def goodbye(self, code: int, reason: str) -> bool:
        data = code.to_bytes(2, "big") + reason.encode()[:123]
        self.write(bytes((_CLOSE, len(data))) + data)
        return True


class RawWriters:
    """Writes ready frames to the transport behind the socket."""

    name = "raw"
    straight = True

    def pack(self, payload: bytes) -> bytes:
        return frame(payload)

    def attach(self, ws: web.WebSocketResponse) -> Sender:
        writer = ws._writer
        transport = None if writer is None else writer.transport
        # By what it can do, not by its class: uvloop's transport is no asyncio.WriteTransport.
        if transport is None or not hasattr(transport, "get_write_buffer_size"):
            raise RuntimeError("the socket has no transport of the expected kind")
        server = None if ws._req is None else ws._req.protocol._manager
        if server is None:
            raise RuntimeError("the socket has no server to hear of lost connections from")
        LOSSES.watch(server)
        return RawSender(transport)


class PublicSender:
    """The same through ``send_str``: a queue and one task a socket, made when needed."""

    __slots__ = ("_pending", "_size", "_task", "_ws")
    straight = None

    def __init__(self, ws: web.WebSocketResponse) -> None:
        self._ws = ws
        self._pending: deque[bytes] = deque()  # bounded by the slow-reader policy
        self._size = 0
        self._task: asyncio.Task[None] | None = None

    def write(self, payload: bytes) -> int:
        self._pending.append(payload)
        self._size += len(payload)
        if self._task is None:
            self._task = asyncio.get_running_loop().create_task(self._pump())
        return self._size

    def queued(self) -> int:
        return self._size

    def abort(self) -> None:
        self._pending.clear()
        if self._task is not None:
            self._task.cancel()

    async def ping(self) -> None:
        await self._ws.ping()

    async def pong(self, data: bytes) -> None:
        await self._ws.pong(data)

    def goodbye(self, code: int, reason: str) -> bool:
        return False

    def finish(self) -> None:
        """aiohttp's ``close`` has done it."""

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
    straight = False

    def pack(self, payload: bytes) -> bytes:
        return payload

    def attach(self, ws: web.WebSocketResponse) -> Sender:
        return PublicSender(ws)


async def works(writers: Writers, timeout_s: float = 5.0) -> bool:
    """Whether a client reads what ``writers`` sends, between what aiohttp itself sends: three
    sizes of frame, one connection, in order; and, for the raw way, its end is counted."""
    losses = LOSSES.count

    async def serve(request: web.Request) -> web.WebSocketResponse:
        ws = web.WebSocketResponse(compress=False)
        await ws.prepare(request)
        sender = writers.attach(ws)
        for payload in _SAMPLES:
            sender.write(writers.pack(payload))
            # The transport's own way and the one round it must not overtake each other.
            await ws.send_str(payload.decode())
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
                for payload in (payload for payload in _SAMPLES for _ in range(2)):
                    message = await ws.receive()
                    if message.type is not WSMsgType.TEXT or message.data.encode() != payload:
                        return False
    except (AttributeError, OSError, RuntimeError, TimeoutError) as fault:
        log.warning("writer self-test failed", writer=writers.name, fault=repr(fault))
        return False
    finally:
        await runner.cleanup()
    return not writers.straight or LOSSES.count > losses


async def choose() -> Writers:
    """The fastest way of writing that works with the aiohttp installed here."""
    raw = RawWriters()
    if await works(raw):
        return raw
    log.warning("pre-framed writes do not work with this aiohttp; using its public API")
    return PublicWriters()
