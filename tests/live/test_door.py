"""Who may open a socket, and what ends it before and right after ``hello``."""

from __future__ import annotations

import asyncio
import json

import pytest
from websockets.exceptions import InvalidStatus

from rooms.model import Identity
from tests.live.driver import Hub, make_config, serving

GOOD = "http://127.0.0.1:8080"

BAD_ORIGINS = [
    "null",
    "https://127.0.0.1:8080",
    "http://127.0.0.1",
    "http://127.0.0.1:80801",
    "http://127.0.0.1:8080.example.com",
    "http://example.com/http://127.0.0.1:8080",
    "http://127.0.0.1:8080/",
    "http://127.0.0.1:8080, http://127.0.0.1:8080",
    "HTTP://127.0.0.1:8080",
    "http://user@127.0.0.1:8080",
    "http://[::1]:8080",
    "",
]


@pytest.mark.parametrize("origin", BAD_ORIGINS)
async def test_a_strange_origin_is_refused(hub: Hub, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await hub.client("ada").connect(additional_headers={"Origin": origin})
    assert refused.value.response.status_code == 403
    assert not hub.live.connections


@pytest.mark.parametrize("origin", [GOOD, "http://localhost:8080", None])
async def test_a_listed_origin_or_none_is_let_in(hub: Hub, origin: str | None) -> None:
    room = await hub.room()
    client = hub.client("ada", room)
    await client.connect(origin=origin)
    assert client.ws.subprotocol == "pavilion.v1"
    await client.hello()


async def test_two_origins_are_refused_even_when_both_are_good(hub: Hub) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await hub.client().connect(additional_headers=[("Origin", GOOD), ("Origin", GOOD)])
    assert refused.value.response.status_code == 403


async def test_another_subprotocol_is_refused_and_compression_never_agreed(hub: Hub) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await hub.client().connect(subprotocols=["pavilion.v9"])
    assert refused.value.response.status_code == 400
    client = hub.client("ada", await hub.room())
    await client.connect(compression="deflate", subprotocols=None)
    assert "Sec-WebSocket-Extensions" not in client.ws.response.headers  # type: ignore[union-attr]
    await client.hello()


async def test_hello_is_due_within_its_time(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> None:
    # The bound is the protocol's 5 s; nobody here needs to wait for it.
    monkeypatch.setattr("hub.live.auth.HELLO_S", 0.2)
    client = await hub.client().connect()
    code, bye = await client.closed()
    assert code == 4501 and bye is not None
    assert bye["code"] == "unauthorised" and bye["reconnect"] is False


HELLOS = [
    ('{"type":"hello","id":1}', 4501, "bad_message"),
    ('{"type":"hello","id":1,"token":"x","ticket":"y"}', 4501, "bad_message"),
    ('{"type":"hello","id":1,"token":7}', 4501, "bad_message"),
    ('{"type":"hello","token":"x"}', 4501, "bad_message"),
    ('{"type":"hello","id":1,"token":"not.a.token"}', 4501, "unauthorised"),
    ('{"type":"hello","id":1,"token":"eyJhbGciOiJub25lIn0.e30."}', 4501, "unauthorised"),
    ('{"type":"hello","id":1,"ticket":"nope"}', 4501, "unauthorised"),
    ('{"type":"hello","id":1,"resume":"nope","rooms":[]}', 4501, "unauthorised"),
    ('{"type":"enter","id":1,"room":"a"}', 4501, "unauthorised"),
    ('{"type":"nonsense","id":1}', 4501, "bad_message"),
    ("[]", 4500, None),
    ('"hello"', 4500, None),
    ("", 4500, None),
    ('{"type":"hello"', 4500, None),
    ("[" * 60_000, 4500, None),
    ("{" + '"a":{' * 10_000, 4501, "bad_message"),
]


@pytest.mark.parametrize(("text", "close", "error"), HELLOS)
async def test_a_bad_hello_ends_the_socket(
    hub: Hub, text: str, close: int, error: str | None
) -> None:
    client = await hub.client().connect()
    await client.raw(text)
    code, bye = await client.closed()
    assert code == close and bye is not None and bye["reconnect"] is False
    assert [one["code"] for one in client.kept("error")] == ([error] if error else [])
    assert not hub.live.connections


async def test_an_expired_token_says_so(hub: Hub) -> None:
    room = await hub.room()
    token, _ = hub.services.tokens.issue(Identity(id="ada", name="Ada", room=room), -10)
    client = await hub.client().connect()
    await client.raw(json.dumps({"type": "hello", "id": 4, "token": token}))
    assert (await client.expect("error", re=4))["code"] == "expired_token"
    assert (await client.closed())[0] == 4501


@pytest.mark.parametrize(
    ("frame", "close"),
    [
        ("x" * (64 * 1024 + 1), 1009),
        ("[1]", 4500),
        ("no json", 4500),
        (b"\x00\x01", 4500),
    ],
)
async def test_what_ends_a_greeted_socket(hub: Hub, frame: str | bytes, close: int) -> None:
    room = await hub.room()
    (neighbour, ada) = await hub.inside(room, "bob", "ada")
    await ada.raw(frame)
    assert (await ada.closed())[0] == close
    # Nobody else notices, and the seat is held for the one who was thrown out.
    await neighbour.expect("room", held=1)
    assert await neighbour.say("still here") == 1


async def test_the_largest_message_allowed_is_read(hub: Hub) -> None:
    (ada,) = await hub.inside(await hub.room(), "ada")
    text = json.dumps({"type": "hand", "id": 9, "room": ada.room, "up": True})
    await ada.raw(text + " " * (64 * 1024 - len(text)))
    assert (await ada.expect(re=9))["type"] == "ok"


async def test_invalid_utf8_ends_with_1007(hub: Hub) -> None:
    (ada,) = await hub.inside(await hub.room(), "ada")
    await ada.ws.send(b"\xff\xfe", text=True)
    assert (await ada.closed())[0] == 1007


async def test_too_many_connections_of_one_address(valkey_url: str, tmp_path: object) -> None:
    config = await make_config(valkey_url, tmp_path, address_connections_open=2)  # type: ignore[arg-type]
    async with serving(config, "hub-a") as hub:
        first = await hub.client().connect()
        await hub.client().connect()
        with pytest.raises(InvalidStatus) as refused:
            await hub.client().connect()
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["Retry-After"]) >= 1
        await first.quit()
        async with asyncio.timeout(5):
            while True:
                try:
                    await hub.client().connect()
                    break
                except InvalidStatus:
                    await asyncio.sleep(0.01)
