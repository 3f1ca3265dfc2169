"""The media workers, seen from a hub: implements ``ports.Media``.

Connects to every configured worker, again and again while one is away: those of this machine
through Unix sockets, those of ``media.remote`` through TLS. A room lives on one
worker, agreed through Placement; a worker that goes away loses its rooms (``MediaLost``), and
the next offer places them anew among those that are there.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from hub.config import Config
from hub.media import control, tls
from hub.media.metrics import MediaCollector
from hub.metrics import REGISTRY
from hub.ports import (
    MediaLost,
    MediaNotice,
    Placement,
    Renewal,
    SessionEnded,
    SessionsAlive,
    SlotsChanged,
    SpeakingChanged,
)
from rooms.errors import Code, Refusal
from rooms.model import Attachment, AttachmentKind, Source

CONNECT_WAIT_S: Final = 3.0
RECONNECT_S: Final = 0.25
ANSWER_S: Final = 5.0
RETRY_MS: Final = 1_000
MAX_UNSENT: Final = 8 << 20
MAX_ROOMS: Final = 100_000

log = logging.getLogger("pavilion.media")


def _unavailable(why: str) -> Refusal:
    return Refusal(Code.MEDIA_UNAVAILABLE, why, retry_after_ms=RETRY_MS)


class _Link:
    """The connection to one worker. ``writer`` is None while the worker is away.

    ``name`` is the configuration's, ``worker`` the worker's own (``control.Ready``).
    """

    def __init__(self, name: str, address: Path | str) -> None:
        self.name = name
        self.worker = ""
        self._address = address
        self.writer: asyncio.StreamWriter | None = None
        self.port = 0
        self.addresses: list[str] = []
        self.live: set[str] = set()
        self.counters: dict[str, float] = {}
        self.waiting: dict[int, asyncio.Future[control.Done]] = {}
        self.connected = asyncio.Event()

    async def open(
        self, context: ssl.SSLContext | None
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Raises OSError (ssl.SSLError is one), TimeoutError."""
        async with asyncio.timeout(CONNECT_WAIT_S):
            if isinstance(self._address, Path):
                return await asyncio.open_unix_connection(self._address)
            host, _, port = self._address.rpartition(":")
            return await asyncio.open_connection(host.strip("[]"), int(port), ssl=context)

    def send(self, command: control.Command) -> None:
        """Raises Refusal(media_unavailable) while the worker is away or does not read."""
        writer = self.writer
        if writer is None or writer.transport.get_write_buffer_size() > MAX_UNSENT:
            raise _unavailable(f"{self.name} is away")
        writer.write(control.frame(command))


