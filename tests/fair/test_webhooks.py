"""Webhooks against a real receiver: signed, in order per room, retried, never to private places."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Any

import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from sqlalchemy.ext.asyncio import AsyncEngine
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from hub.config import Config
from hub.config import Webhooks as Settings
from hub.fair.base import FairKeys
from hub.fair.engine import make_engine
from hub.fair.webhooks import SqlWebhooks
from hub.fair.webhooks.guard import GuardedResolver, check_url, public
from hub.fair.webhooks.sending import SCHEDULE_S, TAKEN_MS
from hub.ports.events import BadEndpoint
from tests.databases import ready

KEYS = FairKeys(b"m" * 32, b"d" * 32, b"v" * 32)
HOUR = 3_600_000


class Receiver:
    """What came, and what to answer: by message kind and room, else 200."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        self.answer: Callable[[dict[str, Any]], web.Response] = lambda _body: web.Response()
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.got.append((dict(request.headers), body))
        return self.answer(json.loads(body))

    @property
    def told(self) -> list[Any]:
        return [json.loads(body)["data"]["n"] for _, body in self.got]


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    found = Receiver()
    app = web.Application()
    app.router.add_post("/hook", found.take)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    await runner.cleanup()


class Clock:
    """The wall clock, moved ahead: signatures are checked against the real one."""

    def __init__(self) -> None:
        self.ahead_ms = 0

    def __call__(self) -> int:
        return int(datetime.now(UTC).timestamp() * 1000) + self.ahead_ms


@pytest.fixture
def moved() -> Clock:
    return Clock()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    await ready(database_url)
    found = make_engine(database_url)
    yield found
    await found.dispose()


@pytest.fixture
async def hub(engine: AsyncEngine, moved: Clock) -> AsyncIterator[SqlWebhooks]:
    config = Config(webhooks=Settings(allow_private=True))
    found = SqlWebhooks(engine, config, KEYS, moved)
    yield found
    await found.stop()


async def test_signed_with_both_secrets_while_rotating(
    hub: SqlWebhooks, receiver: Receiver, moved: Clock
) -> None:
    endpoint, first = await hub.create(receiver.url, ["room.opened"])
    await hub.tell("room.opened", "hall", {"n": 1, "title": "大厅"})
    await hub.tell("room.closed", "hall", {"n": 2})  # not asked for
    assert await hub.deliver() == 1
    headers, body = receiver.got[0]
    assert Webhook(first).verify(body, headers)["data"] == {"n": 1, "title": "大厅"}
    with pytest.raises(WebhookVerificationError):
        Webhook(first).verify(body + b" ", headers)

    rotated = await hub.rotate(endpoint.id)
    assert rotated is not None and rotated[0].rotating_until_ms is not None
    second = rotated[1]
    assert second != first
    await hub.tell("room.opened", "hall", {"n": 3})
    await hub.deliver()
    headers, body = receiver.got[1]
    for secret in (first, second):
        Webhook(secret).verify(body, headers)
    moved.ahead_ms = 25 * HOUR
    await hub.tidy()
    await hub.tell("room.opened", "hall", {"n": 4})
    await hub.deliver()
    assert len(receiver.got[2][0]["webhook-signature"].split(" ")) == 1
    found = await hub.endpoint(endpoint.id)
    assert found is not None and found.rotating_until_ms is None


async def test_a_failing_message_holds_back_its_room_alone(
    hub: SqlWebhooks, receiver: Receiver, moved: Clock
) -> None:
    endpoint, _ = await hub.create(receiver.url, [])
    down = True

    def answer(body: dict[str, Any]) -> web.Response:
        bad = down and body["data"]["n"] == "a1"
        return web.Response(status=500 if bad else 204, text="no\0 \x1b[2J" if bad else None)

    receiver.answer = answer
    for n in ("a1", "b1", "a2", "b2", "a3"):
        await hub.tell("room.entered", n[0], {"n": n})
    await hub.tell("person.registered", None, {"n": "p"})
    await hub.deliver()
    assert sorted(receiver.told) == ["a1", "b1", "b2", "p"]
    assert receiver.told.index("b1") < receiver.told.index("b2")
    log, _ = await hub.deliveries(endpoint.id, state="due")
    assert [json.loads(one.body)["data"]["n"] for one in log] == ["a3", "a2", "a1"]
    assert (log[2].status, log[2].attempts, log[2].answer) == (500, 1, "no� �[2J")
    assert (await hub.endpoint(endpoint.id)).failing_since_ms is None  # type: ignore[union-attr]
    moved.ahead_ms = 4_000
    assert await hub.deliver() == 0  # 5 s, not yet
    moved.ahead_ms, down = 7_000, False
    await hub.deliver()
    assert receiver.told[4:] == ["a1", "a2", "a3"]
    ids = [headers["webhook-id"] for headers, _ in receiver.got]
    assert ids[receiver.told.index("a1")] == ids[4] and len(set(ids)) == 6  # the same message again


