"""Results by page and API: who may what, what leaks, the forms, feed and exports."""

from __future__ import annotations

import io
import json
import re
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from datetime import date
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from hub import sheets
from hub.ports.talks import Belonging, TalkDraft
from rooms.model import Mode, Role
from tests.web.conftest import Hub
from tests.web.test_companies import PDF, Fair, Person

ATOM = "{http://www.w3.org/2005/Atom}"
MARK = "Zyxmarker"
TODAY = date.today().isoformat()


class Talk(Fair):
    """A company's talk with a guest: ``staff`` and ``guest`` belong to it, ``gone`` did."""

    room = ""
    people: dict[str, Person]

    def __init__(self, site: Hub, stack: AsyncExitStack) -> None:
        super().__init__(site, stack)
        self.results = site.services.fair.results

    async def open(self) -> Talk:
        await self.company()
        names = ("owner", "staff", "idle", "guest", "gone", "other")
        self.people = {name: await self.person(name.title()) for name in names}
        for name, role in (("owner", "owner"), ("staff", "staff"), ("idle", "staff")):
            await self.companies.set_staff("pearl", self.people[name].id, role, None, True)  # type: ignore[arg-type]
        talks = self.site.services.fair.talks
        members = (
            Belonging(self.people["staff"].id, "pearl", Role.HOST),
            Belonging(self.people["guest"].id, "guest"),
            Belonging(self.people["gone"].id, "guest"),
        )
        made = await talks.open(
            TalkDraft(
                origin="company", origin_id=None, company="pearl", mode=Mode.MANY_TO_MANY,
                subject="Lab", starts_ms=int(time.time() * 1000), ends_ms=None, members=members,
                by=self.people["staff"].id, capacity=4,
            )
        )  # fmt: skip
        self.room = made.room
        assert await talks.remove_member(self.room, self.people["gone"].id, "u_x")
        organiser = await self.nobody()
        organiser.csrf = await organiser.hub.sign_in(Role.ORGANISER)
        self.people |= {"nobody": await self.nobody(), "organiser": organiser}
        return self

    def body(self, **fields: Any) -> dict[str, Any]:
        return {
            "kind": "agreement", "sector": "business", "signed_on": TODAY,
            "parties": [
                {"company": "pearl"},
                {"name": "Gast GmbH", "country": "DE", "person": self.people["guest"].id},
            ],
            "titles": {"en": f"{MARK} joint lab", "zh-Hans": "联合实验室"},
            "texts": {"en": "First.\n\nSecond."},
            "amount": {"value": 125_000_050, "currency": "EUR"},
            **fields,
        }  # fmt: skip

    async def act(self, who: str, id: str, action: str, **more: Any) -> Any:
        body = {"action": action, **more}
        return await self.people[who].api("POST", f"/results/{id}/actions", body)

    async def recorded(self, **fields: Any) -> dict[str, Any]:
        answer = await self.people["staff"].api(
            "POST", f"/negotiations/{self.room}/results", self.body(**fields)
        )
        assert answer.status == 201, await answer.text()
        return dict(await answer.json())

    async def confirmed(self, **fields: Any) -> dict[str, Any]:
        one = await self.recorded(**fields)
        assert (await self.act("staff", one["id"], "submit", version=1)).status == 200
        seen = {"version": one["version"], "digest": one["own"]["digest"]}
        for who in ("staff", "guest"):
            answer = await self.act(who, one["id"], "confirm", **seen)
            assert answer.status == 200, await answer.text()
        return dict(await answer.json())

    async def released(self, **fields: Any) -> dict[str, Any]:
        one = await self.confirmed(**fields)
        answer = await self.act("organiser", one["id"], "release")
        assert answer.status == 200, await answer.text()
        return dict(await answer.json())


@pytest.fixture
async def talk(site: Hub) -> AsyncIterator[Talk]:
    async with AsyncExitStack() as stack:
        yield await Talk(site, stack).open()


async def code(answer: Any) -> tuple[int, str]:
    return answer.status, (await answer.json()).get("code", "")


