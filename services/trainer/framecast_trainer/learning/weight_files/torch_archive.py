"""torch's own files, read without running what they name: classes that are not installed become empty shells."""

import zipfile
from pathlib import Path
from typing import Any

import torch

from framecast_trainer.learning.weight_files.numpy_pickle import ForbiddenNameError

_SHELLS = (
    "models.",  # YOLOv5's layers
    "torch.nn.modules.",
    "fastai.",
    "fastcore.foundation.",  # in the optimizer's state of a fastai learner
    "pathlib.",  # where a training ran
    "numpy.core.multiarray.scalar",
    "numpy._core.multiarray.scalar",
    "numpy.dtype",
    "numpy.dtypes.",
    "_codecs.encode",
)
"""What names may begin with. Even these are never imported: nothing of the real class is run."""


def read_torch_archive(path: Path) -> Any:
    """What was saved, with tensors as they are and a `Shell` in the place of other objects.

    Raises ForbiddenNameError for names that no published checkpoint has, and what torch raises for other bytes.
    """
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path) if zipfile.is_zipfile(path) else []
    shells: list[Any] = []
    for name in names:
        if not name.startswith(_SHELLS):
            raise ForbiddenNameError(f"it names {name}, which belongs to no format that is known here")
        shells.append((type(name.rpartition(".")[2], (Shell,), {}), name))
    with torch.serialization.safe_globals(shells):
        return torch.load(path, map_location="cpu", weights_only=True)


class Shell:
    """An object of a class that is not here: what it was made of, and nothing that it could do."""

    def __new__(cls, *_: object, **__: object) -> "Shell":
        return super().__new__(cls)

    def __init__(self, *_: object, **__: object) -> None:
        """Arguments say nothing about tensors."""

    def __setstate__(self, state: object) -> None:
        if isinstance(state, dict):
            self.__dict__.update({str(key): value for key, value in state.items()})
