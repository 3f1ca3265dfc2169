"""What reviewers forget: import direction, one place for keys and private access, sizes, docs."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from rooms import closing, errors, messages

ROOT = Path(__file__).parent.parent
MODULES = sorted([*(ROOT / "rooms").rglob("*.py"), *(ROOT / "hub").rglob("*.py")])
SCRIPTS = sorted([*(ROOT / "static/js").rglob("*.js"), *(ROOT / "hub/store/scripts").glob("*.lua")])
FILE_MAX = 400
FUNCTION_MAX = 60
#: What may be longer, and why.
LONG = {
    "hub/ports/appointments.py": "records and calls of one port stand together",
    "hub/fair/migrations/versions/0008_talks.py": "one step of the schema is one file",
    "hub/store/scripts/prelude.lua": "what is joined in front of every script is one text",
}

#: What rooms/ may use beside itself: rules need no world.
PURE = {
    "__future__", "collections", "dataclasses", "enum", "functools", "hashlib", "itertools", "math",
    "msgspec", "re", "string", "struct", "types", "typing", "unicodedata", "datetime", "operator",
    "bisect", "heapq",
}  # fmt: skip
#: Words of datetime that read a clock.
CLOCKS = {"now", "utcnow", "today"}

BASE = {"hub.assets", "hub.config", "hub.embedded", "hub.jobs", "hub.lifeline", "hub.logs",
        "hub.metrics", "hub.ports", "hub.services", "hub.sheets", "hub.tokens"}  # fmt: skip
PARTS = {"hub.store", "hub.media", "hub.fair"}
FRONTS = {"hub.live", "hub.web"}
#: Which layers a layer may import; a part or front may always import itself.
ALLOWED = {
    "rooms": set(),
    "base": {"rooms", "base"},
    **{part: {"rooms", "base"} for part in PARTS},
    "hub.live": {"rooms", "base"},
    "hub.web": {"rooms", "base"},
    "top": {"rooms", "base", "top", *PARTS, *FRONTS},
}
#: Libraries a layer must not know; whatever is behind a port stays there.
CLOSED = {
    "redis": {"hub.store", "top"},
    "hiredis": {"hub.store"},
    "sqlalchemy": {"hub.fair", "top"},
    "alembic": {"hub.fair"},
    "aiortc": {"hub.media"},
    "pylibsrtp": {"hub.media"},
}


def name_of(path: Path) -> str:
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer_of(module: str) -> str | None:
    """None for what is not ours."""
    if module.split(".")[0] == "rooms":
        return "rooms"
    if module.split(".")[0] != "hub":
        return None
    package = ".".join(module.split(".")[:2])
    if package in PARTS | FRONTS:
        return package
    return "base" if package in BASE or module == "hub" else "top"


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level <= 1, f"{path}: imports past its own package hide the direction"
            module = node.module or ""
            if node.level:
                package = name_of(path) if path.stem == "__init__" else name_of(path.parent)
                module = f"{package}.{module}".rstrip(".")
            if module in {"hub", "rooms"}:  # ``from hub import x`` imports hub.x
                yield from (f"{module}.{alias.name}" for alias in node.names)
            else:
                yield module


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_imports_point_one_way(path: Path) -> None:
    mine = layer_of(name_of(path))
    assert mine is not None
    for imported in imports_of(path):
        theirs = layer_of(imported)
        if theirs is not None and theirs != mine:
            assert theirs in ALLOWED[mine], f"{mine} may not import {imported}"
        closed_to_all_but = CLOSED.get(imported.split(".")[0])
        if closed_to_all_but is not None:
            # A load client may speak WebRTC itself: it stands where a browser would.
            client = mine == "top" and name_of(path).startswith("hub.load.")
            assert mine in closed_to_all_but or client, f"{mine} may not know {imported}"


@pytest.mark.parametrize("path", sorted((ROOT / "rooms").rglob("*.py")), ids=name_of)
def test_rooms_is_pure(path: Path) -> None:
    for imported in imports_of(path):
        top = imported.split(".")[0]
        assert top in PURE | {"rooms"}, f"rooms may not import {imported}"
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            assert node.func.attr not in CLOCKS, f"line {node.lineno} reads a clock"


def test_keys_are_built_in_one_module() -> None:
    """A Redis key is words joined by colons or carries a hash tag; only keys.py spells one."""
    for path in MODULES:
        if path == ROOT / "hub/store/keys.py" or "store" not in path.parts:
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.JoinedStr):
                text = "".join(str(p.value) for p in node.values if isinstance(p, ast.Constant))
                assert not re.search(r"\{.*\}|^[a-z]+:(?! )", text), (
                    f"{path.name} line {node.lineno} builds a key: {text!r}"
                )


def test_private_access_is_in_one_module() -> None:
    """Private attributes of aiortc and pylibsrtp are touched in hub/media/private.py alone."""
    for path in (ROOT / "hub").rglob("*.py"):
        if path == ROOT / "hub/media/private.py":
            continue
        tree = ast.parse(path.read_text("utf-8"))
        theirs = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.Import | ast.ImportFrom)
            for alias in node.names
            if (getattr(node, "module", None) or alias.name).split(".")[0]
            in {"aiortc", "pylibsrtp"}
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(
                ("aiortc", "pylibsrtp")
            ):
                private = [a.name for a in node.names if a.name.startswith("_")]
                assert not private, f"{path.name} imports {private} from {node.module}"
            if (
                isinstance(node, ast.Attribute)
                and node.attr.startswith("_")
                and not node.attr.startswith("__")
                and isinstance(node.value, ast.Name)
            ):
                assert node.value.id not in theirs, (
                    f"{path.name} line {node.lineno} touches {node.value.id}.{node.attr}"
                )


@pytest.mark.parametrize(
    "path", [*MODULES, *SCRIPTS], ids=lambda path: path.relative_to(ROOT).as_posix()
)
def test_sizes(path: Path) -> None:
    text = path.read_text("utf-8")
    lines = text.count("\n")
    name = path.relative_to(ROOT).as_posix()
    if name in LONG:
        assert lines >= FILE_MAX, f"{name} is not long any more: take it out of LONG"
    else:
        assert lines < FILE_MAX, f"{lines} lines: part the file, or give the reason in LONG"
    if path.suffix != ".py":
        return
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_MAX, f"{node.name} has {length} lines"


def test_what_may_be_long_is_there() -> None:
    assert set(LONG) <= {path.relative_to(ROOT).as_posix() for path in [*MODULES, *SCRIPTS]}


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        name_of(path)
        for path in MODULES
        if path.read_text("utf-8").strip() and not ast.get_docstring(ast.parse(path.read_text()))
    ]
    assert silent == []


def test_protocol_page_names_every_code() -> None:
    """Event kinds, refusal codes, close codes and moderate actions (messages and their
    samples: tests/test_protocol_doc.py)."""
    page = (ROOT / "docs/protocol.md").read_text("utf-8")
    named = [
        *messages.EVENT_KINDS,
        *(code.value for code in errors.Code),
        *(str(int(code)) for code in closing.Close),
        *messages.ACTION_FIELDS,
    ]
    missing = [name for name in named if not re.search(rf"\b{name}\b", page)]
    assert missing == []
