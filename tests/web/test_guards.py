"""What every answer carries, what is logged, and whose address counts."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from hub.config import Config, Server
from hub.ports import StoreLost
from hub.web.guards import forwarded_for
from rooms.model import Role

PROXIES = tuple(map(ipaddress.ip_network, ("10.0.0.0/8", "fd00::/8")))


@pytest.mark.parametrize(
    ("remote", "header", "found"),
    [
        ("192.0.2.1", "203.0.113.9", "192.0.2.1"),  # not through a proxy: what it says is nothing
        ("10.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("10.0.0.1", "1.2.3.4, 203.0.113.9", "203.0.113.9"),  # the left one was made up
        ("10.0.0.1", "1.2.3.4, 203.0.113.9, 10.0.0.2", "203.0.113.9"),
        ("10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("10.0.0.1", "", "10.0.0.1"),
        ("10.0.0.1", "rubbish, 10.0.0.2", "10.0.0.2"),
        ("fd00::1", "2001:db8::7", "2001:db8::7"),
        ("10.0.0.1", ",".join(["203.0.113.9"] + ["10.0.0.2"] * 500), "10.0.0.2"),
    ],
)
def test_only_what_trusted_proxies_add_counts(remote: str, header: str, found: str) -> None:
    assert forwarded_for(remote, header, PROXIES) == found


async def test_a_trusted_proxy_names_the_client(start: Any) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9", "X-Forwarded-Proto": "https"}
    for trusted, address in (((), "127.0.0.1"), (("127.0.0.0/8",), "203.0.113.9")):
        site = await start(trusted_proxies=trusted)
        with capture_logs() as lines:
            await site.api("GET", "/rooms", headers=forwarded)
        assert [line["address"] for line in lines if line["event"] == "request"] == [address]


async def test_a_socket_passes_a_trusted_proxy(start: Any) -> None:
    site = await start(trusted_proxies=("127.0.0.0/8",))
    token = site.token(await site.room())
    with capture_logs() as lines:
        async with site.http.ws_connect(
            site.base + "/live", protocols=["pavilion.v1"],
            headers={"X-Forwarded-For": "203.0.113.9"},
        ) as socket:  # fmt: skip
            await socket.send_json({"type": "hello", "id": 1, "token": token})
            assert (await socket.receive_json(timeout=5))[0]["type"] == "welcome"
    assert {line["address"] for line in lines if "address" in line} == {"203.0.113.9"}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("trusted_proxies", ("10.0.0.0/40",)),
        ("trusted_proxies", ("proxy.example",)),
        ("allowed_origins", ("*",)),
        ("allowed_origins", ("https://fair.example/",)),
        ("allowed_origins", ("https://FAIR.example",)),
        ("allowed_origins", ("fair.example",)),
        ("allowed_origins", ("null",)),
        ("public_url", "https://fair.example/path"),
        ("public_url", "ftp://fair.example"),
    ],
)
def test_what_could_never_match_stops_the_start(key: str, value: Any) -> None:
    with pytest.raises(ValueError, match=key):
        Server(**{key: value})


def test_what_matches_is_taken() -> None:
    server = Server(
        public_url="https://fair.example/",
        allowed_origins=("https://a-b.example:8443", "http://[::1]:8080", "http://127.0.0.1:1"),
        trusted_proxies=("10.0.0.0/8", "fd00::/8", "192.0.2.1"),
    )
    assert Config(server=server).public_url == "https://fair.example"


async def test_every_answer_carries_the_security_headers(site: Any) -> None:
    room = await site.room()
    for method, path in (
        ("GET", "/api/v1/rooms"), ("GET", "/nothing"), ("PUT", f"/api/v1/rooms/{room}"),
        ("GET", "/signin/x"), ("GET", "/health/live"), ("POST", "/signin/x"), ("GET", "/desk"),
    ):  # fmt: skip
        answer = await site.call(method, path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, path
        assert "unsafe" not in policy and "*" not in policy
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Referrer-Policy"] in {"no-referrer", "same-origin"}
        assert "camera=(self)" in answer.headers["Permissions-Policy"]
        assert "Server" not in answer.headers or "aiohttp" not in answer.headers["Server"], path
        assert answer.headers["X-Request-ID"]
    for given, kept in (("abc-1", True), ("x" * 65, False), ("a b", False)):
        answer = await site.call("GET", "/health/live", headers={"X-Request-ID": given})
        assert (answer.headers["X-Request-ID"] == given) is kept


async def test_the_log_names_routes_and_no_secrets(site: Any) -> None:
    room = await site.room(guests=True)
    link = await site.services.directory.create_signin_link(Role.ORGANISER)
    token = site.token(room)
    async with site.browser() as person:
        with capture_logs() as lines:
            await person.call("GET", f"/signin/{link}", auth=None)
            done = await person.call("POST", f"/signin/{link}", auth=None)
            await person.api("GET", f"/rooms/{room}?token={token}", auth=token)
            guest = await person.api("POST", f"/rooms/{room}/guest", {"name": "G"}, auth=None)
            await person.call("GET", "/health/live")
            await person.call("GET", "/metrics")
    told = json.dumps(lines, default=str)
    secrets = [link, token, done.cookies["pavilion"].value, guest.cookies["pavilion_guest"].value]
    assert not any(secret in told for secret in secrets)
    requests = [line for line in lines if line["event"] == "request"]
    assert [(line["route"], line["status"]) for line in requests[:3]] == [
        ("/signin/{token}", 200), ("/signin/{token}", 303), ("/api/v1/rooms/{room}", 200),
    ]  # fmt: skip
    assert [line["log_level"] for line in requests[-2:]] == ["debug", "debug"]


async def test_what_breaks_inside_tells_nothing_outside(
    site: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def broken(*_: Any, **__: Any) -> None:
        raise RuntimeError("password=hunter2")

    monkeypatch.setattr(type(site.services.directory), "rooms", broken)
    with capture_logs() as lines:
        answer = await site.api("GET", "/rooms")
    problem = await answer.json()
    assert (answer.status, problem["code"]) == (500, "internal")
    assert "hunter2" not in await answer.text()
    assert answer.headers["X-Request-ID"] in problem["detail"]
    assert any(line["log_level"] == "error" for line in lines)

    async def lost(*_: Any, **__: Any) -> None:
        raise StoreLost("gone")

    monkeypatch.setattr(type(site.services.directory), "rooms", lost)
    answer = await site.api("GET", "/rooms")
    assert (answer.status, (await answer.json())["code"]) == (503, "recovering")
    assert int(answer.headers["Retry-After"]) >= 1


async def test_a_page_without_its_database_says_so_and_logs_no_secret(site: Any) -> None:
    path = site.services.config.server.data_dir / "pavilion.sqlite"
    link = await site.services.directory.create_signin_link(Role.ORGANISER)
    async with site.browser() as person:
        await person.sign_in(Role.MODERATOR)
        await site.services.directory.close()
        path.rename(path.with_suffix(".gone"))
        path.with_name("pavilion.sqlite-wal").unlink(missing_ok=True)
        with capture_logs() as lines:
            for method, page in (("POST", f"/signin/{link}"), ("GET", "/rooms/x")):
                answer = await person.call(method, page, auth=None)
                assert (answer.status, answer.content_type) == (503, "text/html"), page
            api = await person.api("GET", "/rooms", auth=None)
            assert (api.status, (await api.json())["code"]) == (503, "recovering")
    assert link not in json.dumps(lines, default=str)


async def test_health_and_counters(site: Any) -> None:
    assert (await site.call("GET", "/health/live", auth=None)).status == 200
    ready = await site.call("GET", "/health/ready", auth=None)
    assert (ready.status, await ready.json()) == (200, {"status": "ok", "reasons": []})

    room = await site.room()
    await site.api("GET", f"/rooms/{room}")
    text = await (await site.call("GET", "/metrics", auth=None)).text()
    lines = [line for line in text.splitlines() if line.startswith("pavilion_http_requests_total")]
    assert any('route="/api/v1/rooms/{room}"' in line for line in lines)
    assert all(f'worker="{site.services.hub_id}"' in line for line in lines)
    assert room not in text and "process_resident_memory_bytes" in text

    site.services.draining = True
    ready = await site.call("GET", "/health/ready", auth=None)
    assert (ready.status, (await ready.json())["reasons"]) == (503, ["draining"])
    refused = await site.api("POST", "/tickets", auth=site.token(room))
    assert (refused.status, (await refused.json())["code"]) == (503, "server_draining")
    site.services.draining = False
    await site.services.directory.close()
    monkey = site.services.config.server.data_dir / "pavilion.sqlite"
    monkey.rename(monkey.with_suffix(".gone"))
    (monkey.parent / "pavilion.sqlite-wal").unlink(missing_ok=True)
    ready = await site.call("GET", "/health/ready", auth=None)
    assert ready.status == 503 and "database" in (await ready.json())["reasons"][0]
