"""One connection to a real server: silence, a server that does not read, TLS, strange arguments."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import os
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.x509.oid import NameOID

from hub.embedded import EmbeddedStore
from hub.ports import StoreLost
from hub.store.submitter import Submitter
from tests.process.running import free_port
from tests.store.test_whole import reaches

QUIET_S = 0.6


@pytest.fixture
def server(tmp_path: Path) -> Iterator[EmbeddedStore]:
    server = EmbeddedStore(tmp_path / "redis", persist=False)
    server.start()
    yield server
    server.kill()


@pytest.fixture
async def submitter(server: EmbeddedStore) -> AsyncIterator[Submitter]:
    submitter = Submitter(server.url, QUIET_S)
    await submitter.start()
    yield submitter
    await submitter.close()


def halt(server: EmbeddedStore, sign: signal.Signals) -> None:
    assert server.process is not None
    os.kill(server.process.pid, sign)


async def test_silence_ends_a_call_and_idleness_does_not(
    server: EmbeddedStore, submitter: Submitter
) -> None:
    await submitter.call("PING")
    await asyncio.sleep(2.5 * QUIET_S)  # nothing is owed
    assert submitter.up
    halt(server, signal.SIGSTOP)
    began = time.monotonic()
    with pytest.raises(StoreLost, match="no answer"):
        await submitter.call("PING")
    assert time.monotonic() - began >= QUIET_S - 0.01
    halt(server, signal.SIGCONT)

    async def up() -> bool:
        return submitter.up

    await reaches(up, 5)
    assert await submitter.call("PING") == b"PONG"


async def test_a_server_that_does_not_read_is_not_flooded_and_then_gets_all(
    server: EmbeddedStore, submitter: Submitter
) -> None:
    link = submitter._link
    assert link is not None
    halt(server, signal.SIGSTOP)
    calls = [submitter.submit(("SET", f"k{i}", b"v" * 100_000)) for i in range(60)]
    calls += [submitter.submit(("STRLEN", f"k{i}")) for i in range(60)]

    async def full() -> bool:
        return link.full

    await reaches(full, QUIET_S / 2)
    calls += [submitter.submit(("GET", "k59"))]
    await asyncio.sleep(0)  # its turn comes, and it waits
    waiting = len(submitter._waiting)
    halt(server, signal.SIGCONT)
    answers = await asyncio.gather(*calls)
    assert answers == [b"OK"] * 60 + [100_000] * 60 + [b"v" * 100_000]
    assert waiting and not link.full


async def test_a_caller_that_goes_takes_nobody_s_answer(submitter: Submitter) -> None:
    calls = [submitter.submit(("ECHO", str(i))) for i in range(4)]
    await asyncio.sleep(0)  # sent
    calls[1].cancel()
    assert [await calls[i] for i in (0, 2, 3)] == [b"0", b"2", b"3"]


async def test_an_argument_of_a_strange_kind_is_its_caller_s_alone(submitter: Submitter) -> None:
    other = submitter.submit(("PING",))
    with pytest.raises(TypeError):
        await submitter.call("SET", "k", object())  # type: ignore[arg-type]
    assert await other == b"PONG" and submitter.up


async def test_an_answer_to_nothing_is_a_lost_connection(submitter: Submitter) -> None:
    link = submitter._link
    assert link is not None
    link.write(b"*1\r\n$4\r\nPING\r\n")  # nobody waits for its answer

    async def anew() -> bool:
        return submitter.up and submitter._link is not link

    await reaches(anew, 5)
    assert await submitter.call("ECHO", "mine") == b"mine"


def make_certificate(directory: Path) -> tuple[Path, Path]:
    """A key and a certificate of its own for 127.0.0.1."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "redis")])
    now = datetime.datetime.now(datetime.UTC)
    address = x509.IPAddress(ipaddress.ip_address("127.0.0.1"))
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, None)
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    paths = directory / "redis.key", directory / "redis.crt"
    paths[0].write_bytes(private)
    paths[1].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return paths


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[str]:
    """The end of an address: what follows the password."""
    key, certificate = make_certificate(tmp_path)
    port = free_port()
    binary = shutil.which("redis-server")
    assert binary, "redis-server is missing: `make setup` installs it"
    server = subprocess.Popen(
        [
            binary, "--port", "0", "--tls-port", str(port), "--bind", "127.0.0.1",
            "--tls-cert-file", str(certificate), "--tls-key-file", str(key),
            "--tls-ca-cert-file", str(certificate), "--tls-auth-clients", "no",
            "--requirepass", "secret", "--save", "", "--dir", str(tmp_path),
        ],
        stdout=subprocess.DEVNULL,
    )  # fmt: skip
    yield f"@127.0.0.1:{port}/3?ssl_ca_certs={certificate}"
    server.kill()
    server.wait()


async def test_over_tls_with_a_password_and_a_database(tls_server: str) -> None:
    submitter = Submitter(f"rediss://:secret{tls_server}")
    await submitter.start()  # tries again until the server is there
    text = os.urandom(2_000_000)
    calls = [submitter.submit(("SET", "k", text)), submitter.submit(("GET", "k"))]
    assert await asyncio.gather(*calls) == [b"OK", text]
    assert b" db=3 " in await submitter.call("CLIENT", "INFO")
    await submitter.close()
    stranger = Submitter(f"rediss://:wrong{tls_server}")
    starting = asyncio.create_task(stranger.start())

    async def refused() -> bool:
        return "AuthenticationError" in str(stranger.fault)

    await reaches(refused, 10)
    starting.cancel()
    await stranger.close()


async def test_a_start_that_fails_says_why(tmp_path: Path) -> None:
    with pytest.raises(StoreLost, match="ConnectionError"):
        await Submitter(f"unix://{tmp_path}/nowhere", 0.1).start()
