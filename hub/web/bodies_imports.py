"""Bodies of /imports."""

from __future__ import annotations

from typing import Literal

from pydantic import AwareDatetime, BaseModel

from hub.ports.imports import Kind, State


class ImportBody(BaseModel):
    """``why`` is a code when ``state`` is failed. ``created``, ``updated``, ``unchanged`` and
    ``bad`` count rows; of a dry run, what would become of them. ``unknown``: columns that
    were left out."""

    id: str
    kind: Kind
    filename: str
    dry_run: bool
    state: State
    why: str | None
    unknown: list[str]
    rows_total: int
    rows_done: int
    created: int
    updated: int
    unchanged: int
    bad: int
    created_at: AwareDatetime
    finished_at: AwareDatetime | None


class ImportList(BaseModel):
    items: list[ImportBody]
    next: str | None


class CellFault(BaseModel):
    """``reason`` is ``code`` in words, in the language asked for."""

    column: str
    code: str
    value: str


class RowFault(BaseModel):
    """A refused row: its number in the sheet, and why."""

    row: int
    reason: str
    faults: list[CellFault]


class RowFaultList(BaseModel):
    items: list[RowFault]
    next: str | None


SheetFormat = Literal["csv", "xlsx"]
