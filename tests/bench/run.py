"""``make bench``: every benchmark, one after the other, each in a process of its own.

    python -m tests.bench.run [--only admission,rush] [--json FILE]

Each prints its table next to its reference of the same run, writes its figures as JSON and ends
with status 1 when a target is missed; so does this. docs/performance.md records a run with the
machine and the date.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ALL = ("admission", "websocket", "rush", "media", "fair", "talks")
LIMIT_S = 600.0


def machine() -> dict[str, Any]:
    """What the figures were measured on."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "date": time.strftime("%Y-%m-%d"),
        "cpu": model,
        "cores": os.cpu_count(),
        "kernel": platform.release(),
        "python": platform.python_version(),
    }


def run_one(name: str, directory: Path) -> tuple[bool, Any]:
    """(targets met, figures or None) of one benchmark; it prints its own table."""
    report = directory / f"{name}.json"
    print(f"\n== {name} ==", flush=True)
    done = subprocess.run(
        [sys.executable, "-m", f"tests.bench.{name}", "--json", str(report)], timeout=LIMIT_S
    )
    figures = json.loads(report.read_text()) if report.exists() else None
    return done.returncode == 0, figures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default=",".join(ALL), help="names, separated by commas")
    parser.add_argument("--json", help="write all figures here")
    options = parser.parse_args()
    names = [name for name in options.only.split(",") if name]
    if unknown := set(names) - set(ALL):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(ALL)}")
    about = machine()
    print(", ".join(f"{key} {value}" for key, value in about.items()))
    results: dict[str, Any] = {"machine": about}
    missed = []
    with tempfile.TemporaryDirectory() as directory:
        for name in names:
            met, results[name] = run_one(name, Path(directory))
            if not met:
                missed.append(name)
    print(f"\nmissed: {', '.join(missed)}" if missed else "\nall targets met")
    if options.json:
        Path(options.json).write_text(json.dumps(results, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