async def test_the_schedule_ends_and_replay_begins_it_anew(
    hub: SqlWebhooks, receiver: Receiver, moved: Clock
) -> None:
    endpoint, _ = await hub.create(receiver.url, [])
    receiver.answer = lambda _body: web.Response(status=503)
    await hub.tell("room.opened", "hall", {"n": 1})
    for wait_s in SCHEDULE_S:
        moved.ahead_ms += int(wait_s * 1000 * 1.1) + 500
        assert await hub.deliver() == 1
    moved.ahead_ms += 30 * HOUR
    assert await hub.deliver() == 0
    (one,), _ = await hub.deliveries(endpoint.id)
    assert (one.state, one.attempts) == ("failed", len(SCHEDULE_S))
    receiver.answer = lambda _body: web.Response()
    assert not await hub.replay(endpoint.id, one.id + 1)
    assert await hub.replay(endpoint.id, one.id)
    await hub.deliver()
    (one,), _ = await hub.deliveries(endpoint.id)
    assert (one.state, one.status) == ("sent", 200)
    assert len({headers["webhook-id"] for headers, _ in receiver.got}) == 1


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_retry_after_is_honoured(
    hub: SqlWebhooks, receiver: Receiver, moved: Clock, form: str
) -> None:
    await hub.create(receiver.url, [])
    until = datetime.fromtimestamp(moved() / 1000 + 3600, UTC)
    after = "3600" if form == "seconds" else format_datetime(until, usegmt=True)
    receiver.answer = lambda _body: web.Response(status=429, headers={"Retry-After": after})
    await hub.tell("room.opened", "hall", {"n": 1})
    await hub.deliver()
    moved.ahead_ms = 3_500_000
    assert await hub.deliver() == 0
    moved.ahead_ms = 3_602_000
    assert await hub.deliver() == 1


async def test_gone_and_long_failing_endpoints_are_switched_off(
    hub: SqlWebhooks, receiver: Receiver, moved: Clock
) -> None:
    gone, _ = await hub.create(receiver.url, [])
    receiver.answer = lambda _body: web.Response(status=410)
    await hub.test(gone.id)
    await hub.deliver()
    found = await hub.endpoint(gone.id)
    assert found is not None and (found.active, found.why_inactive) == (False, "gone")
    await hub.tell("room.opened", "hall", {"n": 1})
    assert len((await hub.deliveries(gone.id))[0]) == 1  # told nothing since
    receiver.answer = lambda _body: web.Response(status=302, headers={"Location": "/hook"})
    assert (await hub.change(gone.id, active=True)) is not None
    await hub.test(gone.id)
    await hub.deliver()
    before = len(receiver.got)
    assert before == 2  # a redirect is not followed, and no success
    moved.ahead_ms = 6 * 24 * HOUR
    await hub.deliver()
    found = await hub.endpoint(gone.id)
    assert found is not None and (found.active, found.why_inactive) == (False, "failing")
    assert await hub.delete(gone.id) and not await hub.delete(gone.id)


async def test_hubs_share_the_work_and_finish_what_a_dead_one_took(
    hub: SqlWebhooks, engine: AsyncEngine, receiver: Receiver, moved: Clock
) -> None:
    other = SqlWebhooks(engine, Config(webhooks=Settings(allow_private=True)), KEYS, moved)
    endpoint, _ = await hub.create(receiver.url, [])
    for n in range(30):
        await hub.tell("room.entered", f"r{n % 3}", {"n": n})
        await other.tell("room.opened", None, {"n": 99}, key="once")  # both noticed
        await hub.tell("room.opened", None, {"n": 99}, key="once")
    await asyncio.gather(hub.deliver(), other.deliver())
    await asyncio.gather(hub.deliver(), other.deliver())
    assert sorted(receiver.told) == [*range(30), 99]
    for room in range(3):
        mine = [n for n in receiver.told if n != 99 and n % 3 == room]
        assert mine == sorted(mine)
    # Taken by a hub that is killed: another sends it once the lease has run out.
    await hub.tell("room.entered", "r0", {"n": 100})
    assert len(await other._take(endpoint.id)) == 1
    assert await hub.deliver() == 0
    moved.ahead_ms = TAKEN_MS + 1
    assert await hub.deliver() == 1 and receiver.told[-1] == 100
    await other.stop()


