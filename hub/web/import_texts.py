"""Why a row, or a whole sheet, was refused: in the reader's language."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from hub.ports.imports import COLUMNS, ImportJob, Kind
from hub.web.i18n import Language


def _(text: str) -> str:
    """Marks a text for the catalogues; it is looked up when it is shown."""
    return text


#: ``{value}`` is what stands in the cell, for ``twice`` the row that came first.
REASONS: Final[dict[str, str]] = {
    "missing": _("is missing"),
    "too_long": _("is too long"),
    "too_many": _("has too many entries"),
    "bad_text": _("has characters that are not allowed (control or invisible ones)"),
    "bad_format": _("is not in the form that is expected: {value}"),
    "out_of_range": _("is outside what is possible: {value}"),
    "unknown": _("is not known here: {value}"),
    "taken": _("belongs to another one already: {value}"),
    "erased": _("belongs to a person who was erased"),
    "twice": _("stands in row {value} already"),
    "not_after_start": _("is not after the start"),
    "not_changeable": _("cannot be changed by an import: {value}"),
    "room_taken": _("is taken at that time by {value}"),
}
#: ``{detail}`` is a column, or a row's number.
FAILURES: Final[dict[str, str]] = {
    "bad_encoding": _("The text of this file cannot be read. Save it as UTF-8, or as XLSX."),
    "not_a_sheet": _("This is neither a CSV nor an XLSX file, or it is damaged."),
    "too_large": _("This file unpacks to more than is allowed."),
    "too_many_rows": _("This sheet has too many rows. Divide it."),
    "too_many_columns": _("This sheet has too many columns."),
    "cell_too_long": _("A cell in row {detail} is too long. Is a quotation mark left open?"),
    "empty": _("This sheet is empty."),
    "missing_column": _("The column “{detail}” is missing."),
    "duplicate_column": _("The column “{detail}” is there twice."),
    "too_many_errors": _("So many rows were refused that this looks like the wrong sheet."),
    "conflict": _("Others changed the same rows again and again. Try again later."),
}
_CANCELLED: Final = _("This import was cancelled.")
_FAILED: Final = _("This import failed.")
_JOINT: Final = _("{column} {reason}")


def column_name(kind: Kind, name: str, language: Language) -> str:
    column = next((found for found in COLUMNS[kind] if found.name == name), None)
    return column.head(language.tag) if column else name


def explain(kind: Kind, faults: Sequence[Mapping[str, Any]], language: Language) -> str:
    """All that is wrong with a row, in one line."""
    found = []
    for one in faults:
        said = REASONS.get(str(one["code"]), REASONS["bad_format"])
        reason = language.text(said, value=one.get("value", ""))
        column = column_name(kind, str(one["column"]), language)
        found.append(language.text(_JOINT, column=column, reason=reason))
    return "; ".join(found)


def why_failed(job: ImportJob, language: Language) -> str:
    """Why the job came to nothing; "" when it did not."""
    if job.state == "cancelled":
        return language.text(_CANCELLED)
    if job.state != "failed":
        return ""
    code, _colon, detail = (job.why or "").partition(":")
    if code.endswith("_column"):
        detail = column_name(job.kind, detail, language)
    return language.text(FAILURES.get(code, _FAILED), detail=detail)
