"""Visitors on site: identity numbers, entry slots, passes, the gate.

Times are milliseconds since the Unix epoch. A number in clear is in ``Document.number`` on
its way in and in what ``reveal`` returns, and nowhere else.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, Protocol
from zoneinfo import ZoneInfo

from rooms.model import Identity

DocumentKind = Literal["resident_id", "passport", "permit"]
DOCUMENT_KINDS: Final[tuple[DocumentKind, ...]] = ("resident_id", "passport", "permit")

#: What the gate says. ``admitted`` alone is a yes.
Result = Literal[
    "admitted", "second_entry", "too_early", "too_late", "wrong_day", "cancelled", "unknown"
]

RefusalCode = Literal[
    "unknown_slot",  # there is none
    "slot_full",
    "slot_over",  # its time has passed
    "identity_needed",  # no number is on file and none came along
    "number_taken",  # the number belongs to another account
    "already_entered",  # the pass was used on that day
    "below_taken",  # a capacity below the places given away
    "slot_taken",  # a slot with passes is not deleted
    "too_many_slots",
    "unknown_person",
    "no_pass",
    "no_number",  # none on file, or erased
    "number_unreadable",  # sealed with another display-key, or for another person
]


class OnsiteRefused(Exception):
    """Nothing was changed; ``code`` is stable."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code


class BadDocument(ValueError):
    """``field`` is kind, country, number or consent. Never carries what was typed."""

    def __init__(self, field: str, code: str) -> None:
        super().__init__(f"{field}: {code}")
        self.field = field
        self.code = code


@dataclass(frozen=True, slots=True)
class Slot:
    """A time in which ``capacity`` people may come in; ``taken`` of them have a pass."""

    id: str
    starts_ms: int
    ends_ms: int
    capacity: int
    taken: int

    @property
    def left(self) -> int:
        return max(0, self.capacity - self.taken)


@dataclass(frozen=True, slots=True)
class Document:
    """An identity number as somebody typed it, not checked yet."""

    kind: str
    country: str  # who issued it, ISO 3166-1 alpha-2; a resident id is always CN
    number: str = field(repr=False)
    consent: bool = False  # of its own: apart from the account's


@dataclass(frozen=True, slots=True)
class IdentityShown:
    """What is shown of a number: ``last4`` is empty once it was erased."""

    kind: str
    country: str
    last4: str
    consent_ms: int
    erased: bool


@dataclass(frozen=True, slots=True)
class Pass:
    """``code`` is what the QR holds: 100 bits as 20 characters of Crockford's base32."""

    id: str
    person: str
    name: str
    slot: Slot
    code: str = field(repr=False)
    created_ms: int
    entered_ms: int | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """The gate's answer. ``first_ms``: when the pass was used, for a second entry.

    ``repeated``: the same scan again (or the same code, within 3 s at the same gate):
    answered as before, counted once. ``same_gate``: the earlier entry was here.
    """

    result: Result
    at_ms: int
    pass_id: str | None = None
    person: str | None = None
    name: str | None = None
    last4: str | None = None
    starts_ms: int | None = None
    ends_ms: int | None = None
    first_ms: int | None = None
    repeated: bool = False
    same_gate: bool = False

    @property
    def yes(self) -> bool:
        return self.result == "admitted"


@dataclass(frozen=True, slots=True)
class GateLine:
    at_ms: int
    result: Result
    name: str | None


@dataclass(frozen=True, slots=True)
class PassCounts:
    """``people_entered``: each person once, however many days they came."""

    good: int  # passes that can be used or were used, not cancelled
    entered_today: int
    people_entered: int
    slots: tuple[Slot, ...]  # of today and later, at most 200


class Passes(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``."""

    # --- slots ---

    async def create_slot(self, starts_ms: int, ends_ms: int, capacity: int) -> Slot:
        """Raises OnsiteRefused(too_many_slots)."""
        ...

    async def slot(self, slot: str) -> Slot | None: ...

    async def slots(
        self, *, after_ms: int | None = None, cursor: str | None = None, limit: int = 100
    ) -> tuple[tuple[Slot, ...], str | None]:
        """Slots that end after ``after_ms``, in the order they begin. ValueError: bad cursor."""
        ...

    async def change_slot(self, slot: str, capacity: int) -> Slot:
        """Raises OnsiteRefused: unknown_slot, below_taken."""
        ...

    async def delete_slot(self, slot: str) -> None:
        """Raises OnsiteRefused: unknown_slot, slot_taken."""
        ...

    # --- a person's pass ---

    async def book(
        self, person: str, slot: str, zone: ZoneInfo, document: Document | None = None
    ) -> Pass:
        """A pass for ``slot``, or the good pass moved there (the old place is free again).

        ``document`` is kept when given; without one on file it is needed. After an entry a
        new pass is given for a later day of ``zone`` only. Raises BadDocument;
        OnsiteRefused: unknown_person, unknown_slot, slot_over, slot_full, identity_needed,
        number_taken, already_entered.
        """
        ...

    async def mine(self, person: str) -> Pass | None:
        """The person's good pass, used or not."""
        ...

    async def cancel(self, person: str) -> None:
        """Give the pass back and free its place. OnsiteRefused: no_pass, already_entered."""
        ...

    # --- identity numbers ---

    async def identity(self, person: str) -> IdentityShown | None: ...

    async def keep_identity(self, person: str, document: Document) -> IdentityShown:
        """Keep or replace a number. Raises as ``book`` does for its document."""
        ...

    async def reveal(self, person: str, by: Identity) -> str:
        """The number in clear; write it into the audit log *before*.

        Raises ``Refusal`` (forbidden) unless ``by`` is an organiser; OnsiteRefused:
        no_number, number_unreadable.
        """
        ...

    async def forget(self, person: str) -> None:
        """Erase the number and cancel a pass not used yet: for the erasure of a person."""
        ...

    async def forget_number(self, person: str) -> bool:
        """Erase the number alone; False when there was none."""
        ...

    async def erase_old(self, created_before_ms: int) -> int:
        """Erase numbers registered before then; how many."""
        ...

    # --- desk and gate ---

    async def register_at_desk(
        self, name: str, country: str, language: str, privacy_version: int, document: Document
    ) -> tuple[str, bool]:
        """(person id, made now): whoever the number belongs to, else a new small account.

        Raises BadDocument, and ValueError for a name that ``rooms.model.clean_name`` refuses.
        """
        ...

    async def admit(
        self, code: str, by: str, zone: ZoneInfo, *, gate: str | None = None,
        scan: str | None = None,
    ) -> Verdict:  # fmt: skip
        """Let the holder in once. ``gate`` names a device, ``scan`` one reading of a code.

        Never raises for a code, whatever it is.
        """
        ...

    async def lines(self, limit: int = 10) -> tuple[GateLine, ...]:
        """What the gates said last, newest first."""
        ...

    async def entered_since(self, since_ms: int) -> int: ...

    async def counts(self, zone: ZoneInfo) -> PassCounts: ...
