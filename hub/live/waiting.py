"""Those who wait: their positions, and the moment their turn comes.

Positions go out at most once a second a person, only when they changed. Whose turn it is
and who was heard from lately is seated at once; who was silent is sent ``offered``.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from msgspec import UNSET

from hub.live.entering import arrive, gone
from hub.ports import DirectoryLost, Queued, StoreLost
from rooms.errors import Refusal
from rooms.messages import Offered
from rooms.messages import Waiting as WaitingMessage
from rooms.session import Fact, Place

from . import wire

if TYPE_CHECKING:
    from hub.live.connection import Member
    from hub.live.fanout import LocalRoom
    from hub.live.hub import LiveHub

EVERY_S: Final = 1.0
#: Tries to claim an offered seat while Redis does not answer, a second apart.
CLAIMS: Final = 10


class Waiting:
    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._looks: dict[str, asyncio.TimerHandle | None] = {}  # rooms with a look due
        self._looked: dict[str, float] = {}  # rooms of the last second or so

    def look(self, local: LocalRoom) -> None:
        """Tell those who wait in this room where they are, at most once a second."""
        slug = local.slug
        if slug in self._looks:
            return
        now = self._hub.now()
        wait = self._looked.get(slug, 0.0) + EVERY_S - now
        if wait <= 0:
            self._looks[slug] = None
            self._hub.spawn(self._look(slug))
        else:
            self._looks[slug] = self._hub.loop.call_later(
                wait, lambda: self._hub.spawn(self._look(slug))
            )

    def tidy(self) -> None:
        """Forget rooms nobody looked at for a while."""
        edge = self._hub.now() - 10 * EVERY_S
        self._looked = {slug: at for slug, at in self._looked.items() if at > edge}

    def stop(self) -> None:
        for handle in self._looks.values():
            if handle is not None:
                handle.cancel()

    async def _look(self, slug: str) -> None:
        self._looks.pop(slug, None)
        self._looked[slug] = self._hub.now()
        held = self._hub.rooms.get(slug)
        if held is None:
            return
        waiting = {
            id: member for id, member in held.local.people.items() if member.place is Place.WAITING
        }
        if not waiting:
            return
        try:
            places, total = await self._hub.services.admission.positions(slug, list(waiting))
        except StoreLost:
            self.look(held.local)  # whose turn came meanwhile is learnt by nothing else
            return
        for id, member in waiting.items():
            if member.place is not Place.WAITING:
                continue
            place = places.get(id)
            if place is None:
                # Seated or sent away by a notice that is on its way, or was lost: ask.
                self._hub.spawn(self._claim(member))
            elif member.last_position != (place, total, member.lobby):
                member.last_position = (place, total, member.lobby)
                lobby = True if member.lobby else UNSET
                member.conn.send(
                    WaitingMessage(room=slug, position=place, total=total, lobby=lobby)
                )

    def turn(self, member: Member, until_ms: int) -> None:
        """A seat is set aside for ``member`` until ``until_ms`` (ms since the epoch)."""
        if member.place is Place.ENTERING:
            member.turn_until = until_ms  # the notice overtook the answer
            return
        if member.place not in (Place.WAITING, Place.OFFERED):
            return
        limits = self._hub.config.limits
        if member.conn.silent_ms() <= (limits.ping_s + limits.pong_s) * 1000:
            self._hub.spawn(self._claim(member))
            return
        member.fact(Fact.AWAY)
        left = max(0, min(limits.offer_ms, until_ms - int(time.time() * 1000)))
        member.conn.send(Offered(room=member.local.slug, expires_ms=left))

    async def _claim(self, member: Member) -> None:
        """Take the seat set aside, or learn that there is none.

        By ``resume``, which takes no new seat or place: who was removed meanwhile does not come
        in again, and what is heard of that end later finds nothing under the same name.
        """
        hub, conn, slug = self._hub, member.conn, member.local.slug
        admission = hub.services.admission
        for _ in range(CLAIMS):
            async with conn.lock:
                if member.place not in (Place.WAITING, Place.OFFERED) or conn.closing:
                    return
                try:
                    guise = await hub.roles.as_in(conn.identity, slug)
                    outcome = await admission.resume(slug, guise.who, member.attachment)
                    if isinstance(outcome, Queued):
                        return
                    await arrive(hub, member, outcome, None)
                    return
                except Refusal as refusal:
                    gone(hub, member)
                    conn.send(wire.refused(slug, refusal, None))
                    return
                except (StoreLost, DirectoryLost) as lost:
                    conn.log(slug).warning("claim waits", lost=type(lost).__name__)
            await asyncio.sleep(EVERY_S)
