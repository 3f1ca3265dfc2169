"""Opening the store: one connection for calls, one for notices, and the tasks behind them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from hub.config import Config
from hub.ports import StoreLost
from hub.store.admission import RedisAdmission
from hub.store.board import RedisBoard
from hub.store.bus import RedisBus
from hub.store.gate import Gate
from hub.store.placement import RedisPlacement
from hub.store.seats import Held
from hub.store.submitter import Submitter
from hub.store.sweeper import Sweeper
from hub.store.vault import RedisVault


class Store:
    """The five ports on one Redis; ``start`` after ``bus.listen``, ``close`` at the end."""

    def __init__(
        self, config: Config, hub_id: str, *, clock: Callable[[], int] | None = None
    ) -> None:
        self.submitter = Submitter(config.redis.url)
        gate = Gate(self.submitter, config, clock)
        held = Held()
        self.admission = RedisAdmission(gate, held)
        self.bus = RedisBus(config.redis.url, self.submitter, hub_id)
        self.vault = RedisVault(self.submitter)
        self.board = RedisBoard(self.submitter, hub_id)
        self.placement = RedisPlacement(self.submitter)
        self.sweeper = Sweeper(gate, self.admission, held, hub_id)
        self.submitter.on_connect = self.sweeper.reassert

    async def start(self) -> None:
        """Begin pub/sub, sweeping, the board and this hub's heartbeat. Raises StoreLost."""
        await self.bus.start()
        await self.sweeper.start()
        await self.board.start()

    async def close(self) -> None:
        await self.board.close()
        await self.sweeper.close()
        await self.bus.close()
        await self.submitter.close()

    async def ping(self) -> None:
        """Raises StoreLost when Redis does not answer within its bound."""
        if await self.submitter.call("PING") != b"PONG":
            raise StoreLost("PING was not answered by PONG")

    def faults(self) -> Sequence[str]:
        """Why this hub is not ready as far as Redis goes; empty when well."""
        if not self.submitter.up:
            return (f"redis: {self.submitter.fault}",)
        return self.bus.faults()


async def open_store(config: Config, hub_id: str) -> Store:
    """Connect to ``config.redis.url``. Raises StoreLost when it does not answer within 6 s."""
    store = Store(config, hub_id)
    await store.submitter.start()
    return store
