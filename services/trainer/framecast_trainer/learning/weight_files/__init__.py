"""Files of weights as people have them; nothing in a file is executed.

| format | written by |
| --- | --- |
| safetensors, a torch state dict | us, torchvision, many others |
| `.pkl` of NumPy arrays | Detectron2's model zoo |
| `.pt` of pickled modules | YOLOv5 |
| `.pth` with a learner's state | fastai |
"""

import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import load_file
from torch import Tensor

from framecast.errors import DataLossError
from framecast_trainer.learning.weight_files import detectron2, fastai, yolov5
from framecast_trainer.learning.weight_files.numpy_pickle import read_numpy_pickle
from framecast_trainer.learning.weight_files.torch_archive import read_torch_archive

__all__ = ["State", "WeightFile", "read_weights"]

State = dict[str, Tensor]
_NESTED = ("state_dict", "model", "model_state_dict")


@dataclass(frozen=True)
class WeightFile:
    """A file's tensors under the names of our networks."""

    state: State
    class_names: tuple[str, ...] = ()
    """What the network tells apart, where the file says it."""


def read_weights(path: Path) -> WeightFile:
    """Reads a file of any of the formats. Raises DataLossError (`WEIGHTS_UNREADABLE`) for any other content."""
    try:
        content = _content(path)
        modules = yolov5.modules_of(content)
        if modules is not None:
            return WeightFile(yolov5.tensors_of(modules), yolov5.class_names_of(modules))
        return _named(_tensors(content))
    except Exception as error:  # parsers of foreign bytes fail in many ways: struct.error, KeyError, RuntimeError, …
        why = (str(error).splitlines() or [type(error).__name__])[0]
        raise DataLossError(
            f"weights file {path.name} cannot be read ({why}); give a torch state dict, a safetensors file, or a "
            "checkpoint of Detectron2, YOLOv5 or fastai",
            reason="WEIGHTS_UNREADABLE",
            file=path.name,
            why=why,
        ) from error


def _content(path: Path) -> object:
    """By what the file begins with: names may have been lost on the way."""
    if zipfile.is_zipfile(path):
        return read_torch_archive(path)
    with path.open("rb") as stream:
        start = stream.read(9)
    if start[8:] == b"{":  # after the length of the header
        return load_file(path)
    content = read_numpy_pickle(path)
    # torch's own files were no archives before release 1.6: several pickles, this number first.
    return read_torch_archive(path) if content == torch.serialization.MAGIC_NUMBER else content


def _tensors(content: object) -> State:
    """The dictionary of tensors in it, alone or under the name that trainings give it."""
    for key in _NESTED:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not content:
        raise ValueError("it is not a dictionary of tensors")
    return {str(name).removeprefix("module."): _tensor(str(name), value) for name, value in content.items()}


def _tensor(name: str, value: object) -> Tensor:
    if isinstance(value, np.ndarray) and value.dtype.kind in "fiub":
        return torch.from_numpy(np.ascontiguousarray(value))
    if not isinstance(value, Tensor):
        raise ValueError(f"it is not a dictionary of tensors: {name} is none")
    return value


def _named(state: State) -> WeightFile:
    if detectron2.is_detectron2(state):
        return WeightFile(detectron2.translate(state))
    return WeightFile(fastai.with_biases(state) if fastai.is_fastai(state) else state)
