"""A company's own pages for its staff: texts, logo and files, colleagues, who was interested.

/companies/{company}/edit      texts, logo, links, files     owners, editors, organisers
/companies/{company}/staff     roles, invitations            owners, organisers
/companies/{company}/cards, /visitors (and .csv, .xlsx)      all its staff, organisers
/invitations/{token}           take an invitation up
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final, cast

from aiohttp import web
from pydantic import create_model

from hub.ports import StaleVersion
from hub.ports.companies import (
    EDITS,
    FILE_BYTES_MAX,
    FILES_MAX,
    PICTURE_BYTES_MAX,
    BadUpload,
    Company,
    CompanyDraft,
    Link,
    StaffRole,
)
from hub.services import SERVICES
from hub.web import auth, form_texts
from hub.web.audits import audit
from hub.web.bodies import Company as Organisation
from hub.web.bodies import Slug
from hub.web.bodies_companies import About, Booth, Line80, Summary, Url
from hub.web.companies_pages import Shown, find, language_of, size_text
from hub.web.countries import is_country, listed
from hub.web.fairtime import language_name
from hub.web.forms import Form, FormModel, read_form, shown
from hub.web.pages import PAGES

LINK_SLOTS: Final = 5
LINKS_MAX: Final = 10


def _(text: str) -> str:
    """Marks a text for the catalogues."""
    return text


form_texts.add(
    {
        "not_a_picture": _("This is not a picture in PNG, JPEG, WebP or GIF."),
        "too_many_pixels": _("This picture has too many pixels. Send a smaller one."),
        "too_small_picture": _("This picture is too small. 16 pixels are the least."),
        "file_not_allowed": _("PDF, Word, Excel, PowerPoint and pictures are taken; no macros."),
        "too_many_files": _("There are as many files as a company may have."),
        ("logo", "missing"): _("Choose a picture."),
        ("file", "missing"): _("Choose a file."),
        "url_missing": _("Enter the address this link leads to."),
        "bad_url": _("Enter an address like https://example.org."),
        "too_many_invites": _("Too many invitations are open. Revoke one first."),
    }
)


class TitleForm(FormModel):
    title: Line80


class Nothing(FormModel):
    """A button."""


async def need(
    request: web.Request, roles: Sequence[str]
) -> tuple[Company, StaffRole | None, bool]:
    """Staff in one of ``roles``, or an organiser. For others these pages do not exist."""
    await auth.need_person(request)
    found, role, organiser = await find(request)
    if not organiser and role not in roles:
        raise web.HTTPNotFound()
    return found, role, organiser


async def render(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool, tab: str,
    status: int = 200, **values: Any,
) -> web.Response:  # fmt: skip
    fair = await request.app[SERVICES].fair.settings.current()
    return await request.app[PAGES].render(
        request, f"company_{tab}.html", status=status, tab=tab,
        one=Shown(found, fair, language_of(request)), organiser=organiser,
        may_edit=organiser or role in EDITS, may_staff=organiser or role == "owner",
        done=request.query.get("done", ""), **values,
    )  # fmt: skip


def back(found: Company, tab: str, done: str) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(f"/companies/{found.slug}/{tab}?done={done}")


# --- texts --------------------------------------------------------------------------------


def _field(tag: str) -> str:
    return tag.replace("-", "_")


def _model(tags: Sequence[str], links: int, organiser: bool) -> type[FormModel]:
    fields: dict[str, Any] = {
        "version": (int, 0), "name": (Organisation, ...), "sector": (Slug, ...),
        "country": (str, ...), "website": (Url | None, None), "online": (bool, False),
    }  # fmt: skip
    for tag in map(_field, tags):
        fields[f"name_{tag}"] = (Organisation | None, None)
        fields[f"summary_{tag}"] = (Summary | None, None)
        fields[f"about_{tag}"] = (About | None, None)
    for i in range(links):
        fields[f"link_title_{i}"] = (Line80 | None, None)
        fields[f"link_url_{i}"] = (Url | None, None)
    if organiser:
        fields |= {
            "booth": (Booth | None, None), "on_site": (bool, False), "published": (bool, False)
        }  # fmt: skip
    return cast("type[FormModel]", create_model("CompanyForm", __base__=FormModel, **fields))


def _typed(found: Company, tags: Sequence[str]) -> Form[Any]:
    draft = found.draft
    values: dict[str, Any] = {
        "version": found.version, "name": draft.name, "sector": draft.sector,
        "country": draft.country, "website": draft.website, "online": draft.online,
        "booth": draft.booth, "on_site": draft.on_site, "published": draft.published,
    }  # fmt: skip
    for tag in tags:
        for name, texts in (
            ("name", draft.names), ("summary", draft.summary), ("about", draft.about)
        ):  # fmt: skip
            values[f"{name}_{_field(tag)}"] = texts.get(tag)
    for i, link in enumerate(draft.links):
        values[f"link_title_{i}"], values[f"link_url_{i}"] = link.title, link.url
    return shown(values)


def _draft(data: Any, before: CompanyDraft, tags: Sequence[str], links: int) -> CompanyDraft:
    def texts(name: str) -> dict[str, str]:
        given = {tag: getattr(data, f"{name}_{_field(tag)}") for tag in tags}
        return {tag: text for tag, text in given.items() if text}

    own = {
        name: getattr(data, name)
        for name in ("booth", "on_site", "published")
        if name in type(data).model_fields
    }
    pairs = [
        (getattr(data, f"link_title_{i}"), getattr(data, f"link_url_{i}")) for i in range(links)
    ]
    return replace(
        before, name=data.name, sector=data.sector, country=data.country,
        names=texts("name"), summary=texts("summary"), about=texts("about"),
        website=data.website, online=data.online,
        links=tuple(Link(title or url, url) for title, url in pairs if url), **own,
    )  # fmt: skip


async def _edit_page(
    request: web.Request, found: Company, role: StaffRole | None, organiser: bool,
    form: Form[Any] | None = None, upload: Form[Any] | None = None, status: int = 200,
) -> web.Response:  # fmt: skip
    services, language = request.app[SERVICES], language_of(request)
    fair = await services.fair.settings.current()
    tags = _tags(found, fair.languages)
    sectors = [(one.slug, one.name(language.tag)) for one in fair.sectors]
    if fair.sector(found.draft.sector) is None:
        sectors.append((found.draft.sector, found.draft.sector))
    files = await services.fair.companies.files(found.slug)
    return await render(
        request, found, role, organiser, "edit", status,
        form=form or _typed(found, tags), upload=upload or Form(),
        tags=[(tag, _field(tag), language_name(tag, language.locale)) for tag in tags],
        links=_slots(found), sectors=sectors, countries=listed(language.locale),
        files=[(file, size_text(file.size)) for file in files], files_max=FILES_MAX,
    )  # fmt: skip


def _tags(found: Company, languages: Sequence[str]) -> list[str]:
    """The fair's languages, and those the company has texts in besides."""
    draft = found.draft
    return list(dict.fromkeys([*languages, *draft.names, *draft.summary, *draft.about]))


