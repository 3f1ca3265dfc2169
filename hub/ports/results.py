"""Results: recorded, confirmed by every party, released by the organiser, shown to all.

Texts by language are mappings of BCP 47 tag to text; times milliseconds since the epoch; days
``YYYY-MM-DD`` in the fair's zone. ``person`` is the id of an account, ``company`` a slug.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

from rooms.results import State

Kind = Literal["agreement", "letter_of_intent", "strategic_cooperation", "launch", "award", "other"]
KINDS: Final[tuple[Kind, ...]] = (
    "agreement", "letter_of_intent", "strategic_cooperation", "launch", "award", "other",
)  # fmt: skip

RESULTS_MAX: Final = 20  # of one talk, withdrawn ones not counted
VERSIONS_MAX: Final = 100  # of one result
ATTACHMENT_MAX: Final = 10 * 1024 * 1024
TITLE_MAX: Final = 200
TEXT_MAX: Final = 4_000
NOTE_MAX: Final = 500
RELEASE_MAX: Final = 200  # released at once by one act

RefusalCode = Literal[
    "unknown_result",  # there is none, or not for this person
    "unknown_company",  # a party is no company of the fair
    "unknown_person",  # who stands for a party is no member of the talk
    "sides_missing",  # a side of the talk is no party
    "changed",  # it is not the version, or not the content, that was seen
    "wrong_state",  # the act is not possible now
    "not_a_party",  # nothing of it is theirs to confirm
    "not_on_paper",  # somebody at the fair can confirm for this party
    "bad_file",  # neither a PDF nor a picture, whatever it says
    "too_large",
    "too_many",
]


class ResultRefused(Exception):
    """Nothing was changed; ``code`` is stable."""

    def __init__(self, code: RefusalCode) -> None:
        super().__init__(code)
        self.code = code


# --- what is written ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PartyDraft:
    """A company of the fair (``name`` and ``country`` are then taken from its page), or
    somebody else by name and country. ``person``: the member of the talk who stands for a party
    that is no company of the fair."""

    name: str = ""
    country: str = ""
    company: str | None = None
    person: str | None = None


@dataclass(frozen=True, slots=True)
class Money:
    """``amount`` counts the smallest unit, of which 10^``decimals`` make one of ``currency``
    (ISO 4217)."""

    amount: int
    currency: str
    decimals: int


@dataclass(frozen=True, slots=True)
class ResultDraft:
    """Checked and clean. ``money`` None: undisclosed."""

    kind: Kind
    sector: str
    parties: tuple[PartyDraft, ...]
    titles: Mapping[str, str]
    texts: Mapping[str, str]
    signed_on: str
    money: Money | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """An attachment as sent; its type is judged by its content."""

    filename: str
    body: bytes


# --- what is read ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Attachment:
    filename: str
    content_type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Party:
    """``confirmed_version`` is the version it confirmed last; ``on_paper``: by the organiser,
    who wrote ``paper_note`` about it; ``asked_ms``: when its people were last written to."""

    position: int
    name: str
    country: str
    company: str | None
    person: str | None
    confirmed_version: int | None
    confirmed_by: str | None
    confirmed_ms: int | None
    on_paper: bool
    paper_note: str | None
    asked_ms: int | None


@dataclass(frozen=True, slots=True)
class Correction:
    """What was corrected after it was published. ``before`` is the content as it said."""

    version: int
    at_ms: int
    notes: Mapping[str, str]
    before: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Version:
    """One that was to be confirmed: ``changed`` names what differs from the one before."""

    version: int
    at_ms: int
    by: str
    changed: tuple[str, ...]
    content: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Result:
    id: str
    room: str | None
    kind: Kind
    sector: str
    titles: Mapping[str, str]
    texts: Mapping[str, str]
    money: Money | None
    signed_on: str
    attachment: Attachment | None
    parties: tuple[Party, ...]
    state: State
    version: int
    digest: str
    release_ms: int | None
    released_ms: int | None
    released_on: str | None
    withdrawn_ms: int | None
    withdrawn_notes: Mapping[str, str]
    by: str
    created_ms: int
    changed_ms: int

    def confirmed(self, party: Party) -> bool:
        """Whether ``party`` has confirmed what it says now."""
        return party.confirmed_version == self.version

    @property
    def asked(self) -> bool:
        """Whether anybody but who writes it has been shown it."""
        return any(party.asked_ms is not None for party in self.parties)

    @property
    def missing(self) -> tuple[Party, ...]:
        return tuple(party for party in self.parties if not self.confirmed(party))


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is to a result. ``confirms``: positions of parties they may confirm for;
    ``writes``: they belong to its talk."""

    writes: bool = False
    confirms: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Place:
    """A talk as far as results need it: its sides with the people of each, over or not."""

    room: str
    side: str
    sides: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class ResultFilter:
    """``day``: published on; ``country``: of any party; ``company``: a party."""

    q: str = ""
    kind: str | None = None
    sector: str | None = None
    country: str | None = None
    day: str | None = None
    company: str | None = None


@dataclass(frozen=True, slots=True)
class Sum:
    currency: str
    decimals: int
    amount: int


@dataclass(frozen=True, slots=True)
class Count:
    """``key`` is a sector, a country or a day; ``sums`` are of the disclosed amounts alone."""

    key: str
    number: int
    disclosed: int
    sums: tuple[Sum, ...] = ()


@dataclass(frozen=True, slots=True)
class Totals:
    """Largest first, days in order. A result counts in each country of its parties, once."""

    all: Count
    sectors: tuple[Count, ...] = ()
    countries: tuple[Count, ...] = ()
    days: tuple[Count, ...] = ()
    kinds: tuple[Count, ...] = ()


