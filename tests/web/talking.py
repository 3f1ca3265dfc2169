"""People at a running fair: companies with staff, visitors, the organiser, each in a browser of
their own; and talks between them."""

from __future__ import annotations

import secrets
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import aiohttp
import sqlalchemy as sa

from hub.fair.engine import transaction
from hub.fair.tables import talks
from hub.ports.companies import CompanyDraft
from hub.ports.people import Registration
from hub.ports.talks import Belonging, TalkDraft
from hub.web.talks import now_ms
from rooms.model import Attachment, AttachmentKind, Identity, Mode, Role
from tests.web.conftest import Hub

MIN = 60_000
HOUR = 60 * MIN


@dataclass
class Person:
    """Somebody with a browser; nobody when ``id`` is empty."""

    hub: Hub
    id: str
    csrf: str
    email: str = ""

    async def api(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        headers = {"X-CSRF-Token": self.csrf} if self.csrf else {}
        return await self.hub.api(method, path, body, auth=None, headers=headers, **more)

    async def get(self, path: str) -> aiohttp.ClientResponse:
        return await self.hub.call("GET", path, auth=None)

    async def post(self, path: str, **fields: str) -> aiohttp.ClientResponse:
        data = {**({"csrf": self.csrf} if self.csrf else {}), **fields}
        return await self.hub.call("POST", path, auth=None, data=data)

    async def upload(self, path: str, name: str, raw: bytes) -> aiohttp.ClientResponse:
        form = aiohttp.FormData({"csrf": self.csrf})
        form.add_field("sheet", raw, filename=name, content_type="application/octet-stream")
        return await self.hub.call("POST", path, auth=None, data=form)


class Fair:
    def __init__(self, site: Hub, stack: AsyncExitStack) -> None:
        self.site, self.stack = site, stack
        self.parts = site.services.fair
        self.talks = site.services.fair.talks

    async def person(self, name: str, role: Role = Role.PARTICIPANT) -> Person:
        email = f"{secrets.token_hex(5)}@example.org"
        made = await self.parts.people.create(
            Registration(name=name, email=email, password="", country="DE", privacy_version=1),
            verified=True, role=role,
        )  # fmt: skip
        assert made is not None
        browser = await self.stack.enter_async_context(self.site.browser())
        identity = Identity(id=made.id, name=made.name, role=made.role)
        cookie, session = await self.site.services.directory.open_session(identity, 600)
        browser.http.cookie_jar.update_cookies({"pavilion": cookie})
        return Person(browser, made.id, session.csrf, email)

    async def nobody(self) -> Person:
        return Person(await self.stack.enter_async_context(self.site.browser()), "", "")

    async def organiser(self) -> Person:
        browser = await self.stack.enter_async_context(self.site.browser())
        return Person(browser, "organiser", await browser.sign_in(Role.ORGANISER))

    async def company(self, slug: str, *staff: Person) -> str:
        await self.parts.companies.create(
            CompanyDraft(slug=slug, name=slug.title(), sector="finance", country="CN")
        )
        for one in staff:
            assert await self.parts.companies.set_staff(slug, one.id, "staff", None, True)
        return slug

    async def talk(self, company: str, host: Person, *guests: Person, **fields: Any) -> str:
        """A one_to_many talk, now, for an hour."""
        now = now_ms()
        given: dict[str, Any] = {
            "origin": "company", "origin_id": None, "company": company, "mode": Mode.ONE_TO_MANY,
            "subject": "Robots", "starts_ms": now, "ends_ms": now + HOUR, "capacity": 10,
            "by": host.id, **fields,
        }  # fmt: skip
        members = (
            Belonging(host.id, company),
            *(Belonging(guest.id, "guest") for guest in guests),
        )
        return (await self.talks.open(TalkDraft(members=members, **given))).room

    async def seat(self, room: str, person: str, role: Role = Role.PARTICIPANT) -> str:
        """As the live hub would: load the room and take a seat there; the socket's id."""
        services = self.site.services
        record = await services.directory.room(room)
        assert record is not None
        await services.admission.load(record.spec)
        who = Identity(id=person, name=person, role=role, room=room, side="guest")
        socket = Attachment(AttachmentKind.SOCKET, secrets.token_hex(8), services.hub_id)
        await services.admission.enter(room, who, socket, wait=False)
        return socket.id

    async def set_end(self, room: str, ends_ms: int) -> None:
        """Its planned end, in the past too."""
        async with transaction(self.talks._engine) as connection:  # type: ignore[attr-defined]
            await connection.execute(
                sa.update(talks).where(talks.c.room == room).values(ends_ms=ends_ms)
            )

    async def events(self, room: str) -> list[tuple[str, bytes]]:
        """What the room was told so far."""
        admission = self.site.services.admission
        view = await admission.view(room)
        missed = await admission.since(room, view.epoch, 0)
        return [(event.kind, bytes(event.body)) for event in missed.events]


async def code(answer: Any) -> tuple[int, str]:
    body = await answer.json() if "json" in answer.content_type else {}
    return answer.status, body.get("code", "")
