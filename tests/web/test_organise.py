"""The organiser's pages and API: for organisers alone, each act written down, input kept."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from hub.ports.companies import CompanyDraft
from hub.ports.onsite import Document
from hub.ports.people import Registration
from hub.ports.programme import Draft
from hub.services import Services
from rooms.model import Identity, Role
from tests.web.test_accounts import link_to, mails_to

PAGES = (
    "/organise/settings", "/organise/settings/sectors", "/organise/settings/privacy",
    "/organise/people", "/organise/people/{person}", "/organise/companies",
    "/organise/companies/new", "/organise/companies/acme", "/organise/programme",
    "/organise/programme/new", "/organise/programme/opening", "/organise/rooms",
    "/organise/rooms/new", "/organise/rooms/bulk", "/organise/onsite", "/organise/mail",
)  # fmt: skip
ACTS = (
    *(page for page in PAGES if page.endswith(("settings", "sectors", "privacy", "new", "bulk"))),
    *(
        f"/organise/people/{{person}}/{act}"
        for act in ("role", "block", "unblock", "signout", "mail", "verify", "export", "erase",
                    "reveal")
    ),
    *(f"/organise/companies/acme/{act}" for act in ("publish", "unpublish", "staff")),
    "/organise/companies/acme/staff/{person}/remove", "/organise/programme/opening",
    "/organise/programme/opening/cancel", "/organise/programme/opening/restore",
    "/organise/onsite", "/organise/onsite/abc", "/organise/onsite/abc/delete",
    "/organise/mail/1/again",
)  # fmt: skip
API = (
    ("PATCH", "/fair"), ("POST", "/fair/privacy"), ("GET", "/mails"), ("POST", "/mails/1/again"),
)  # fmt: skip
HOSTILE = "<script>alert(1)</script>"


def form(csrf: str, **fields: str) -> dict[str, str]:
    return {"csrf": csrf, **fields}


async def post(site: Any, path: str, csrf: str, **fields: str) -> Any:
    return await site.call("POST", path, auth=None, data=form(csrf, **fields))


async def acts(services: Services) -> list[str]:
    rows, _ = await services.fair.audit.list(limit=100)
    return [row.act for row in rows]


async def a_person(services: Services, email: str = "amina@example.org") -> str:
    new = Registration("Amina Okafor", email, "", "NG", 1)
    made = await services.fair.people.create(new, verified=True)
    assert made is not None
    return made.id


async def as_participant(site: Any) -> str:
    """Sign the client in as somebody without any right; the CSRF token."""
    person = Identity(id="u_visitor", name="Visitor", role=Role.PARTICIPANT)
    cookie, session = await site.services.directory.open_session(person, 600)
    site.http.cookie_jar.update_cookies({"pavilion": cookie})
    return str(session.csrf)


def without_trace(body: str) -> str:
    """The page without what differs each time: links to itself, the mask of the CSRF token."""
    return re.sub(
        r'href="[^"]*lang=[^"]*"|data-csrf="[0-9a-f]*"|name="csrf" value="[0-9a-f]*"', "", body
    )


@pytest.mark.parametrize("who", ["anonymous", "participant", "moderator"])
async def test_for_others_none_of_it_exists(site: Any, who: str) -> None:
    person = await a_person(site.services)
    csrf = "none"
    if who == "participant":
        csrf = await as_participant(site)
    elif who == "moderator":
        csrf = await site.sign_in(Role.MODERATOR)
    unknown = await site.call("GET", "/nothing/here", auth=None)
    for page in PAGES:
        answer = await site.call("GET", page.format(person=person), auth=None)
        assert answer.status == 404, page
        assert without_trace(await answer.text()) == without_trace(await unknown.text()), page
    for act in ACTS:
        answer = await post(site, act.format(person=person), csrf, confirm="Amina Okafor")
        assert answer.status == 404, act
    for method, path in API:
        answer = await site.api(method, path, auth=None, headers={"X-CSRF-Token": csrf})
        assert answer.status == (401 if who == "anonymous" else 403), path
    assert await site.services.fair.people.get(person) is not None
    assert (await site.services.fair.settings.current()).version == 0


async def test_an_organisers_form_needs_its_csrf_token(site: Any) -> None:
    person = await a_person(site.services)
    await site.sign_in(Role.ORGANISER)
    for act in ACTS:
        path = act.format(person=person)
        if "opening" in path or "acme" in path:
            continue  # not made here: 404 comes before the form is read
        assert (await post(site, path, "wrong")).status in {403, 429}, path
        if path.endswith("/block"):
            break  # further ones would only be slowed
    found = await site.services.fair.people.get(person)
    assert found is not None and not found.blocked


async def test_settings_are_changed_once_and_what_was_typed_is_kept(site: Any) -> None:
    csrf = await site.sign_in(Role.ORGANISER)
    good = {
        "name_en": "Services Fair", "name_zh_Hans": "服贸会", "starts_on": "2027-09-04",
        "ends_on": "2027-09-09", "time_zone": "Asia/Shanghai", "languages": "en", "main": "en",
        "version": "0",
    }  # fmt: skip
    bad = {**good, "name_en": HOSTILE, "ends_on": "2027-09-01", "time_zone": "Mars/Olympus"}
    answer = await post(site, "/organise/settings", csrf, **bad)
    body = await answer.text()
    assert answer.status == 422
    assert HOSTILE not in body and "&lt;script&gt;" in body, "kept, and only as text"
    assert "f-time_zone-fault" in body
    assert (await site.services.fair.settings.current()).version == 0

    answer = await post(site, "/organise/settings", csrf, **{**good, "ends_on": "2027-09-01"})
    assert answer.status == 422 and "f-ends_on-fault" in await answer.text()
    answer = await post(site, "/organise/settings", csrf, **{**good, "name_en": "a\u202eb"})
    assert answer.status == 422, "a name that reads backwards"

    assert (await post(site, "/organise/settings", csrf, **good)).status == 303
    assert (await post(site, "/organise/settings", csrf, **good)).status == 422, "stale by now"
    fair = await site.services.fair.settings.current()
    assert (fair.name, fair.time_zone, len(fair.days)) == ("Services Fair", "Asia/Shanghai", 6)
    page = await site.call("GET", "/organise/settings", auth=None)
    assert "<span>Services Fair</span>" in await page.text(), "the fair's name on every page"
    assert await acts(site.services) == ["fair.change"]


async def test_sectors_are_named_ordered_added_and_removed(site: Any) -> None:
    csrf = await site.sign_in(Role.ORGANISER)
    rows = {"version": "0"}
    for row, sector in enumerate((await site.services.fair.settings.current()).sectors):
        rows |= {
            f"slug{row}": sector.slug, f"place{row}": str(row + 1),
            f"name{row}_en": sector.names["en"], f"name{row}_zh_Hans": sector.names["zh-Hans"],
        }  # fmt: skip
    rows |= {"remove0": "on", "place11": "1", "name12_en": "Space & law", "place12": "2"}
    assert (await post(site, "/organise/settings/sectors", csrf, **rows)).status == 303
    slugs = [sector.slug for sector in (await site.services.fair.settings.current()).sectors]
    assert slugs[:3] == ["communication", "other", "space-law"] or slugs[:3] == [
        "other", "communication", "space-law",
    ]  # fmt: skip
    assert "business" not in slugs and len(slugs) == 12
    nameless = {**rows, "version": "1", "name3_en": ""}
    assert (await post(site, "/organise/settings/sectors", csrf, **nameless)).status == 422


async def test_a_person_is_found_appointed_blocked_and_erased(site: Any) -> None:
    services = site.services
    person = await a_person(services)
    csrf = await site.sign_in(Role.ORGANISER)
    listed = await site.call("GET", "/organise/people", params={"q": "okaf"}, auth=None)
    assert f"/organise/people/{person}" in await listed.text()
    here = f"/organise/people/{person}"
    assert (await post(site, f"{here}/role", csrf, role="moderator", gate="on")).status == 303
    assert (await post(site, f"{here}/role", csrf, role="god")).status == 422
    assert (await post(site, f"{here}/block", csrf)).status == 303
    found = await services.fair.people.get(person)
    assert (found.role, found.gate, found.blocked) == (Role.MODERATOR, True, True)
    exported = await post(site, f"{here}/export", csrf)
    assert exported.status == 200 and "amina@example.org" in await exported.text()
    assert (await post(site, f"{here}/erase", csrf, confirm="Amina")).status == 422
    assert (await post(site, f"{here}/erase", csrf, confirm="Amina Okafor")).status == 303
    assert (await site.call("GET", here, auth=None)).status == 404
    assert await acts(services) == [
        "person.erase", "person.export", "person.block", "person.role",
    ]  # fmt: skip


async def test_an_identity_number_is_shown_for_a_reason_and_once(site: Any) -> None:
    services = site.services
    person = await a_person(services)
    number = "E12345678"
    await services.fair.passes.keep_identity(person, Document("passport", "NG", number, True))
    csrf = await site.sign_in(Role.ORGANISER)
    here = f"/organise/people/{person}"
    page = await site.call("GET", here, auth=None)
    assert "5678" in await page.text() and number not in await page.text()
    refused = await post(site, f"{here}/reveal", csrf, reason="x")
    assert refused.status == 422 and number not in await refused.text()
    assert await acts(services) == []
    answer = await post(site, f"{here}/reveal", csrf, reason="Police at gate 2 ask")
    assert number in await answer.text()
    assert answer.headers["Cache-Control"] == "no-store"
    assert await acts(services) == ["identity.reveal"]


async def test_rooms_are_made_by_a_pattern_and_a_repeat_makes_what_is_missing(site: Any) -> None:
    csrf = await site.sign_in(Role.ORGANISER)
    await site.room(slug="bulk-03")
    many = {
        "prefix": "bulk-", "title": "Bulk", "count": "4", "first": "1", "capacity": "50",
        "reserved": "2", "waitlist": "on",
    }  # fmt: skip
    answer = await post(site, "/organise/rooms/bulk", csrf, **many)
    assert answer.status == 303 and "made=3&skipped=1" in answer.headers["Location"]
    made = await site.services.directory.room("bulk-04")
    assert made is not None and made.spec.title == "Bulk 4" and made.spec.reserved == 2
    kept = await site.services.directory.room("bulk-03")
    assert kept is not None and kept.spec.capacity == 5
    again = await post(site, "/organise/rooms/bulk", csrf, **many)
    assert again.status == 422
    over = await post(site, "/organise/rooms/bulk", csrf, **{**many, "reserved": "51"})
    assert over.status == 422 and "f-reserved-fault" in await over.text()


async def test_a_conference_is_made_and_its_speaker_found_by_address(site: Any) -> None:
    services = site.services
    person = await a_person(services)
    await site.room(slug="organise-hall")
    csrf = await site.sign_in(Role.ORGANISER)
    talk = {
        "title_en": "Opening", "slug": "opening", "room": "organise-hall", "sector": "finance",
        "day": "2027-09-04", "starts": "09:00", "ends": "10:00", "name0": "Amina Okafor",
        "role0": "host", "email0": "amina@example.org", "languages": "en",
    }  # fmt: skip
    nobody = await post(
        site, "/organise/programme/new", csrf, **{**talk, "email0": "no@example.org"}
    )
    assert nobody.status == 422 and "Opening" in await nobody.text()
    assert (await post(site, "/organise/programme/new", csrf, **talk)).status == 303
    clash = {**talk, "slug": "other", "starts": "09:30", "ends": "11:00"}
    assert (await post(site, "/organise/programme/new", csrf, **clash)).status == 422
    one = await services.fair.conferences.get("opening")
    assert one is not None and one.draft.speakers[0].person == person
    page = await site.call("GET", "/organise/programme/opening", auth=None)
    assert "amina@example.org" in await page.text()
    change = {**talk, "title_en": "Grand opening", "version": str(one.version)}
    assert (await post(site, "/organise/programme/opening", csrf, **change)).status == 303
    assert (await post(site, "/organise/programme/opening", csrf, **change)).status == 422
    assert (await post(site, "/organise/programme/opening/cancel", csrf)).status == 303
    one = await services.fair.conferences.get("opening")
    assert one is not None and one.draft.cancelled and one.draft.title == "Grand opening"


async def test_entry_slots_are_made_in_steps_within_the_day(site: Any) -> None:
    csrf = await site.sign_in(Role.ORGANISER)
    series = {
        "day": "2027-09-04", "since": "09:00", "until": "10:45", "minutes": "30", "capacity": "20",
    }  # fmt: skip
    assert (await post(site, "/organise/onsite", csrf, **series)).status == 303
    slots, _ = await site.services.fair.passes.slots()
    assert [slot.ends_ms - slot.starts_ms for slot in slots] == [1_800_000] * 3
    for wrong in ({"until": "08:00"}, {"minutes": "120"}, {"capacity": "0"}, {"day": "soon"}):
        answer = await post(site, "/organise/onsite", csrf, **{**series, **wrong})
        assert answer.status == 422, wrong
    path = f"/organise/onsite/{slots[0].id}"
    assert (await post(site, path, csrf, capacity="30")).status == 303
    assert (await post(site, f"{path}/delete", csrf)).status == 303
    assert (await post(site, f"{path}/delete", csrf)).status == 404
    assert len((await site.services.fair.passes.slots())[0]) == 2


async def test_a_verification_is_mailed_again(site: Any) -> None:
    people = site.services.fair.people
    made = await people.create(Registration("Li Na", "li@example.org", "", "CN", 1))
    assert made is not None
    csrf = await site.sign_in(Role.ORGANISER)
    here = f"/organise/people/{made.id}"

    async def mailed() -> int:
        return len(await mails_to(site, "li@example.org"))

    before = await mailed()
    assert (await post(site, f"{here}/verify", csrf)).status == 303
    assert await mailed() == before + 1
    assert not await people.ask_verify("u_none")
    token = (await link_to(site, "li@example.org")).rpartition("/")[2]
    assert await people.verify(token) is not None
    page = await (await site.call("GET", here, auth=None)).text()
    assert f"{here}/verify" not in page
    assert (await post(site, f"{here}/verify", csrf)).status == 303
    assert await mailed() == before + 1  # nothing to prove any more


async def test_a_company_gets_an_owner_and_is_published(site: Any) -> None:
    services = site.services
    person = await a_person(services)
    csrf = await site.sign_in(Role.ORGANISER)
    new = {
        "name": "Acme 公司",
        "slug": "acme",
        "sector": "finance",
        "country": "CN",
        "online": "on",
    }
    bad = await post(site, "/organise/companies/new", csrf, **{**new, "country": "XX"})
    assert bad.status == 422 and "Acme 公司" in await bad.text()
    assert (await post(site, "/organise/companies/new", csrf, **new)).status == 303
    assert (await post(site, "/organise/companies/new", csrf, **new)).status == 422
    here = "/organise/companies/acme"
    for path, there in (("?state=unpublished&q=acm", True), ("?q=acm", False)):
        listed = await site.call("GET", f"/organise/companies{path}", auth=None)
        assert (f'href="{here}"' in await listed.text()) == there
    assert (await post(site, f"{here}/staff", csrf, email="no@example.org")).status == 422
    owner = {"email": "amina@example.org", "role": "owner"}
    assert (await post(site, f"{here}/staff", csrf, **owner)).status == 303
    assert await services.fair.companies.role_of("acme", person) == "owner"
    assert (await post(site, f"{here}/publish", csrf)).status == 303
    found = await services.fair.companies.get("acme")
    assert found is not None and found.draft.published
    assert (await post(site, f"{here}/staff/{person}/remove", csrf)).status == 303
    assert await services.fair.companies.staff("acme") == ()


async def test_every_page_opens_for_the_organiser(site: Any) -> None:
    services = site.services
    person = await a_person(services)
    await site.room(slug="every-page")
    await services.fair.companies.create(CompanyDraft("acme", HOSTILE, "finance", "CN"))
    await services.fair.conferences.create(
        Draft("opening", "every-page", HOSTILE, "gone", 1_900_000_000_000, 1_900_003_600_000)
    )
    await site.sign_in(Role.ORGANISER)
    for page in PAGES:
        for tag in ("en", "zh-Hans"):
            path = page.format(person=person)
            answer = await site.call("GET", path, params={"lang": tag}, auth=None)
            assert answer.status == 200, page
            assert HOSTILE not in await answer.text(), page


async def test_the_api_changes_the_fair_by_its_version(site: Any) -> None:
    open_to_all = await site.api("GET", "/fair", auth=None)
    fair = await open_to_all.json()
    assert len(fair["sectors"]) == 12 and fair["privacy"]["version"] == 1
    etag = open_to_all.headers["ETag"]
    body = {"names": {"en": "By API"}, "starts_on": "2027-09-04", "ends_on": "2027-09-09"}
    assert (await site.api("PATCH", "/fair", body)).status == 428
    outcomes = await asyncio.gather(
        *(site.api("PATCH", "/fair", body, headers={"If-Match": etag}) for _ in range(4))
    )
    assert sorted(answer.status for answer in outcomes) == [200, 412, 412, 412]
    faults: tuple[dict[str, Any], ...] = (
        {"ends_on": None}, {"time_zone": "Mars"}, {"languages": ["fr"]}, {"sectors": []},
        {"sectors": [{"slug": "a", "names": {"en": "A"}}] * 2}, {"contact": "nobody"},
        {"names": {"tlh": "Qapla"}},
    )  # fmt: skip
    for wrong in faults:
        answer = await site.api("PATCH", "/fair", wrong, headers={"If-Match": "*"})
        assert answer.status == 422, wrong
    text = {"after": 1, "texts": {"en": "New text"}}
    assert (await site.api("POST", "/fair/privacy", text)).status == 201
    assert (await site.api("POST", "/fair/privacy", text)).status == 409
    assert (await site.api("GET", "/mails")).status == 200
    assert (await site.api("POST", "/mails/7/again")).status == 404