def _slots(found: Company) -> int:
    return min(LINKS_MAX, max(LINK_SLOTS, len(found.draft.links) + 2))


async def edit(request: web.Request) -> web.Response:
    return await _edit_page(request, *(await need(request, tuple(EDITS))))


async def save(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, tuple(EDITS))
    services = request.app[SERVICES]
    fair = await services.fair.settings.current()
    tags, links = _tags(found, fair.languages), _slots(found)
    form: Form[Any] = await read_form(request, _model(tags, links, organiser), limit=256 * 1024)
    for name, code in list(form.errors.items()):
        if code == "bad_format" and (name == "website" or name.startswith("link_url_")):
            form.errors[name] = "bad_url"
    for i in range(links):
        if form.value(f"link_title_{i}") and not form.value(f"link_url_{i}"):
            form.refuse(f"link_url_{i}", "url_missing")
    if fair.sector(form.value("sector")) is None and form.value("sector") != found.draft.sector:
        form.refuse("sector", "not_allowed")
    if not is_country(form.value("country")):
        form.refuse("country", "not_allowed")
    if form.data is not None:
        draft = _draft(form.data, found.draft, tags, links)
        try:
            await services.fair.companies.change(form.data.version, draft)
        except StaleVersion:
            form.refuse("version", "stale")
        except LookupError:
            raise web.HTTPNotFound() from None
    if form.errors:
        return await _edit_page(request, found, role, organiser, form=form, status=422)
    await _audit(request, found, organiser, "company.change", {"fields": ["page"]})
    raise back(found, "edit", "saved")


