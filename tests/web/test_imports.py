"""Imports by API and by page: who may, what comes of a sheet, the error file, the bounds."""

from __future__ import annotations

import re
from typing import Any

import aiohttp

from hub import sheets
from hub.config import Limits
from rooms.model import Role

SHEET = "姓名,E-mail,国家\r\n王敏,wang@example.com,中国\r\n=1+1,nobody,CN\r\n".encode()


async def post(site: Any, query: str, body: bytes = SHEET, **more: Any) -> Any:
    return await site.call("POST", f"/api/v1/imports?{query}", data=body, **more)


async def test_a_sheet_goes_in_by_api_and_its_bad_rows_come_back(site: Any) -> None:
    answer = await post(site, "kind=people&filename=a.csv")
    assert answer.status == 202, await answer.text()
    job = (await answer.json())["id"]
    assert answer.headers["Location"] == f"/api/v1/imports/{job}"
    await site.services.fair.imports.work()
    done = await (await site.api("GET", f"/imports/{job}")).json()
    assert (done["state"], done["created"], done["bad"], done["rows_done"]) == ("done", 1, 1, 2)
    faults = await (await site.api("GET", f"/imports/{job}/errors?lang=zh-Hans")).json()
    assert [(f["row"], f["faults"][0]["column"], f["faults"][0]["code"])
            for f in faults["items"]] == [(3, "email", "bad_format")]  # fmt: skip
    file = await site.api("GET", f"/imports/{job}/file?format=xlsx")
    assert file.content_type == sheets.XLSX_TYPE
    assert "attachment" in file.headers["Content-Disposition"]
    assert next(sheets.read_sheet(await file.read()).rows())[1][:3] == ["=1+1", "nobody", "CN"]
    text = await (await site.api("GET", f"/imports/{job}/file")).read()
    assert b"'=1+1,nobody,CN" in text
    listed = await (await site.api("GET", "/imports?limit=1")).json()
    assert [one["id"] for one in listed["items"]] == [job]
    assert (await site.api("DELETE", f"/imports/{job}")).status == 409
    rows, _ = await site.services.fair.audit.list(act="import.submit")
    assert rows[0].target == f"import:{job}"


async def test_wrong_requests_have_their_codes(start: Any) -> None:
    site = await start(limits=Limits(import_bytes=2_000))
    for query, body, status, code in (
        ("kind=people", b"x" * 2_001, 413, "too_large"),
        ("kind=people", b"", 422, "invalid"),
        ("", SHEET, 422, "invalid"),
        ("kind=cats", SHEET, 422, "invalid"),
    ):
        answer = await post(site, query, body)
        assert (answer.status, (await answer.json())["code"]) == (status, code)
    assert (await site.api("GET", "/imports/none")).status == 404
    for _ in range(20):
        assert (await post(site, "kind=rooms")).status == 202
    answer = await post(site, "kind=rooms")
    assert (answer.status, (await answer.json())["code"]) == (429, "too_many_imports")


async def test_only_organisers_import(site: Any) -> None:
    assert (await post(site, "kind=people", auth=None)).status == 401
    async with site.browser() as other:
        csrf = await other.sign_in(Role.MODERATOR)
        for path in ("/organise/import", "/organise/import/x", "/organise/import/x/errors.csv"):
            assert (await other.call("GET", path, auth=None)).status == 404
        answer = await post(other, "kind=people", auth=None, headers={"X-CSRF-Token": csrf})
        assert answer.status in {403, 404}


async def test_the_page_checks_first_and_then_imports(site: Any) -> None:
    csrf = await site.sign_in(Role.ORGANISER)

    async def send(body: bytes | None) -> Any:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("csrf", csrf)
        form.add_field("kind", "people")
        form.add_field("sheet", body or b"", filename="<b>.csv" if body else "")
        return await site.call("POST", "/organise/import", auth=None, data=form)

    empty = await send(None)
    assert empty.status == 422 and "Choose a CSV or XLSX file." in await empty.text()
    answer = await send(SHEET)
    assert answer.status == 303, await answer.text()
    page = answer.headers["Location"]
    waiting = await (await site.call("GET", page, auth=None)).text()
    assert 'data-page="import"' in waiting and "<progress" in waiting
    await site.services.fair.imports.work()
    text = await (await site.call("GET", page, auth=None)).text()
    assert "Import the good rows" in text and "E-mail is not in the form" in text
    assert "<b>.csv" not in text and "&lt;b&gt;.csv" in text
    form = {"csrf": csrf}
    answer = await site.call("POST", f"{page}/start", auth=None, data=form)
    assert answer.status == 303 and answer.headers["Location"] != page
    await site.services.fair.imports.work()
    state = await (await site.call("GET", answer.headers["Location"] + "/now.json")).json()
    assert (state["state"], state["created"], state["dry_run"]) == ("done", 1, False)
    answer = await site.call("POST", f"{page}/start", auth=None, data=form)
    assert answer.headers["Location"].endswith("gone=1")  # once is enough
    listing = await (await site.call("GET", "/organise/import", auth=None)).text()
    assert re.search("&lt;b&gt;.csv", listing) and "template/people.xlsx" in listing
    sheet = await site.call("GET", "/organise/import/template/companies.xlsx?lang=zh-Hans")
    read = sheets.read_sheet(await sheet.read())
    assert "行业" in read.header and read.count == 1
