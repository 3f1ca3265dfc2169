"""Hubs and workers: who may command, who is told what, and what happens when a worker dies."""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest

from hub import metrics
from hub.config import Config
from hub.media import control
from hub.media import worker as worker_module
from hub.media.client import open_media
from hub.media.peer import Peer
from hub.media.private import Certificate
from hub.media.worker import Worker, main, socket_path
from hub.ports import MediaLost, MediaNotice, Renewal, SessionsAlive
from rooms.errors import Code, Refusal
from rooms.model import Attachment, AttachmentKind
from tests.media.driver import SECRET, First, Stage, config_in, until


async def test_only_those_who_know_the_secret_are_listened_to(stage: Stage, tmp_path: Path) -> None:
    path = socket_path(config_in(tmp_path), 0)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    stranger = open_media(config_in(tmp_path), "stranger", First(), b"another secret" * 3)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("hub.media.client.CONNECT_WAIT_S", 0.5)
        await stranger.start()
    assert stranger.faults() == ["media-0 is away"]
    with pytest.raises(Refusal) as refusal:
        await stranger.offer("hall", "x", Attachment(AttachmentKind.SUBSCRIBE, "a", "h"), "v=0")
    assert refusal.value.code is Code.MEDIA_UNAVAILABLE
    await stranger.stop()
    reader, writer = await asyncio.open_unix_connection(path)
    await reader.readexactly(32)
    command = control.frame(control.CloseRoom(1, "hall"))
    writer.write(command.ljust(64, b"\0"))  # a command where the proof belongs
    assert await reader.read() == b"", "hung up on, without a word"
    writer.close()


async def test_what_is_no_command_ends_that_connection_only(stage: Stage, tmp_path: Path) -> None:
    reader, writer = await asyncio.open_unix_connection(socket_path(config_in(tmp_path), 0))
    await control.greet_worker(reader, writer, SECRET)
    ready = control.EVENTS.decode(await control.read_frame(reader))
    assert isinstance(ready, control.Ready)
    assert ready.port == stage.engine.mux.port
    assert ready.addresses == ["127.0.0.1"]
    writer.write((5).to_bytes(4, "big") + b"\x85mean")
    while await reader.read(65_536):
        pass  # counters on their way, then the end
    writer.close()
    await stage.browser("host").publish()
    assert stage.pool.live("hall")


async def test_a_worker_refuses_a_frame_beyond_the_bound() -> None:
    reader = asyncio.StreamReader()
    reader.feed_data((control.MAX_FRAME + 1).to_bytes(4, "big"))
    with pytest.raises(control.Rejected):
        await control.read_frame(reader)


async def test_all_hubs_hear_of_a_room_and_renew_in_turn(stage: Stage, tmp_path: Path) -> None:
    second = open_media(config_in(tmp_path), "hub-2", First(), SECRET)
    heard: list[MediaNotice] = []
    second.listen(heard.append)
    await second.start()
    viewer = stage.browser("viewer")
    await stage.browser("host").publish()
    await viewer.subscribe()
    await until(lambda: second.live("hall"))
    await until(lambda: heard, why="slots are told to every hub")
    stage.worker._report_alive()
    await until(lambda: stage.of(SessionsAlive))
    renewals = stage.of(SessionsAlive)[0].renewals
    assert {(r.person, r.kind) for r in renewals} == {("host", "publish"), ("viewer", "subscribe")}
    assert all(r.silent_ms < 5000 for r in renewals)
    assert not [n for n in heard if isinstance(n, SessionsAlive)]
    # The first may stand still, or have lost Redis: the other's word keeps the sessions.
    stage.worker._report_alive()
    await until(lambda: any(isinstance(n, SessionsAlive) for n in heard), why="the other's turn")
    heard.clear()
    await stage.pool.stop()
    await until(lambda: len(stage.worker._hubs) == 1)
    stage.worker._report_alive()
    await until(lambda: any(isinstance(n, SessionsAlive) for n in heard), why="the one left")
    gone = Renewal("hall", "viewer", AttachmentKind.SUBSCRIBE, "subscribe-viewer")
    await second.renewed([], [gone])
    await until(lambda: viewer.subscriber.closed_by_peer, why="any hub may stop any session")
    await until(lambda: second.counters()["media-0"].get("publishers") == 1)
    await second.stop()


