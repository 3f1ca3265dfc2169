"""Appointments between visitors and companies. Times are milliseconds since the epoch.

A company offers slots; a visitor asks for one, or for a time that is free on both sides. What was
asked for holds that time for a while (``hold_until_ms``): nobody and no table is promised twice.
``rooms.appointments`` says what may become of an appointment and whose act it is. Long: records
and calls of one port stand together.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, Protocol
from zoneinfo import ZoneInfo

from rooms import appointments as rules
from rooms.appointments import Act, State

Form = Literal["single", "group", "round"]
Place = Literal["online", "on_site", "both"]

#: The length of the pieces in which a person's time is taken.
TICK_MS: Final = rules.TICK_MS
AHEAD_MS: Final = 366 * 24 * 3_600_000  # nothing is offered or asked for later than in a year
CAPACITY_MAX: Final = 200  # visitors of one session
TABLES_MAX: Final = 99  # of one company
SLOTS_MAX: Final = 5_000  # of one company, those to come
SERIES_MAX: Final = 500  # slots published at once
ROUND_MAX: Final = 12  # companies
ROUND_SEATS_MAX: Final = 10  # of one company
SUBJECT_MAX: Final = 200
NOTE_MAX: Final = 1_000
REASON_MAX: Final = 500
SUGGESTIONS_MAX: Final = 500
PAGE_MAX: Final = 500

RefusalCode = Literal[
    "unknown_company",  # there is none, or it is not published
    "unknown_slot",
    "unknown_appointment",  # none, or not for this person
    "unknown_person",  # nobody of this company's staff
    "unknown_zone",
    "own_company",
    "own_slots_only",  # who is only staff offers and answers for themselves
    "in_the_past",
    "too_far",
    "bad_length",
    "bad_time",  # not on a piece of five minutes
    "bad_place",
    "no_such_time",  # the clocks leap over it
    "no_slots",  # a series without a single one
    "capacity",
    "slot_taken",
    "visitor_busy",
    "staff_busy",
    "table_busy",
    "slot_overlaps",  # another slot of the same person or table at that time
    "slot_in_use",  # its time cannot be moved while somebody has it
    "below_taken",
    "too_many_slots",
    "too_many_companies",
    "clash",  # something of the agenda is at that time; details: clashes
    "quota",  # details: quota (its key in config), allowed
    "not_yours",
    "not_asked",
    "not_agreed",
    "not_begun",
    "over",
    "bad_form",  # this kind of appointment has no such act
]


class AppointmentRefused(Exception):
    """Nothing was changed; ``code`` is stable. ``quota`` and ``allowed``: which quota is used
    up; ``clashes``: what is at the same time."""

    def __init__(
        self, code: RefusalCode, *, quota: str = "", allowed: int = 0,
        clashes: Sequence[Clash] = (),
    ) -> None:  # fmt: skip
        super().__init__(code)
        self.code: RefusalCode = code
        self.quota = quota
        self.allowed = allowed
        self.clashes = tuple(clashes)


@dataclass(frozen=True, slots=True)
class SlotDraft:
    """What a company offers. ``staff`` None: whoever accepts. A group's session is one to many
    and somebody's; who asks for a place in it has it at once."""

    starts_ms: int
    ends_ms: int
    place: Place = "online"
    form: Form = "single"
    title: str = ""
    capacity: int = 1
    staff: str | None = None
    table: int | None = None  # on site; None there: 1


@dataclass(frozen=True, slots=True)
class SlotChange:
    """None leaves as it is; ``staff`` "" is whoever accepts."""

    starts_ms: int | None = None
    ends_ms: int | None = None
    place: Place | None = None
    title: str | None = None
    capacity: int | None = None
    staff: str | None = None
    table: int | None = None


@dataclass(frozen=True, slots=True)
class MeetingSlot:
    id: str
    company: str
    staff: str | None
    staff_name: str | None
    starts_ms: int
    ends_ms: int
    place: Place
    form: Form
    title: str
    capacity: int
    taken: int
    table: int | None
    room: str | None
    cancelled: bool

    @property
    def left(self) -> int:
        return 0 if self.cancelled else max(0, self.capacity - self.taken)


@dataclass(frozen=True, slots=True)
class Asking:
    """What a visitor asks for: ``slot``, or a time of their own choice."""

    subject: str
    note: str = ""
    slot: str | None = None
    starts_ms: int | None = None
    ends_ms: int | None = None
    place: Place | None = None  # of a slot that is both; online unless said
    staff: str | None = None  # somebody of the staff, for a time of one's own choice
    anyway: bool = False  # also when the agenda has something then


