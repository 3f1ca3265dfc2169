"""The open port: who is answered, who is not, where media goes, and how much is kept."""

from __future__ import annotations

import asyncio
import os
import socket
import struct
import zlib
from collections.abc import AsyncIterator

import pytest
from aioice import stun as aioice_stun
from hypothesis import given
from hypothesis import strategies as st

from hub.media import mux as mux_module
from hub.media import stun
from hub.media.mux import Mux, Transport
from tests.media.driver import until

ID = b"abcdefghijkl"


@pytest.fixture
async def mux() -> AsyncIterator[Mux]:
    mux = Mux("127.0.0.1", 0, lambda: None)
    yield mux
    mux.close()


class Client:
    """A bare UDP socket that keeps what comes back."""

    def __init__(self, mux: Mux) -> None:
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setblocking(False)
        self.socket.connect(("127.0.0.1", mux.port))
        self.address = self.socket.getsockname()

    def send(self, data: bytes) -> None:
        self.socket.send(data)

    def check(self, transport: Transport, *, nominate: bool, password: str | None = None) -> None:
        self.send(request(transport, nominate=nominate, password=password))

    def answers(self) -> list[bytes]:
        found = []
        while True:
            try:
                found.append(self.socket.recv(2048))
            except BlockingIOError:
                return found


def request(transport: Transport, *, nominate: bool = True, password: str | None = None) -> bytes:
    return stun.request(
        ID,
        f"{transport.ufrag}:{transport.remote}",
        (password or transport.password).encode(),
        nominate=nominate,
        tiebreaker=1,
    )


async def served(mux: Mux, count: int) -> None:
    await until(lambda: mux.received >= count)


async def test_an_authentic_check_is_answered_as_rfc_8445_wants(mux: Mux) -> None:
    transport = mux.open("remote")
    client = Client(mux)
    client.check(transport, nominate=True)
    await served(mux, 1)
    (answer,) = client.answers()
    message = aioice_stun.parse_message(answer)
    assert message.check_message_integrity(transport.password.encode())
    assert message.message_class == aioice_stun.Class.RESPONSE
    assert message.transaction_id == ID
    assert message.attributes["XOR-MAPPED-ADDRESS"] == client.address
    assert "FINGERPRINT" in message.attributes
    assert transport.address == client.address


def spoil_fingerprint(good: bytes) -> bytes:
    return good[:-1] + bytes((good[-1] ^ 1,))


async def test_silence_for_whoever_does_not_know_the_password(mux: Mux) -> None:
    transport = mux.open("remote")
    client = Client(mux)
    good = request(transport)
    unsigned = good[:-32]
    unsigned = unsigned[:2] + (len(unsigned) - 20).to_bytes(2, "big") + unsigned[4:]
    signed_by_nobody = unsigned + struct.pack("!HHI", 0x8028, 4, zlib.crc32(unsigned) ^ 0x5354554E)
    password = transport.password.encode()
    for_another = f"{transport.ufrag}:someone"  # signed well, but not what was negotiated
    bad = [
        request(transport, password="x" * 24),
        stun.request(ID, for_another, password, nominate=True, tiebreaker=1),
        spoil_fingerprint(good),
        unsigned,
        signed_by_nobody,
        good.replace(transport.ufrag.encode(), b"zzzzzzzz"),
        good.replace(b"remote", b"remola"),
        good[:40],
        good + bytes(4),
        b"\x01\x01" + good[2:],  # a response
        b"\x00\x03" + good[2:],  # another method
        good[:4] + bytes(4) + good[8:],  # no magic cookie
        bytes(20),
        b"\x16\xfe\xfd" + bytes(40),  # DTLS from nobody
        b"\x80\x60" + bytes(40),  # RTP from nobody
        b"",
        os.urandom(1400),
    ]
    for data in bad:
        client.send(data)
    await served(mux, len(bad))
    assert client.answers() == []
    assert transport.address is None
    assert not transport.tuples
    client.send(good)
    await served(mux, len(bad) + 1)
    assert len(client.answers()) == 1


