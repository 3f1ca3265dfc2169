"""The one module that touches private attributes of aiortc and pylibsrtp.

Touched, and held to by tests/media/test_private.py (both packages are pinned):

- ``RTCDtlsTransport._set_role``, ``_srtp_profiles``, ``_task``, ``_ssl``, ``_rx_srtp``,
  ``_tx_srtp``; ``RTCCertificate._create_ssl_context``. aiortc's transport pumps itself
  over an ICE transport that has ``_recv``, ``_send`` and ``role``; ours has just those. Its
  task is cancelled after the handshake and datagrams are handled synchronously.
- ``pylibsrtp._binding`` (``srtp_protect`` on a buffer of ours: no copy in, no copy out) and
  ``Session._srtp``. Where the binding is not as expected ``IN_PLACE`` is False and the public
  ``Session.protect`` serves, at about 1 µs more a packet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import pylibsrtp
from aiortc import rtcdtlstransport as aiortc_dtls
from aiortc.rtcdtlstransport import (
    RTCCertificate,
    RTCDtlsFingerprint,
    RTCDtlsParameters,
    RTCDtlsTransport,
)
from aiortc.rtcicetransport import RTCIceTransport
from OpenSSL import SSL

HANDSHAKE_S: Final = 15.0
#: datagrams kept during the handshake; a flight is 1 to 4
HANDSHAKE_QUEUE: Final = 32

#: what protect and unprotect raise on a packet that cannot be: forged, replayed, too long
SrtpError: Final = (pylibsrtp.Error, ValueError)

#: profiles we negotiate, best first; 256-bit GCM is left out, it costs more and buys nothing here
PROFILES: Final = [
    profile
    for profile in aiortc_dtls.SRTP_PROFILES
    if profile.openssl_profile in (b"SRTP_AEAD_AES_128_GCM", b"SRTP_AES128_CM_SHA1_80")
]
_TAGS: Final = {b"SRTP_AEAD_AES_128_GCM": 16, b"SRTP_AES128_CM_SHA1_80": 10}

#: one burst is laid out here, protected in place and handed to the kernel
WORK_BYTES: Final = 65_536
WORK: Final = bytearray(WORK_BYTES)

ffi: Any = None
protect_in_place: Any = None
try:
    from pylibsrtp._binding import ffi as _ffi
    from pylibsrtp._binding import lib as _lib

    #: C pointer to WORK; ``WORK_POINTER + n`` points at its byte n
    WORK_POINTER: Any = _ffi.from_buffer("char[]", WORK, require_writable=True)
    #: in: length of the packet, out: with its tag
    LENGTH: Any = _ffi.new("int *")
    #: ``(context, pointer, LENGTH) -> 0 when well``
    protect_in_place = _lib.srtp_protect
    ffi = _ffi
    IN_PLACE = True
except (ImportError, AttributeError, TypeError):
    IN_PLACE = False


class HandshakeFailed(Exception):
    """DTLS did not complete: refused, wrong fingerprint, no common profile, too slow."""


class Certificate(RTCCertificate):
    """A certificate with one TLS context for all its connections.

    aiortc makes a context per connection, which is a third of what a handshake costs.
    """

    _context: SSL.Context | None = None

    def _create_ssl_context(self, srtp_profiles: list[Any]) -> SSL.Context:
        if self._context is None:
            self._context = super()._create_ssl_context(srtp_profiles)
            self._context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
        return self._context

    @property
    def sha256(self) -> str:
        """The SHA-256 fingerprint as SDP writes it, ``AB:CD:…``."""
        return next(f.value for f in self.getFingerprints() if f.algorithm == "sha-256")


class _Ice:
    """What ``RTCDtlsTransport`` needs of an ICE transport, and no more."""

    role = "controlled"

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self.queue: asyncio.Queue[bytes | None] = asyncio.Queue(HANDSHAKE_QUEUE)
        self.send = send

    async def _recv(self) -> bytes:
        data = await self.queue.get()
        if data is None:
            raise ConnectionError
        return data

    async def _send(self, data: bytes) -> None:
        self.send(data)


class Srtp:
    """Both directions of one peer's SRTP.

    ``context`` is the C session for ``protect_in_place``; ``tag`` the bytes it appends.
    All four methods are pylibsrtp's own and raise ``SrtpError``.
    """

    __slots__ = (
        "_keep",
        "context",
        "protect",
        "protect_rtcp",
        "tag",
        "unprotect",
        "unprotect_rtcp",
    )

    def __init__(self, rx: pylibsrtp.Session, tx: pylibsrtp.Session, tag: int) -> None:
        self._keep = (rx, tx)  # the C session lives as long as its Python owner
        self.context: Any = tx._srtp[0]
        self.tag = tag
        self.protect: Callable[[bytes], bytes] = tx.protect
        self.protect_rtcp: Callable[[bytes], bytes] = tx.protect_rtcp
        self.unprotect: Callable[[bytes], bytes] = rx.unprotect
        self.unprotect_rtcp: Callable[[bytes], bytes] = rx.unprotect_rtcp


class Dtls:
    """One peer's DTLS: the handshake as a coroutine, what comes after it synchronously."""

    __slots__ = ("_ice", "_transport", "connected")

    def __init__(
        self,
        certificate: Certificate,
        *,
        client: bool,
        send: Callable[[bytes], None],
        profiles: list[aiortc_dtls.SRTPProtectionProfile] | None = None,
    ) -> None:
        self._ice = _Ice(send)
        self._transport = RTCDtlsTransport(cast(RTCIceTransport, self._ice), [certificate])
        self._transport._set_role("client" if client else "server")
        self._transport._srtp_profiles = profiles or PROFILES
        self.connected = False

    async def handshake(self, fingerprints: Sequence[tuple[str, str]]) -> Srtp:
        """The peer's SRTP sessions, once its certificate matched ``(algorithm, value)``s.

        Raises:
            HandshakeFailed: see there; within HANDSHAKE_S at the latest.
        """
        transport = self._transport
        wanted = [RTCDtlsFingerprint(algorithm=a, value=v) for a, v in fingerprints]
        try:
            async with asyncio.timeout(HANDSHAKE_S):
                await transport.start(RTCDtlsParameters(fingerprints=wanted))
        except TimeoutError:
            raise HandshakeFailed("timeout") from None
        if transport._task is not None:
            transport._task.cancel()
        if transport.state != "connected":
            raise HandshakeFailed(transport.state)
        assert transport._ssl is not None
        self.connected = True
        tag = _TAGS[transport._ssl.get_selected_srtp_profile()]
        return Srtp(transport._rx_srtp, transport._tx_srtp, tag)

    def feed(self, data: bytes) -> bool:
        """Take a DTLS record. False when the peer has closed the connection (close_notify).

        During the handshake it is queued (a full queue drops: DTLS retransmits); later ones
        are retransmissions of the last flight, alerts, and close_notify.
        """
        if not self.connected:
            if not self._ice.queue.full():
                self._ice.queue.put_nowait(data)
            return True
        ssl = self._transport._ssl
        assert ssl is not None
        ssl.bio_write(data)
        try:
            ssl.recv(1500)
        except SSL.ZeroReturnError:
            return False
        except SSL.Error:
            pass  # nothing for the application in it: what a retransmitted flight looks like
        self._flush()
        return True

    def _flush(self) -> None:
        ssl = self._transport._ssl
        assert ssl is not None
        try:
            data = ssl.bio_read(1500)
        except SSL.Error:
            return  # nothing to send
        self._ice.send(data)

    def close(self) -> None:
        """Say goodbye (close_notify) when connected; end a handshake that still runs."""
        if not self.connected:
            if not self._ice.queue.full():
                self._ice.queue.put_nowait(None)
            return
        self.connected = False
        ssl = self._transport._ssl
        assert ssl is not None
        try:
            ssl.shutdown()
        except SSL.Error:
            return  # the peer was faster
        self._flush()
