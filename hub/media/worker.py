"""The media worker process: one UDP port, the control sockets, the engine between them.

Garbage collection runs from the housekeeping, not in the middle of a burst: what exists after
the start is frozen, young garbage is collected every second, all of it every minute.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import resource
import secrets
import signal
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Final

import uvloop

from hub.config import Config
from hub.media import control, tls
from hub.media.engine import Engine
from hub.media.mux import Mux
from hub.ports import MediaNotice, SessionEnded, SlotsChanged, SpeakingChanged
from rooms.errors import Code, Refusal
from rooms.forwarding import View
from rooms.messages import SlotState

TICK_S: Final = 0.05
HOUSEKEEPING_S: Final = 1.0
ALIVE_S: Final = 5.0
COLLECT_S: Final = 60.0
#: a hub that does not read its notices is cut off; it comes back and starts afresh
MAX_UNSENT: Final = 8 << 20
MAX_HUBS: Final = 256

log = logging.getLogger("pavilion.media")


def socket_path(config: Config, index: int) -> Path:
    """Where worker ``index`` of this machine listens for hubs."""
    return config.server.data_dir / "run" / f"media-{index}.sock"


def addresses(config: Config) -> tuple[str, ...]:
    """What answers offer as candidates: ``advertise``, else the bound address; for a wildcard
    the address this machine would use to reach others, and loopback."""
    if config.media.advertise:
        return config.media.advertise
    if config.media.host not in {"0.0.0.0", "::", ""}:
        return (config.media.host,)
    found = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe, contextlib.suppress(OSError):
        probe.connect(("192.0.2.1", 9))  # RFC 5737; connecting a UDP socket sends nothing
        found.append(str(probe.getsockname()[0]))
    return tuple(dict.fromkeys([*found, "127.0.0.1"]))


class Worker:
    """One worker: ``start`` binds and listens, ``close`` ends every session."""

    def __init__(self, config: Config, index: int, secret: bytes) -> None:
        self._config = config
        self._index = index
        self._secret = secret
        self._path = socket_path(config, index)
        self._hubs: list[asyncio.StreamWriter] = []  # whose turn it is to renew is first
        self._notices: list[MediaNotice] = []
        self._name = f"media-{index}@{secrets.token_hex(6)}"
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._serving: set[asyncio.Task[None]] = set()
        self.engine: Engine

    async def start(self) -> None:
        """Raises OSError when the port or the control socket is taken."""
        media = self._config.media
        port = media.port + self._index if media.port else 0
        mux = Mux(media.host, port, lambda: None)
        self.engine = Engine(mux, addresses(self._config), self._notices.append, self._live)
        self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path.unlink(missing_ok=True)
        mask = os.umask(0o177)  # the socket file is 0600 from its first moment
        try:
            self._servers.append(await asyncio.start_unix_server(self._serve, self._path))
        finally:
            os.umask(mask)
        if media.control_host:
            self._servers.append(await self._listen_tls(media.control_host, media.control_port))
        self._tasks = [
            asyncio.create_task(self._every(TICK_S, self._tick)),
            asyncio.create_task(self._every(HOUSEKEEPING_S, self._housekeeping)),
            asyncio.create_task(self._every(ALIVE_S, self._report_alive)),
        ]
        log.info("media worker %d on udp port %d", self._index, mux.port)

    async def _listen_tls(self, host: str, first: int) -> asyncio.Server:
        """For hubs of other machines. Raises OSError when the port is taken."""
        return await asyncio.start_server(
            self._serve,
            host,
            first + self._index if first else 0,
            ssl=tls.server_context(self._secret),
            ssl_handshake_timeout=control.HANDSHAKE_S,
        )

    @property
    def control_port(self) -> int:
        """The TCP port hubs of other machines come to."""
        return int(self._servers[1].sockets[0].getsockname()[1])

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        for session in self.engine.sessions():
            session.close()
        for server in self._servers:
            server.close()
        for writer in self._hubs:
            writer.transport.abort()
        if self._serving:
            await asyncio.wait(self._serving, timeout=1)
        self.engine.mux.close()
        self._path.unlink(missing_ok=True)

    # --- hubs -----------------------------------------------------------------------------------

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        try:
            if len(self._hubs) >= MAX_HUBS:
                raise control.Rejected("too many hubs")
            await control.admit_hub(reader, writer, self._secret)
            engine = self.engine
            live = [slug for slug, room in engine.rooms.items() if room.publishers]
            addresses = [address for address, _ in engine.candidates]
            writer.write(control.frame(control.Ready(self._name, engine.mux.port, addresses, live)))
            self._hubs.append(writer)
            while True:
                self._obey(await control.read_frame(reader), writer)
        except control.Rejected as why:
            log.warning("media control: refused a connection: %s", why)
        except (asyncio.IncompleteReadError, OSError):
            log.debug("media control: a hub went away")
        finally:
            if writer in self._hubs:
                self._hubs.remove(writer)
            writer.close()
            self._serving.discard(task)

    def _obey(self, body: bytes, writer: asyncio.StreamWriter) -> None:
        """Carry out one command; what is no command ends the connection (Rejected)."""
        try:
            command = control.COMMANDS.decode(body)
        except ValueError as fault:
            raise control.Rejected(f"not a command: {fault}") from None
        engine = self.engine
        match command:
            case control.Offer():
                self._send(writer, self._offer(command))
            case control.Close():
                engine.close(command.room, command.person, command.kind, command.attachment)
                self._send(writer, control.Done(command.id))
            case control.SetView():
                view = View(command.main, command.thumbs, command.audio_only)
                engine.view(command.room, command.person, view)
            case control.Mute():
                engine.muted(command.room, command.person, command.source, command.muted)
            case control.CloseRoom():
                engine.close_room(command.room)
                self._send(writer, control.Done(command.id))
            case control.Renewed():
                engine.renewed(command.kept, command.lost)

    def _offer(self, command: control.Offer) -> control.Done:
        try:
            answer = self.engine.offer(
                command.room,
                command.person,
                command.kind,
                command.attachment,
                command.sdp,
                command.sources,
                restart=command.restart,
                need_live=command.need_live,
            )
        except Refusal as refusal:
            return control.Done(
                command.id, "", refusal.code, refusal.message, refusal.retry_after_ms
            )
        except Exception:
            # One offer that trips a fault of ours must not end everyone else's pictures.
            log.exception("offer failed", extra={"room": command.room})
            return control.Done(command.id, "", Code.MEDIA_UNAVAILABLE, "the offer failed", 2_000)
        return control.Done(command.id, answer)

    def _send(self, writer: asyncio.StreamWriter, event: control.Event) -> None:
        if writer.transport.get_write_buffer_size() > MAX_UNSENT:
            log.error("media control: a hub does not read; cut off")
            writer.transport.abort()
            return
        writer.write(control.frame(event))

    def _broadcast(self, event: control.Event) -> None:
        for writer in list(self._hubs):
            self._send(writer, event)

    def _live(self, room: str, on: bool) -> None:
        self._broadcast(control.Live(room, on))

    # --- time -----------------------------------------------------------------------------------

    async def _every(self, seconds: float, act: Callable[[], None]) -> None:
        while True:
            await asyncio.sleep(seconds)
            act()

    def _tick(self) -> None:
        self.engine.tick()
        self._tell()

    def _tell(self) -> None:
        """Notices since the last tick, slot rows that are the same joined in one message."""
        notices = self._notices[:]
        self._notices.clear()
        newest: dict[tuple[str, str], tuple[SlotState, ...]] = {}
        for notice in notices:
            match notice:
                case SlotsChanged(room, person, slots):
                    newest[room, person] = slots
                case SpeakingChanged(room, ids):
                    self._broadcast(control.Speaking(room, ids))
                case SessionEnded(room, person, kind, attachment, silent_ms):
                    self._broadcast(control.Ended(room, person, kind, attachment, silent_ms))
        rows: dict[tuple[str, tuple[SlotState, ...]], list[str]] = {}
        for (room, person), slots in newest.items():
            rows.setdefault((room, slots), []).append(person)
        for (room, slots), people in rows.items():
            self._broadcast(control.SlotRows(room, people, slots))

    def _housekeeping(self) -> None:
        self.engine.sweep()
        gc.collect(1)
        self._collected -= HOUSEKEEPING_S
        if self._collected <= 0:
            self._collected = COLLECT_S
            gc.collect()
        self._broadcast(control.Counters(self.counters()))

    _collected = COLLECT_S

    def counters(self) -> dict[str, float]:
        """Totals since the start, and what there is now."""
        engine = self.engine
        usage = resource.getrusage(resource.RUSAGE_SELF)
        publishers = sum(len(room.publishers) for room in engine.rooms.values())
        return {
            "packets_received": engine.mux.received,
            "packets_forwarded": engine.sender.sent,
            "packets_dropped": engine.sender.dropped + engine.mux.dropped,
            "cpu_seconds": usage.ru_utime + usage.ru_stime,
            "rooms": len(engine.rooms),
            "publishers": publishers,
            "subscribers": len(engine.sessions()) - publishers,
        }

    def _report_alive(self) -> None:
        """To one hub, which renews for all; to another one each time.

        A hub that stands still, or has lost Redis, renews nothing and says so to nobody:
        always told, it would take every session of every hub with it after CONFIRM_S.
        """
        renewals = self.engine.alive()
        if renewals and self._hubs:
            self._hubs.append(self._hubs.pop(0))
            self._send(self._hubs[-1], control.Alive(list(renewals)))


async def _serve(
    config: Config, index: int, secret: bytes, ready: Callable[[], None] | None
) -> None:
    worker = Worker(config, index, secret)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    await worker.start()
    if ready is not None:
        ready()
    gc.collect()
    gc.freeze()
    gc.disable()
    try:
        await stop.wait()
    finally:
        await worker.close()


def main(
    config: Config, index: int, secret: bytes, ready: Callable[[], None] | None = None
) -> None:
    """Run one media worker until SIGTERM; ``ready`` is called once hubs and browsers may come.
    Raises OSError when its port is taken."""
    uvloop.run(_serve(config, index, secret, ready))
