"""The time before ``hello``: a socket that is nobody yet. ``greet`` makes a Connection of
it, which is another type: nothing else in hub.live takes a socket that was not greeted."""

from __future__ import annotations

import asyncio
import secrets
from typing import TYPE_CHECKING, Final

import structlog
from aiohttp import WSMsgType, web

from hub.live.connection import CLOSING_S, Connection
from hub.ports import ResumeRecord, StoreLost
from rooms.closing import BYE_CODE, Close
from rooms.errors import Code, Refusal
from rooms.messages import (
    BadMessage,
    Bye,
    Hello,
    NotAnObject,
    ResumePoint,
    Self,
    ServerMessage,
    Welcome,
    encode,
    frame_payload,
    parse,
)
from rooms.model import Identity
from rooms.session import role_in

from . import wire

if TYPE_CHECKING:
    from hub.live.hub import LiveHub

HELLO_S: Final = 5.0
log = structlog.get_logger(__name__)


class Unwelcome(Exception):
    """The socket ends here: ``messages`` go out, then it closes with ``how``."""

    def __init__(self, how: Close, reason: str, *messages: ServerMessage) -> None:
        super().__init__(reason)
        self.how = how
        self.reason = reason
        self.messages = messages


async def greet(
    hub: LiveHub, ws: web.WebSocketResponse, address: str
) -> tuple[Connection, tuple[ResumePoint, ...]] | None:
    """Wait for ``hello``: the greeted connection and the rooms it comes back to.

    ``welcome`` has been sent; None when the socket was turned away or went away.
    """
    try:
        if hub.services.draining:
            raise Unwelcome(Close.DRAINING, "this server is going away")
        hub.strangers.add(ws)
        try:
            hello = await _first(ws)
        finally:
            hub.strangers.discard(ws)
        if hello is None:
            return None
        identity, session = await _identify(hub, hello)
        conn = Connection(
            hub, ws, hub.writers.attach(ws), identity,
            id=secrets.token_urlsafe(12), session=session, address=address,
        )  # fmt: skip
        token = await _resume_token(hub, hello, ResumeRecord(identity, session))
    except Unwelcome as end:
        await _turn_away(hub, ws, end)
        return None
    conn.send(_welcome(hub, conn, hello.id, token))
    conn.log().info("greeted", address=address, resumed=hello.resume is not None)
    return conn, hello.rooms if hello.resume is not None else ()


def _welcome(hub: LiveHub, conn: Connection, re: int, token: str) -> Welcome:
    who = conn.identity
    role = role_in(who, who.room) if who.room is not None else who.role
    return Welcome(
        re=re,
        session=conn.session,
        resume=token,
        heartbeat_ms=hub.config.limits.heartbeat_ms,
        participant=Self(id=who.id, name=who.name, role=role, company=who.company),
    )


async def _first(ws: web.WebSocketResponse) -> Hello | None:
    """The first message; None when the client went away. Pings are answered meanwhile."""
    try:
        async with asyncio.timeout(HELLO_S):
            while True:
                message = await ws.receive()
                if message.type is WSMsgType.PING:
                    await ws.pong(message.data)
                elif message.type is not WSMsgType.PONG:
                    break
    except TimeoutError:
        raise Unwelcome(Close.UNAUTHORISED, "hello is due within 5 s") from None
    if message.type is WSMsgType.BINARY:
        raise Unwelcome(Close.BAD_MESSAGE, "text frames only")
    if message.type is not WSMsgType.TEXT:
        return None
    try:
        hello = parse(message.data)
    except NotAnObject as fault:
        raise Unwelcome(Close.BAD_MESSAGE, str(fault)) from None
    except BadMessage as fault:
        answer = wire.error(Refusal(Code.BAD_MESSAGE, str(fault)), fault.re)
        raise Unwelcome(Close.UNAUTHORISED, "hello was not understood", answer) from None
    if not isinstance(hello, Hello):
        answer = wire.error(Refusal(Code.UNAUTHORISED, "hello comes first"), hello.id)
        raise Unwelcome(Close.UNAUTHORISED, "hello comes first", answer)
    return hello


async def _identify(hub: LiveHub, hello: Hello) -> tuple[Identity, str]:
    """Who it is, and the session's name. Raises Unwelcome."""
    vault = hub.services.vault
    fresh = secrets.token_urlsafe(12)
    try:
        if hello.token is not None:
            return hub.services.tokens.verify(hello.token), fresh
        if hello.ticket is not None:
            identity = await vault.take_ticket(hello.ticket)
            if identity is not None:
                return identity, fresh
        elif hello.resume is not None:
            record = await vault.take_resume(hello.resume)
            if record is not None:
                return record.identity, record.session
        raise Refusal(Code.UNAUTHORISED, "not valid, used, or too old")
    except Refusal as refusal:
        answer = wire.error(refusal, hello.id)
        raise Unwelcome(Close.UNAUTHORISED, refusal.message, answer) from None
    except StoreLost as lost:
        raise _recovering(hub, hello, lost) from None


async def _resume_token(hub: LiveHub, hello: Hello, record: ResumeRecord) -> str:
    try:
        return await hub.services.vault.issue_resume(record)
    except StoreLost as lost:
        raise _recovering(hub, hello, lost) from None


def _recovering(hub: LiveHub, hello: Hello, lost: StoreLost) -> Unwelcome:
    log.warning("store lost at hello", fault=str(lost))
    wait = hub.jitter_ms(500, 3000)
    refusal = Refusal(Code.RECOVERING, retry_after_ms=wait)
    return Unwelcome(Close.RECOVERING, "recovering", wire.error(refusal, hello.id))


async def _turn_away(hub: LiveHub, ws: web.WebSocketResponse, end: Unwelcome) -> None:
    how = end.how
    fields = {"retry_after_ms": hub.jitter_ms(200, 3000)} if how.reconnect else {}
    bye = Bye(code=BYE_CODE[how], reconnect=how.reconnect, reason=end.reason, **fields)
    log.info("turned away", code=int(how), reason=end.reason)
    try:
        async with asyncio.timeout(CLOSING_S):
            payload = frame_payload([encode(one) for one in (*end.messages, bye)])
            await ws.send_str(payload.decode())
            await ws.close(code=int(how), message=BYE_CODE[how].value.encode())
    except (TimeoutError, ConnectionError):
        log.debug("gone before the goodbye")
