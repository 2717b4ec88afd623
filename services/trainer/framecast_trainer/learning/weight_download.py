"""Published weights by address: from torch's own cache, else fetched into it."""

import hashlib
import os
import re
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import torch
from torch import Tensor

from framecast.errors import DataLossError, UnavailableError

_TIMEOUT_S = 10.0
_DIGEST = re.compile(r"-([0-9a-f]{8,})\.")
"""torch's convention: the file name holds the start of its SHA-256."""


def fetch(url: str) -> dict[str, Tensor]:
    """Raises UnavailableError, naming the place where the file is looked for, when it cannot be had.

    Raises DataLossError for a file there that is not what its name promises, or holds no tensors.
    """
    path = Path(torch.hub.get_dir()) / "checkpoints" / url.rpartition("/")[2]
    if not path.is_file():
        try:
            _download(url, path)
        except (OSError, urllib.error.URLError, ValueError) as error:
            raise UnavailableError(
                f"{url} cannot be fetched ({error}); put the file at {path}",
                reason="WEIGHTS_UNREACHABLE",
                url=url,
                path=path,
            ) from error
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    expected = _expected(path)
    if not digest.startswith(expected):
        raise _damaged(path, f"its SHA-256 is {digest}, expected {expected}…")
    try:
        state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # as of any foreign bytes
        raise _damaged(path, (str(error).splitlines() or [type(error).__name__])[0]) from error
    return state


def _expected(path: Path) -> str:
    """How the file's SHA-256 begins; empty where its name does not say."""
    found = _DIGEST.search(path.name)
    return found[1] if found else ""


def _damaged(path: Path, why: str) -> DataLossError:
    return DataLossError(
        f"weights file {path} is damaged ({why}); delete it, and it is fetched again",
        reason="WEIGHTS_UNREADABLE",
        file=path.name,
        path=path,
    )


def _download(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as target, urllib.request.urlopen(url, timeout=_TIMEOUT_S) as source:  # noqa: S310 - torchvision's own
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
        expected = _expected(path)
        if not digest.hexdigest().startswith(expected):
            raise ValueError(f"its SHA-256 is {digest.hexdigest()}, expected {expected}…")
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