@dataclass(frozen=True, slots=True)
class Stamp:
    """Changes with anything published: for ETag and Last-Modified. ``changed_ms`` 0: nothing
    was ever published."""

    number: int
    versions: int
    changed_ms: int


class Results(Protocol):
    """Every method may raise ``hub.ports.DirectoryLost``, and ResultRefused where it says so."""

    # --- the talk ---

    async def place(self, room: str, person: str) -> Place | None:
        """The talk, for who belongs to it and was not removed; over talks too, for results are
        confirmed after them. None whatever the reason, by one and the same query."""
        ...

    async def of_room(self, room: str) -> tuple[Result, ...]:
        """Newest first; RESULTS_MAX and the withdrawn ones."""
        ...

    # --- writing ---

    async def create(
        self, draft: ResultDraft, by: str, *, room: str | None = None,
        upload: Upload | None = None,
    ) -> Result:  # fmt: skip
        """A draft. With ``room`` ``by`` must belong to it. Raises ResultRefused:
        unknown_result (no place in the talk), unknown_company, unknown_person, sides_missing,
        bad_file, too_large, too_many."""
        ...

    async def change(
        self, id: str, version: int, draft: ResultDraft, by: str, *, organiser: bool = False,
        upload: Upload | None = None, keep_attachment: bool = True,
    ) -> Result:  # fmt: skip
        """Compare and swap on ``version``; what differs makes a new version that every party
        is asked for again, what does not changes nothing. ``organiser``: results without a
        talk are theirs to write. Raises ResultRefused: as create, changed, wrong_state."""
        ...

    async def submit(self, id: str, version: int, by: str, *, organiser: bool = False) -> Result:
        """Ask every party to confirm. Raises ResultRefused: unknown_result, changed,
        wrong_state."""
        ...

    async def confirm(self, id: str, version: int, digest: str, person: str) -> Result:
        """For every party the person may confirm for. Again is the same as once. Raises
        ResultRefused: unknown_result, changed, wrong_state, not_a_party."""
        ...

    async def withdraw_draft(self, id: str, by: str, *, organiser: bool = False) -> Result:
        """By whoever writes it, before it is published. Raises ResultRefused:
        unknown_result, wrong_state."""
        ...

    # --- the organiser ---

    async def paper(
        self, id: str, version: int, digest: str, position: int, note: str, by: str
    ) -> Result:
        """Confirm for a party who signed on paper: one that is no company of the fair, or a
        company nobody at the fair works for. Raises ResultRefused: unknown_result, changed,
        wrong_state, not_a_party (no such party), not_on_paper."""
        ...

    async def release(self, ids: Sequence[str], zone: str) -> tuple[str, ...]:
        """Publish now those of ``ids`` (at most RELEASE_MAX) that are confirmed; which they
        were. ``zone``: the fair's, for the day."""
        ...

    async def schedule(self, ids: Sequence[str], at_ms: int | None) -> tuple[str, ...]:
        """Set when those that are confirmed are to be published; None takes it back."""
        ...

    async def release_due(self, zone: str) -> tuple[str, ...]:
        """Publish what is due; each is published once, whatever the number of hubs."""
        ...

    async def correct(
        self, id: str, version: int, draft: ResultDraft, notes: Mapping[str, str], by: str, *,
        upload: Upload | None = None, keep_attachment: bool = True,
    ) -> Result:  # fmt: skip
        """Change what was published; what it said before is kept (of a file not its bytes),
        every party is written to. Raises ResultRefused: as create, changed, wrong_state."""
        ...

    async def withdraw(self, id: str, notes: Mapping[str, str], by: str) -> Result:
        """Take it back, published or not. Raises ResultRefused: unknown_result, wrong_state."""
        ...

    async def managed(
        self, states: Sequence[State], *, scheduled: bool | None = None, cursor: str | None,
        limit: int,
    ) -> tuple[tuple[Result, ...], str | None]:  # fmt: skip
        """For the organiser, newest change first; drafts of talks are their members' alone.
        Raises ValueError for a cursor that is none."""
        ...

    async def managed_counts(self) -> Mapping[str, int]:
        """How many ``managed`` has: draft, confirming, confirmed (not scheduled), scheduled,
        released, withdrawn."""
        ...

    # --- reading ---

    async def get(self, id: str) -> Result | None:
        """In any state: who may see it is the caller's to ask (``standing``)."""
        ...

    async def standing(self, result: Result, person: str) -> Standing: ...

    async def attachment(self, id: str) -> tuple[Attachment, bytes] | None: ...

    async def corrections(self, id: str) -> tuple[Correction, ...]:
        """Newest first."""
        ...

    async def versions(self, id: str) -> tuple[Version, ...]:
        """Newest first."""
        ...

    async def names(self, people: Sequence[str]) -> Mapping[str, str]:
        """Names of accounts, for who confirmed; at most 500."""
        ...

    async def to_confirm(self, person: str) -> tuple[Result, ...]:
        """What waits for this person's confirmation, oldest first, at most 100."""
        ...

    async def of_company(self, company: str) -> tuple[Result, ...]:
        """What a company is a party of, in any state but draft; newest first, at most 200. For
        its own staff alone."""
        ...

    # --- for everybody: what is published ---

    async def find(
        self, where: ResultFilter, cursor: str | None, limit: int
    ) -> tuple[tuple[Result, ...], str | None]:
        """Newest first. Raises ValueError for a cursor that is none."""
        ...

    async def totals(self, where: ResultFilter) -> Totals: ...

    async def stamp(self) -> Stamp: ...

    @property
    def feed(self) -> str:
        """A UUID for the feed of this installation, always the same."""
        ...