@dataclass(frozen=True, slots=True)
class RoundDraft:
    """``seats`` by company; the one that proposes has its own among them. The proposer's own
    time is taken now, the others' when they accept."""

    subject: str
    starts_ms: int
    ends_ms: int
    seats: Mapping[str, int]
    note: str = ""


@dataclass(frozen=True, slots=True)
class RoundCompany:
    company: str
    name: str
    seats: int
    staff: str | None
    staff_name: str | None
    state: Literal["invited", "accepted", "declined"]


@dataclass(frozen=True, slots=True)
class Appointment:
    """``company_name`` and ``names`` by language; ``visitor_name`` as in their account.
    ``companies``: of a round. ``came``: when each side was first in the room."""

    id: str
    form: Form
    slot: str | None
    company: str
    company_name: str
    names: Mapping[str, str]
    booth: str | None
    visitor: str
    visitor_name: str
    visitor_organisation: str | None
    staff: str | None
    staff_name: str | None
    subject: str
    note: str
    place: Place
    table: int | None
    starts_ms: int
    ends_ms: int
    state: State
    turn: Literal["company", "visitor", ""]
    hold_until_ms: int | None
    reason: str | None
    room: str | None
    visitor_came_ms: int | None
    company_came_ms: int | None
    ended_ms: int | None
    created_ms: int
    changed_ms: int
    version: int
    companies: tuple[RoundCompany, ...] = ()

    def late_ms(self, came_ms: int | None) -> int:
        """How late somebody came; 0 within LATE_MS, or who did not come."""
        late = (came_ms or 0) - self.starts_ms
        return late if late > rules.LATE_MS else 0

    @property
    def overrun_ms(self) -> int:
        return max(0, (self.ended_ms or 0) - self.ends_ms)

    @property
    def absent(self) -> tuple[Literal["company", "visitor"], ...]:
        """Who did not come, of one that is a no-show."""
        if self.state is not State.NO_SHOW:
            return ()
        came: tuple[tuple[Literal["company", "visitor"], int | None], ...] = (
            ("company", self.company_came_ms), ("visitor", self.visitor_came_ms),
        )  # fmt: skip
        return tuple(side for side, ms in came if ms is None)


@dataclass(frozen=True, slots=True)
class Clash:
    """``id``: an appointment's, or a conference's slug."""

    kind: Literal["appointment", "conference"]
    id: str
    title: str
    starts_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class FreeTime:
    """A time both sides have. ``slot``: when the company offers it; ``left``: places in it."""

    starts_ms: int
    ends_ms: int
    slot: MeetingSlot | None = None


@dataclass(frozen=True, slots=True)
class Quota:
    """``quota`` is its key in [appointments]; ``allowed`` 0 means none at all."""

    quota: str
    used: int
    allowed: int


@dataclass(frozen=True, slots=True)
class LogLine:
    """``by`` "" is the fair itself."""

    at_ms: int
    by: str
    act: str
    detail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Change:
    """What an act changed. ``people`` are those it concerns, beside who acted; ``removed`` were
    members of the room and are no longer, ``added`` are now."""

    appointment: Appointment
    act: Act | Literal["ask"]
    people: tuple[str, ...]
    removed: tuple[str, ...] = ()
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Which:
    """Which appointments a list has: of a visitor or anybody's side, of a company, all."""

    person: str | None = None  # as visitor, or as the company's
    visitor: str | None = None
    company: str | None = None  # a round's too
    states: Collection[State] = field(default_factory=frozenset)
    from_ms: int | None = None  # that end after
    to_ms: int | None = None  # that begin before
    newest: bool = False  # latest first


