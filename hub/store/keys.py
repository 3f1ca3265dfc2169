"""Every Redis key and channel of the hub is built here and nowhere else.

All keys of a room, its partition's index and its channel carry one hash tag, hence share
one slot: a script may touch them together, on a cluster too.

    h:{T}:r:<room>:meta     HASH    live settings, epoch, seq, counters
    h:{T}:r:<room>:live     ZSET    person -> lease deadline (ms): seats with an attachment
    h:{T}:r:<room>:held     ZSET    person -> deadline: the last attachment is gone, grace runs
    h:{T}:r:<room>:offered  ZSET    person -> deadline: set aside for someone waiting
    h:{T}:r:<room>:priv     ZSET    person -> deadline: the privileged among the three above
    h:{T}:r:<room>:who      HASH    person -> gen TAB privileged TAB since_ms TAB JSON members
    h:{T}:r:<room>:att      HASH    kind:person -> deadline TAB hub TAB attachment id
    h:{T}:r:<room>:wait     ZSET    person -> ticket
    h:{T}:r:<room>:wpriv    ZSET    person -> ticket: the privileged among them
    h:{T}:r:<room>:wlease   ZSET    person -> deadline of the place in the queue
    h:{T}:r:<room>:stage    ZSET    person -> order of coming on stage
    h:{T}:r:<room>:hands    ZSET    person -> order of raising
    h:{T}:r:<room>:src      HASH    person -> "camera:0,microphone:1" (1: muted)
    h:{T}:r:<room>:order    ZSET    person -> place in the roster (privileged, then arrival)
    h:{T}:r:<room>:ban      ZSET    person -> until (ms)
    h:{T}:r:<room>:slow     ZSET    person -> when they may speak again (ms)
    h:{T}:r:<room>:log      STREAM  <seq>-0: d notice, k kind, b by; the last K events
    h:{T}:r:<room>:chat     STREAM  the same for the last 50 chat events not unsaid
    h:{T}:r:<room>:chan     STREAM  *: c channel, s its seq, d event; a negotiation room's, a day
    h:{T}:r:<room>:notes    HASH    rev, text of a negotiation room's notes; a day
    h:{T}:r:<room>:ops      STREAM  <rev>-0: o ops; what made the last 500 revisions; a day
    h:{T}:r:<room>:place    STRING  media worker of the room
    h:{T}:due               ZSET    room -> no later than its earliest deadline
    h:{T}:occ               HASH    room -> counts for the board
    h:{T}:part              HASH    run, seen, from, until, sweeper, sweeper_until
    h:{T}:ch                sharded channel of the partition's notices
    h:{hubs}:seen           ZSET    hub -> last heartbeat (ms)
    h:{hubs}:reported       ZSET    hub -> when all it holds stood in this Redis (ms)
    h:{board}:leader        STRING  hub that sums the board
    h:{board}:snapshot      STRING  BoardSnapshot as JSON
    h:{news}:ch             channel of the fair's news; h:{news}:probe:<hub> a hub's probes
    h:{news}:online         ZSET    person -> when a hub last saw them (ms)
    h:{t:<digest>}          STRING  ticket or resume token, hashed
"""

from __future__ import annotations

import hashlib
from typing import Final

from hub.store.tags import PARTITIONS, TAGS, partition

#: Order of a room script's KEYS; scripts/prelude.lua names them in this order.
ROOM_PARTS: Final = (
    "meta", "live", "held", "offered", "priv", "who", "att", "wait", "wpriv", "wlease",
    "stage", "hands", "src", "order", "ban", "slow", "log", "chat",
)  # fmt: skip
#: What the scripts of negotiation rooms are given besides, behind all others.
TALK_PARTS: Final = ("chan", "notes", "ops")

HUBS_SEEN: Final = "h:{hubs}:seen"
HUBS_REPORTED: Final = "h:{hubs}:reported"
BOARD_LEADER: Final = "h:{board}:leader"
BOARD_SNAPSHOT: Final = "h:{board}:snapshot"
NEWS_CHANNEL: Final = "h:{news}:ch"
ONLINE: Final = "h:{news}:online"


def _tagged(index: int, rest: str) -> str:
    return f"h:{{{TAGS[index]}}}:{rest}"


def due(index: int) -> str:
    return _tagged(index, "due")


def occ(index: int) -> str:
    return _tagged(index, "occ")


def part(index: int) -> str:
    return _tagged(index, "part")


def channel(index: int) -> str:
    return _tagged(index, "ch")


CHANNELS: Final = tuple(channel(index) for index in range(PARTITIONS))


def room_key(room: str, name: str) -> str:
    return _tagged(partition(room), f"r:{room}:{name}")


def room_keys(room: str) -> list[str]:
    """KEYS of every room script: the room's, then due, occ, part and the channel."""
    index = partition(room)
    prefix = _tagged(index, f"r:{room}:")
    return [
        *(prefix + name for name in ROOM_PARTS),
        due(index), occ(index), part(index), channel(index),
    ]  # fmt: skip


def talk_keys(room: str) -> list[str]:
    """KEYS of the scripts that name one of TALK_PARTS."""
    return [*room_keys(room), *(room_key(room, name) for name in TALK_PARTS)]


def partition_keys(index: int) -> list[str]:
    """KEYS of the script ``due``: due, part."""
    return [due(index), part(index)]


def news_probe(hub_id: str) -> str:
    return f"h:{{news}}:probe:{hub_id}"


def pages(person: str) -> str:
    """The hubs that have a page of somebody who rings."""
    return f"h:{{news}}:pages:{person}"


def place(room: str) -> str:
    return room_key(room, "place")


def secret(purpose: str, token: str) -> str:
    """Where a one-use secret lies: by its digest, so that a dump of Redis opens nothing."""
    digest = hashlib.sha256(f"{purpose}:{token}".encode()).hexdigest()
    return f"h:{{{purpose[0]}:{digest}}}"
