"""Where a result comes from: command, machine, versions, commit."""

import platform
import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any


def provenance(packages: Iterable[str], sources: Iterable[str]) -> dict[str, Any]:
    """The fields that every result has. `sources` are the folders and files that are measured, for git."""
    return {
        "command": " ".join(["python -m", f"benchmarks.{Path(sys.argv[0]).stem}", *sys.argv[1:]]),
        "machine": {"cpu": _cpu_name(), "system": platform.platform(), "python": platform.python_version()},
        "versions": {package: _version(package) for package in packages},
        "commit": _commit(sources),
    }


def _cpu_name() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{len(names)} x {names[0]}" if names else platform.processor()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _commit(sources: Iterable[str]) -> str:
    """The commit of what is measured, marked where the sources or the scripts differ from it."""
    root = Path(__file__).parents[1]

    def git(*options: str) -> str:
        done = subprocess.run(["git", "-C", str(root), *options], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", *sources, "benchmarks/*.py")
    return (git("rev-parse", "HEAD") or "unknown") + ("-dirty" if changed else "")
