"""Bodies of the results' API. Amounts are integers in the currency's smallest unit."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from hub.ports.results import NOTE_MAX, TEXT_MAX
from hub.web.bodies import Company as Organisation
from hub.web.bodies import Moment, PersonId, Request, Slug, Title, without_defaults
from hub.web.bodies_companies import Country, Tag, line, plain
from hub.web.currencies import is_currency
from rooms.results import AMOUNT_MAX, PARTIES_MAX, PARTIES_MIN

LANGUAGES_MAX: Final = 10


def currency_code(value: str) -> str:
    if not is_currency(value):
        raise PydanticCustomError("not_allowed", "an ISO 4217 code is expected")
    return value


KindName = Literal["agreement", "letter_of_intent", "strategic_cooperation", "launch", "award",
                   "other"]  # fmt: skip
StateName = Literal["draft", "confirming", "confirmed", "released", "withdrawn"]
ActName = Literal["submit", "confirm", "paper", "schedule", "unschedule", "release", "withdraw"]
Text = Annotated[str, Field(min_length=1, max_length=TEXT_MAX), AfterValidator(plain)]
Note = Annotated[str, Field(min_length=1, max_length=NOTE_MAX), AfterValidator(plain)]
Filename = Annotated[str, Field(min_length=1, max_length=255), AfterValidator(line)]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
Currency = Annotated[str, Field(pattern="^[A-Z]{3}$"), AfterValidator(currency_code)]
Titles = Annotated[dict[Tag, Title], Field(max_length=LANGUAGES_MAX)]
Texts = Annotated[dict[Tag, Text], Field(max_length=LANGUAGES_MAX)]
Notes = Annotated[dict[Tag, Note], Field(min_length=1, max_length=LANGUAGES_MAX)]


class ResultParty(Request):
    """A ``company`` of the fair, or ``name`` and ``country`` and who of the talk stands for it."""

    company: Slug | None = None
    name: Organisation | None = None
    country: Country | None = None
    person: PersonId | None = None


class ResultAmount(Request):
    value: int = Field(ge=1, le=AMOUNT_MAX)
    currency: Currency


Parties = Annotated[list[ResultParty], Field(min_length=PARTIES_MIN, max_length=PARTIES_MAX)]


class ResultCreate(Request):
    """``amount`` null: undisclosed."""

    kind: KindName
    sector: Slug
    parties: Parties
    titles: Titles
    texts: Texts
    signed_on: date
    amount: ResultAmount | None = None


class ResultPatch(Request):
    """Fields that are absent stay; lists and texts by language are replaced as a whole. Of the
    defaults below none is ever used."""

    model_config = ConfigDict(json_schema_extra=without_defaults)

    kind: KindName = "other"
    sector: Slug = ""
    parties: Parties = Field(default_factory=list)
    titles: Titles = Field(default_factory=dict)
    texts: Texts = Field(default_factory=dict)
    signed_on: date = date.min
    amount: ResultAmount | None = None


class ResultCorrect(ResultPatch):
    """``notes``: what everybody reads beside the corrected result."""

    notes: Notes = Field(...)


class ResultAction(Request):
    """``version`` and ``digest`` go with confirm and paper, ``version`` with submit, ``party``
    (its position) and ``note`` with paper, ``at`` with schedule, ``notes`` with an organiser's
    withdraw."""

    action: ActName
    version: int | None = Field(None, ge=1)
    digest: Digest | None = None
    party: int | None = Field(None, ge=0, lt=PARTIES_MAX)
    note: Note | None = None
    notes: Notes | None = None
    at: Moment | None = None


# --- answers --------------------------------------------------------------------------------


class PartyAnswer(BaseModel):
    name: str
    country: str
    company: str | None


class AmountAnswer(BaseModel):
    """``value`` counts the smallest unit, of which 10^``decimals`` make one."""

    value: int
    currency: str
    decimals: int


class AttachmentAnswer(BaseModel):
    filename: str
    content_type: str
    size: int
    sha256: str
    url: str


class CorrectionAnswer(BaseModel):
    """``before``: what it said, as it was confirmed."""

    version: int
    at: AwareDatetime
    notes: dict[str, str]
    before: dict[str, object]


class PartyOwn(BaseModel):
    """``confirmed``: the version that stands now."""

    position: int
    person: str | None
    confirmed: bool
    confirmed_version: int | None
    confirmed_at: AwareDatetime | None
    on_paper: bool
    paper_note: str | None


class ResultOwn(BaseModel):
    """What its parties and the organiser see. ``confirms``: positions the caller may confirm."""

    room: str | None
    state: StateName
    digest: str
    release_at: AwareDatetime | None
    withdrawn_at: AwareDatetime | None
    withdrawn_notes: dict[str, str]
    parties: list[PartyOwn]
    writes: bool
    confirms: list[int]
    created_at: AwareDatetime


class ResultBody(BaseModel):
    """``own`` is null for whoever is no party and no organiser."""

    id: str
    url: str
    kind: KindName
    sector: str
    titles: dict[str, str]
    texts: dict[str, str]
    parties: list[PartyAnswer]
    amount: AmountAnswer | None
    signed_on: date
    attachment: AttachmentAnswer | None
    version: int
    released_at: AwareDatetime | None
    updated_at: AwareDatetime
    corrections: list[CorrectionAnswer] = []
    own: ResultOwn | None = None


class ResultList(BaseModel):
    items: list[ResultBody]
    next: str | None


class SumAnswer(BaseModel):
    currency: str
    decimals: int
    value: int


class CountAnswer(BaseModel):
    """``disclosed`` of ``number`` name an amount; ``sums`` are of those."""

    key: str
    number: int
    disclosed: int
    sums: list[SumAnswer]


class ResultTotals(BaseModel):
    """A result counts in each country of its parties, once; days are of publication."""

    all: CountAnswer
    kinds: list[CountAnswer]
    sectors: list[CountAnswer]
    countries: list[CountAnswer]
    days: list[CountAnswer]