# --- where a webhook must not go ------------------------------------------------------------


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://example.com/", "not_https"), ("ftp://example.com/", "not_https"),
        ("https:///x", "bad_url"), ("https://user:pw@example.com/", "bad_url"),
        ("https://example.com:99999/", "bad_url"), ("https://exa mple.com/", "bad_url"),
        ("https://example.com/#x", "bad_url"), ("https://例子.cn/", "bad_url"),
        ("https://example.com:22/", "bad_port"), ("https://127.0.0.1/", "private_address"),
        ("https://localhost/", "private_address"), ("https://a.localhost./", "private_address"),
        ("https://printer.local/", "private_address"), ("https://127.1/", "bad_url"),
        ("https://2130706433/", "bad_url"), ("https://0x7f.1/", "bad_url"),
        ("https://[::1]/", "private_address"), ("https://[::ffff:8.8.8.8]/", "private_address"),
        ("https://169.254.169.254/latest", "private_address"), ("https://" + "a" * 600, "bad_url"),
    ],
)  # fmt: skip
def test_addresses_that_are_refused_at_once(url: str, code: str) -> None:
    with pytest.raises(BadEndpoint) as bad:
        check_url(url, allow_private=False)
    assert bad.value.code == code


def test_addresses_that_are_taken() -> None:
    for url in ("https://example.com/a?b=c", "https://hooks.example.com:8443/", "https://8.8.8.8/"):
        assert check_url(url, allow_private=False) == url


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "172.16.0.1", "192.168.1.1", "127.0.0.1", "0.0.0.0", "169.254.1.1", "100.64.0.1",
     "224.0.0.1", "239.1.1.1", "255.255.255.255", "198.18.0.1", "192.0.2.1", "240.0.0.1", "::",
     "::1", "::ffff:10.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "fe80::1", "fe80::1%eth0", "fc00::1",
     "fec0::1", "ff02::1", "64:ff9b::7f00:1", "2002:7f00:1::1", "2001:0:1::1", "2001:db8::1", "x"],
)  # fmt: skip
def test_addresses_that_are_not_public(address: str) -> None:
    assert not public(address)
    assert public("8.8.8.8") and public("2606:4700:4700::1111")


class Rebinding(AbstractResolver):
    """Public the first time, then what only this machine can reach."""

    def __init__(self, port: int) -> None:
        self.asked = 0
        self.port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked += 1
        address = "8.8.8.8" if self.asked == 1 else "127.0.0.1"
        return [ResolveResult(hostname=host, host=address, port=self.port, family=socket.AF_INET,
                              proto=0, flags=0)]  # fmt: skip

    async def close(self) -> None: ...


async def test_a_name_that_turns_private_is_refused_when_connecting(
    engine: AsyncEngine, receiver: Receiver, moved: Clock
) -> None:
    port = int(receiver.url.split(":")[2].split("/")[0])
    rebinding = Rebinding(port)
    await GuardedResolver(rebinding, allow_private=False).resolve("hooks.example.com", 443)
    hub = SqlWebhooks(engine, Config(), KEYS, moved)
    hub.resolver = rebinding
    endpoint, _ = await hub.create("https://hooks.example.com/hook", [])
    await hub.test(endpoint.id)
    await hub.deliver()
    (one,), _ = await hub.deliveries(endpoint.id)
    assert (one.status, one.answer, receiver.got) == (None, "private_address", [])
    # Stored while private addresses were allowed, sent after they no longer are.
    await hub.stop()
    open_hub = SqlWebhooks(engine, Config(webhooks=Settings(allow_private=True)), KEYS, moved)
    private, _ = await open_hub.create(receiver.url, [])
    await hub.test(private.id)
    await hub.deliver()
    (one,), _ = await hub.deliveries(private.id)
    assert one.answer == "not_https" and receiver.got == []
    await hub.stop()
