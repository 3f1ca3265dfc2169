"""The TCP port: taken exclusively once, then shared by the hub workers.

A second server on the same port would hand out the same seats from its own truth, and
SO_REUSEPORT alone would let it in unnoticed. So the port is first bound and listened on
without that option (which fails when anybody has it), and only then opened to sockets
of our own. ``Port`` keeps a bound socket that never listens: it holds the port while a
worker is being replaced.
"""

from __future__ import annotations

import errno
import socket

BACKLOG = 1024  # the kernel's own bound (net.core.somaxconn) is 4096


class PortTaken(OSError):
    """Somebody else has the port, or it may not be bound; the text says which."""


def _address(host: str, port: int, kind: socket.SocketKind) -> tuple[socket.AddressFamily, object]:
    try:
        found = socket.getaddrinfo(
            host or None, port, type=kind, flags=socket.AI_PASSIVE | socket.AI_NUMERICSERV
        )
    except socket.gaierror as fault:
        raise PortTaken(f"{host}: {fault.strerror}") from None
    return found[0][0], found[0][4]


def _explain(host: str, port: int, fault: OSError) -> PortTaken:
    if fault.errno == errno.EADDRINUSE:
        return PortTaken(f"port {port} on {host} is in use by another program")
    if fault.errno == errno.EACCES:
        return PortTaken(f"port {port} on {host} needs more rights (ports below 1024)")
    return PortTaken(f"{host}:{port}: {fault.strerror}")


class Port:
    """A TCP port held for this process and its workers. ``number`` is set when 0 was asked."""

    def __init__(self, host: str, port: int) -> None:
        """Take the port. Raises PortTaken."""
        self.host = host
        family, address = _address(host, port, socket.SOCK_STREAM)
        self._family = family
        first = socket.socket(family, socket.SOCK_STREAM)
        try:
            # REUSEADDR lets a restart pass over connections in TIME_WAIT; listening at once
            # is what then keeps a second server out.
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            first.bind(address)  # type: ignore[arg-type]
            first.listen(1)
            self._bound = first.getsockname()
            first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            self._keeper = self._bind(listen=False)
        except OSError as fault:
            raise _explain(host, port, fault) from None
        finally:
            first.close()
        self.number: int = self._bound[1]

    def _bind(self, *, listen: bool) -> socket.socket:
        sock = socket.socket(self._family, socket.SOCK_STREAM)
        try:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            if listen:  # the keeper goes without: REUSEADDR would let another one bind beside it
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(self._bound)
            if listen:
                sock.listen(BACKLOG)
        except OSError:
            sock.close()
            raise
        return sock

    def listener(self) -> socket.socket:
        """One more listening socket, for one worker. The caller closes its copy."""
        return self._bind(listen=True)

    def close(self) -> None:
        self._keeper.close()


def probe_udp(host: str, port: int) -> None:
    """Whether a UDP port can be bound now. Raises PortTaken."""
    family, address = _address(host, port, socket.SOCK_DGRAM)
    with socket.socket(family, socket.SOCK_DGRAM) as sock:
        try:
            sock.bind(address)  # type: ignore[arg-type]
        except OSError as fault:
            raise _explain(host, port, fault) from None
