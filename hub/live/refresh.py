"""What changes often is looked up, not pushed: the ``room`` message and roster changes.

A hundred joins in a moment are one look at Redis and one ``room`` and one ``roster``
message. At most ``PER_S`` a second and room, both in the same frame, ``room`` only when it
differs from the last one.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import structlog

from hub.ports import StoreLost
from rooms.errors import Refusal
from rooms.messages import RosterDelta, encode
from rooms.model import Person

from . import wire

if TYPE_CHECKING:
    from hub.live.fanout import LocalRoom
    from hub.live.hub import LiveHub

log = structlog.get_logger(__name__)

PER_S: Final = 5


class Refresh:
    def __init__(self, hub: LiveHub, local: LocalRoom) -> None:
        self._hub = hub
        self._local = local
        self._people: dict[str, Person | None] = {}  # bounded by the room's people
        self._dirty = False
        self._whole_roster = False
        self._last: bytes = b""
        self._looked = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._running = False

    def person(self, id: str, person: Person | None) -> None:
        """Someone came, changed or went; the newest word counts."""
        self._people[id] = person
        self.changed()

    def changed(self, *, roster: bool = False) -> None:
        """Look again soon; with ``roster`` send the first page as a fresh start."""
        self._dirty = True
        self._whole_roster = self._whole_roster or roster
        if self._timer is None and not self._running:
            wait = max(0.0, self._looked + 1 / PER_S - self._hub.now())
            self._timer = self._hub.loop.call_later(wait, self._start)

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _start(self) -> None:
        self._timer = None
        if not (self._local.members or self._local.catching):
            # Nobody to tell; a joiner gets a snapshot.
            self._people.clear()
            self._dirty = False
            return
        self._running = True
        self._hub.spawn(self._look())

    async def _look(self) -> None:
        self._looked = self._hub.now()
        self._dirty = False
        people, self._people = self._people, {}
        whole, self._whole_roster = self._whole_roster, False
        local = self._local
        try:
            if whole:
                shot = await self._hub.services.admission.snapshot(local.slug)
                view, delta = shot.view, wire.roster(local.slug, shot.roster)
            else:
                view = await self._hub.services.admission.view(local.slug)
                delta = RosterDelta(
                    room=local.slug,
                    add=tuple(person for person in people.values() if person is not None),
                    remove=tuple(id for id, person in people.items() if person is None),
                    total=view.counts.occupied,
                )
            if local.members:  # else the room may have been let go of meanwhile
                self._hub.rooms.met(local, view.epoch)
            local.relay_only = view.spec.relay_only
            encoded = encode(wire.room(view))
            if encoded != self._last:
                self._last = encoded
                local.latest("room", encoded)
            if people or whole:
                if local.pending("roster"):
                    local.flush()
                local.latest("roster", encode(delta))
        except Refusal as refusal:
            log.info("room not readable", room=local.slug, code=refusal.code.value)
        except StoreLost:
            # Kept for the next look, older words under newer ones.
            self._people = {**people, **self._people}
            self._dirty, self._whole_roster = True, whole or self._whole_roster
        finally:
            self._running = False
            if self._dirty:
                self.changed()