async def test_who_may_what(talk: Talk) -> None:
    """Each page and call, for each kind of person; without right it is as if nothing was there."""
    one = await talk.recorded()
    id, base = one["id"], f"/negotiations/{talk.room}/result"
    members, parties = {"staff", "guest"}, {"staff", "guest", "owner"}

    async def matrix(pages: dict[str, set[str]], calls: dict[str, set[str]]) -> None:
        for path, allowed in pages.items():
            for name, who in talk.people.items():
                answer = await who.get(path)
                signin = name == "nobody" and path.startswith("/negotiations")
                expected = 200 if name in allowed else 303 if signin else 404
                assert answer.status == expected, (path, name)
        for path, allowed in calls.items():
            for name, who in talk.people.items():
                answer = await who.api("GET", path)
                closed = 401 if name == "nobody" and "negotiations" in path else 404
                assert answer.status == (200 if name in allowed else closed), (path, name)

    draft = {f"/results/{id}": members, base: members, f"{base}/new": members,
             f"{base}/{id}": members, f"/organise/results/{id}": set[str](),
             "/organise/results": {"organiser"},
             "/organise/results/new": {"organiser"}}  # fmt: skip
    calls = {f"/results/{id}": members, f"/negotiations/{talk.room}/results": members}
    await matrix(draft, calls)
    assert await code(await talk.act("owner", id, "submit", version=1)) == (404, "unknown_result")
    assert await code(await talk.act("organiser", id, "release")) == (404, "unknown_result")
    assert (await talk.act("guest", id, "submit", version=1)).status == 200
    asked = {**draft, f"/results/{id}": parties | {"organiser"},
             f"/organise/results/{id}": {"organiser"}}  # fmt: skip
    await matrix(asked, {**calls, f"/results/{id}": parties | {"organiser"}})
    # The key is the organiser; a room token, whatever its role, is nobody.
    assert (await talk.site.api("GET", f"/results/{id}")).status == 200
    token = talk.site.token(talk.room, Role.HOST, "p9")
    for path in (f"/results/{id}", f"/negotiations/{talk.room}/results"):
        assert (await talk.site.api("GET", path, auth=token)).status == 404
    unknown = await talk.people["other"].api("GET", f"/results/{'0' * 32}")
    theirs = await talk.people["other"].api("GET", f"/results/{id}")
    assert await unknown.text() == await theirs.text()

    seen = {"version": 1, "digest": one["own"]["digest"]}
    for name, expected in {"nobody": 401, "other": 404, "gone": 404, "idle": 404,
                           "organiser": 403}.items():  # fmt: skip
        assert (await talk.act(name, id, "confirm", **seen)).status == expected, name
        page = await talk.people[name].post(f"/results/{id}/confirm", version="1",
                                            digest=seen["digest"])  # fmt: skip
        assert page.status in (303, 404), name
    assert (await talk.site.api("POST", f"/results/{id}/actions",
                                {"action": "confirm", **seen})).status == 403  # fmt: skip
    for name in ("staff", "guest", "owner"):
        for action in ("release", "unschedule"):
            assert (await talk.act(name, id, action)).status == 403, (name, action)
    assert (await talk.people["owner"].api("PATCH", f"/results/{id}", {"kind": "award"},
                                           **{"If-Match": '"1"'})).status == 403  # fmt: skip
    for name in ("owner", "other", "gone", "nobody", "guest", "staff"):
        for path in ("/organise/results", f"/organise/results/{id}/paper",
                     f"/organise/results/{id}/withdraw"):  # fmt: skip
            assert (await talk.people[name].post(path, note="x")).status in (303, 404), name
        answer = await talk.people[name].api("GET", "/results?state=confirming")
        assert answer.status == (401 if name == "nobody" else 403)
    found = await talk.results.get(id)
    assert found is not None and len(found.missing) == 2 and found.version == 1
    # Without its CSRF token a page's form changes nothing.
    csrf, talk.people["staff"].csrf = talk.people["staff"].csrf, ""
    answer = await talk.people["staff"].post(f"/results/{id}/confirm", **{"version": "1", "digest": seen["digest"]})  # fmt: skip  # noqa: E501
    assert answer.status == 403
    talk.people["staff"].csrf = csrf