def start_worker(config: Config, index: int) -> multiprocessing.process.BaseProcess:
    process = multiprocessing.get_context("spawn").Process(
        target=main, args=(config, index, SECRET)
    )
    process.start()
    return process


async def test_a_killed_worker_is_reported_and_its_rooms_go_elsewhere(tmp_path: Path) -> None:
    config = config_in(tmp_path, workers=2)
    processes = [start_worker(config, n) for n in range(2)]
    notices: list[MediaNotice] = []
    placed: list[Sequence[str]] = []

    class Recorded:
        async def place(self, room: str, candidates: Sequence[str]) -> str:
            placed.append(tuple(candidates))
            return candidates[0]

    pool = open_media(config, "hub-1", Recorded(), SECRET)
    pool.listen(notices.append)
    stage = Peer(Certificate.generateCertificate())
    try:
        await pool.start()
        await until(lambda: not pool.faults(), seconds=20)
        offer = stage.offer(["audio", "video"], "sendonly")
        attachment = Attachment(AttachmentKind.PUBLISH, "p", "hub-1")
        await stage.connect(await pool.offer("hall", "host", attachment, offer))
        await until(lambda: pool.live("hall"))
        assert processes[0].pid is not None
        os.kill(processes[0].pid, signal.SIGKILL)
        await until(lambda: notices[-1:] == [MediaLost(frozenset({"hall"}))])
        assert pool.faults() == ["media-0 is away"]
        assert not pool.live("hall")
        again = Peer(stage.certificate)
        answer = await pool.offer("hall", "host", attachment, again.offer(["audio"], "sendonly"))
        await again.connect(answer)
        assert [name.split("@")[0] for name in placed[-1]] == ["media-1"]
        again.close()
        processes[0].join()
        processes[0] = start_worker(config, 0)
        await until(lambda: not pool.faults(), seconds=20, why="it comes back")
        os.kill(processes[1].pid or 0, signal.SIGTERM)
        await asyncio.get_running_loop().run_in_executor(None, processes[1].join)
        assert processes[1].exitcode == 0
    finally:
        stage.close(goodbye=False)
        await pool.stop()
        for process in processes:
            process.kill()
            process.join()


async def test_the_counters_of_workers_stand_in_the_metrics(stage: Stage) -> None:
    await stage.browser("host").publish()
    line = 'pavilion_media_publishers{media="media-0",worker="h0"} 1.0'
    await until(lambda: line in metrics.render("h0").decode())
    assert 'pavilion_media_packets_forwarded_total{media="media-0"' in metrics.render("h0").decode()
    await stage.pool.stop()
    assert "pavilion_media" not in metrics.render("h0").decode()


async def test_no_worker_at_all_is_media_unavailable(tmp_path: Path) -> None:
    pool = open_media(config_in(tmp_path, workers=0), "hub-1", First(), SECRET)
    await pool.start()
    assert pool.faults() == []
    with pytest.raises(Refusal) as refusal:
        await pool.offer("hall", "x", Attachment(AttachmentKind.SUBSCRIBE, "a", "h"), "v=0")
    assert refusal.value.code is Code.MEDIA_UNAVAILABLE
    assert refusal.value.retry_after_ms
    await pool.stop()


async def test_a_taken_port_is_an_error_at_the_start(stage: Stage, tmp_path: Path) -> None:
    config = config_in(tmp_path / "other")
    taken = config.media.model_copy(update={"port": stage.engine.mux.port})
    with pytest.raises(OSError):
        await Worker(config.model_copy(update={"media": taken}), 0, SECRET).start()


async def test_a_hub_that_does_not_read_is_cut_off(
    stage: Stage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_module, "MAX_UNSENT", 1000)
    reader, writer = await asyncio.open_unix_connection(
        socket_path(config_in(tmp_path), 0), limit=1000
    )
    await control.greet_worker(reader, writer, SECRET)
    await until(lambda: len(stage.worker._hubs) == 2)
    stage.pool.listen(lambda notice: None)
    deaf = stage.worker._hubs[1]
    for _ in range(2000):
        stage.worker._send(deaf, control.Speaking("hall", ("x" * 1000,)))
        if deaf.transport.is_closing():
            break
    assert deaf.transport.is_closing()
    await until(lambda: len(stage.worker._hubs) == 1)
    writer.close()
