"""What is done over HTTP is felt on the sockets: tickets, capacity, removal, closing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp

from rooms.model import Role

WAIT_S = 5


class Socket:
    """One greeted WebSocket; ``until`` returns the next message of a type."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self.ws = ws
        self.queue: list[dict[str, Any]] = []

    async def until(self, *types: str) -> dict[str, Any]:
        async with asyncio.timeout(WAIT_S):
            while True:
                while self.queue:
                    message = self.queue.pop(0)
                    if message["type"] in types:
                        return message
                frame = await self.ws.receive()
                assert frame.type is aiohttp.WSMsgType.TEXT, f"{types} did not come: {frame}"
                self.queue.extend(json.loads(frame.data))

    async def ask(self, type: str, *answers: str, **fields: Any) -> dict[str, Any]:
        await self.ws.send_json({"type": type, "id": 7, **fields})
        return await self.until(*answers, "error")


@asynccontextmanager
async def hello(site: Any, **proof: str) -> AsyncIterator[Socket]:
    async with site.http.ws_connect(site.base + "/live", protocols=["pavilion.v1"]) as ws:
        socket = Socket(ws)
        answer = await socket.ask("hello", "welcome", "bye", **proof)
        assert answer["type"] == "welcome", answer
        yield socket


async def test_a_guest_walks_in_and_the_desk_runs_the_room(site: Any) -> None:
    room, private = await site.room(capacity=1, guests=True), await site.room()
    async with site.browser() as browser:
        named = await browser.api("POST", f"/rooms/{room}/guest", {"name": "Ann"}, auth=None)
        person = (await named.json())["participant"]["id"]
        own = {"Origin": site.base}
        ticket = (await (await browser.api("POST", "/tickets", auth=None, headers=own)).json())[
            "ticket"
        ]
    async with hello(site, ticket=ticket) as guest, hello(site, token=site.token(room)) as next_:
        # Only rooms that allow guests open to one, and a ticket is used up.
        assert (await guest.ask("enter", "refused", "entered", room=private))["code"] in {
            "unknown_room", "forbidden",
        }  # fmt: skip
        entered = await guest.ask("enter", "entered", "refused", room=room)
        assert entered["snapshot"]["room"]["capacity"] == 1
        async with site.http.ws_connect(site.base + "/live", protocols=["pavilion.v1"]) as again:
            assert (await Socket(again).ask("hello", "bye", ticket=ticket))[
                "code"
            ] == "unauthorised"

        waiting = await next_.ask("enter", "waiting", "refused", room=room)
        assert (waiting["position"], waiting["total"]) == (1, 1)
        # The desk, with a moderator's room token, raises the capacity: inside at once.
        desk = site.token(room, Role.MODERATOR, "desk")
        etag = (await site.api("GET", f"/rooms/{room}", auth=desk)).headers["ETag"]
        raised = await site.api(
            "PATCH", f"/rooms/{room}", {"capacity": 2}, auth=desk, headers={"If-Match": etag}
        )
        assert raised.status == 200
        assert (await next_.until("entered"))["room"] == room
        event = await guest.until("event")
        assert (event["kind"], event["body"]["capacity"]) == ("capacity", 2)

        path = f"/rooms/{room}/participants/{person}/actions"
        assert (await site.api("POST", path, {"action": "stage"}, auth=desk)).status == 200
        event = await guest.until("event")
        assert (event["kind"], event["by"]) == ("stage", "desk")
        assert event["body"] == {"participant": person, "on": True}
        removed = {"action": "remove", "reason": "noise"}
        assert (await site.api("POST", path, removed, auth=desk)).status == 200
        bye = await guest.until("bye")
        assert (bye["code"], bye["reconnect"]) == ("removed", False)
        assert (await next_.until("event"))["kind"] == "stage"
        assert (await next_.until("event"))["body"]["reason"] == "noise"

        assert (await site.api("DELETE", f"/rooms/{room}", auth=desk)).status == 204
        assert (await next_.until("event"))["kind"] == "closed"
        assert (await next_.until("bye"))["code"] == "room_closed"


async def test_a_room_closed_on_the_socket_stays_closed_in_sql(site: Any) -> None:
    room = await site.room()
    async with hello(site, token=site.token(room, Role.MODERATOR)) as boss:
        await boss.ask("moderate", "ok", room=room, action="close")
    record = await site.services.directory.room(room)
    assert record.spec.closed
    body = await (await site.api("GET", f"/rooms/{room}")).json()
    assert body["state"] == "closed"
