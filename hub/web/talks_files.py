"""/negotiations/{room}/files: what members put into a talk. Always an attachment."""

from __future__ import annotations

import asyncio
from typing import Any, Final

from aiohttp import web

from hub.ports.talks import FILE_BYTES_MAX, TalkFile, TalkRefused
from hub.services import SERVICES
from hub.web.accounts import QUARTER_S, counted
from hub.web.bodies import read_bytes
from hub.web.bodies_talks import FileAnswer, FileList
from hub.web.problems import Invalid
from hub.web.query import text
from hub.web.routes import BASE, Query, Route
from hub.web.sheets import disposition
from hub.web.talks import NO_STORE, Standing, given_id, need_member, problem, tell
from rooms.errors import Code, Refusal
from rooms.times import rfc3339

FILENAME_MAX: Final = 255
UPLOAD_S: Final = 120.0  # 20 MB over a slow line
UPLOADS_MAX: Final = 6  # at once on one hub: each is held in memory
PUT_IN: Final = 60  # files of one person in a quarter of an hour
BUSY_MS: Final = 2_000
_UPLOADS: Final = web.AppKey("talk_uploads", asyncio.Semaphore)


def _body(one: TalkFile, who: Standing) -> dict[str, Any]:
    return {
        "id": one.id, "filename": one.filename, "content_type": one.content_type,
        "size": one.size, "by": one.by, "created_at": rfc3339(one.created_ms),
        "mine": one.by == who.identity.id,
    }  # fmt: skip


async def list_files(request: web.Request) -> web.Response:
    who = await need_member(request, over=True, token=True)
    files = await request.app[SERVICES].fair.talks.files(who.room)
    items = [_body(one, who) for one in files]
    return web.json_response({"items": items, "next": None}, headers=NO_STORE)


async def upload(request: web.Request) -> web.Response:
    """The body is the file as it is; nobody who is no member makes the hub read it."""
    who = await need_member(request, token=True)
    services, uploads = request.app[SERVICES], request.app[_UPLOADS]
    filename = text(request, "filename", FILENAME_MAX)
    if filename is None:
        raise Invalid([("filename", "missing")])
    if uploads.locked():
        raise Refusal(Code.RATE_LIMITED, "too many files at once", retry_after_ms=BUSY_MS)
    await counted(request, "talk-files", who.identity.id, PUT_IN, QUARTER_S)
    async with uploads:
        raw = await read_bytes(request, FILE_BYTES_MAX, UPLOAD_S)
        try:
            kept = await services.fair.talks.keep_file(who.room, filename, raw, who.identity.id)
        except TalkRefused as refused:
            raise problem(refused) from None
    await tell(
        services, who.room, "file", who.identity.id, id=kept.id, filename=kept.filename,
        content_type=kept.content_type, size=kept.size,
    )  # fmt: skip
    where = f"{BASE}/negotiations/{who.room}/files/{kept.id}"
    return web.json_response(_body(kept, who), status=201, headers={"Location": where, **NO_STORE})


async def download(request: web.Request) -> web.Response:
    """Never shown by the browser: nothing a member sent runs in this origin."""
    who = await need_member(request, over=True, token=True)
    found = await request.app[SERVICES].fair.talks.file(who.room, given_id(request))
    if found is None:
        raise problem(TalkRefused("unknown_file"))
    file, body = found
    headers = {
        "Content-Disposition": disposition(file.filename),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "X-Content-Type-Options": "nosniff",
    }
    return web.Response(body=body, content_type=file.content_type, headers=headers)


async def remove(request: web.Request) -> web.Response:
    """By whoever put it in, or the host side."""
    who = await need_member(request, token=True)
    services, wanted = request.app[SERVICES], given_id(request)
    files = await services.fair.talks.files(who.room)
    file = next((one for one in files if one.id == wanted), None)
    if file is None:
        raise problem(TalkRefused("unknown_file"))
    if not who.host and file.by != who.identity.id:
        raise Refusal(Code.FORBIDDEN, "this is for whoever put it in, and for the host side")
    if not await services.fair.talks.remove_file(who.room, wanted, who.identity.id):
        raise problem(TalkRefused("unknown_file"))
    await tell(services, who.room, "file_removed", who.identity.id, id=wanted)
    return web.Response(status=204)


def setup(app: web.Application) -> None:
    app[_UPLOADS] = asyncio.Semaphore(UPLOADS_MAX)


_PATH: Final = "/negotiations/{room}/files"
_NAME: Final = Query("filename", {"type": "string", "maxLength": FILENAME_MAX}, "its name")

ROUTES: Final = (
    Route(
        "GET", _PATH, list_files, "listTalkFiles", "Files of a talk", 200, FileList,
        problems=(404,),
    ),
    Route(
        "POST", _PATH, upload, "putTalkFile", "Put a file in; the body is the file", 201,
        FileAnswer, sheet=True, query=(_NAME,), problems=(404, 409),
        headers=(("Location", "the file"),),
    ),
    Route(
        "GET", _PATH + "/{id}", download, "getTalkFile", "Download a file", 200, None,
        gives=("application/octet-stream",), problems=(404,),
        headers=(("Content-Disposition", "always an attachment"),),
    ),
    Route(
        "DELETE", _PATH + "/{id}", remove, "removeTalkFile", "Take a file away", 204, None,
        problems=(404,),
    ),
)  # fmt: skip
