"""The one way to run a room's script: keys, common arguments, refusals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from redis.exceptions import ResponseError

from hub.config import Config
from hub.ports import StoreLost
from hub.store.link import Argument
from hub.store.scripts import SCRIPTS
from hub.store.submitter import Submitter
from rooms.errors import Code, Refusal
from rooms.times import rfc3339

WINDOW_MS: Final = 15_000  # the longest reclaim window
OUTAGE_MIN_MS: Final = 8_000  # sweeps come every second and change hands within five


def outage_ms(config: Config) -> int:
    """How long nobody sweeps before seats are reclaimed: half a lease (DESIGN section 3)."""
    return max(config.limits.lease_ms // 2, OUTAGE_MIN_MS)


class Gate:
    """Runs scripts of one Redis. ``clock`` (tests) is heeded by rooms with meta.testclock=1."""

    def __init__(
        self, submitter: Submitter, config: Config, clock: Callable[[], int] | None = None
    ) -> None:
        self.submitter = submitter
        self.config = config
        self._clock = clock
        self._outage = outage_ms(config)

    def arguments(self, room: str) -> list[Argument]:
        now = "" if self._clock is None else self._clock()
        return [room, self.submitter.run_id, now, self._outage, WINDOW_MS]

    async def run(self, name: str, room: str, *args: Argument) -> list[Any]:
        """The script's answer, its word in front. Raises Refusal, StoreLost."""
        common = self.arguments(room)
        try:
            answer = await self._confirmed(name, SCRIPTS[name].keys(room), [*common, *args])
        except ResponseError as fault:  # OOM, READONLY, LOADING …: Redis cannot decide now
            raise StoreLost(f"{name}: {fault}") from None
        word = answer[0].decode()
        if word in _ANSWERS:
            return [word, *answer[1:]]
        raise refusal(word, answer[1:])

    async def _confirmed(self, name: str, room_keys: list[str], args: list[Argument]) -> Any:
        """The script's answer, once enough replicas have what it wrote.

        WAIT speaks of the writes of its own connection, so both go together; an answer that
        was not confirmed is not given (StoreLost: what holds is unknown).
        """
        replicas = self.config.redis.confirm_replicas
        if not replicas or name not in CONFIRMED:
            return await self.submitter.script(name, room_keys, args)
        answer, confirmed = await self.submitter.script_and_wait(
            name, room_keys, args, replicas, CONFIRM_MS
        )
        if confirmed < replicas:
            raise StoreLost(f"{name}: {confirmed} of {replicas} replicas confirmed")
        return answer


#: What is answered only when replicas have it (DESIGN section 3).
CONFIRMED: Final = frozenset(
    {
        "enter", "resume", "attach", "admit", "deny", "remove", "unban", "lock", "capacity",
        "close", "settings",
    }
)  # fmt: skip
CONFIRM_MS: Final = 100

_ANSWERS: Final = frozenset({"ok", "seated", "queued", "gap", "stale"})


def refusal(word: str, detail: list[Any]) -> Refusal:
    """A script's refusal as the wire's."""
    code = Code(word)
    match code:
        case Code.ROOM_FULL:
            capacity, live, waiting, waitlist = detail
            return Refusal(
                code, capacity=capacity, live=live, waiting=waiting, waitlist=bool(waitlist)
            )
        case Code.ROOM_NOT_OPEN:
            return Refusal(code, opens_at=rfc3339(int(detail[0])))
        case Code.ROOM_LOCKED:
            # The moderator's words are the refusal's message: the wire has one `message`.
            return Refusal(code, detail[0].decode())
        case Code.BANNED:
            return Refusal(code, until=rfc3339(int(detail[0])))
        case Code.RECOVERING:
            return Refusal(code, retry_after_ms=min(3_000, max(200, int(detail[0]))))
        case Code.RATE_LIMITED:
            return Refusal(code, retry_after_ms=int(detail[0]))
    return Refusal(code)
