"""Full-text search over companies, people, conferences, results; the same on both databases.

Texts are cut here, not in the database: ``tokens`` folds them (NFKC, case, traditional to
simplified Chinese, Latin accents), takes words of alphabets as they are and Chinese,
Japanese and Korean runs as overlapping pairs of characters, so that a two-character word
is found wherever it stands. A query's Chinese is cut into words first (rjieba), each of
which must occur. Words of three letters and more find words that begin with them.

Whoever writes one of these calls ``index`` in the same transaction, and
``unindex`` when it goes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal, NamedTuple

import opencc
import rjieba
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from hub.fair.tables.search import SEARCHES

Kind = Literal["company", "person", "conference", "result"]

TEXT_MAX: Final = 2_000  # characters of one text that are looked at
QUERY_MAX: Final = 100
_TOKEN_MAX: Final = 64
_TERMS_MAX: Final = 16  # of one query
_PREFIX_MIN: Final = 3  # shorter words are looked for as they are
_GRAM: Final = 3
_ALIKE_MIN: Final = 0.4  # share of a query's pieces that a similar name has
_CANDIDATES: Final = 4_000  # names that are compared, at most
_TELLING_MIN: Final = 3  # pieces, however common
_TELLING_ROWS: Final = 1_000

_CJK: Final = "\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
_HAN: Final = re.compile("[\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_PIECE: Final = re.compile(f"(?P<cjk>[{_CJK}]+)|[^\\W_{_CJK}]+")
_SIMPLIFIED: Final = opencc.OpenCC("t2s")
#: Single characters that carry little by themselves.
_PARTICLES: Final = frozenset("的之和与及在是了于或等")
#: What half of all companies are called; a misspelt name is not found by these.
_LEGAL_FORMS: Final = frozenset(
    {
        "co", "ltd", "limited", "inc", "llc", "llp", "gmbh", "ag", "sa", "srl", "spa", "bv", "nv",
        "oy", "ab", "plc", "pty", "pte", "kg", "jsc", "ooo", "corp", "corporation", "company",
        "group", "holding", "holdings", "international", "the", "and", "of",
    }
)  # fmt: skip
_LEGAL_HAN: Final = re.compile("股份有限公司|有限责任公司|有限公司|公司|集团")


class Entry(NamedTuple):
    """One thing to be found: ``names`` first, then ``texts``; empty ones do no harm."""

    id: str
    names: Sequence[str]
    texts: Sequence[str] = ()


def fold(text: str) -> str:
    """``text`` as it is compared: NFKC, without case, in simplified Chinese."""
    text = text[:TEXT_MAX]
    if text.isascii():
        return text.lower()
    text = unicodedata.normalize("NFKC", text).casefold()
    return str(_SIMPLIFIED.convert(text)) if _HAN.search(text) else text


def _word(word: str) -> str:
    """A word of an alphabet without its accents."""
    if not word.isascii():
        parts = unicodedata.normalize("NFD", word)
        word = "".join(c for c in parts if unicodedata.category(c) != "Mn")
    return word[:_TOKEN_MAX]


def _pairs(run: str) -> list[str]:
    return [run[i : i + 2] for i in range(len(run) - 1)]


def tokens(text: str) -> list[str]:
    """What ``text`` is found by, in order, repeats included.

    The last character of a Chinese run stands alone too: a single character is looked for
    as the beginning of a pair, and the last one begins none.
    """
    found: list[str] = []
    for piece in _PIECE.finditer(fold(text)):
        word = piece[0]
        if piece["cjk"]:
            found += _pairs(word)
            found.append(word[-1])
        elif word := _word(word):
            found.append(word)
    return found


def grams(name: str) -> list[str]:
    """Pieces that a misspelt name still shares with the right one: three letters of words
    (two spaces before, one behind), two Chinese characters; legal forms left out."""
    found: list[str] = []
    for piece in _PIECE.finditer(fold(name)):
        if piece["cjk"]:
            for run in _LEGAL_HAN.split(piece[0]):
                found += _pairs(run)
        elif (word := _word(piece[0])) and word not in _LEGAL_FORMS:
            padded = f"__{word}_"
            found += [padded[i : i + _GRAM] for i in range(len(padded) - _GRAM + 1)]
    return found


# --- queries ------------------------------------------------------------------------------


def _han_terms(run: str, alone: bool) -> Iterable[tuple[str, bool]]:
    """Words of a Chinese run; neighbours that are no words are taken together."""
    singles = ""
    for word in [*rjieba.cut(run), ""]:
        if len(word) == 1 and word not in _PARTICLES:
            singles += word
            continue
        if len(singles) > 1:
            yield from ((pair, False) for pair in _pairs(singles))
        elif singles:
            yield singles, True
        singles = ""
        if len(word) > 1:
            yield from ((pair, False) for pair in _pairs(word))
        elif word and alone and len(run) == 1:
            yield word, True


def terms_of(query: str) -> list[tuple[str, bool]]:
    """(term, whether words that begin with it count too); all of them must occur.

    Empty for a query without a letter or digit.
    """
    found: dict[tuple[str, bool], None] = {}
    pieces = list(_PIECE.finditer(fold(query[:QUERY_MAX])))
    for piece in pieces:
        word = piece[0]
        if piece["cjk"]:
            found.update(dict.fromkeys(_han_terms(word, len(pieces) == 1)))
        elif word := _word(word):
            found[word, len(word) >= _PREFIX_MIN] = None
    return list(found)[:_TERMS_MAX]


def _fts(terms: Iterable[tuple[str, bool]], joint: str) -> str:
    """An FTS5 expression; terms are letters and digits alone, so nothing needs escaping."""
    return joint.join(f'"{term}"*' if prefix else f'"{term}"' for term, prefix in terms)


def _tsquery(terms: Iterable[tuple[str, bool]], joint: str) -> str:
    return joint.join(f"'{term}':*" if prefix else f"'{term}'" for term, prefix in terms)


def _matching(dialect: str, kind: Kind, column: str, terms: Sequence[tuple[str, bool]]) -> Any:
    """The condition on ``search_<kind>`` that every term stands in ``column``."""
    table = SEARCHES[kind]
    if dialect == "sqlite":
        expression = f"{{{column}}} : ({_fts(terms, ' AND ')})"
        rows = sa.text(f"SELECT rowid FROM fts_{kind} WHERE fts_{kind} MATCH :fts")
        return table.c.no.in_(rows.bindparams(fts=expression).columns(sa.column("rowid")))
    wanted = sa.cast(sa.cast(sa.literal(_tsquery(terms, " & ")), sa.Text), _TsQuery())
    return table.c[column].op("@@")(wanted)


class _TsQuery(sa.types.UserDefinedType[str]):
    cache_ok = True

    def get_col_spec(self, **_: Any) -> str:
        return "TSQUERY"


def ids(connection: AsyncConnection, kind: Kind, query: str) -> sa.Select[Any] | None:
    """A subquery of the ids that ``query`` finds, for ``.where(table.c.id.in_(…))``.

    None for a query without a letter or digit: what that means is the caller's to say.
    """
    terms = terms_of(query)
    if not terms:
        return None
    table = SEARCHES[kind]
    return sa.select(table.c.id).where(_matching(connection.dialect.name, kind, "terms", terms))


def newest(
    connection: AsyncConnection, kind: Kind, query: str
) -> tuple[sa.Select[Any], sa.ColumnElement[int]] | None:
    """(SELECT of the numbers that ``query`` finds, the number): to be joined with what
    ``search_<kind>.id`` names, narrowed, and limited in the order of the number, which stops
    early however much it finds. None as in ``ids``."""
    terms = terms_of(query)
    if not terms:
        return None
    table = SEARCHES[kind]
    if connection.dialect.name != "sqlite":
        matching = _matching(connection.dialect.name, kind, "terms", terms)
        return sa.select(table.c.no).where(matching), table.c.no
    # FTS5 walks its rows backwards by itself: no list of all that match, and no sorting.
    fts = sa.table(f"fts_{kind}", sa.column("rowid", sa.Integer))
    number = fts.c.rowid
    found = sa.select(number.label("no")).select_from(fts.join(table, table.c.no == number))
    expression = f"{{terms}} : ({_fts(terms, ' AND ')})"
    matching = sa.text(f"fts_{kind} MATCH :fts").bindparams(fts=expression)
    return found.where(matching), number


async def numbers(
    connection: AsyncConnection, kind: Kind, query: str
) -> tuple[list[int], list[int]] | None:
    """The numbers (``search_<kind>.no``) of all that ``query`` finds: by name, and at all.

    One row comes back however many there are. None as in ``ids``.
    """
    terms = terms_of(query)
    if not terms:
        return None
    found: list[list[int]] = []
    for column in ("name_terms", "terms"):
        if connection.dialect.name == "sqlite":
            rows = await connection.execute(
                sa.text(f"SELECT group_concat(rowid) FROM fts_{kind} WHERE fts_{kind} MATCH :fts"),
                {"fts": f"{{{column}}} : ({_fts(terms, ' AND ')})"},
            )
            joined = rows.scalar_one()
            found.append([int(no) for no in joined.split(",")] if joined else [])
        else:
            rows = await connection.execute(
                sa.text(
                    f"SELECT array_agg(no) FROM search_{kind} "
                    f"WHERE {column} @@ CAST(CAST(:ts AS TEXT) AS TSQUERY)"
                ),
                {"ts": _tsquery(terms, " & ")},
            )
            found.append(list(rows.scalar_one() or ()))
    return found[0], found[1]


async def common(connection: AsyncConnection, kind: Kind) -> dict[str, int]:
    """In how many names each piece stands: a walk through the whole index (some 50 ms for
    18,000 names), to be kept for a while and given to ``similar``."""
    if connection.dialect.name == "sqlite":
        await connection.execute(
            sa.text(
                f"CREATE VIRTUAL TABLE IF NOT EXISTS temp.pieces_{kind} "
                f"USING fts5vocab(main, fts_{kind}, col)"
            )
        )
        query = f"SELECT term, doc FROM temp.pieces_{kind} WHERE col = 'grams'"
    else:
        query = f"SELECT word, ndoc FROM ts_stat('SELECT grams FROM search_{kind}')"
    return {row[0]: row[1] for row in await connection.execute(sa.text(query))}


async def similar(
    connection: AsyncConnection, kind: Kind, query: str, limit: int = 5,
    counts: Mapping[str, int] | None = None,
) -> list[tuple[str, float]]:  # fmt: skip
    """Ids whose names are spelt like ``query``, most alike first, with the share (0 to 1) of
    its pieces that they have. For when an exact search finds little. ``counts``: what
    ``common`` said, may be old; asked for anew without."""
    wanted = set(grams(query[:QUERY_MAX]))
    if not wanted:
        return []
    if counts is None:
        counts = await common(connection, kind)
    pieces = [(gram, False) for gram in _telling(wanted, counts)]
    if connection.dialect.name == "sqlite":
        statement = sa.text(
            f"SELECT s.id, s.grams FROM fts_{kind} f JOIN search_{kind} s ON s.no = f.rowid "
            f"WHERE fts_{kind} MATCH :q LIMIT {_CANDIDATES}"
        ).bindparams(q=f"{{grams}} : ({_fts(pieces, ' OR ')})")
    else:
        statement = sa.text(
            f"SELECT id, array_to_string(tsvector_to_array(grams), ' ') FROM search_{kind}, "
            f"CAST(CAST(:q AS TEXT) AS TSQUERY) q WHERE grams @@ q LIMIT {_CANDIDATES}"
        ).bindparams(q=_tsquery(pieces, " | "))
    rows = (await connection.execute(statement)).all()
    scored = []
    for found, text in rows:
        theirs = set(text.split())
        shared = len(wanted & theirs)
        if shared >= _ALIKE_MIN * len(wanted):
            # Of two that share as much, the one with less besides.
            scored.append((-shared / len(wanted), len(theirs), found))
    return [(found, -score) for score, _, found in sorted(scored)[:limit]]


def _telling(pieces: Iterable[str], counts: Mapping[str, int]) -> list[str]:
    """The rarest of ``pieces``, as many as name some thousand candidates: every name that has
    any of them is compared, and half of all names share a "tech". (The databases' own ranking
    takes longer and, among the first sixty, misses every fourth name.) One that was in no name
    when they were counted costs nothing, and may be in a new one."""
    taken: list[str] = []
    sum_of = told = 0
    for n, piece in sorted((counts.get(piece, 0), piece) for piece in pieces):
        if told >= _TELLING_MIN and sum_of + n > _TELLING_ROWS:
            break
        taken.append(piece)
        sum_of += n
        told += n > 0
    return taken


# --- writing ------------------------------------------------------------------------------


def _row(entry: Entry, dialect: str) -> dict[str, Any]:
    names = dict.fromkeys(token for name in entry.names for token in tokens(name))
    terms = dict(names)
    for text in entry.texts:
        terms.update(dict.fromkeys(tokens(text)))
    pieces = dict.fromkeys(gram for name in entry.names for gram in grams(name))
    columns: dict[str, Any] = {"name_terms": names, "terms": terms, "grams": pieces}
    if dialect == "sqlite":
        return {"id": entry.id, **{name: " ".join(words) for name, words in columns.items()}}
    return {"id": entry.id, **{name: list(words) for name, words in columns.items()}}


async def index(connection: AsyncConnection, kind: Kind, entries: Iterable[Entry]) -> None:
    """Make ``entries`` findable, in place of what their ids were found by before."""
    dialect = connection.dialect.name
    # In one order, whoever writes: two imports at once do not lock each other out.
    rows = [_row(entry, dialect) for entry in sorted(entries, key=lambda entry: entry.id)]
    if not rows:
        return
    value = ":{}" if dialect == "sqlite" else "array_to_tsvector(CAST(:{} AS TEXT[]))"
    columns = ("name_terms", "terms", "grams")
    await connection.execute(
        sa.text(
            f"INSERT INTO search_{kind} (id, {', '.join(columns)}) "
            f"VALUES (:id, {', '.join(value.format(column) for column in columns)}) "
            "ON CONFLICT (id) DO UPDATE SET "
            + ", ".join(f"{column} = excluded.{column}" for column in columns)
        ),
        rows,
    )


async def unindex(connection: AsyncConnection, kind: Kind, ids: Iterable[str]) -> None:
    """Take ids out of the search; unknown ones are none of its business."""
    rows = [{"id": one} for one in ids]
    if rows:
        await connection.execute(sa.text(f"DELETE FROM search_{kind} WHERE id = :id"), rows)