async def test_nothing_leaks_before_it_is_published(talk: Talk) -> None:
    await talk.people["staff"].upload(  # the companies' own search finds nothing of it either
        f"/negotiations/{talk.room}/result/new", "file", "c.pdf", PDF, act="save"
    )
    stages: list[str] = []
    one = await talk.recorded()
    id = one["id"]
    everywhere = (
        "/results", "/results?q=" + MARK, "/results?q=联合", "/results?company=pearl",
        f"/results?kind=agreement&day={TODAY}", "/results?country=DE", "/results.atom",
        "/results.csv", "/results.json", "/results.xlsx", "/companies/pearl",
        "/companies?q=" + MARK, "/", "/programme", f"/results/{id}", f"/results/{id}/attachment",
        "/api/v1/results", f"/api/v1/results?q={MARK}", "/api/v1/results/totals",
        f"/api/v1/results/{id}", "/api/v1/companies/pearl", "/sitemap.xml", "/robots.txt",
    )  # fmt: skip

    async def leaks(who: str) -> list[str]:
        found = []
        for path in everywhere:
            answer = await talk.people[who].get(path)
            raw = await answer.read()
            if path.endswith(".xlsx"):
                text = str(list(sheets.read_sheet(raw).rows()))
            else:
                text = raw.decode("utf-8", "replace")
            # What was asked for is said back in the search field.
            shown = re.sub(rf'value="{MARK}"|q={MARK}|“{MARK}”|q%3D{MARK}', "", text)
            shown = shown.replace(path, "") if id in path else shown  # links to other languages
            if any(mark in shown for mark in (MARK, id, "Gast GmbH", "联合实验")):
                found.append(path)
            if path.endswith("totals"):
                assert (json.loads(text)["all"]["number"] == 0) == (path not in stages)
        return found

    assert await leaks("other") == await leaks("nobody") == []
    seen = {"version": 1, "digest": one["own"]["digest"]}
    await talk.act("staff", id, "submit", version=1)
    assert await leaks("other") == []
    for who in ("staff", "guest"):
        await talk.act(who, id, "confirm", **seen)
    assert await leaks("other") == []
    later = {"at": "2999-01-01T00:00:00Z"}
    assert (await talk.act("organiser", id, "schedule", **later)).status == 422
    soon = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 3600))
    assert (await talk.act("organiser", id, "schedule", at=soon)).status == 200
    assert await leaks("other") == []
    fresh = await talk.people["nobody"].get("/results.atom")
    await talk.act("organiser", id, "release")
    stages.append("/api/v1/results/totals")
    shown = await leaks("other")
    assert {"/results", "/results?q=联合", "/results.atom", "/results.csv", "/results.json",
            "/results.xlsx", "/companies/pearl", f"/results/{id}", "/api/v1/results",
            f"/results?kind=agreement&day={TODAY}"} <= {*shown} | {
                f"/results?kind=agreement&day={TODAY}"}  # fmt: skip
    changed = await talk.people["nobody"].hub.call(
        "GET", "/results.atom", auth=None, headers={"If-None-Match": fresh.headers["ETag"]}
    )
    assert changed.status == 200
    public = await (await talk.people["nobody"].api("GET", f"/results/{id}")).json()
    assert public["own"] is None and talk.people["guest"].id not in json.dumps(public)
    assert talk.room not in json.dumps(public)

    answer = await talk.act("organiser", id, "withdraw", notes={"en": "A mistake."})
    assert answer.status == 200
    stages.clear()
    gone = await talk.people["nobody"].get(f"/results/{id}")
    assert gone.status == 410 and "A mistake." in await gone.text()
    assert await code(await talk.people["nobody"].api("GET", f"/results/{id}")) == (
        410,
        "withdrawn",
    )
    left = [path for path in await leaks("other") if id not in path]
    assert left == []
    assert MARK not in await gone.text()


