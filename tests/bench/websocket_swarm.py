"""Many WebSocket clients in a process of their own, thin enough not to be what is measured.

One epoll loop: it greets, enters, then only counts bytes. ``Swarm`` is the handle in the
measuring process.
"""

from __future__ import annotations

import base64
import contextlib
import multiprocessing
import os
import resource
import select
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any, Final

from hub.lifeline import die_with_parent

AT_ONCE: Final = 64  # connections being made
WAIT_S: Final = 20.0


@dataclass
class Script:
    """What one client says: after each ``expect`` in what arrived, the next ``send``."""

    path: str
    steps: Sequence[tuple[bytes, bytes]]  # (expect, send); the last send may be empty
    headers: str = ""


def raise_file_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def masked(text: bytes) -> bytes:
    """A client's text frame (RFC 6455 section 5.3); the mask need not be secret here."""
    size = len(text)
    head = (
        struct.pack("!BB", 0x81, 0x80 | size)
        if size < 126
        else struct.pack("!BBH", 0x81, 0xFE, size)
    )
    return head + b"\0\0\0\0" + text


class _Client:
    def __init__(self, sock: socket.socket, script: Script) -> None:
        self.sock = sock
        self.script = script
        self.step = 0
        self.seen = b""

    def take(self, data: bytes) -> bool:
        """True once the script is at its end."""
        self.seen += data
        while self.step < len(self.script.steps):
            expected, answer = self.script.steps[self.step]
            if expected not in self.seen:
                return False
            self.seen = self.seen.partition(expected)[2]
            self.step += 1
            if answer:
                self.sock.send(answer)
        return True


class _Loop:
    """The swarm's process."""

    def __init__(self, pipe: Connection) -> None:
        self.pipe = pipe
        self.poll = select.epoll()
        self.poll.register(pipe.fileno(), select.EPOLLIN)
        self.clients: dict[int, _Client] = {}
        self.bytes = 0

    def run(self) -> None:
        while True:
            for fd, _ in self.poll.poll():
                if fd == self.pipe.fileno():
                    if not self.command(self.pipe.recv()):
                        return
                else:
                    self.read(fd)

    def command(self, message: tuple[str, Any]) -> bool:
        name, value = message
        if name == "stop":
            return False
        if name == "connect":
            self.connect(*value)
        elif name == "close":
            for client in self.clients.values():
                client.sock.close()
            self.clients.clear()
        self.pipe.send(self.bytes)
        return True

    def connect(self, address: tuple[str, int], scripts: list[Script]) -> None:
        todo, making = list(reversed(scripts)), set[int]()
        while todo or making:
            while todo and len(making) < AT_ONCE:
                making.add(self.open(address, todo.pop()))
            ready = self.poll.poll(WAIT_S)
            if not ready:
                stuck = self.clients[next(iter(making))]
                raise TimeoutError(f"{len(making)} clients wait, one for {stuck.step}")
            for fd, _ in ready:
                if fd in self.clients and self.read(fd):
                    making.discard(fd)

    def open(self, address: tuple[str, int], script: Script) -> int:
        sock = socket.create_connection(address)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setblocking(False)
        key = base64.b64encode(os.urandom(16)).decode()
        sock.send(
            f"GET {script.path} HTTP/1.1\r\nHost: bench\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n"
            f"{script.headers}\r\n".encode()
        )
        self.clients[sock.fileno()] = _Client(sock, script)
        self.poll.register(sock.fileno(), select.EPOLLIN)
        return sock.fileno()

    def read(self, fd: int) -> bool:
        client = self.clients[fd]
        try:
            data = client.sock.recv(1 << 18)
        except BlockingIOError:
            return False
        if not data:
            raise ConnectionError(f"closed after {client.step}: {client.seen[-300:]!r}")
        self.bytes += len(data)
        return client.step >= len(client.script.steps) or client.take(data)


def _main(pipe: Connection) -> None:
    die_with_parent()
    raise_file_limit()
    _Loop(pipe).run()


class Swarm:
    """The clients' process. ``connect`` returns when every script is at its end."""

    def __init__(self) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_main, args=(other,), daemon=True)
        self.process.start()
        other.close()

    def ask(self, name: str, value: Any = None) -> int:
        """Blocks; call it in a thread while a server runs here. Bytes read so far."""
        self.pipe.send((name, value))
        if not self.pipe.poll(WAIT_S * 3):
            raise TimeoutError(f"the swarm does not answer {name}")
        answer: int = self.pipe.recv()
        return answer

    def stop(self) -> None:
        if self.process.is_alive():
            with contextlib.suppress(BrokenPipeError):  # it ended by a fault, printed already
                self.pipe.send(("stop", None))
            self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
