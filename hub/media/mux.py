"""One UDP socket for all peers of a media worker: ICE-lite and the demultiplexer.

RFC 7983 tells STUN, DTLS and SRTP apart by the first byte. A datagram belongs to a peer by
the ufrag of an authenticated Binding request first, by its address afterwards. A peer's
valid addresses are remembered; media is taken from any of them and sent to the one that
was nominated (USE-CANDIDATE), so that an address that only asks is never sent to.
Consent (RFC 7675) is the time of the last valid check; we are lite and ask nothing.

Bounds: MAX_TRANSPORTS peers, MAX_TUPLES addresses a peer, CHECKS_PER_S authenticated
checks a peer, BATCH datagrams before the loop gets its turn.
"""

from __future__ import annotations

import asyncio
import secrets
import socket
import struct
import time
from collections.abc import Callable
from typing import Any, Final

from hub.media import stun

Address = tuple[Any, ...]
#: ancillary data for sendmsg: the source address to answer from, or nothing
Local = tuple[tuple[int, int, bytes], ...]

MAX_TRANSPORTS: Final = 4_096
MAX_TUPLES: Final = 8
CHECKS_PER_S: Final = 50
BATCH: Final = 256
SOCKET_BUFFER: Final = 8 << 20
_IP_PKTINFO: Final = 8
_IPV6_RECVPKTINFO: Final = 49
_IPV6_PKTINFO: Final = 50


class TableFull(Exception):
    """The worker serves as many peers as it may."""


def _ignore(data: bytes) -> None:
    """Where datagrams of a kind go before anybody wants them."""


class Transport:
    """One peer's path: the duck that DTLS and SRTP send through.

    ``heard`` is the monotonic time of the last valid check, of creation before the first.
    ``on_path`` is called once, when the first address is chosen.
    """

    __slots__ = (
        "_checks", "_second", "address", "heard", "local", "mux", "on_dtls", "on_path",
        "on_srtp", "password", "remote", "tuples", "ufrag",
    )  # fmt: skip

    def __init__(self, mux: Mux, remote: str) -> None:
        self.mux = mux
        self.remote = remote
        self.ufrag = secrets.token_hex(4)
        self.password = secrets.token_hex(12)
        self.address: Address | None = None
        self.local: Local = ()
        self.tuples: dict[Address, Local] = {}
        self.heard = time.monotonic()
        self.on_dtls: Callable[[bytes], None] = _ignore
        self.on_srtp: Callable[[bytes], None] = _ignore
        self.on_path: Callable[[], None] | None = None
        self._second = 0
        self._checks = 0

    def send(self, data: bytes) -> None:
        """To the peer, if a path is known; a full socket drops, as a network does."""
        if self.address is not None:
            self.mux.send(data, self.address, self.local)

    def may_check(self, now: float) -> bool:
        """Counts a check against CHECKS_PER_S, before anything is computed for it."""
        second = int(now)
        if second != self._second:
            self._second, self._checks = second, 0
        self._checks += 1
        return self._checks <= CHECKS_PER_S