async def test_a_feed_that_readers_understand(talk: Talk) -> None:
    hostile = {"en": "<script>alert(1)</script> & ]]> \"q\" 'a'", "zh-Hans": "联合"}
    first = await talk.released(titles=hostile)
    second = await talk.released(amount=None)
    answer = await talk.people["nobody"].get("/results.atom?lang=en")
    assert answer.content_type == "application/atom+xml"
    feed = ET.fromstring(await answer.read())
    assert feed.tag == ATOM + "feed"
    uuid.UUID(str(feed.findtext(ATOM + "id")).removeprefix("urn:uuid:"))
    entries = feed.findall(ATOM + "entry")
    assert [entry.findtext(ATOM + "id") for entry in entries] == [
        f"urn:uuid:{uuid.UUID(one['id'])}" for one in (second, first)
    ]
    stamp = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z")
    for holder in (feed, *entries):
        for name in ("id", "title", "updated"):  # RFC 4287 sections 4.1.1 and 4.1.2
            assert len(holder.findall(ATOM + name)) == 1 and holder.findtext(ATOM + name)
        assert stamp.fullmatch(str(holder.findtext(ATOM + "updated")))
        assert holder.find(ATOM + "author/" + ATOM + "name") is not None
        alternate = [
            link for link in holder.findall(ATOM + "link") if link.get("rel") == "alternate"
        ]
        assert len(alternate) == 1 and str(alternate[0].get("href")).startswith("http")
    assert entries[1].findtext(ATOM + "title") == hostile["en"]
    assert max(str(entry.findtext(ATOM + "updated")) for entry in entries) == feed.findtext(
        ATOM + "updated"
    )
    again = await talk.people["nobody"].hub.call(
        "GET", "/results.atom?lang=en", auth=None,
        headers={"If-None-Match": answer.headers["ETag"]},
    )  # fmt: skip
    assert again.status == 304 and not await again.read()
    other = await talk.people["nobody"].hub.call(
        "GET", "/results.atom?lang=zh-Hans", auth=None,
        headers={"If-None-Match": answer.headers["ETag"]},
    )  # fmt: skip
    assert other.status == 200 and "联合" in await other.text()
    corrected = await talk.site.api(
        "POST", f"/results/{first['id']}/corrections",
        {"notes": {"en": "The name."}, "titles": {"en": "Right name"}},
        headers={"If-Match": '"1"'},
    )  # fmt: skip
    assert corrected.status == 200, await corrected.text()
    after = ET.fromstring(await (await talk.people["nobody"].get("/results.atom?lang=en")).read())
    old = [entry for entry in after.findall(ATOM + "entry")][1]
    assert old.findtext(ATOM + "id") == entries[1].findtext(ATOM + "id")
    assert str(old.findtext(ATOM + "updated")) > str(entries[1].findtext(ATOM + "updated"))
    page = await (await talk.people["nobody"].get(f"/results/{first['id']}")).text()
    assert "The name." in page and "<script>alert(1)" not in page and "&lt;script&gt;" in page
    for path in ("/results.csv", "/results.xlsx", "/results.json"):
        whole = await talk.people["nobody"].get(path)
        known = {"If-None-Match": whole.headers["ETag"]}
        kept = await talk.people["nobody"].hub.call("GET", path, auth=None, headers=known)
        assert (whole.status, kept.status) == (200, 304), path
    # The date is told only once its second is over, and then it is enough by itself.
    deadline = time.monotonic() + 20
    while "Last-Modified" not in (whole := await talk.people["nobody"].get("/results.csv")).headers:
        assert time.monotonic() < deadline
    since = {"If-Modified-Since": whole.headers["Last-Modified"]}
    dated = await talk.people["nobody"].hub.call("GET", "/results.csv", auth=None, headers=since)
    assert dated.status == 304


async def test_no_cell_is_a_formula_and_amounts_are_numbers(talk: Talk) -> None:
    formula = '=HYPERLINK("http://evil";"x")'
    parties = talk.body()["parties"]
    parties[1]["name"] = "@SUM(1+1)"
    await talk.released(titles={"en": formula}, texts={"en": "+1+1"}, parties=parties)
    await talk.released(amount={"value": 1_234, "currency": "KWD"})
    await talk.released(amount={"value": 5_000, "currency": "JPY"})
    csv = (await (await talk.people["nobody"].get("/results.csv?lang=en")).read()).decode(
        "utf-8-sig"
    )
    assert "'=HYPERLINK" in csv and "'+1+1" in csv
    assert not re.search(r'(^|[,\n"])[=+@-](?!\d)', csv)
    raw = await (await talk.people["nobody"].get("/results.xlsx?lang=en")).read()
    import zipfile

    with zipfile.ZipFile(io.BytesIO(raw)) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet and "<f " not in sheet
    rows = [cells for _number, cells in sheets.read_sheet(raw).rows()]
    header = sheets.read_sheet(raw).header
    at = header.index("Amount")
    assert {row[at] for row in rows} == {"1250000.5", "1.234", "5000"}
    assert "<v>1.234</v>" in sheet
    listed = await (await talk.people["nobody"].get("/results.json")).json()
    assert [one["amount"]["decimals"] for one in listed["items"]] == [0, 3, 2]
    page = await (await talk.people["nobody"].get("/results?lang=en")).text()
    for shown in ("¥5,000", "KWD", "1.234", "€1,250,000.50"):
        assert shown in page, shown
    assert 'role="img"' in page and "Currencies are added up each by itself." in page


