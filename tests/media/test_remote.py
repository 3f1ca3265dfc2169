"""Media workers of another machine: the control channel through TLS, by the shared secret."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from hub.config import Config
from hub.media import control, tls
from hub.media.client import MediaPool, open_media
from hub.media.worker import Worker
from rooms.errors import Refusal
from rooms.model import Attachment, AttachmentKind
from tests.media.driver import SECRET, First, Stage, config_in, until


@asynccontextmanager
async def worker_elsewhere(tmp_path: Path) -> AsyncIterator[Worker]:
    config = config_in(tmp_path / "there")
    media = config.media.model_copy(update={"control_host": "127.0.0.1", "control_port": 0})
    worker = Worker(config.model_copy(update={"media": media}), 0, SECRET)
    await worker.start()
    try:
        yield worker
    finally:
        await worker.close()


def hub_of(tmp_path: Path, port: int, secret: bytes = SECRET) -> MediaPool:
    """A hub with no worker of its own machine."""
    config: Config = config_in(tmp_path / "here", workers=0)
    media = config.media.model_copy(update={"remote": (f"127.0.0.1:{port}",)})
    return open_media(config.model_copy(update={"media": media}), "hub-1", First(), secret)


async def test_a_hub_commands_a_worker_of_another_machine_and_nobody_reads_along(
    tmp_path: Path,
) -> None:
    wire = bytearray()

    async with worker_elsewhere(tmp_path) as worker:

        async def tap(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far, out = await asyncio.open_connection("127.0.0.1", worker.control_port)

            async def pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
                while data := await source.read(65_536):
                    wire.extend(data)
                    sink.write(data)
                sink.close()

            await asyncio.gather(pump(reader, out), pump(far, writer), return_exceptions=True)

        async with await asyncio.start_server(tap, "127.0.0.1", 0) as proxy:
            pool = hub_of(tmp_path, proxy.sockets[0].getsockname()[1])
            await pool.start()
            stage = Stage(worker, pool)
            try:
                assert pool.faults() == []
                viewer, host = stage.browser("viewer"), stage.browser("host-with-a-name")
                await host.publish()
                await viewer.subscribe()
                await until(lambda: pool.live("hall"))
            finally:
                for peer in stage.peers:
                    peer.close(goodbye=False)
                await pool.stop()
    assert len(wire) > 2_000, "offers and answers went this way"
    for secret in (b"hall", b"host-with-a-name", b"a=ice-pwd", b"fingerprint"):
        assert secret not in wire


@pytest.mark.parametrize("how", ["other secret", "no TLS", "no certificate"])
async def test_who_does_not_hold_the_secret_is_not_let_in(tmp_path: Path, how: str) -> None:
    async with worker_elsewhere(tmp_path) as worker:
        if how == "other secret":
            stranger = hub_of(
                tmp_path, worker.control_port, b"another secret of the same" + b"x" * 6
            )
            with pytest.MonkeyPatch.context() as patch:
                patch.setattr("hub.media.client.CONNECT_WAIT_S", 0.5)
                await stranger.start()
            assert stranger.faults() == [f"127.0.0.1:{worker.control_port} is away"]
            await stranger.stop()
        elif how == "no TLS":
            reader, writer = await asyncio.open_connection("127.0.0.1", worker.control_port)
            writer.write(b"GET / HTTP/1.1\r\n\r\n")
            assert (await reader.read())[:1] in {b"", b"\x15"}, "hung up on, or a TLS alert"
            writer.close()
        else:
            context = tls.client_context(SECRET)
            bare = ssl.create_default_context(cadata=tls.certificate(SECRET).decode())
            bare.check_hostname = False
            assert context.minimum_version is ssl.TLSVersion.TLSv1_3
            with pytest.raises((ssl.SSLError, ConnectionError, control.Rejected)):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", worker.control_port, ssl=bare
                )
                await control.greet_worker(reader, writer, SECRET)
        assert worker.engine.sessions() == []
        assert not worker._hubs


async def test_one_worker_is_one_place_by_whichever_way_it_is_reached(tmp_path: Path) -> None:
    seen: list[str] = []

    class Recorded:
        async def place(self, room: str, candidates: list[str]) -> str:
            seen.extend(candidates)
            return candidates[0]

    async with worker_elsewhere(tmp_path) as worker:
        near = open_media(config_in(tmp_path / "there"), "hub-1", Recorded(), SECRET)  # type: ignore[arg-type]
        far = hub_of(tmp_path, worker.control_port)
        far._placement = Recorded()  # type: ignore[assignment]
        await near.start()
        await far.start()
        for pool in (near, far):
            await pool.close("hall", "nobody", AttachmentKind.SUBSCRIBE)
            with pytest.raises(Refusal):
                attachment = Attachment(AttachmentKind.SUBSCRIBE, "a", "h")
                await pool.offer("hall", "x", attachment, "v=0", need_live=True)
        await near.stop()
        await far.stop()
    assert len(seen) == 2 and len(set(seen)) == 1


def test_the_certificate_is_the_same_on_every_machine() -> None:
    assert tls.certificate(SECRET) == tls.certificate(SECRET)
    assert tls.certificate(SECRET) != tls.certificate(b"y" * 32)
