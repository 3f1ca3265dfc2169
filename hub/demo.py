"""``pavilion demo``: a sample fair, through the same API anybody else would use.

Rooms are made once and kept; the one that "opens soon" is moved ahead at each start.
The sample people are a process of their own (hub.demo_people).
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import aiohttp

from hub import greeting
from hub.config import Config
from hub.demo_full import write as invented
from hub.lifeline import die_with_parent
from hub.supervisor import CannotStart, Running

OPENS_IN: Final = timedelta(minutes=20)
#: slug, title, and what differs from a conference of 100 seats that welcomes guests
ROOMS: Final[tuple[tuple[str, str, dict[str, Any]], ...]] = (
    ("opening-forum", "开幕论坛 · Opening forum: services that connect", {"capacity": 1000}),
    ("digital-trade", "Digital trade rules after the pandemic · 数字贸易规则", {"capacity": 500}),
    ("telecom-5g", "5G 与行业应用 · 5G at work in twelve industries", {"capacity": 500}),
    ("cultural-services", "文化服务出海 · Cultural services go abroad", {"capacity": 500}),
    ("fintech-payments", "Cross-border payments and settlement · 跨境支付与结算", {}),
    ("tourism-recovery", "旅游业复苏对话 · Tourism: what comes back first", {}),
    ("green-logistics", "Green logistics: ports, rail and the last mile · 绿色物流", {}),
    ("education-online", "在线教育的质量 · What makes online teaching good", {}),
    ("health-services", "Health services across borders · 跨境医疗服务", {}),
    ("winter-sports", "冰雪运动与城市 · Winter sports and the city", {"reserved": 10}),
    (
        "legal-clinic",
        "法律咨询小组 · Legal clinic (3 seats: try the waiting list)",
        {"capacity": 3},
    ),
    ("tea-tasting", "茶叶品鉴 · Tea tasting table (4 seats)", {"capacity": 4, "reserved": 1}),
    (
        "ministers-round",
        "部长圆桌 · Ministers' round table",
        {"locked": True, "lock_message": "彩排进行中，稍后开放。 Rehearsal: doors open later."},
    ),
    ("investors-hour", "投资者一小时 · Investors' hour", {"capacity": 500, "opens_at": OPENS_IN}),
)
#: Who gets a link of their own: label, room, id, name, role
GUESTS_OF_HONOUR: Final = (
    ("moderator", "legal-clinic", "demo-moderator", "Lin Yue 林悦", "moderator"),
    ("host", "opening-forum", "demo-host", "Chen Rui 陈睿", "host"),
    ("speaker", "opening-forum", "demo-speaker", "Amara Okafor", "speaker"),
)


def local_url(config: Config) -> str:
    """How a process on this machine reaches the hub: past any proxy."""
    scheme = "https" if config.server.tls_cert else "http"
    host = config.server.host
    host = {"0.0.0.0": "127.0.0.1", "": "127.0.0.1", "::": "[::1]"}.get(host, host)
    host = f"[{host}]" if ":" in host and not host.startswith("[") else host
    return f"{scheme}://{host}:{config.server.port}"


def room_body(slug: str, title: str, extra: dict[str, Any], now: datetime) -> dict[str, Any]:
    """The body of POST /api/v1/rooms for one row of ROOMS."""
    body = {
        "slug": slug, "title": title, "kind": "conference", "capacity": 100, "guests": True,
        **extra,
    }  # fmt: skip
    if isinstance(body.get("opens_at"), timedelta):
        opens = now + body["opens_at"]
        body["opens_at"] = opens.isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return body


class Organiser:
    """The organiser's side of the HTTP API, as far as the sample fair needs it."""

    def __init__(self, config: Config, key: str) -> None:
        # The certificate names the public address, not this machine's own.
        self._session = aiohttp.ClientSession(
            local_url(config),
            headers={"Authorization": f"Bearer {key}"},
            connector=aiohttp.TCPConnector(ssl=False),
            timeout=aiohttp.ClientTimeout(total=10),
        )

    async def __aenter__(self) -> Organiser:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, **headers: str
    ) -> tuple[int, dict[str, Any], str]:
        async with self._session.request(method, path, json=body, headers=headers) as answer:
            content = await answer.json(content_type=None)
            return answer.status, content, answer.headers.get("ETag", "")

    async def furnish_room(self, body: dict[str, Any]) -> None:
        """Make the room, or move a scheduled one's opening ahead. Raises CannotStart."""
        status, answer, _ = await self._call("POST", "/api/v1/rooms", body)
        path = f"/api/v1/rooms/{body['slug']}"
        if status == 409 and "opens_at" in body:
            _, _, etag = await self._call("GET", path)
            change = {"opens_at": body["opens_at"]}
            status, answer, _ = await self._call("PATCH", path, change, **{"If-Match": etag})
        if status not in {200, 201, 409}:
            raise CannotStart(f"the sample room {body['slug']} was refused: {status} {answer}")

    async def token(self, room: str, person: str, name: str, role: str) -> str:
        """A room token good for an hour. Raises CannotStart."""
        body = {"participant": {"id": person, "name": name}, "role": role, "ttl_s": 3600}
        status, answer, _ = await self._call("POST", f"/api/v1/rooms/{room}/tokens", body)
        if status != 201:
            raise CannotStart(f"no token for {person}: {status} {answer}")
        return str(answer["token"])