async def _audit(
    request: web.Request, found: Company, organiser: bool, act: str, detail: dict[str, Any]
) -> None:
    """What an organiser does to a company; its own staff's work is not an organiser's act."""
    if organiser:
        session = await auth.need_person(request)
        await audit(request, session.identity, act, f"company:{found.slug}", detail)


# --- logo and files -----------------------------------------------------------------------

_UPLOAD_CODES: Final = {
    "too_small": "too_small_picture", "not_allowed": "file_not_allowed",
    "too_many": "too_many_files",
}  # fmt: skip


async def logo(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, tuple(EDITS))
    form = await read_form(request, Nothing, file_limit=PICTURE_BYTES_MAX)
    sent = form.files.get("logo")
    if sent is None:
        form.refuse("logo", "missing")
    else:
        try:
            await request.app[SERVICES].fair.companies.set_logo(found.slug, sent.body)
        except BadUpload as fault:
            form.refuse("logo", _UPLOAD_CODES.get(fault.code, fault.code))
        except LookupError:
            raise web.HTTPNotFound() from None
    if form.errors:
        return await _edit_page(request, found, role, organiser, upload=form, status=422)
    await _audit(request, found, organiser, "company.change", {"fields": ["logo"]})
    raise back(found, "edit", "logo")


async def remove_logo(request: web.Request) -> web.Response:
    found, _, organiser = await need(request, tuple(EDITS))
    await read_form(request, Nothing)
    try:
        await request.app[SERVICES].fair.companies.set_logo(found.slug, None)
    except LookupError:
        raise web.HTTPNotFound() from None
    await _audit(request, found, organiser, "company.change", {"fields": ["logo"]})
    raise back(found, "edit", "logo")


async def add_file(request: web.Request) -> web.Response:
    found, role, organiser = await need(request, tuple(EDITS))
    form = await read_form(request, TitleForm, file_limit=FILE_BYTES_MAX)
    sent = form.files.get("file")
    if sent is None:
        form.refuse("file", "missing")
    if form.data is not None and sent is not None:
        try:
            await request.app[SERVICES].fair.companies.add_file(
                found.slug, form.data.title, sent.name, sent.body
            )
        except BadUpload as fault:
            form.refuse("file", _UPLOAD_CODES.get(fault.code, fault.code))
        except LookupError:
            raise web.HTTPNotFound() from None
    if form.errors:
        return await _edit_page(request, found, role, organiser, upload=form, status=422)
    await _audit(request, found, organiser, "company.change", {"fields": ["files"]})
    raise back(found, "edit", "file")


async def remove_file(request: web.Request) -> web.Response:
    found, _, organiser = await need(request, tuple(EDITS))
    await read_form(request, Nothing)
    await request.app[SERVICES].fair.companies.remove_file(found.slug, request.match_info["file"])
    await _audit(request, found, organiser, "company.change", {"fields": ["files"]})
    raise back(found, "edit", "file")


def setup(app: web.Application) -> None:
    add = app.router
    add.add_get("/companies/{company}/edit", edit)
    add.add_post("/companies/{company}/edit", save)
    add.add_post("/companies/{company}/logo", logo)
    add.add_post("/companies/{company}/logo/remove", remove_logo)
    add.add_post("/companies/{company}/files", add_file)
    add.add_post("/companies/{company}/files/{file}/remove", remove_file)