async def test_bad_bodies_change_nothing(talk: Talk) -> None:
    path = f"/negotiations/{talk.room}/results"
    guest = {"name": "G", "country": "DE", "person": talk.people["guest"].id}
    cases: list[tuple[dict[str, Any], str, str]] = [
        ({"amount": {"value": 0, "currency": "EUR"}}, "amount.value", "out_of_range"),
        ({"amount": {"value": 2**53, "currency": "EUR"}}, "amount.value", "out_of_range"),
        ({"amount": {"value": 1.5, "currency": "EUR"}}, "amount.value", "wrong_type"),
        ({"amount": {"value": 5, "currency": "XYZ"}}, "amount.currency", "not_allowed"),
        ({"amount": {"value": 5, "currency": "DEM"}}, "amount.currency", "not_allowed"),
        ({"kind": "sale"}, "kind", "not_allowed"),
        ({"sector": "no-such"}, "sector", "unknown_sector"),
        ({"titles": {}}, "titles", "missing"),
        ({"titles": {"xx": "A"}}, "titles.xx", "not_allowed"),
        ({"titles": {"en": "a\u202eb"}}, "titles.en", "bad_text"),
        ({"texts": {"en": "x" * 4_001}}, "texts.en", "too_long"),
        ({"signed_on": "2999-01-01"}, "signed_on", "in_the_future"),
        ({"signed_on": "1999-12-31"}, "signed_on", "out_of_range"),
        ({"signed_on": "2026-02-30"}, "signed_on", "bad_format"),
        ({"parties": [guest]}, "parties", "too_short"),
        ({"parties": [guest] * 13}, "parties", "too_long"),
        ({"parties": [{"company": "pearl"}, guest, guest]}, "parties.2", "twice"),
        ({"parties": [{"company": "pearl"}, {"name": "G"}]}, "parties.1", "missing"),
    ]  # fmt: skip
    for fields, field, wanted in cases:
        answer = await talk.people["staff"].api("POST", path, talk.body(**fields))
        body = await answer.json()
        assert answer.status == 422, (fields, body)
        assert {"field": field, "code": wanted} in body["errors"], (fields, body)
    for fields, expected in (
        ({"parties": [{"company": "pearl"}, {"company": "none"}]}, "unknown_company"),
        ({"parties": [guest, {"name": "X", "country": "FR"}]}, "sides_missing"),
        ({"parties": [{"company": "pearl"}, {**guest, "person": "u_x"}]}, "unknown_person"),
    ):
        answer = await talk.people["staff"].api("POST", path, talk.body(**fields))
        assert await code(answer) == (422, expected)
    assert (await (await talk.people["staff"].api("GET", path)).json())["items"] == []
    one = await talk.recorded()
    id = one["id"]
    assert await code(await talk.people["staff"].api("PATCH", f"/results/{id}", {})) == (
        428, "precondition_required"
    )  # fmt: skip
    stale = await talk.people["staff"].api("PATCH", f"/results/{id}", {"kind": "award"},
                                           **{"If-Match": '"9"'})  # fmt: skip
    assert await code(stale) == (412, "stale")
    for action in ("confirm", "paper", "schedule", "submit"):
        answer = await talk.act("staff", id, action)
        assert answer.status == 422, action

    # An attachment is what its content is.
    async def attach(raw: bytes, name: str) -> Any:
        return await talk.people["staff"].hub.call(
            "PUT", f"/api/v1/results/{id}/attachment?filename={name}", auth=None, data=raw,
            headers={"If-Match": "*", "X-CSRF-Token": talk.people["staff"].csrf,
                     "Content-Type": "application/octet-stream"},
        )  # fmt: skip

    assert await code(await attach(b"<html></html>", "a.pdf")) == (422, "bad_file")
    kept = await attach(PDF, "..%2F..%2Fa.pdf")
    assert kept.status == 200, await kept.text()
    assert (await kept.json())["version"] == 2
    file = await talk.people["guest"].get(f"/results/{id}/attachment")
    assert file.status == 200 and await file.read() == PDF
    assert file.headers["Content-Disposition"].startswith("attachment;")
    assert "/" not in (await kept.json())["attachment"]["filename"]
    assert (await talk.people["other"].get(f"/results/{id}/attachment")).status == 404


