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

from framecast.errors import UnavailableError

_TIMEOUT_S = 10.0
_DIGEST = re.compile(r"-([0-9a-f]{8,})\.")
"""torch's convention: the file name holds the start of its SHA-256."""


def fetch(url: str) -> dict[str, Tensor]:
    """Raises UnavailableError, naming the place where the file is looked for, when it cannot be had."""
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
    state: dict[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    return state


def _download(url: str, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as target, urllib.request.urlopen(url, timeout=_TIMEOUT_S) as source:  # noqa: S310 - torchvision's own
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
        expected = _DIGEST.search(path.name)
        if expected and not digest.hexdigest().startswith(expected[1]):
            raise ValueError(f"its SHA-256 is {digest.hexdigest()}, expected {expected[1]}…")
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