@given(st.binary(max_size=200), st.integers(0, 150), st.binary(max_size=4))
def test_no_request_parses_that_is_not_one(noise: bytes, at: int, patch: bytes) -> None:
    good = stun.request(ID, "local:remote", b"password", nominate=True, tiebreaker=1)
    broken = good[:at] + patch + good[at + len(patch) :]
    for data in (noise, broken, good[:at], good + noise):
        parsed = stun.parse_request(data)
        if parsed is not None and data != good:
            # the fingerprint is optional, so a change that drops it may parse; it never
            # authenticates unless every signed byte is as it was
            assert data[: parsed.integrity_at] == good[: parsed.integrity_at] or not stun.authentic(
                data, parsed, b"password"
            )


async def test_media_goes_to_the_nominated_address_and_is_taken_from_any_valid_one(
    mux: Mux,
) -> None:
    transport = mux.open("remote")
    got: list[bytes] = []
    transport.on_srtp = got.append
    wifi, mobile, stranger = Client(mux), Client(mux), Client(mux)
    wifi.check(transport, nominate=True)
    await served(mux, 1)
    mobile.check(transport, nominate=False)
    await served(mux, 2)
    assert transport.address == wifi.address, "a check alone moves nothing"
    for client in (wifi, mobile, stranger):
        client.send(b"\x80\x60" + client.address[1].to_bytes(2, "big") * 6)
    await served(mux, 5)
    assert len(got) == 2
    mobile.check(transport, nominate=True)
    await served(mux, 6)
    assert transport.address == mobile.address
    wifi.check(transport, nominate=False)
    await served(mux, 7)
    assert transport.address == mobile.address
    mobile.answers()
    transport.send(b"to the phone")
    await until(lambda: mobile.answers() == [b"to the phone"])


async def test_tables_and_checks_are_bounded(mux: Mux, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mux_module, "MAX_TRANSPORTS", 3)
    transports = [mux.open("remote") for _ in range(3)]
    with pytest.raises(mux_module.TableFull):
        mux.open("remote")
    clients = [Client(mux) for _ in range(12)]
    clients[0].check(transports[0], nominate=True)
    for client in clients[1:]:
        client.check(transports[0], nominate=False)
    await served(mux, 12)
    assert len(transports[0].tuples) == mux_module.MAX_TUPLES
    assert transports[0].address == clients[0].address, "the one in use is never forgotten"
    flood = Client(mux)
    for _ in range(200):
        flood.check(transports[1], nominate=False)
    await served(mux, 212)
    assert len(flood.answers()) <= 2 * mux_module.CHECKS_PER_S
    mux.forget(transports[0])
    assert len(mux) == 2
    assert not any(t is transports[0] for t in mux._by_address.values())


async def test_a_wildcard_socket_answers_from_the_address_it_was_reached_on() -> None:
    mux = Mux("0.0.0.0", 0, lambda: None)
    transport = mux.open("remote")
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.setblocking(False)
    try:
        client.bind(("127.0.0.1", 0))
        client.sendto(request(transport), ("127.0.0.2", mux.port))
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(5):
            _, source = await loop.sock_recvfrom(client, 2048)
            assert source[0] == "127.0.0.2"
            transport.send(b"media too")
            assert await loop.sock_recvfrom(client, 2048) == (b"media too", source)
    finally:
        client.close()
        mux.close()


async def test_ipv6_is_answered_with_an_ipv6_address() -> None:
    mux = Mux("::1", 0, lambda: None)
    transport = mux.open("remote")
    client = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    client.setblocking(False)
    try:
        client.connect(("::1", mux.port))
        client.send(request(transport))
        async with asyncio.timeout(5):
            answer = await asyncio.get_running_loop().sock_recv(client, 2048)
        message = aioice_stun.parse_message(answer)
        assert message.check_message_integrity(transport.password.encode())
        assert message.attributes["XOR-MAPPED-ADDRESS"] == client.getsockname()[:2]
    finally:
        client.close()
        mux.close()