async def test_by_pages_from_draft_to_correction(talk: Talk) -> None:
    base = f"/negotiations/{talk.room}/result"
    staff, guest, organiser = (talk.people[name] for name in ("staff", "guest", "organiser"))
    page = await (await staff.get(base + "/new")).text()
    assert 'value="pearl"' in page and "Who stands for it" in page
    fields = {
        "kind": "launch", "sector": "business", "signed_on": TODAY, "amount": "1,5",
        "currency": "EUR", "party_company_0": "Pearl", "party_name_1": "Gast",
        "party_country_1": "DE", "party_person_1": guest.id, "title_en": "Spelled", "text_en": "T.",
    }  # fmt: skip
    bad = await staff.post(base + "/new", **fields)
    said = await bad.text()
    assert bad.status == 422 and "Write digits, with a point" in said and 'value="1,5"' in said
    for name, wrong in (("party_company_0", "Nobody"), ("party_person_1", ""), ("title_en", ""),
                        ("signed_on", "2999-01-01"), ("currency", "")):  # fmt: skip
        answer = await staff.post(base + "/new", **{**fields, "amount": "1.5", name: wrong})
        assert answer.status in (409, 422) and "form-summary" in await answer.text(), name
    assert (await talk.results.of_room(talk.room)) == ()
    answer = await staff.post(base + "/new", **{**fields, "amount": "1.5", "act": "submit"})
    assert answer.status == 303 and answer.headers["Location"].endswith("done=asked")
    (one,) = await talk.results.of_room(talk.room)
    assert one.money is not None and one.money.amount == 150 and one.parties[0].company == "pearl"
    listed = await (await guest.get(base)).text()
    assert "Read and confirm" in listed
    shown = await (await guest.get(f"/results/{one.id}")).text()
    assert "Confirm version 1" in shown and one.digest in shown
    seen = {"version": "1", "digest": one.digest}
    assert (await guest.post(f"/results/{one.id}/confirm", **seen)).status == 303
    # It is changed between the two: the second who confirms is told so.
    change = {**fields, "amount": "2.5", "version": "1", "act": "save"}
    assert (await staff.post(f"{base}/{one.id}", **change)).status == 303
    late = await staff.post(f"{base}/{one.id}", **{**change, "amount": "9"})
    assert late.status == 409 and "changed this meanwhile" in await late.text()
    answer = await staff.post(f"/results/{one.id}/confirm", **seen)
    assert answer.headers["Location"].endswith("done=changed")
    assert "nothing was confirmed" in await (await staff.get(answer.headers["Location"])).text()
    shown = await (await guest.get(f"/results/{one.id}")).text()
    assert "Changed since version 1, which you confirmed: Amount." in shown
    now = await talk.results.get(one.id)
    assert now is not None
    seen = {"version": "2", "digest": now.digest}
    for who in (guest, staff):
        done = await who.post(f"/results/{one.id}/confirm", **seen)
        assert done.headers["Location"].endswith("done=confirmed")
    waiting = await (await organiser.get("/organise/results")).text()
    assert "Spelled" in waiting and f'value="{one.id}"' in waiting
    none = await organiser.post("/organise/results", act="release")
    assert none.status == 422 and "Choose at least one result." in await none.text()
    past = {"ids": one.id, "act": "schedule", "day": "2020-01-01", "at": "10:00"}
    assert (
        "This time has passed. Choose a later one."
        in await (await organiser.post("/organise/results", **past)).text()
    )
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3 * 86_400))
    answer = await organiser.post("/organise/results", **{**past, "day": day})
    assert answer.headers["Location"].endswith("done=scheduled")
    assert "Spelled" in await (await organiser.get("/organise/results?tab=scheduled")).text()
    answer = await organiser.post("/organise/results", ids=one.id, act="release", back="one")
    assert answer.headers["Location"].endswith("done=released")
    edit = await (await organiser.get(f"/organise/results/{one.id}/edit")).text()
    assert "Note that everybody reads" in edit
    wrong = {**fields, "amount": "3", "version": "2", "title_en": "Spelt"}
    wrong.pop("party_person_1")
    answer = await organiser.post(f"/organise/results/{one.id}/edit", **wrong)
    assert answer.status == 422
    answer = await organiser.post(f"/organise/results/{one.id}/edit", note_en="A typo.", **wrong)
    assert answer.status == 303, await answer.text()
    public = await (await talk.people["nobody"].get(f"/results/{one.id}")).text()
    assert "A typo." in public and "What it said before" in public and "Spelled" in public
    rows, _ = await talk.site.services.fair.audit.list(target=f"result:{one.id}")
    assert {row.act for row in rows} == {"result.schedule", "result.release", "result.correct"}
    assert "Spelt" in await (await talk.people["nobody"].get("/companies/pearl")).text()