def _quiet(_step: str, _done: int, _total: int) -> None:
    """A small fair is there at once."""


def _told(step: str, done: int, total: int) -> None:
    """One line that moves on a terminal; else a line when a step is done."""
    if sys.stdout.isatty():
        print(
            f"\r  {step:<12} {done:>7} of {total:<7}", end="\n" if done == total else "", flush=True
        )
    elif done == total:
        print(f"  {step:<12} {total}", flush=True)


def furnish(
    *, people: bool, full: bool = False, seed: int = 1
) -> Callable[[Running], Awaitable[None]]:
    """What the supervisor awaits once all is up: rooms, people, and the links to print.

    ``full``: the invented fair is of 100,000 people, drawn from ``seed``.
    """

    async def after_start(running: Running) -> None:
        config, key = running.config, running.secrets.api_key
        if full:
            print(
                "100,000 people, 18,000 companies, 500 conferences (invented once) ...", flush=True
            )
        await invented.furnish(
            config, seed, invented.FULL if full else invented.SMALL, _told if full else _quiet
        )
        link = await greeting.signin_link(running, again=True)
        async with Organiser(config, key) as organiser:
            now = datetime.now(UTC)
            for slug, title, extra in ROOMS:
                await organiser.furnish_room(room_body(slug, title, extra, now))
            links = [
                (label, name, f"{config.public_url}/rooms/{room}#token="
                 + await organiser.token(room, person, name, role))
                for label, room, person, name, role in GUESTS_OF_HONOUR
            ]  # fmt: skip
        if people:
            _start_people(running)
        print(f"\nPavilion is ready: {greeting.address(config)}   (Ctrl-C ends it)\n")
        print("  anybody may enter as a guest; these links are good for an hour:")
        for label, name, url in links:
            print(f"  {label:<10} {name}: {url}")
        print(f"  organiser  (desk, one use): {link}")
        print(f"\n  accounts of this demo, password {invented.PASSWORD}:")
        for line in invented.account_lines():
            print(f"  {line}")
        print(greeting.secrets_line(running), flush=True)

    return after_start


def _start_people(running: Running) -> None:
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "hub.demo_people", local_url(running.config)],
        stdin=subprocess.PIPE, preexec_fn=die_with_parent, start_new_session=True, text=True,
    )  # fmt: skip
    assert process.stdin is not None
    process.stdin.write(running.secrets.api_key + "\n")  # not in the arguments: ps shows those
    process.stdin.close()

    def end() -> None:
        process.terminate()
        process.wait()

    running.stack.callback(end)
