"""A client with verbs, on the independent library ``websockets``, and a hub to point it at.

``expect`` waits for a *kind* of message and keeps the others for later; when it does not
come the failure shows the whole transcript.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import socket
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aiohttp import web
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

import hub.live
from hub.config import Config
from hub.fair import FairKeys, open_fair
from hub.ports import Media, MediaNotice, Renewal
from hub.services import Services
from hub.store.news import RedisNews
from hub.store.store import open_store
from hub.tokens import SignedTokens
from rooms.errors import Code, Refusal
from rooms.model import Attachment, AttachmentKind, Identity, Role, RoomSpec, Source
from tests.databases import ready

SUBPROTOCOL: Any = "pavilion.v1"
WAIT_S = 5.0


class NoMedia:
    """A fair whose media workers are all away: every offer is refused as the port says."""

    def __init__(self) -> None:
        self.notice: Callable[[MediaNotice], None] = lambda notice: None

    def listen(self, notice: Callable[[MediaNotice], None]) -> None:
        self.notice = notice

    async def offer(
        self, room: str, person: str, attachment: Attachment, sdp: str, *,
        sources: dict[str, Source] | None = None, restart: bool = False, need_live: bool = False,
    ) -> str:  # fmt: skip
        raise Refusal(Code.MEDIA_UNAVAILABLE, retry_after_ms=1000)

    async def close(
        self, room: str, person: str, kind: AttachmentKind, attachment: str | None = None
    ) -> None: ...

    async def view(
        self, room: str, person: str, main: str, thumbs: int, audio_only: bool
    ) -> None: ...

    async def muted(self, room: str, person: str, source: Source, muted: bool) -> None: ...

    async def close_room(self, room: str) -> None: ...

    async def renewed(self, kept: Sequence[Renewal], lost: Sequence[Renewal]) -> None: ...

    def live(self, room: str) -> bool:
        return False

    def faults(self) -> Sequence[str]:
        return ("no media worker",)


@dataclass
class Hub:
    """A hub worker in this process: its address and the parts behind it."""

    url: str
    services: Services
    app: web.Application

    @property
    def live(self) -> hub.live.LiveHub:
        return self.app[hub.live.LIVE]

    def token(self, person: str, room: str, role: str = "participant", **more: Any) -> str:
        who = Identity(id=person, name=person.title(), role=Role(role), room=room, **more)
        return self.services.tokens.issue(who, 600)[0]

    async def room(self, **settings: Any) -> str:
        """A new room in SQL; its slug."""
        slug = settings.pop("slug", None) or f"r-{secrets.token_hex(5)}"
        await self.services.directory.create_room(RoomSpec(slug=slug, title="A talk", **settings))
        return slug

    def client(self, person: str = "", room: str = "", role: str = "participant") -> Client:
        return Client(self, person, room, role)

    async def inside(
        self, room: str, *people: str, role: str = "participant", to: Hub | None = None
    ) -> list[Client]:
        """People greeted and entered, one after the other."""
        clients = []
        for person in people:
            client = (to or self).client(person, room, role)
            await client.hello()
            await client.enter()
            clients.append(client)
        return clients


@asynccontextmanager
async def serving(config: Config, hub_id: str, *, media: Media | None = None) -> AsyncIterator[Hub]:
    """A hub on a port of its own; several in one process have a store each."""
    store = await open_store(config, hub_id)
    news = RedisNews(config.redis.url, store.submitter, hub_id)
    directory, fair = await open_fair(config, FairKeys(b"m" * 32, b"d" * 32, b"v" * 32))
    services = Services(
        config=config, hub_id=hub_id, admission=store.admission, bus=store.bus, vault=store.vault,
        board=store.board, directory=directory, fair=fair, media=media or NoMedia(),
        tokens=SignedTokens(b"t" * 32), organiser_key="key",
        news=news,
    )  # fmt: skip
    app = web.Application()
    hub.live.setup(app, services)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await store.start()
    await news.start()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    try:
        yield Hub(f"ws://127.0.0.1:{port}/live", services, app)
    finally:
        await runner.cleanup()
        await news.close()
        await store.close()
        await directory.close()


async def make_config(url: str, tmp_path: Path, **limits: Any) -> Config:
    """A migrated database and Valkey, with quick timers where a test names them."""
    settings: dict[str, Any] = {
        "redis": {"url": url, **limits.pop("redis", {})},
        "turn": limits.pop("turn", {}),
        "media": limits.pop("media", {}),
        "server": {"data_dir": tmp_path, **limits.pop("server", {})},
        "limits": {"drain_s": 2, **limits},
    }
    config = Config(**settings)
    await ready(config.database_url)
    return config


class Client:
    """One person's socket."""

    def __init__(self, hub: Hub, person: str, room: str, role: str) -> None:
        self.hub = hub
        self.person = person
        self.room = room
        self.role = role
        self.transcript: list[str] = []
        self.welcome: dict[str, Any] = {}
        self.entered: dict[str, Any] = {}
        self.frames: list[int] = []  # messages in each frame that came
        self._kept: list[dict[str, Any]] = []
        self._ids = itertools.count(1)
        self._ws: ClientConnection | None = None

    @property
    def ws(self) -> ClientConnection:
        assert self._ws is not None, "connect first"
        return self._ws

    async def connect(self, **options: Any) -> Client:
        options.setdefault("subprotocols", [SUBPROTOCOL])
        options.setdefault("compression", None)
        options.setdefault("ping_interval", None)
        options.setdefault("close_timeout", 1)
        options.setdefault("max_size", 4 * 1024 * 1024)
        self._ws = await connect(self.hub.url, proxy=None, **options)
        return self

    async def send(self, type: str, *, id: Any = ..., **fields: Any) -> Any:
        """One message; its id."""
        number = next(self._ids) if id is ... else id
        message = {"type": type, **fields}
        if number is not None:
            message["id"] = number
        await self.raw(json.dumps(message))
        return number

    async def raw(self, text: str | bytes) -> None:
        self.transcript.append(f"> {text[:300]!r}")
        await self.ws.send(text)

    async def hello(self, token: str | None = None, **fields: Any) -> dict[str, Any]:
        if self._ws is None:
            await self.connect()
        if not fields and token is None:
            token = self.hub.token(self.person, self.room, self.role)
        if token is not None:
            fields["token"] = token
        number = await self.send("hello", **fields)
        self.welcome = await self.expect("welcome", re=number)
        return self.welcome

    async def enter(self, room: str | None = None, **fields: Any) -> dict[str, Any]:
        """The direct answer: entered, waiting or refused."""
        number = await self.send("enter", room=room or self.room, **fields)
        answer = await self.expect("entered", "waiting", "refused", re=number)
        if answer["type"] == "entered":
            self.entered = answer
        return answer

    async def ask(self, type: str, **fields: Any) -> dict[str, Any]:
        """Send to this client's room and return the direct answer."""
        fields.setdefault("room", self.room)
        number = await self.send(type, **fields)
        return await self.expect(re=number)

    async def say(self, text: str) -> int:
        answer = await self.ask("say", text=text)
        assert answer["type"] == "ok", self.failure(f"say: {answer}")
        seq: int = answer["seq"]
        return seq

    async def events(self, count: int) -> list[dict[str, Any]]:
        return [await self.expect("event") for _ in range(count)]

    async def expect(self, *types: str, wait_s: float = WAIT_S, **fields: Any) -> dict[str, Any]:
        """The next message of one of ``types`` (any, when none) with these field values."""

        def wanted(message: dict[str, Any]) -> bool:
            return (not types or message["type"] in types) and all(
                message.get(key) == value for key, value in fields.items()
            )

        for index, message in enumerate(self._kept):
            if wanted(message):
                return self._kept.pop(index)
        deadline = time.monotonic() + wait_s
        while True:
            left = deadline - time.monotonic()
            try:
                arrived = await self._frame(max(left, 0.001))
            except TimeoutError:
                raise AssertionError(self.failure(f"no {types} {fields}")) from None
            except ConnectionClosed as end:
                raise AssertionError(self.failure(f"closed ({end}), no {types} {fields}")) from None
            for index, message in enumerate(arrived):
                if wanted(message):
                    self._kept += arrived[:index] + arrived[index + 1 :]
                    return message
            self._kept += arrived

    async def _frame(self, timeout: float) -> list[dict[str, Any]]:
        async with asyncio.timeout(timeout):
            text = await self.ws.recv()
        self.transcript.append(f"< {text[:600]!r}")
        messages: list[dict[str, Any]] = json.loads(text)
        self.frames.append(len(messages))
        return messages

    async def none_of(self, *types: str, until: str, **fields: Any) -> dict[str, Any]:
        """The message ``until`` comes, and none of ``types`` before it."""
        found = await self.expect(until, **fields)
        early = [message for message in self._kept if message["type"] in types]
        assert not early, self.failure(f"unwanted {early}")
        return found

    def kept(self, *types: str) -> list[dict[str, Any]]:
        """What came and was not expected yet."""
        return [message for message in self._kept if message["type"] in types]

    async def closed(self, wait_s: float = WAIT_S) -> tuple[int, dict[str, Any] | None]:
        """Read to the end: the close code and the ``bye`` before it."""
        try:
            async with asyncio.timeout(wait_s):
                while True:
                    self._kept += await self._frame(wait_s)
        except ConnectionClosed as end:
            bye = next((one for one in self._kept if one["type"] == "bye"), None)
            return (end.rcvd.code if end.rcvd else 1006), bye
        except TimeoutError:
            raise AssertionError(self.failure("still open")) from None

    def cut(self) -> None:
        """The network is gone: no goodbye of any kind."""
        self.ws.transport.abort()

    async def quit(self) -> None:
        """A proper close of the WebSocket, without ``leave``."""
        await self.ws.close()

    async def resume(
        self, *, to: Hub | None = None, seq: int | None = None, epoch: str | None = None
    ) -> Client:
        """A new socket that comes back with this one's resume token."""
        back = Client(to or self.hub, self.person, self.room, self.role)
        back.entered = self.entered
        point = {
            "room": self.room,
            "epoch": epoch or self.entered["epoch"],
            "seq": self.entered["seq"] if seq is None else seq,
        }
        await back.hello(resume=self.welcome["resume"], rooms=[point])
        return back

    def failure(self, what: str) -> str:
        return f"{self.person}: {what}\n" + "\n".join(self.transcript[-40:])


async def until(check: Callable[[], Any], wait_s: float = WAIT_S, what: str = "") -> None:
    """Wait for a condition with a deadline; ``check`` may be a coroutine function."""
    deadline = time.monotonic() + wait_s
    while True:
        found = check()
        if asyncio.iscoroutine(found):
            found = await found
        if found:
            return
        assert time.monotonic() < deadline, f"never: {what or check}"
        await asyncio.sleep(0.01)


async def narrow_socket(hub: Hub) -> socket.socket:
    """Connected to ``hub``; takes little before the server feels that nobody reads."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sock.setblocking(False)
    host, port = hub.url.removeprefix("ws://").removesuffix("/live").split(":")
    await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
    return sock