async def test_a_party_that_is_not_spelt_out_is_chosen_without_scripts(talk: Talk) -> None:
    organiser = talk.people["organiser"]
    await talk.company("pearson", name="Pearson Ports")
    fields = {
        "kind": "award", "sector": "business", "signed_on": TODAY, "party_company_0": "Pearso",
        "party_name_1": "City of X", "party_country_1": "FR", "title_en": "Prize", "text_en": "T.",
    }  # fmt: skip
    answer = await organiser.post("/organise/results/new", **fields)
    page = await answer.text()
    assert answer.status == 422 and "No company of the fair is called this" in page
    assert "Perhaps one of these?" in page and 'name="party_pick_0" value="pearson"' in page
    lost = await organiser.post("/organise/results/new", party_pick_0="nowhere", **fields)
    assert lost.status == 422 and "f-party_company_0-fault" in await lost.text()
    answer = await organiser.post("/organise/results/new", party_pick_0="pearson", **fields)
    assert answer.status == 303, await answer.text()
    one = await talk.results.get(answer.headers["Location"].split("?")[0].rpartition("/")[2])
    assert one is not None and one.parties[0].company == "pearson"


async def test_what_is_attached_is_corrected_by_page_and_call(talk: Talk) -> None:
    one, organiser = await talk.released(), talk.people["organiser"]
    path = f"/results/{one['id']}/corrections/attachment"

    async def put(raw: bytes, match: str | None = "*", who: str = "", **query: str) -> Any:
        headers = {} if match is None else {"If-Match": match}
        if who:
            headers["X-CSRF-Token"] = talk.people[who].csrf
        hub = talk.people[who].hub if who else talk.site
        auth = {"auth": None} if who else {}
        return await hub.call(
            "PUT", f"/api/v1{path}", data=raw, params=query, headers=headers, **auth
        )

    for raw, match, who, query, expected in (
        (PDF, "*", "guest", {"note": "N."}, (403, "forbidden")),
        (PDF, None, "", {"note": "N."}, (428, "precondition_required")),
        (PDF, '"7"', "", {"note": "N."}, (412, "stale")),
        (PDF, "*", "", {}, (422, "invalid")),
        (PDF, "*", "", {"note": " "}, (422, "invalid")),
        (PDF, "*", "", {"note": "a\u202eb"}, (422, "invalid")),
        (PDF, "*", "", {"note": "N." * 300}, (422, "invalid")),
        (PDF, "*", "", {"note": "N.", "language": "xx"}, (422, "invalid")),
        (b"<html>", "*", "", {"note": "N.", "filename": "a.pdf"}, (422, "bad_file")),
        (b"x" * (10 * 1024 * 1024 + 1), "*", "", {"note": "N."}, (413, "too_large")),
    ):
        assert await code(await put(raw, match, who, **query)) == expected, (who, query)
    assert await talk.results.corrections(one["id"]) == ()
    answer = await put(PDF, '"1"', note="签字页缺失。", language="zh-Hans", filename="Signed.pdf")
    assert answer.status == 200, await answer.text()
    body = await answer.json()
    assert body["attachment"]["filename"] == "Signed.pdf" and body["version"] == 2
    assert body["corrections"][0]["notes"] == {"zh-Hans": "签字页缺失。"}
    assert body["corrections"][0]["before"]["attachment"] is None
    public = await (await talk.people["nobody"].get(f"/results/{one['id']}?lang=zh-Hans")).text()
    assert "签字页缺失。" in public and "Signed.pdf" in public

    edit = f"/organise/results/{one['id']}/edit"
    assert "Its name and SHA-256 stay" in await (await organiser.get(edit + "?lang=en")).text()
    fields = {
        "version": "2", "kind": "agreement", "sector": "business", "signed_on": TODAY,
        "amount": "1250000.50", "currency": "EUR", "party_company_0": "pearl",
        "party_name_1": "Gast GmbH", "party_country_1": "DE", "title_en": f"{MARK} joint lab",
        "title_zh_Hans": "联合实验室", "text_en": "First.\n\nSecond.", "note_en": "All pages now.",
    }  # fmt: skip
    bad = await organiser.upload(edit, "file", "Signed.pdf", b"<html>", **fields)
    assert bad.status == 409 and "A PDF or a picture is taken" in await bad.text()
    other = PDF.replace(b"%%EOF", b"%more\n%%EOF")
    done = await organiser.upload(edit, "file", "Signed.pdf", other, **fields)
    assert done.status == 303 and done.headers["Location"].endswith("done=corrected")
    public = await (await talk.people["nobody"].get(f"/results/{one['id']}?lang=en")).text()
    assert "All pages now." in public and body["attachment"]["sha256"] in public
    assert (
        await (await talk.people["nobody"].get(f"/results/{one['id']}/attachment")).read() == other
    )
    gone = await talk.site.api("DELETE", f"{path}?note=Secret", headers={"If-Match": '"3"'})
    assert (await gone.json())["attachment"] is None and "Secret" in await gone.text()
    rows, _ = await talk.site.services.fair.audit.list(target=f"result:{one['id']}")
    assert [row.act for row in rows].count("result.correct") == 3


