"""An installed wheel works like a checkout: what is not Python travels in it."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

from tests.process.running import Pavilion

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory with nothing but the wheel's content, built from this checkout."""
    where = tmp_path_factory.mktemp("wheel")
    # The build back-end is installed already: no isolated environment, no network.
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", where, ROOT],
        check=True, capture_output=True, timeout=100,
    )  # fmt: skip
    (wheel,) = where.glob("*.whl")
    target = where / "site"
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(target)
    return target


def environ(installed: Path) -> dict[str, str]:
    """The dependencies of the virtual environment, but the wheel instead of the checkout."""
    path = os.pathsep.join([str(installed), sysconfig.get_path("purelib")])
    kept = {k: v for k, v in os.environ.items() if not k.startswith("PAVILION")}
    return {**kept, "PYTHONPATH": path}


def test_everything_travels(installed: Path) -> None:
    names = {path.relative_to(installed).as_posix() for path in installed.rglob("*")}
    for tree, inside in (
        ("templates", "hub/_templates"),
        ("static", "hub/_static"),
        ("hub", "hub"),
        ("rooms", "rooms"),
    ):
        for path in (ROOT / tree).rglob("*"):
            if path.is_file() and path.suffix not in {".pyc", ".pyi"}:
                name = f"{inside}/{path.relative_to(ROOT / tree).as_posix()}"
                assert name in names, f"{name} is missing from the wheel"
    assert not any(name.startswith(("tests", "docs")) for name in names)


def test_the_wheel_serves_a_page(installed: Path, tmp_path: Path) -> None:
    # -S: no site directory, so that the editable checkout cannot be what is found.
    code = "import hub; print(hub.__file__)"
    found = subprocess.run(
        [sys.executable, "-P", "-S", "-c", code],
        cwd=tmp_path, env=environ(installed), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert Path(found.stdout.strip()).is_relative_to(installed)
    helped = subprocess.run(
        [sys.executable, "-P", "-S", "-m", "hub", "--help"],
        cwd=tmp_path, env=environ(installed), capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "serve" in helped.stdout
    settings = environ(installed)
    pavilion = Pavilion(tmp_path / "data", PYTHONPATH=settings["PYTHONPATH"])
    try:
        pavilion.ready()
        line = pavilion.child("hub-0").environ()["PYTHONPATH"]
        assert line.startswith(str(installed))
        assert pavilion.call("GET", "/now.json")[0] == 200
        assert pavilion.end() == 0
    finally:
        pavilion.process.kill()
