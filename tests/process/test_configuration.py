"""config.toml, the documentation and the model say the same; wrong values name their key."""

from __future__ import annotations

import asyncio
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from aiohttp import web
from pydantic import SecretStr

from hub.__main__ import with_json_target
from hub.config import BadConfig, Config, Server, load
from hub.fair import migrate
from hub.workers import make_runner

ROOT = Path(__file__).parent.parent.parent


def keys() -> Iterator[tuple[str, str, object]]:
    for section, field in Config.model_fields.items():
        assert field.annotation is not None
        for key, inner in field.annotation.model_fields.items():  # type: ignore[attr-defined]
            yield section, key, inner.get_default(call_default_factory=True)


def plain(value: object) -> object:
    """A default as TOML writes it; None and an empty path are left out with \"\"."""
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return list(value)
    return "" if value is None else str(value) if isinstance(value, Path) else value


def test_config_toml_shows_every_key_with_its_default() -> None:
    text = (ROOT / "config.toml").read_text("utf-8")
    shown = tomllib.loads(re.sub(r"^#(\w+ =)", r"\1", text, flags=re.MULTILINE))
    assert shown == {
        section: {key: plain(default) for s, key, default in keys() if s == section}
        for section in Config.model_fields
    }
    assert tomllib.loads(text) == {section: {} for section in Config.model_fields}
    assert load(ROOT / "config.toml", {}) == load(None, {})


@pytest.mark.parametrize(("section", "key"), [(s, k) for s, k, _ in keys()])
def test_operating_page_explains_every_key(section: str, key: str) -> None:
    page = (ROOT / "docs/operating.md").read_text("utf-8")
    assert re.search(rf"^\| `{section}\.{key}` \| .+ \| .+ \|$", page, re.MULTILINE)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("[server]\nprot = 1", "server.prot: unknown key; one of host, port"),
        ("[sever]\nport = 1", "sever: unknown key; one of fair, server"),
        ("[server]\nport = 'many'", "server.port"),
        ("[server]\nport = 70000", "server.port"),
        ("[server]\nport = '8080'", "server.port: Input should be a valid integer"),
        ("[server]\nworkers = true", "server.workers: Input should be a valid integer"),
        ("[server]\nallowed_origins = 'http://x'", "server.allowed_origins"),
        ("[redis]\non_loss = 'panic'", "redis.on_loss"),
        ("[limits]\nlease_ms = -1", "limits.lease_ms"),
        ("server = 3", "server"),
        ("port =", "config.toml"),
    ],
)
def test_a_wrong_value_names_its_key(tmp_path: Path, text: str, key: str) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(BadConfig, match=re.escape(key)):
        load(path, {})


@pytest.mark.parametrize("name", ["PAVILION__SERVER__PROT", "PAVILION__SERVER", "PAVILION__A__B"])
def test_an_unknown_variable_is_named(name: str) -> None:
    with pytest.raises(BadConfig, match=name):
        load(None, {name: "1"})


@pytest.mark.parametrize("text", ["http://x", '"http://x"', "{}", ""])
def test_a_list_in_the_environment_is_json(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    name = "PAVILION__SERVER__ALLOWED_ORIGINS"
    monkeypatch.setenv(name, text)
    with pytest.raises(BadConfig, match=f"{name}: a JSON list is expected"):
        load(None)
    monkeypatch.setenv(name, '["http://x"]')
    assert load(None).server.allowed_origins == ("http://x",)


async def test_a_connection_that_asks_nothing_is_let_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Half a request holds a descriptor like a whole one."""
    monkeypatch.setattr("hub.workers.IDLE_S", 0.3)
    runner = make_runner(web.Application(), Config())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        for said in (b"", b"GET /half HTTP/1.1\r\nHost: x\r\n"):
            reader, writer = await asyncio.open_connection(*runner.addresses[0])
            writer.write(said)
            async with asyncio.timeout(5):
                assert await reader.read() == b""
            writer.close()
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["rooms", "--json"], ["rooms", "--json", "-"]),
        (["rooms", "--json", "--people", "3"], ["rooms", "--json", "-", "--people", "3"]),
        (["rooms", "--json", "out.json"], ["rooms", "--json", "out.json"]),
        (["rooms", "--json", "-"], ["rooms", "--json", "-"]),
    ],
)
def test_json_of_a_load_run_needs_no_file(given: list[str], meant: list[str]) -> None:
    assert with_json_target(given) == meant


def test_sqlite_lies_in_the_data_dir_whatever_its_name(tmp_path: Path) -> None:
    """A URL's own characters in a folder's name are the folder's, not the URL's."""
    folder = tmp_path / "50% of ?x=1 数据"
    folder.mkdir()
    migrate(Config(server=Server(data_dir=folder)).database_url)
    assert (folder / "pavilion.sqlite").is_file()