class Mux:
    """The socket and its tables. ``flush`` runs after each batch of datagrams."""

    def __init__(self, host: str, port: int, flush: Callable[[], None]) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.flush = flush
        self.now = time.monotonic()
        self.dropped = 0  # datagrams the kernel would not take
        self.received = 0
        self._by_ufrag: dict[str, Transport] = {}
        self._by_address: dict[Address, Transport] = {}
        self._wildcard = host in {"0.0.0.0", "::", ""}
        try:
            self.socket.setblocking(False)
            for option in (socket.SO_SNDBUF, socket.SO_RCVBUF):
                self.socket.setsockopt(socket.SOL_SOCKET, option, SOCKET_BUFFER)
            if family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
            if self._wildcard and family == socket.AF_INET6:
                self.socket.setsockopt(socket.IPPROTO_IPV6, _IPV6_RECVPKTINFO, 1)
            elif self._wildcard:
                self.socket.setsockopt(socket.IPPROTO_IP, _IP_PKTINFO, 1)
            self.socket.bind((host, port))
        except OSError:
            self.socket.close()
            raise
        self.port: int = self.socket.getsockname()[1]
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self.socket.fileno(), self._readable)

    def close(self) -> None:
        self._loop.remove_reader(self.socket.fileno())
        self.socket.close()

    def __len__(self) -> int:
        return len(self._by_ufrag)

    def open(self, remote: str) -> Transport:
        """A transport for the peer whose ufrag is ``remote``. Raises TableFull."""
        if len(self._by_ufrag) >= MAX_TRANSPORTS:
            raise TableFull
        transport = Transport(self, remote)
        self._by_ufrag[transport.ufrag] = transport
        return transport

    def restart(self, transport: Transport, remote: str) -> None:
        """ICE restart: new credentials on the same path; the old ones end at once, the path
        stays until a check with the new ones nominates another (RFC 8445 section 9)."""
        self._by_ufrag.pop(transport.ufrag, None)
        transport.remote = remote
        transport.ufrag = secrets.token_hex(4)
        transport.password = secrets.token_hex(12)
        self._by_ufrag[transport.ufrag] = transport

    def forget(self, transport: Transport) -> None:
        self._by_ufrag.pop(transport.ufrag, None)
        for address in transport.tuples:
            if self._by_address.get(address) is transport:
                del self._by_address[address]
        transport.tuples.clear()
        transport.address = None

    def send(self, data: bytes, address: Address, local: Local = ()) -> None:
        try:
            if local:
                self.socket.sendmsg((data,), local, 0, address)
            else:
                self.socket.sendto(data, address)
        except OSError:  # full, or the network refuses: lost, as on any network; counted
            self.dropped += 1

    def _readable(self) -> None:
        self.now = time.monotonic()
        receive = self._receive_from if self._wildcard else self.socket.recvfrom
        by_address = self._by_address
        count = 0
        while count < BATCH:
            try:
                data, address = receive(2048)
            except OSError:  # drained; or an ICMP error, which has no datagram with it
                break
            count += 1
            if len(data) < 12:
                continue
            first = data[0]
            if first < 4:
                self._check(data, address)
                continue
            transport = by_address.get(address)
            if transport is None:
                continue
            if 128 <= first < 192:
                transport.on_srtp(data)
            elif 20 <= first < 64:
                transport.on_dtls(data)
        self.received += count
        self.flush()

    _reached: Local = ()  # where the datagram being looked at arrived, in wildcard mode

    def _receive_from(self, size: int) -> tuple[bytes, Address]:
        data, ancillary, _, address = self.socket.recvmsg(size, 64)
        self._reached = ()
        for level, kind, value in ancillary:
            if level == socket.IPPROTO_IP and kind == _IP_PKTINFO:
                _, destination, _ = struct.unpack("=I4s4s", value[:12])
                answer = struct.pack("=I4s4s", 0, destination, b"\0\0\0\0")
                self._reached = ((level, kind, answer),)
            elif level == socket.IPPROTO_IPV6 and kind == _IPV6_PKTINFO:
                self._reached = ((level, kind, value),)
        return data, address

    def _check(self, data: bytes, address: Address) -> None:
        request = stun.parse_request(data)
        if request is None:
            return
        transport = self._by_ufrag.get(request.local)
        if transport is None or request.remote != transport.remote:
            return
        if not transport.may_check(self.now):
            return
        password = transport.password.encode()
        if not stun.authentic(data, request, password):
            return
        local = self._reached
        known = transport.tuples
        if address not in known:
            if len(known) >= MAX_TUPLES:
                self._forget_oldest(transport)
            owner = self._by_address.get(address)
            if owner is not None and owner is not transport:
                # A socket reused by a new connection: the newer proof wins.
                owner.tuples.pop(address, None)
                if owner.address == address:
                    owner.address = None
            self._by_address[address] = transport
        known[address] = local
        transport.heard = self.now
        self.send(
            stun.response(request.transaction, address[0], address[1], password), address, local
        )
        if transport.address is None or (request.nominated and transport.address != address):
            transport.address, transport.local = address, local
        if transport.on_path is not None:
            transport.on_path()
            transport.on_path = None

    def _forget_oldest(self, transport: Transport) -> None:
        for address in transport.tuples:
            if address != transport.address:
                del transport.tuples[address]
                self._by_address.pop(address, None)
                return
