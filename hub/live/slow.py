"""Slow readers: what is dropped for them, when they are closed, how they catch up.

Above ``send_soft_bytes`` queued, droppable messages are left out; at ``send_hard_bytes``,
or ``send_late_s`` above the soft bound, the socket is closed (4008) and may resume. All
queues together stay under ``send_budget_bytes``: the longest goes first.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rooms.closing import Close

if TYPE_CHECKING:
    from hub.live.connection import Connection
    from hub.live.hub import LiveHub


class SlowReaders:
    def __init__(self, hub: LiveHub) -> None:
        self._hub = hub
        self._limits = hub.config.limits
        self._slow: set[Connection] = set()  # a subset of the connections

    def __len__(self) -> int:
        return len(self._slow)

    def note(self, conn: Connection, queued: int) -> None:
        """``conn`` has ``queued`` bytes, more than the soft bound. Synchronous, cheap."""
        if queued >= self._limits.send_hard_bytes:
            self._close(conn)
        elif not conn.slow:
            conn.slow = True
            conn.reorder()
            conn.slow_since = self._hub.now()
            self._slow.add(conn)

    def check(self) -> None:
        """Once a second: who caught up, who is late, and the budget."""
        now = self._hub.now()
        total = 0
        sizes: list[tuple[int, Connection]] = []
        for conn in list(self._slow):
            queued = conn.queued()
            if conn.closing is not None:
                self._slow.discard(conn)
            elif queued <= self._limits.send_soft_bytes // 2:
                self._slow.discard(conn)
                conn.slow = False
                conn.reorder()
                self._hub.resynchronise(conn)
            elif now - conn.slow_since >= self._limits.send_late_s:
                self._close(conn)
            else:
                total += queued
                sizes.append((queued, conn))
        if total > self._limits.send_budget_bytes:
            for queued, conn in sorted(sizes, key=lambda pair: -pair[0]):
                self._close(conn)
                total -= queued
                if total <= self._limits.send_budget_bytes:
                    break

    def forget(self, conn: Connection) -> None:
        self._slow.discard(conn)

    def _close(self, conn: Connection) -> None:
        self._slow.discard(conn)
        conn.close(Close.SLOW_READER, "read too slowly", self._hub.jitter_ms(200, 2000))
