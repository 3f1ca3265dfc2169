"""Ringing by the API: who may what, limits, and what each side is told of a ring."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from rooms.model import Role
from rooms.rings import PER_HOUR
from tests.web.conftest import Hub
from tests.web.test_companies import Fair, Person


class Booth(Fair):
    """``pearl`` with an owner and staff, ``lotus`` with an owner; two visitors."""

    people: dict[str, Person]

    async def fill(self) -> None:
        self.people = {"nobody": await self.nobody()}
        for slug in ("pearl", "lotus"):
            await self.company(slug)
        for name in ("owner", "staff", "lotus", "vera", "viktor"):
            self.people[name] = await self.person(name.title())
        for name, slug in (("owner", "pearl"), ("staff", "pearl"), ("lotus", "lotus")):
            role: Any = "staff" if name == "staff" else "owner"
            await self.companies.set_staff(slug, self.people[name].id, role, None, True)
        organiser = await self.nobody()
        organiser.csrf = await organiser.hub.sign_in(Role.ORGANISER)
        self.people["organiser"] = organiser

    def __getitem__(self, name: str) -> Person:
        return self.people[name]

    async def online(self, *names: str) -> None:
        """As having a page open does."""
        await self.site.services.news.seen([self[name].id for name in names])

    async def ring(self, who: str = "vera", company: str = "pearl", **body: Any) -> dict[str, Any]:
        answer = await self[who].api("POST", f"/companies/{company}/rings", body)
        assert answer.status == 201, await answer.text()
        found: dict[str, Any] = await answer.json()
        assert answer.headers["Location"] == f"/api/v1/rings/{found['id']}"
        return found

    async def code(self, who: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = await self[who].api("POST", path, body)
        return answer.status, (await answer.json())["code"]


@pytest.fixture
async def booth(site: Hub) -> AsyncIterator[Booth]:
    async with AsyncExitStack() as stack:
        made = Booth(site, stack)
        await made.fill()
        yield made


async def test_who_may_what(booth: Booth) -> None:
    await booth.online("owner", "staff")
    ring = await booth.ring(subject="Robots")
    assert (ring["state"], ring["why"], ring["room"]) == ("ringing", None, None)
    assert 0 < ring["left_ms"] <= 30_000
    assert ring["caller"] == {"name": "Vera", "organisation": "=1+1"}
    everybody = list(booth.people)
    asked = ("vera", "owner", "staff")
    ways = {"nobody": 401}
    path = f"/rings/{ring['id']}"
    for name in everybody:
        expected = ways.get(name, 200 if name in asked else 404)
        answer = await booth[name].api("GET", path)
        assert answer.status == expected, name
        if expected == 404:
            unknown = await booth[name].api("GET", "/rings/" + "0" * 20)
            assert await answer.text() == await unknown.text(), "a ring of others is as none"
    for act, allowed in (("answer", ()), ("decline", ()), ("cancel", ())):
        for name in ("nobody", "organiser", "lotus", "viktor", *(["vera"] if act != "cancel" else
                     ["owner", "staff"])):  # fmt: skip
            answer = await booth[name].api("POST", f"{path}/{act}")
            assert answer.status == ways.get(name, 404) and not allowed, (act, name)
    still = await (await booth["vera"].api("GET", path)).json()
    assert still["state"] == "ringing", "a refusal changes nothing"
    for name in everybody:
        answer = await booth[name].api("GET", "/companies/pearl/rings")
        allowed = name in ("owner", "staff", "organiser")
        assert answer.status == (200 if allowed else 401 if name == "nobody" else 403), name
        answer = await booth[name].api(
            "POST", "/companies/pearl/rings/seen", {"until": ring["created_at"]}
        )
        assert answer.status == ways.get(name, 204 if name in ("owner", "staff") else 404), name
    # Without the token of the page a cookie changes nothing; the key and a room's token ring not.
    bare = await booth["vera"].hub.api("POST", "/companies/pearl/rings", {}, auth=None)
    assert bare.status == 403
    for auth in ("key", booth.site.token(await booth.site.room())):
        answer = await booth.site.api("POST", "/companies/pearl/rings", {}, auth=auth)
        assert answer.status == 403


async def test_from_ring_to_talk(booth: Booth) -> None:
    await booth.online("owner", "staff")
    ring = await booth.ring()
    path = f"/rings/{ring['id']}"
    declined = await (await booth["staff"].api("POST", f"{path}/decline")).json()
    assert declined["state"] == "ringing"
    taken = await (await booth["owner"].api("POST", f"{path}/answer")).json()
    assert (taken["state"], taken["by"], taken["left_ms"]) == ("answered", "Owner", 0)
    assert taken["room"].startswith("n-")
    rooms = {}
    for name in ("vera", "owner", "staff"):
        rooms[name] = (await (await booth[name].api("GET", path)).json())["room"]
    assert rooms == {"vera": taken["room"], "owner": taken["room"], "staff": None}
    for name, status in (("vera", 200), ("owner", 200), ("staff", 404), ("viktor", 404)):
        answer = await booth[name].api("GET", f"/negotiations/{taken['room']}")
        assert answer.status == status, name
    assert await booth.code("staff", f"{path}/answer") == (409, "ring_over")
    assert await booth.code("staff", f"{path}/decline") == (409, "ring_over")
    hung = await (await booth["vera"].api("POST", f"{path}/cancel")).json()
    assert hung["state"] == "answered", "too late to hang up"
    # The owner is on the way into the talk, the other is free.
    second = await booth.ring("viktor")
    hung = await (await booth["viktor"].api("POST", f"/rings/{second['id']}/cancel")).json()
    assert (hung["state"], hung["why"]) == ("cancelled", "hung_up")


async def test_nobody_there_is_said_at_once_and_can_be_read_later(booth: Booth) -> None:
    missed = await booth.ring(subject="Robots")
    assert (missed["state"], missed["why"], missed["left_ms"]) == ("missed", "nobody", 0)
    await booth.online("staff", "lotus")
    first = await booth.ring("viktor")
    assert (await booth.ring())["why"] == "busy"
    listing = await booth["staff"].api("GET", "/companies/pearl/rings?unanswered=true")
    items = (await listing.json())["items"]
    assert [(one["why"], one["seen"]) for one in items] == [("busy", False), ("nobody", False)]
    whole = (await (await booth["staff"].api("GET", "/companies/pearl/rings")).json())["items"]
    assert {one["id"] for one in whole} == {first["id"], *(one["id"] for one in items)}
    assert (await booth["staff"].api("GET", "/companies/pearl/rings?unanswered=1")).status == 422
    seen = await booth["staff"].api(
        "POST", "/companies/pearl/rings/seen", {"until": items[1]["created_at"]}
    )
    assert seen.status == 204
    listing = await booth["owner"].api("GET", "/companies/pearl/rings?unanswered=true")
    assert [one["seen"] for one in (await listing.json())["items"]] == [False, True]


async def test_limits_and_bad_input(booth: Booth) -> None:
    await booth.online("owner", "lotus")
    rings = "/companies/pearl/rings"
    for subject in ("x" * 201, "two\nlines", "\u202eback", 7, ""):
        assert await booth.code("vera", rings, {"subject": subject}) == (422, "invalid"), subject
    assert await booth.code("vera", rings, {"to": "u_x"}) == (422, "invalid")
    assert await booth.code("vera", "/companies/none/rings", {}) == (404, "unknown_company")
    assert await booth.code("vera", "/companies/No%20slug/rings", {}) == (404, "unknown_company")
    assert await booth.code("owner", rings, {}) == (409, "own_company")
    for id in ("x", "0" * 20, "%00", "A" * 20):
        for act in ("answer", "decline", "cancel"):
            assert await booth.code("vera", f"/rings/{id}/{act}") == (404, "unknown_ring")
    first = await booth.ring()
    answer = await booth["vera"].api("POST", "/companies/lotus/rings", {})
    told = await answer.json()
    assert (answer.status, told["code"], told["ring"]) == (409, "already_ringing", first["id"])
    await booth["vera"].api("POST", f"/rings/{first['id']}/cancel")
    for _ in range(PER_HOUR - 1):
        ring = await booth.ring()
        await booth["vera"].api("POST", f"/rings/{ring['id']}/cancel")
    answer = await booth["vera"].api("POST", rings, {})
    told = await answer.json()
    assert (answer.status, told["code"]) == (429, "rate_limited")
    assert 3_500_000 < told["retry_after_ms"] <= 3_600_000
    assert (await booth.ring("viktor"))["state"] == "ringing", "one visitor's limit is theirs"


async def test_the_page_offers_to_ring_to_whom_it_may(booth: Booth) -> None:
    async def page(who: str) -> str:
        return str(await (await booth[who].get("/companies/pearl")).text())

    assert 'data-ring-company="pearl"' in await page("vera")
    for who in ("owner", "staff", "organiser", "nobody"):
        assert "data-ring-company" not in await page(who), who
    assert "Sign in to ring the booth" in await page("nobody")
