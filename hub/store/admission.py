"""``hub.ports.Admission`` in Redis: seats, views and acts, each one script."""

from __future__ import annotations

import asyncio
import secrets
from typing import Final

from redis.exceptions import ResponseError

from hub.ports import StaleVersion, StoreLost
from hub.store import keys
from hub.store.acts import Acts
from hub.store.gate import Gate
from hub.store.link import Argument
from hub.store.seats import Held, Seats, meta, text
from hub.store.talks import Talking
from hub.store.views import Views
from rooms.model import Kind, RoomSpec

#: People before the door of one negotiation room; promotion looks at each of them.
TALK_WAITING_MAX: Final = 200


class RedisAdmission(Seats, Views, Acts, Talking):
    """Every method is one script; the scripts say what they answer."""

    def __init__(self, gate: Gate, held: Held) -> None:
        Seats.__init__(self, gate, held)
        self._gate = gate

    async def load(self, spec: RoomSpec) -> bool:
        limits = self._gate.config.limits
        fields: dict[str, Argument] = meta(spec)
        waiting = limits.waitlist_max
        if spec.kind is Kind.NEGOTIATION:
            waiting = min(waiting, TALK_WAITING_MAX)
        fields |= {
            "epoch": secrets.token_urlsafe(9),
            "lease": limits.lease_ms,
            "offer": limits.offer_ms,
            "wmax": waiting,
            "log": limits.log_events,
        }
        return await self._make(spec.slug, fields)

    async def _make(self, room: str, fields: dict[str, Argument]) -> bool:
        submitter = self._gate.submitter
        flat = [part for item in fields.items() for part in item]
        args = [*self._gate.arguments(room), *flat]
        try:
            made, _ = await asyncio.gather(
                submitter.script("load", keys.room_keys(room), args),
                # Right behind it: the sweep writes the room's row of the board.
                submitter.script("sweep", keys.room_keys(room), self._gate.arguments(room)),
            )
        except ResponseError as fault:
            raise StoreLost(f"load: {fault}") from None
        return bool(made[1])

    async def settings(self, spec: RoomSpec, expected: RoomSpec | None = None) -> None:
        if await self.load(spec):
            return
        fields = meta(spec)
        if expected is not None:
            then = meta(expected)
            live = ("cap", "reserved", "locked", "chat", "slow", "lock_message")
            fields["expect"] = "\t".join(str(then[name]) for name in live)
        flat = [part for item in fields.items() for part in item]
        message = text(spec.lock_message) if spec.lock_message else "null"
        word, *_ = await self._gate.run("settings", spec.slug, message, *flat)
        if word == "stale":
            raise StaleVersion
