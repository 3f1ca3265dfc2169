"""What a greeted socket asks, carried out: one handler per effect of ``rooms.session``.

``handle`` is the one place where a fault becomes a message: a refusal is answered with its
code (``refused`` for enter, ``error`` for the rest), a lost store with ``recovering``, and
anything else is logged with its trace and answered with a sentence that says nothing.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, Final

from hub.live import entering, talking
from hub.live.limits import STRIKES
from hub.live.moderation import moderate
from hub.ports import DirectoryLost, StoreLost
from rooms import messages as m
from rooms.chat import clean_text
from rooms.closing import Close
from rooms.errors import Code, Refusal
from rooms.model import REACTIONS, AttachmentKind
from rooms.permissions import Right, may
from rooms.session import Effect, Fact, Place, decide
from rooms.session import role_in as role_of

from . import wire

if TYPE_CHECKING:
    from hub.live.connection import Connection, Member
    from hub.live.hub import LiveHub

#: What is said while Redis does not answer.
LOST: Final = "the store does not answer; please try again"


async def handle(hub: LiveHub, conn: Connection, text: str) -> None:
    """One text frame of a greeted client: answered, or the connection is closed."""
    try:
        message = m.parse(text)
    except m.NotAnObject as fault:
        conn.close(Close.BAD_MESSAGE, str(fault))
        return
    except m.BadMessage as fault:
        refusal = Refusal(Code.BAD_MESSAGE, str(fault))
        wait = _wait(hub, conn, None)
        if wait:
            refusal = Refusal(Code.RATE_LIMITED, retry_after_ms=wait)
            _strike(hub, conn)
        conn.send(wire.error(refusal, fault.re))
        return
    wait = _wait(hub, conn, message)
    try:
        if wait:
            _strike(hub, conn)
            raise Refusal(Code.RATE_LIMITED, "too many messages", retry_after_ms=wait)
        async with conn.lock:
            await _act(hub, conn, message)
    except Refusal as refusal:
        _refuse(conn, message, refusal)
    except (StoreLost, DirectoryLost) as lost:
        conn.log(_room(message)).warning("no answer", lost=type(lost).__name__, fault=str(lost))
        _refuse(conn, message, Refusal(Code.RECOVERING, LOST, retry_after_ms=1000))
    except Exception:
        conn.log(_room(message)).exception("message failed", message=type(message).__name__)
        _refuse(conn, message, Refusal(Code.RECOVERING, wire.GENERIC, retry_after_ms=1000))


def _wait(hub: LiveHub, conn: Connection, message: m.AnyClient | None) -> int:
    """Milliseconds until the message may come, 0: now. Signals come in bursts, a candidate each,
    and are counted apart."""
    if isinstance(message, m.Signal):
        conn.signals = conn.signals or talking.Signals(hub.now())
        return conn.signals.take(hub.now())
    limits = hub.config.limits
    return conn.messages.take(limits.messages_per_s, limits.messages_burst, hub.now())


def _room(message: m.AnyClient) -> str | None:
    return None if isinstance(message, m.Hello) else message.room


def _refuse(conn: Connection, message: m.AnyClient, refusal: Refusal) -> None:
    if isinstance(message, m.Enter):
        conn.send(wire.refused(message.room, refusal, message.id))
    else:
        conn.send(wire.error(refusal, message.id, _room(message)))


def _strike(hub: LiveHub, conn: Connection) -> None:
    """A message over the limit; who keeps on is closed."""
    conn.strikes += 1
    if conn.strikes > STRIKES:
        conn.close(Close.RATE_LIMITED, "rate limits kept exceeded", hub.jitter_ms(5000, 15000))


async def _act(hub: LiveHub, conn: Connection, message: m.AnyClient) -> None:
    if isinstance(message, m.Hello):
        raise Refusal(Code.BAD_MESSAGE, "hello comes once")
    # The token's reach before anything else: what is in another room is not told.
    try:
        role_of(conn.identity, message.room)
    except Refusal:
        if isinstance(message, m.Enter | m.Moderate):
            raise
        raise Refusal(Code.NOT_IN_ROOM) from None
    member = conn.members.get(message.room)
    effect = decide(member.place if member is not None else Place.OUTSIDE, message)
    await HANDLERS[effect](hub, conn, message)


def _member(conn: Connection, slug: str) -> Member:
    """The membership that the session table has seen."""
    return conn.members[slug]


async def _enter(hub: LiveHub, conn: Connection, message: m.Enter) -> None:
    wait = hub.joins.take(conn.identity.id, hub.now())
    if wait:
        raise Refusal(Code.RATE_LIMITED, "too many joins", retry_after_ms=wait)
    await entering.enter(hub, conn, message.room, message.wait, message.id)


async def _leave(hub: LiveHub, conn: Connection, message: m.Leave) -> None:
    slug, member = message.room, _member(conn, message.room)
    await hub.services.admission.leave(slug, conn.identity.id, member.attachment.id)
    if member.place is not Place.OUTSIDE:
        hub.rooms.forget(member, Fact.LEFT)
    conn.send(m.Left(re=message.id, room=slug))
    conn.log(slug).info("left")


async def _say_waiting(hub: LiveHub, conn: Connection, message: m.Say) -> None:
    """Only who must be let in has anybody to speak with: Redis knows whether they knock."""
    if message.channel is None:
        raise Refusal(Code.NOT_IN_ROOM)
    await _say(hub, conn, message)


async def _say(hub: LiveHub, conn: Connection, message: m.Say) -> None:
    text = clean_text(message.text)
    limits = hub.config.limits
    wait = conn.chat.take(limits.chat_per_s, limits.chat_burst, hub.now())
    if wait:
        raise Refusal(Code.RATE_LIMITED, "too much chat", retry_after_ms=wait)
    who = conn.identity
    role = await hub.role_of(conn, message.room)
    seq = await hub.services.admission.say(
        message.room, who.id, who.name, role, text, message.channel
    )
    conn.send(m.Ok(re=message.id, seq=seq))


async def _unsay(hub: LiveHub, conn: Connection, message: m.Unsay) -> None:
    role = await hub.role_of(conn, message.room)
    admission = hub.services.admission
    seq = await admission.unsay(message.room, conn.identity, role, message.seq)
    conn.send(m.Ok(re=message.id, seq=seq))


async def _unsay_by_right(hub: LiveHub, conn: Connection, message: m.Unsay) -> None:
    role = await hub.role_of(conn, message.room)
    if not may(role, Right.UNSAY_OTHERS):
        raise Refusal(Code.NOT_IN_ROOM)
    admission = hub.services.admission
    seq = await hub.in_room(
        message.room, lambda: admission.unsay(message.room, conn.identity, role, message.seq)
    )
    conn.send(m.Ok(re=message.id, seq=seq))


async def _react(hub: LiveHub, conn: Connection, message: m.React) -> None:
    if message.emoji not in REACTIONS:
        raise Refusal(Code.BAD_MESSAGE, "emoji: one of snapshot.reactions")
    hub.reactions.add(message.room, message.emoji)
    if message.id is not None:
        conn.send(m.Ok(re=message.id))


async def _hand(hub: LiveHub, conn: Connection, message: m.Hand) -> None:
    await hub.services.admission.hand(message.room, conn.identity.id, message.up)
    conn.send(m.Ok(re=message.id))


async def _roster(hub: LiveHub, conn: Connection, message: m.Roster) -> None:
    admission = hub.services.admission
    page = await hub.in_room(
        message.room, lambda: admission.roster(message.room, message.after, message.limit)
    )
    conn.send(m.RosterPage(re=message.id, items=page.items, next=page.next, total=page.total))


async def _roster_by_right(hub: LiveHub, conn: Connection, message: m.Roster) -> None:
    role = await hub.role_of(conn, message.room)
    if not may(role, Right.SEE_PEOPLE):
        raise Refusal(Code.NOT_IN_ROOM)
    await _roster(hub, conn, message)


async def _moderate(hub: LiveHub, conn: Connection, message: m.Moderate) -> None:
    seq = await moderate(hub, conn, message)
    conn.send(m.Ok(re=message.id, seq=seq))


async def _media(hub: LiveHub, conn: Connection, message: m.Media) -> None:
    _, sdp = await hub.sessions.open(
        message.room,
        conn.identity,
        AttachmentKind(message.pc),
        message.sdp,
        sources={one.mid: one.source for one in message.sources},
        restart=message.restart,
    )
    conn.send(m.MediaAnswer(re=message.id, room=message.room, pc=message.pc, sdp=sdp))


async def _media_close(hub: LiveHub, conn: Connection, message: m.MediaClose) -> None:
    kind = AttachmentKind(message.pc)
    await hub.sessions.close(message.room, conn.identity.id, kind, None)
    conn.send(m.Ok(re=message.id))


async def _source(hub: LiveHub, conn: Connection, message: m.SourceMute) -> None:
    services, who = hub.services, conn.identity.id
    await services.admission.source_muted(message.room, who, message.source, message.muted)
    await services.media.muted(message.room, who, message.source, message.muted)
    conn.send(m.Ok(re=message.id))


async def _view(hub: LiveHub, conn: Connection, message: m.View) -> None:
    await hub.services.media.view(
        message.room, conn.identity.id, message.main, message.thumbs, message.audio_only
    )
    conn.send(m.Ok(re=message.id))


Handler = Callable[["LiveHub", "Connection", Any], Awaitable[None]]

HANDLERS: Final[dict[Effect, Handler]] = {
    Effect.ENTER: _enter,
    Effect.LEAVE: _leave,
    Effect.SAY: _say,
    Effect.UNSAY: _unsay,
    Effect.UNSAY_BY_RIGHT: _unsay_by_right,
    Effect.REACT: _react,
    Effect.HAND: _hand,
    Effect.ROSTER: _roster,
    Effect.ROSTER_BY_RIGHT: _roster_by_right,
    Effect.MODERATE: _moderate,
    Effect.MEDIA: _media,
    Effect.MEDIA_CLOSE: _media_close,
    Effect.SOURCE: _source,
    Effect.VIEW: _view,
    Effect.SAY_WAITING: _say_waiting,
    Effect.SIGNAL: talking.signal,
    Effect.NOTE: talking.note,
    Effect.NOTES: talking.notes,
}