class MediaPool:
    """Implements ``ports.Media`` over the control sockets of the workers."""

    def __init__(self, config: Config, hub_id: str, placement: Placement, secret: bytes) -> None:
        run = config.server.data_dir / "run"
        self._links = {
            name: _Link(name, run / f"{name}.sock")
            for name in (f"media-{n}" for n in range(config.media.workers))
        } | {address: _Link(address, address) for address in config.media.remote}
        self._tls = tls.client_context(secret) if config.media.remote else None
        self._hub_id = hub_id
        self._placement = placement
        self._secret = secret
        self._notice: Callable[[MediaNotice], None] = lambda notice: None
        self._where: dict[str, _Link] = {}
        self._ids = itertools.count(1)
        self._tasks: list[asyncio.Task[None]] = []
        self._collector = MediaCollector(self.counters)

    async def start(self) -> None:
        """Connect; waits a moment for the workers, then goes on trying in the background."""
        self._tasks = [
            asyncio.create_task(self._keep(link), name=f"link {link.name}")
            for link in self._links.values()
        ]
        REGISTRY.register(self._collector)
        waits = [asyncio.create_task(link.connected.wait()) for link in self._links.values()]
        if waits:
            _, late = await asyncio.wait(waits, timeout=CONNECT_WAIT_S)
            for wait in late:
                wait.cancel()

    async def stop(self) -> None:
        """Let go of the workers; sessions go on, other hubs or a later one look after them."""
        with suppress(KeyError):  # stopped twice, or never started
            REGISTRY.unregister(self._collector)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def listen(self, notice: Callable[[MediaNotice], None]) -> None:
        self._notice = notice

    def faults(self) -> Sequence[str]:
        """Workers that are away; with none configured media is not a fault."""
        return [f"{link.name} is away" for link in self._links.values() if link.writer is None]

    def counters(self) -> dict[str, dict[str, float]]:
        """Per worker, its counters as of a second ago (``Worker.counters``)."""
        return {link.name: link.counters for link in self._links.values() if link.writer}

    # --- commands ---------------------------------------------------------------------------

    async def offer(
        self, room: str, person: str, attachment: Attachment, sdp: str, *,
        sources: dict[str, Source] | None = None, restart: bool = False, need_live: bool = False,
    ) -> str:  # fmt: skip
        link = await self._place(room)
        number = next(self._ids)
        done = await self._ask(
            link,
            control.Offer(
                number, room, person, attachment.kind, attachment.id, sdp, sources, restart,
                need_live,
            ),
        )  # fmt: skip
        return done.value

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None = None
    ) -> None:
        for link in self._near(room):
            await self._ask(link, control.Close(next(self._ids), room, person, kind, attachment))

    async def view(self, room: str, person: str, main: str, thumbs: int, audio_only: bool) -> None:
        for link in self._near(room):
            link.send(control.SetView(room, person, main, thumbs, audio_only))

    async def muted(self, room: str, person: str, source: Source, muted: bool) -> None:
        for link in self._near(room):
            link.send(control.Mute(room, person, source, muted))

    async def close_room(self, room: str) -> None:
        for link in self._near(room):
            await self._ask(link, control.CloseRoom(next(self._ids), room))
        self._where.pop(room, None)

    async def renewed(self, kept: Sequence[Renewal], lost: Sequence[Renewal]) -> None:
        shares: dict[str, tuple[list[Renewal], list[Renewal]]] = {}
        for place, renewals in enumerate((kept, lost)):
            for renewal in renewals:
                for link in self._near(renewal.room):
                    shares.setdefault(link.name, ([], []))[place].append(renewal)
        for name, (good, gone) in shares.items():
            link = self._links[name]
            if link.writer is not None:
                link.send(control.Renewed(good, gone))

    def live(self, room: str) -> bool:
        return any(room in link.live for link in self._links.values())

    async def _place(self, room: str) -> _Link:
        """The room's worker, recorded in Redis. Raises Refusal(media_unavailable)."""
        here = {link.worker: link for link in self._links.values() if link.writer is not None}
        if not here:
            raise _unavailable("no media worker")
        link = here[await self._placement.place(room, list(here))]
        if link.writer is None:
            raise _unavailable(f"{link.name} is away")
        self._remember(room, link)
        return link

    def _remember(self, room: str, link: _Link) -> None:
        if len(self._where) >= MAX_ROOMS and room not in self._where:
            self._where.pop(next(iter(self._where)))
        self._where[room] = link

    def _near(self, room: str) -> list[_Link]:
        """Where the room may be: its worker; every connected one when that is not known here."""
        known = self._where.get(room)
        if known is not None and known.writer is not None:
            return [known]
        return [link for link in self._links.values() if link.writer is not None]

    async def _ask(
        self, link: _Link, command: control.Offer | control.Close | control.CloseRoom
    ) -> control.Done:
        answer: asyncio.Future[control.Done] = asyncio.get_running_loop().create_future()
        link.waiting[command.id] = answer
        try:
            link.send(command)
            async with asyncio.timeout(ANSWER_S):
                done = await answer
        except TimeoutError:
            raise _unavailable(f"{link.name} does not answer") from None
        finally:
            link.waiting.pop(command.id, None)
        if done.code:
            raise Refusal(Code(done.code), done.message, retry_after_ms=done.retry_after_ms)
        return done

    # --- workers ----------------------------------------------------------------------------

    async def _keep(self, link: _Link) -> None:
        while True:
            try:
                reader, writer = await link.open(self._tls)
            except ssl.SSLError as fault:
                # Another secret there, or no Pavilion: quiet retries would hide the mistake.
                log.error("media control: %s: %s", link.name, fault.reason)
                await asyncio.sleep(1.0)
                continue
            except OSError:
                await asyncio.sleep(RECONNECT_S)
                continue
            try:
                await control.greet_worker(reader, writer, self._secret)
                await self._read(link, reader, writer)
            except control.Rejected as why:
                log.error("media control: %s: %s", link.name, why)
                await asyncio.sleep(1.0)
            except (asyncio.IncompleteReadError, OSError):
                log.warning("media control: %s is gone", link.name)
            finally:
                writer.close()
                self._lost(link)
            await asyncio.sleep(RECONNECT_S)

    async def _read(
        self, link: _Link, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        while True:
            try:
                event = control.EVENTS.decode(await control.read_frame(reader))
            except ValueError as fault:
                raise control.Rejected(f"not an event: {fault}") from None
            if isinstance(event, control.Ready):
                link.worker = event.worker
                link.port, link.addresses, link.live = event.port, event.addresses, set(event.live)
                for room in event.live:
                    self._remember(room, link)
                link.writer = writer
                link.connected.set()
            else:
                self._take(link, event)

    def _take(self, link: _Link, event: control.Events) -> None:
        match event:
            case control.Done():
                answer = link.waiting.pop(event.id, None)
                if answer is not None and not answer.done():
                    answer.set_result(event)
            case control.Live(room, on):
                (link.live.add if on else link.live.discard)(room)
                self._remember(room, link)
            case control.Speaking(room, ids):
                self._notice(SpeakingChanged(room, ids))
            case control.SlotRows(room, people, rows):
                for person in people:
                    self._notice(SlotsChanged(room, person, rows))
            case control.Ended(room, person, kind, attachment, silent_ms):
                self._notice(SessionEnded(room, person, kind, attachment, silent_ms))
            case control.Alive(renewals):
                for renewal in renewals:
                    self._remember(renewal.room, link)
                self._notice(SessionsAlive(tuple(renewals)))
            case control.Counters(values):
                link.counters = values
            case control.Ready():
                log.error("media control: %s greeted twice", link.name)

    def _lost(self, link: _Link) -> None:
        """The worker is away: what it was doing is over."""
        was_there = link.writer is not None
        link.writer = None
        link.connected.clear()
        link.live.clear()
        for answer in link.waiting.values():
            if not answer.done():
                answer.set_exception(_unavailable(f"{link.name} is gone"))
        link.waiting.clear()
        rooms = frozenset(room for room, where in self._where.items() if where is link)
        for room in rooms:
            del self._where[room]
        if was_there and rooms:
            self._notice(MediaLost(rooms))


def open_media(config: Config, hub_id: str, placement: Placement, secret: bytes) -> MediaPool:
    """The hub's media workers; ``start`` it, ``stop`` it. ``secret`` is shared with them."""
    return MediaPool(config, hub_id, placement, secret)