class Appointments(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``, and AppointmentRefused. ``by`` is the
    person who acts; what they may is read in the transaction that acts."""

    # --- slots ------------------------------------------------------------------------------

    async def publish(
        self, company: str, drafts: Sequence[SlotDraft], by: str
    ) -> tuple[MeetingSlot, ...]:
        """All or none. Raises: unknown_company, own_slots_only, unknown_person, in_the_past,
        too_far, bad_length, bad_time, capacity, bad_form, slot_overlaps, too_many_slots."""
        ...

    async def slot(self, slot: str) -> MeetingSlot | None: ...

    async def slots(
        self, company: str, from_ms: int, to_ms: int, *, open_only: bool = False,
        cursor: str | None = None, limit: int = PAGE_MAX,
    ) -> tuple[tuple[MeetingSlot, ...], str | None]:  # fmt: skip
        """Those that begin in [from, to), in order; ``open_only``: with a place left and not
        cancelled. Raises ValueError for a cursor that is none."""
        ...

    async def starts(self, company: str, from_ms: int, to_ms: int) -> tuple[int, ...]:
        """When slots with a place left begin, in order; at most SLOTS_MAX."""
        ...

    async def change_slot(
        self, company: str, slot: str, change: SlotChange, by: str
    ) -> MeetingSlot:
        """Raises as ``publish``, and unknown_slot, slot_in_use, below_taken."""
        ...

    async def cancel_slot(
        self, company: str, slot: str, by: str, reason: str | None = None
    ) -> tuple[Change, ...]:
        """Take it back: whoever has it or asked for it is told. Raises unknown_slot, and over
        while it is taking place."""
        ...

    # --- asking and answering -----------------------------------------------------------------

    async def ask(self, person: str, company: str, asking: Asking, zone: ZoneInfo) -> Change:
        """Pending (confirmed for a place in a session). ``zone`` is the fair's: whose days the
        quotas count. Raises: unknown_company, own_company, unknown_slot, unknown_person,
        bad_place, in_the_past, too_far, bad_length, bad_time, slot_taken, visitor_busy,
        staff_busy, table_busy, clash, quota."""
        ...

    async def act(
        self, appointment: str, act: Act, by: str, zone: ZoneInfo, *, organiser: bool = False,
        reason: str | None = None, staff: str | None = None, slot: str | None = None,
        starts_ms: int | None = None, ends_ms: int | None = None,
    ) -> Change:  # fmt: skip
        """Accept, decline, propose, hand over, cancel, or say that the visitor did not come.
        ``zone`` as for ``ask``. ``staff``: who is to take it (accept, propose, hand over);
        ``slot`` or both times go with propose. Raises the codes of ``rooms.appointments``,
        unknown_appointment, own_slots_only,
        unknown_person, unknown_slot, bad_form, not_begun, and those of times and of what is
        taken; quota for the visitor's confirmed ones."""
        ...

    async def propose_round(
        self, company: str, by: str, draft: RoundDraft, zone: ZoneInfo
    ) -> Change:
        """Raises: unknown_company, too_many_companies, capacity, and those of times, staff_busy,
        quota."""
        ...

    async def answer_round(
        self, appointment: str, company: str, by: str, accept: bool, *, staff: str | None = None
    ) -> Change:
        """A company's answer, once; the last one decides. Raises unknown_appointment, over,
        not_asked, own_slots_only, unknown_person, staff_busy."""
        ...

    # --- reading ------------------------------------------------------------------------------

    async def get(self, appointment: str) -> Appointment | None: ...

    async def sides(self, appointment: str, person: str) -> frozenset[str]:
        """What somebody is to an appointment: "visitor", and the slugs of its companies that
        they work for. Empty: it does not exist for them."""
        ...

    async def list(
        self, which: Which, cursor: str | None, limit: int
    ) -> tuple[tuple[Appointment, ...], str | None]:
        """In order of their beginning. Raises ValueError for a cursor that is none."""
        ...

    async def counts(self) -> dict[str, int]:
        """How many there are in each state, over the whole fair."""
        ...

    async def log(self, appointment: str) -> tuple[LogLine, ...]: ...

    async def clashes(self, person: str, from_ms: int, to_ms: int) -> tuple[Clash, ...]:
        """What somebody has between: appointments waiting or agreed, conferences of the
        agenda; in order, at most 1,000."""
        ...

    async def suggest(
        self, person: str, company: str, from_ms: int, to_ms: int, *, length_min: int = 30,
        hours: Sequence[tuple[int, int]] = (), limit: int = 10,
    ) -> tuple[FreeTime, ...]:  # fmt: skip
        """Times both sides have, in order: slots with a place left, then times within ``hours``
        (when somebody of the staff is free), where no slot is."""
        ...

    async def quotas(self, person: str, day: tuple[int, int]) -> tuple[Quota, ...]:
        """What of each quota is used, for a day from its first moment to the next day's."""
        ...

    # --- what time brings ----------------------------------------------------------------------

    async def lapse(self, limit: int = 200) -> tuple[Change, ...]:
        """Requests whose hold is over: each is taken by one hub."""
        ...

    async def remind(self, limit: int = 200) -> tuple[Appointment, ...]:
        """Agreed ones that begin within REMIND_MS and whose reminder nobody took yet."""
        ...

    async def follow(self, limit: int = 200) -> tuple[Change, ...]:
        """Those that began or are over: who came and when, late, overrun, no-show."""
        ...
