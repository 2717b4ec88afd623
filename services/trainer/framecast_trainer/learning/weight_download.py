"""Published weights by address: from the folder of downloads, which is torch's own, else fetched into it."""

import hashlib
import os
import re
import tempfile
import urllib.error
import urllib.request
from pathlib import Path

import torch

from framecast.errors import DataLossError, UnavailableError
from framecast_trainer.learning.weight_catalogue import PublishedWeights
from framecast_trainer.learning.weight_files import State, read_weights

_TIMEOUT_S = 10.0
_DIGEST = re.compile(r"-([0-9a-f]{8,})\.")
"""torch's convention: the file name holds the start of its SHA-256."""


def fetch(url: str) -> State:
    """torchvision's weights. Raises UnavailableError, naming the place where the file is looked for, when it cannot be
    had, and DataLossError for a file there that is not what its name promises, or holds no tensors.
    """
    path = place(url.rpartition("/")[2])
    _obtain(url, path)
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    expected = _expected(path.name)
    if not digest.startswith(expected):
        raise _damaged(path, f"its SHA-256 is {digest}, expected {expected}…")
    return _read(path)


def fetch_published(weights: PublishedWeights) -> State:
    """Weights of the catalogue. A file that lies at their place is taken as it is. Raises as `fetch` does."""
    path = place(weights.file_name)
    _obtain(weights.url, path, weights.sha256)
    return _read(path)


def place(file_name: str) -> Path:
    """Where a file of weights is looked for: below `TORCH_HOME`, by default `~/.cache/torch`."""
    return Path(torch.hub.get_dir()) / "checkpoints" / file_name


def _obtain(url: str, path: Path, expected: str = "") -> None:
    if path.is_file():
        return
    try:
        _download(url, path, expected or _expected(path.name))
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise UnavailableError(
            f"{url} cannot be fetched ({error}); put the file at {path}",
            reason="WEIGHTS_UNREACHABLE",
            url=url,
            path=path,
        ) from error


def _read(path: Path) -> State:
    try:
        return read_weights(path).state
    except DataLossError as error:
        raise _damaged(path, str(error.metadata.get("why", error.message))) from error


def _expected(file_name: str) -> str:
    """How the file's SHA-256 begins; empty where its name does not say."""
    found = _DIGEST.search(file_name)
    return found[1] if found else ""


def _damaged(path: Path, why: str) -> DataLossError:
    return DataLossError(
        f"weights file {path} is damaged ({why}); delete it, and it is fetched again",
        reason="WEIGHTS_UNREADABLE",
        file=path.name,
        path=path,
    )


def _download(url: str, path: Path, expected: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    handle, partial = tempfile.mkstemp(dir=path.parent, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as target, urllib.request.urlopen(url, timeout=_TIMEOUT_S) as source:  # noqa: S310 - the catalogue's own
            while block := source.read(1 << 20):
                digest.update(block)
                target.write(block)
        if not digest.hexdigest().startswith(expected):
            raise ValueError(f"its SHA-256 is {digest.hexdigest()}, expected {expected}…")
        os.replace(partial, path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
