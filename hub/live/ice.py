"""``ice``: the STUN/TURN servers a browser may use, with short-lived credentials.

coturn's REST scheme (draft-uberti-behave-turn-rest-00): the user name is the time it ends
(s since the epoch) and the person, the password the base64 HMAC-SHA1 of it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import TYPE_CHECKING, Final

from rooms.messages import Ice, IceServer
from rooms.session import Place
from rooms.times import rfc3339

if TYPE_CHECKING:
    from hub.config import Turn
    from hub.live.connection import Connection
    from hub.live.hub import LiveHub

#: How long before they end new credentials are sent, seconds.
AHEAD_S: Final = 30
TALK_TTL_S: Final = 600


def credentials(
    turn: Turn, person: str, now_s: int, ttl_s: int | None = None
) -> tuple[tuple[IceServer, ...], int]:
    """The servers for ``person`` and when they expire (s since the epoch)."""
    until = now_s + (turn.ttl_s if ttl_s is None else ttl_s)
    if not turn.urls:
        return (), until
    username = f"{until}:{person}"
    secret = turn.secret.get_secret_value().encode()
    digest = hmac.new(secret, username.encode(), hashlib.sha1).digest()
    return (IceServer(turn.urls, username, base64.b64encode(digest).decode()),), until


def offer_ice(hub: LiveHub, conn: Connection) -> None:
    """Send the servers, once until ``refresh_ice`` renews them."""
    if conn.ice_until is None:
        _send(hub, conn)


def refresh_ice(hub: LiveHub, conn: Connection) -> None:
    """Called by the wheel: new credentials before the old ones end."""
    if conn.ice_until is not None and hub.now() >= conn.ice_until - AHEAD_S:
        if hub.config.turn.urls and any(
            member.place is Place.INSIDE for member in conn.members.values()
        ):
            _send(hub, conn)
        else:
            conn.ice_until = None  # with the next seat there are new ones


def _ttl_s(hub: LiveHub, conn: Connection) -> int:
    """In a talk a relay is lent for ten minutes at a time, whatever is configured."""
    ttl_s = hub.config.turn.ttl_s
    talk = any(member.local.talk for member in conn.members.values())
    return min(ttl_s, TALK_TTL_S) if talk else ttl_s


def _send(hub: LiveHub, conn: Connection) -> None:
    turn = hub.config.turn
    ttl_s = _ttl_s(hub, conn)
    servers, until = credentials(turn, conn.identity.id, int(time.time()), ttl_s)
    conn.ice_until = hub.now() + ttl_s
    conn.send(Ice(servers=servers, expires_at=rfc3339(until * 1000)))
