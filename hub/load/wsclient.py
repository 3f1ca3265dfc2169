"""A WebSocket client of the least cost, for tens of thousands of them in one process.

RFC 6455, client side: text out (masked), text, ping and close in; no extensions, no
fragments (the hub sends none). A library's client costs several times the memory and CPU,
and the load generator shares the machine with what it measures.
"""

from __future__ import annotations

import asyncio
import base64
import os
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast
from urllib.parse import urlsplit

from rooms.messages import SUBPROTOCOL

IP_BIND_ADDRESS_NO_PORT: Final = 24  # Linux; not in the socket module of Python 3.11
HEAD_MAX: Final = 16 * 1024
FRAME_MAX: Final = 16 * 1024 * 1024
ABNORMAL: Final = 1006


class HandshakeFailed(ConnectionError):
    """The upgrade was refused; ``status`` is the HTTP status, 0 when there was none."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the server answered {status} to the upgrade")
        self.status = status


class Connection(asyncio.Protocol):
    """One socket. ``received`` gets each text's bytes, ``closed`` the close code, once."""

    def __init__(
        self, head: bytes, received: Callable[[bytes], None], closed: Callable[[int], None]
    ) -> None:
        self._head = head
        self._received = received
        self._closed = closed
        self._buffer = b""
        self._code = ABNORMAL
        self._open = False
        self.transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do all of it without being a subclass.
        self.transport = cast(asyncio.Transport, transport)
        self.transport.write(self._head)

    def data_received(self, data: bytes) -> None:
        self._buffer = self._buffer + data if self._buffer else data
        if not self._open and not self._finish_handshake():
            return
        offset = 0
        while (end := self._frame(offset)) is not None:
            offset = end
        if offset:
            self._buffer = self._buffer[offset:]

    def _finish_handshake(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(self._buffer) > HEAD_MAX:
                self._fail(0)
            return False
        parts = self._buffer[:64].split(b" ", 2)
        status = int(parts[1]) if len(parts) > 1 and parts[1].isdigit() else 0
        if status != 101:
            self._fail(status)
            return False
        self._buffer = self._buffer[end + 4 :]
        self._open = True
        if not self.opened.done():
            self.opened.set_result(None)
        return True

    def _fail(self, status: int) -> None:
        if not self.opened.done():
            self.opened.set_exception(HandshakeFailed(status))
        self.abort()

    def _frame(self, start: int) -> int | None:
        """Take one whole frame at ``start`` of the buffer; where it ends, None if not whole."""
        data = self._buffer
        if len(data) < start + 2:
            return None
        length, body = data[start + 1] & 0x7F, start + 2
        if length == 126:
            length, body = int.from_bytes(data[start + 2 : start + 4], "big"), start + 4
        elif length == 127:
            length, body = int.from_bytes(data[start + 2 : start + 10], "big"), start + 10
        if length > FRAME_MAX:
            self.abort()
            return None
        if len(data) < body + length:
            return None
        payload, opcode = data[body : body + length], data[start] & 0x0F
        if opcode == 0x1:
            self._received(payload)
        elif opcode == 0x9:
            self._write(0xA, payload)
        elif opcode == 0x8:
            self._code = int.from_bytes(payload[:2], "big") if length >= 2 else 1005
            self._write(0x8, payload[:2])
            if self.transport is not None:
                self.transport.close()
        return body + length

    def _write(self, opcode: int, payload: bytes) -> None:
        if self.transport is None or self.transport.is_closing():
            return
        length = len(payload)
        if length < 126:
            head = bytes((0x80 | opcode, 0x80 | length))
        else:
            head = bytes((0x80 | opcode, 0x80 | 126)) + length.to_bytes(2, "big")
        mask = os.urandom(4)
        stream = mask * (length // 4 + 1)
        masked = int.from_bytes(payload, "big") ^ int.from_bytes(stream[:length], "big")
        self.transport.write(head + mask + masked.to_bytes(length, "big"))

    def send(self, text: bytes) -> None:
        """Send one text message of less than 64 KiB; nothing when the socket is closed."""
        self._write(0x1, text)

    def abort(self) -> None:
        """Gone without a goodbye, as a cut network is."""
        if self.transport is not None:
            self.transport.abort()

    def connection_lost(self, _fault: Exception | None) -> None:
        if self._open:
            self._closed(self._code)
        elif not self.opened.done():  # who waits for it is told so, and by nothing else
            self.opened.set_exception(HandshakeFailed(0))


async def connect(
    url: str,
    received: Callable[[bytes], None],
    closed: Callable[[int], None],
    *,
    source: str | None = None,
    timeout_s: float = 30.0,
) -> Connection:
    """Open ``url`` (http or https, the hub's address), from the local address ``source``.

    Raises HandshakeFailed, OSError, TimeoutError.
    """
    parts = urlsplit(url)
    secure = parts.scheme == "https"
    port = parts.port or (443 if secure else 80)
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        f"GET /live HTTP/1.1\r\nHost: {parts.netloc}\r\nUpgrade: websocket\r\n"
        f"Connection: Upgrade\r\nSec-WebSocket-Key: {key}\r\nSec-WebSocket-Version: 13\r\n"
        f"Sec-WebSocket-Protocol: {SUBPROTOCOL}\r\n\r\n"
    ).encode()
    loop = asyncio.get_running_loop()
    context: ssl.SSLContext | None = None
    if secure:
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    async with asyncio.timeout(timeout_s):
        address = (await loop.getaddrinfo(parts.hostname, port, type=socket.SOCK_STREAM))[0]
        sock = socket.socket(address[0], socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            if source is not None:
                # Without it the port is chosen at bind time, and connecting slows to a crawl.
                sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                sock.bind((source, 0))
            await loop.sock_connect(sock, address[4])
        except BaseException:
            sock.close()
            raise
        _, protocol = await loop.create_connection(
            lambda: Connection(head, received, closed),
            sock=sock, ssl=context, server_hostname=parts.hostname if secure else None,
        )  # fmt: skip
        await protocol.opened
    return protocol
