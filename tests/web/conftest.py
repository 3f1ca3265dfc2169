"""A hub's HTTP side on a real port: real Valkey, real SQLite, all but media workers."""

from __future__ import annotations

import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from hub.app import make_app
from hub.config import Config, Limits, Media, Redis, Server
from hub.services import SERVICES, Services
from rooms.model import Identity, Role
from tests.databases import ready

NO_MEDIA = Media(workers=0)
LIMITS = Limits()


@dataclass
class Hub:
    """A running hub and a client for it; ``call`` uses the organiser key unless told."""

    base: str
    services: Services
    http: aiohttp.ClientSession
    app: web.Application | None = None

    async def call(
        self, method: str, path: str, body: Any = None, *, auth: str | None = "key", **more: Any
    ) -> aiohttp.ClientResponse:
        headers = dict(more.pop("headers", {}))
        if auth == "key":
            auth = self.services.organiser_key
        if auth is not None:
            headers["Authorization"] = f"Bearer {auth}"
        if body is not None:
            more["json"] = body
        response = await self.http.request(
            method, self.base + path, headers=headers, allow_redirects=False, **more
        )
        await response.read()
        return response

    async def api(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        return await self.call(method, "/api/v1" + path, body, **more)

    async def room(self, **fields: Any) -> str:
        """A new room; its slug."""
        slug = f"t-{secrets.token_hex(6)}"
        body = {"slug": slug, "title": "Talk", "kind": "conference", "capacity": 5, **fields}
        response = await self.api("POST", "/rooms", body)
        assert response.status == 201, await response.text()
        return slug

    def token(self, room: str, role: Role = Role.PARTICIPANT, person: str = "p1") -> str:
        identity = Identity(id=person, name=f"Name of {person}", role=role, room=room)
        return self.services.tokens.issue(identity, 600)[0]

    @asynccontextmanager
    async def browser(self) -> AsyncIterator[Hub]:
        """Another client with cookies of its own."""
        async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as http:
            yield Hub(self.base, self.services, http)

    async def sign_in(self, role: Role) -> str:
        """Sign this client in through a link; its CSRF token."""
        link = await self.services.directory.create_signin_link(role)
        response = await self.call("POST", f"/signin/{link}", auth=None)
        assert response.status == 303, await response.text()
        cookie = response.cookies["pavilion"].value
        session = await self.services.directory.session(cookie)
        assert session is not None
        return session.csrf


Start = Callable[..., Awaitable[Hub]]


@pytest.fixture
async def start(valkey_url: str, tmp_path: Path) -> AsyncIterator[Start]:
    """Start a hub; keyword arguments go into its [server] section, ``media`` is
    [media], ``limits`` is [limits]."""
    async with AsyncExitStack() as stack:

        async def run(media: Media = NO_MEDIA, limits: Limits = LIMITS, **server: Any) -> Hub:
            listener = socket.create_server(("127.0.0.1", 0))
            port = listener.getsockname()[1]
            config = Config(
                server=Server(port=port, data_dir=tmp_path, **server),
                redis=Redis(url=valkey_url),
                media=media,
                limits=limits,
            )
            await ready(config.database_url)
            app = await make_app(config, f"h{port}")
            services = app[SERVICES]
            runner = web.AppRunner(app, access_log=None)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            await web.SockSite(runner, listener).start()
            http = await stack.enter_async_context(
                aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True))
            )
            return Hub(f"http://127.0.0.1:{port}", services, http, app)

        yield run


@pytest.fixture
async def site(start: Start) -> Hub:
    return await start()
