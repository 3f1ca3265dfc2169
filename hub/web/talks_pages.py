"""Invitations to a talk: what a link shows, and the one button that makes a member.

A secret of ours has a dot in it; those that invite to a company's staff have none.
"""

from __future__ import annotations

from typing import Final

from aiohttp import web

from hub.ports.talks import TalkRefused
from hub.services import SERVICES, Services
from hub.web import auth, talks_ending, talks_files, talks_invites
from hub.web.forms import FormModel, read_form
from hub.web.i18n import language_of
from hub.web.pages import PAGES
from rooms.errors import Refusal

PATH: Final = "/invitations/{secret:[^/]*\\.[^/]*}"


class Nothing(FormModel):
    """A button."""


async def invitation(request: web.Request) -> web.Response:
    """Looking uses nothing up (mail scanners open links). What it is about is told to whoever it
    is for, once they are signed in."""
    services = request.app[SERVICES]
    session = await auth.session_of(request)
    person = session.identity.id if session is not None and session.account else None
    found = await services.fair.talks.look_at_invite(request.match_info["secret"], person)
    talk, name = (found[1] if found else None), ""
    if talk is not None and talk.company is not None:
        company = await services.fair.companies.get(talk.company)
        if company is not None:
            name = company.draft.names.get(language_of(request)) or company.draft.name
    return await request.app[PAGES].render(
        request, "talk_invitation.html", status=200 if found else 404,
        talk=talk if person is not None else None, usable=found is not None, company=name,
    )  # fmt: skip


async def accept(request: web.Request) -> web.Response:
    session = await auth.need_person(request)
    await read_form(request, Nothing)
    if not session.account:
        raise web.HTTPForbidden()
    headers = {"Cache-Control": "no-store"}
    try:
        access = await talks_invites.use(request, request.match_info["secret"], session.identity.id)
    except TalkRefused:
        raise web.HTTPSeeOther(request.path, headers=headers) from None
    except Refusal:
        raise web.HTTPTooManyRequests() from None
    raise web.HTTPSeeOther(f"/negotiations/{access.room}", headers=headers)


def setup(app: web.Application, services: Services) -> None:
    """Add the pages to ``app``, what uploads need, and the jobs that end talks."""
    talks_files.setup(app)
    app.router.add_get(PATH, invitation)
    app.router.add_post(PATH, accept)
    talks_ending.setup(app, services)