async def test_by_hand_and_on_paper(talk: Talk) -> None:
    organiser = talk.people["organiser"]
    fields = {
        "kind": "award", "sector": "business", "signed_on": TODAY, "party_company_0": "pearl",
        "party_name_1": "City of X", "party_country_1": "FR", "title_en": "Prize", "text_en": "T.",
    }  # fmt: skip
    answer = await organiser.post("/organise/results/new", **fields)
    assert answer.status == 303, await answer.text()
    path = answer.headers["Location"].partition("?")[0]
    id = path.rpartition("/")[2]
    assert (await talk.people["owner"].get(f"/results/{id}")).status == 404
    await organiser.post(f"{path}/submit", version="1")
    waiting = await (await talk.people["owner"].api("GET", "/me/results")).json()
    assert [one["id"] for one in waiting["items"]] == [id]
    one = waiting["items"][0]
    seen = {"version": "1", "digest": one["own"]["digest"]}
    assert (await talk.people["owner"].post(f"/results/{id}/confirm", **seen)).status == 303
    page = await (await organiser.get(path)).text()
    assert "On paper: City of X" in page and "On paper: Pearl" not in page
    assert (await organiser.post(f"{path}/paper", party="1", note="", **seen)).status == 422
    answer = await organiser.post(f"{path}/paper", party="1", note="Hall 3, noon.", **seen)
    assert answer.headers["Location"].endswith("done=confirmed")
    rows, _ = await talk.site.services.fair.audit.list(target=f"result:{id}")
    assert {row.act for row in rows} == {"result.create", "result.submit", "result.paper"}
    answer = await organiser.post(f"{path}/withdraw", note="Not to be.")
    assert answer.headers["Location"].endswith("done=withdrawn")
    # Never published: for everybody else there is none.
    assert (await talk.people["nobody"].get(f"/results/{id}")).status == 404
    assert (await talk.people["owner"].get(f"/results/{id}")).status == 200
