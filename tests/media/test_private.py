"""The contract with aiortc's and pylibsrtp's private parts: fails when a new version moves them."""

from __future__ import annotations

import asyncio
import os

import pylibsrtp
import pytest
from aiortc.rtcdtlstransport import RTCCertificate, RTCDtlsTransport

from hub.media import private


def ends() -> tuple[private.Dtls, private.Dtls, str]:
    """A server and a client over nothing but function calls, and their fingerprint."""
    certificate = private.Certificate.generateCertificate()
    loop = asyncio.get_running_loop()
    server = private.Dtls(
        certificate, client=False, send=lambda data: void(loop.call_soon(client.feed, data))
    )
    client = private.Dtls(
        certificate, client=True, send=lambda data: void(loop.call_soon(server.feed, data))
    )
    return server, client, certificate.sha256


def void(_: object) -> None:
    """A lambda that returns nothing."""


async def pair() -> tuple[private.Srtp, private.Srtp, private.Dtls, private.Dtls]:
    server, client, fingerprint = ends()
    prints = [("sha-256", fingerprint)]
    a, b = await asyncio.gather(server.handshake(prints), client.handshake(prints))
    return a, b, server, client


async def test_the_handshake_gives_matching_srtp_over_a_duck_typed_transport() -> None:
    server, client, _, _ = await pair()
    packet = b"\x80\x60" + bytes(10) + b"hello"
    assert server.unprotect(client.protect(packet)) == packet
    assert client.unprotect(server.protect(packet)) == packet
    assert len(client.protect(packet[:3] + b"\x01" + packet[4:])) == len(packet) + server.tag
    report = b"\x80\xc9\x00\x01" + bytes(4)
    assert client.unprotect_rtcp(server.protect_rtcp(report)) == report
    with pytest.raises(private.SrtpError):
        client.unprotect(server.protect(packet[:3] + b"\x02" + packet[4:])[:-1] + b"\0")


async def test_protection_in_place_is_what_the_public_call_makes() -> None:
    assert private.IN_PLACE, "pylibsrtp's binding is not as expected: media costs more"
    key = os.urandom(28)
    profile = pylibsrtp.Policy.SRTP_PROFILE_AEAD_AES_128_GCM

    def session() -> pylibsrtp.Session:
        return pylibsrtp.Session(
            pylibsrtp.Policy(key, pylibsrtp.Policy.SSRC_ANY_OUTBOUND, 0, profile)
        )

    packet = b"\x80\x60" + bytes(10) + os.urandom(500)
    keep = session()
    ours = private.Srtp(keep, keep, 16)
    private.WORK[100 : 100 + len(packet)] = packet
    private.LENGTH[0] = len(packet)
    assert private.protect_in_place(ours.context, private.WORK_POINTER + 100, private.LENGTH) == 0
    assert private.LENGTH[0] == len(packet) + ours.tag
    assert bytes(private.WORK[100 : 100 + private.LENGTH[0]]) == session().protect(packet)


async def test_goodbye_reaches_the_other_side_synchronously() -> None:
    _, _, server, client = await pair()
    said: list[bytes] = []
    server._ice.send = said.append
    server.close()
    assert said
    assert client.feed(said[0]) is False
    assert client.feed(b"\x16\xfe\xfd" + bytes(30)) in (True, False), "late records do no harm"


async def test_a_wrong_fingerprint_fails_the_handshake() -> None:
    server, client, fingerprint = ends()
    results = await asyncio.gather(
        server.handshake([("sha-256", "00:" * 31 + "00")]),
        client.handshake([("sha-256", fingerprint)]),
        return_exceptions=True,
    )
    assert isinstance(results[0], private.HandshakeFailed)


def test_what_we_touch_is_still_there() -> None:
    assert {p.openssl_profile for p in private.PROFILES} == {
        b"SRTP_AEAD_AES_128_GCM",
        b"SRTP_AES128_CM_SHA1_80",
    }
    assert callable(RTCCertificate._create_ssl_context)
    assert callable(RTCDtlsTransport._set_role)
    certificate = private.Certificate.generateCertificate()
    profiles = private.PROFILES
    assert certificate._create_ssl_context(profiles) is certificate._create_ssl_context(profiles)
