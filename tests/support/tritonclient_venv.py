"""NVIDIA's own client, in a virtual environment of its own: it needs an older protobuf than framecast."""

import fcntl
import subprocess
import sys
from pathlib import Path

_PACKAGE = "tritonclient[grpc]==2.73.0"
_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "build" / "tritonclient"
_INSTALL_S = 300


def tritonclient_python() -> tuple[Path | None, str]:
    """The interpreter that has tritonclient, made on first use; None and the reason where it cannot be had."""
    python = _FOLDER / "bin" / "python"
    _FOLDER.parent.mkdir(exist_ok=True)
    with (_FOLDER.parent / "tritonclient.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _works(python):
            return python, ""
        try:
            _run(sys.executable, "-m", "venv", "--clear", str(_FOLDER))
            _run(str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", _PACKAGE)
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", None) or str(error)).strip().splitlines()
            return None, f"{_PACKAGE} cannot be installed: {said[-1] if said else error!r}"
    return python, ""


def _works(python: Path) -> bool:
    if not python.exists():
        return False
    done = subprocess.run([python, "-c", "import tritonclient.grpc"], capture_output=True, check=False)
    return done.returncode == 0


def _run(*command: str) -> None:
    subprocess.run(command, check=True, capture_output=True, text=True, timeout=_INSTALL_S)
