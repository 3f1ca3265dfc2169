"""GET /live: who may open a socket, and the loop that reads it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import structlog
from aiohttp import WSMsgType, web

from hub.live.acts import handle
from hub.live.auth import greet
from hub.live.connection import CLOSING_S, Connection
from hub.live.drain import SPREAD_MS
from hub.live.hub import LIVE
from hub.live.limits import client_address
from hub.live.resume import resume
from hub.ports import StoreLost
from rooms.closing import Close
from rooms.messages import MESSAGE_MAX, SUBPROTOCOL, ResumePoint
from rooms.model import AttachmentKind
from rooms.session import Fact, Place

if TYPE_CHECKING:
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)


def origin_allowed(request: web.Request, allowed: frozenset[str]) -> bool:
    """No Origin (not a browser), or exactly one, exactly as listed (RFC 6454)."""
    given = request.headers.getall("Origin", [])
    return not given or (len(given) == 1 and given[0] in allowed)


def subprotocol_offered(request: web.Request, wanted: str = SUBPROTOCOL) -> bool:
    """``wanted`` among those offered, or none offered at all."""
    offered = request.headers.getall("Sec-WebSocket-Protocol", [])
    names = {name.strip() for line in offered for name in line.split(",")}
    return not offered or wanted in names


async def live(request: web.Request) -> web.StreamResponse:
    hub = request.app[LIVE]
    if not origin_allowed(request, hub.config.origins):
        raise web.HTTPForbidden(text="forbidden: this origin is not allowed\n")
    if not subprotocol_offered(request):
        raise web.HTTPBadRequest(text=f"the subprotocol is {SUBPROTOCOL}\n")
    address = client_address(request, hub.proxies)
    wait = hub.addresses.enter(address, hub.now())
    if wait:
        retry = str(max(1, wait // 1000))
        raise web.HTTPTooManyRequests(
            text="rate_limited: too many connections\n", headers={"Retry-After": retry}
        )
    try:
        ws = web.WebSocketResponse(
            protocols=(SUBPROTOCOL,) if "Sec-WebSocket-Protocol" in request.headers else (),
            compress=False,
            max_msg_size=MESSAGE_MAX + 1,  # aiohttp refuses sizes from its bound on
            autoping=False,
            autoclose=False,  # the answer to a client's Close goes out when this handler returns
            timeout=CLOSING_S,
        )
        await ws.prepare(request)
        greeted = await greet(hub, ws, address)
        if greeted is not None:
            conn, points = greeted
            hub.connections[conn.id] = conn
            if hub.services.draining:  # begun after the greeting: nobody else says goodbye
                conn.close(Close.DRAINING, "this server is going away", hub.jitter_ms(*SPREAD_MS))
            try:
                await _come_back(hub, conn, points)
                await _read(hub, ws, conn)
            finally:
                conn.read_out()
                await _ended(hub, conn)
                await _said(conn)
    finally:
        hub.addresses.leave(address)
        hub.ended += 1
    return ws


async def _come_back(hub: LiveHub, conn: Connection, points: tuple[ResumePoint, ...]) -> None:
    if points:
        conn.busy = True
        async with conn.lock:
            await resume(hub, conn, points)
        conn.idle()


async def _read(hub: LiveHub, ws: web.WebSocketResponse, conn: Connection) -> None:
    """Until the socket ends. Whatever arrives is a sign of life."""
    while True:
        message = await ws.receive()
        if conn.closing is None:  # what comes of our own ending it is no sign of life
            conn.heard = hub.now()
        if message.type is WSMsgType.TEXT:
            if conn.closing is not None:
                continue
            conn.busy = True
            try:
                await handle(hub, conn, message.data)
            finally:
                conn.idle()
        elif message.type is WSMsgType.PING:
            await conn.pong(message.data)
        elif message.type is WSMsgType.BINARY:
            conn.close(Close.BAD_MESSAGE, "text frames only")
        elif message.type is not WSMsgType.PONG:
            return


async def _said(conn: Connection) -> None:
    """Wait for the closing handshake, at most CLOSING_S: a transport closed with the client's
    messages unread is reset by the kernel, and the reset takes ``bye`` away from the client."""
    if conn.finishing is not None:
        await asyncio.wait({conn.finishing})


async def _ended(hub: LiveHub, conn: Connection) -> None:
    """No goodbye was said for what is left: the grace of each seat runs."""
    silent_ms = conn.silent_ms()
    conn.closing = conn.closing or Close.RECONNECT_ELSEWHERE
    conn.reorder()
    hub.connections.pop(conn.id, None)
    hub.slow.forget(conn)
    hub.gone.set()
    async with conn.lock:
        members = list(conn.members.values())
        for member in members:
            if member.place is not Place.OUTSIDE:
                hub.rooms.forget(member, Fact.ENDED)
        for member in members:
            try:
                await hub.services.admission.drop(
                    member.local.slug,
                    conn.identity.id,
                    AttachmentKind.SOCKET,
                    member.attachment.id,
                    silent_ms,
                )
            except StoreLost as lost:
                # Nobody renews it: the lease ends by itself.
                conn.log(member.local.slug).warning("drop not said", fault=str(lost))
    conn.log().info("ended", silent_ms=silent_ms, code=conn.ws.close_code)
