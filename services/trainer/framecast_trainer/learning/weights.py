"""Weights to start from: a file, a name of torchvision's, or none."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torchvision
from safetensors.torch import load_file
from torch import Tensor

from framecast.errors import DataLossError, InvalidArgumentError, UnavailableError
from framecast_trainer.learning import weight_download
from framecast_trainer.learning.architectures import Architecture
from framecast_trainer.learning.architectures.learner import Learner
from framecast_trainer.learning.config import RANDOM

State = dict[str, Tensor]
_SHOWN = 5
_TORCHVISION_LICENSE = "BSD-3-Clause"


@dataclass(frozen=True)
class Origin:
    """Where the first weights came from, for the lineage: `random`, a torchvision name, or `sha256:…` of a file."""

    name: str
    license: str
    """What a network that starts from them is under, as an SPDX identifier; empty where unknown."""


def load_initial_weights(
    learner: Learner, entry: Architecture, backbone: str, weights: str, warn: Callable[[str], None]
) -> Origin:
    """Fills the learner's network as `TrainConfig.weights` says; what a person should know goes to `warn`.

    Raises InvalidArgumentError (`WEIGHTS_MISMATCH`, `WEIGHTS_UNKNOWN`) for weights of another network or an unknown
    name, UnavailableError where named weights cannot be fetched, DataLossError for a damaged file.
    """
    if weights == RANDOM:
        return Origin(RANDOM, entry.license)
    if not weights:
        return _default_weights(learner, entry, backbone, warn)
    if Path(weights).is_file():
        path = Path(weights)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        fit(learner, entry, read_file(path), path.name, warn)
        warn(f"nothing says what license {path.name} is under, so the trained model names none")
        return Origin(f"sha256:{digest}", license="")
    name = _torchvision_name(entry, backbone, weights)
    fit(learner, entry, weight_download.fetch(_url(name)), name, warn)
    return Origin(name, _TORCHVISION_LICENSE)


def _default_weights(learner: Learner, entry: Architecture, backbone: str, warn: Callable[[str], None]) -> Origin:
    name = entry.pretrained.get(backbone)
    if name is None:
        warn(f"there are no published weights for {f'{entry.id} {backbone}'.strip()}: training starts from random ones")
        return Origin(RANDOM, entry.license)
    try:
        state = weight_download.fetch(_url(name))
    except UnavailableError as error:
        warn(f"training starts from random weights, which needs more data and time: {error.message}")
        return Origin(RANDOM, entry.license)
    fit(learner, entry, state, name, warn)
    return Origin(name, _TORCHVISION_LICENSE)


def _torchvision_name(entry: Architecture, backbone: str, name: str) -> str:
    """`IMAGENET1K_V1` or `ResNet18_Weights.IMAGENET1K_V1` → the latter; only weights of this very network."""
    default = entry.pretrained.get(backbone, "")
    group = default.partition(".")[0]
    known = list(torchvision.models.get_model_weights(_builder(group)).__members__) if group else []
    short = name.removeprefix(f"{group}.")
    if short == "DEFAULT" and group:
        return default
    if short in known:
        return f"{group}.{short}"
    choice = ", ".join([RANDOM, *(f"{group}.{member}" for member in known), "or a file"])
    raise InvalidArgumentError(
        f"weights {name!r} are neither a file nor known for {entry.id}; take one of: {choice}",
        reason="WEIGHTS_UNKNOWN",
        field="weights",
        weights=name,
    )


def _builder(group: str) -> str:
    """torchvision's builder of the networks that an enumeration of weights belongs to."""
    for name in torchvision.models.list_models():
        if torchvision.models.get_model_weights(name).__name__ == group:
            return str(name)
    raise InvalidArgumentError(f"torchvision has no weights {group}", reason="WEIGHTS_UNKNOWN", field="weights")


def _url(name: str) -> str:
    return str(torchvision.models.get_weight(name).url)


def read_file(path: Path) -> State:
    """Tensors of a safetensors file or a torch state dict; nothing in the file is executed.

    Raises DataLossError for any other content.
    """
    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # parsers of foreign bytes fail in many ways: struct.error, KeyError, RuntimeError, …
        raise _unreadable(path, (str(error).splitlines() or [type(error).__name__])[0]) from error
    for key in ("state_dict", "model"):
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
    if not isinstance(content, dict) or not all(isinstance(value, Tensor) for value in content.values()):
        raise _unreadable(path, "it is not a dictionary of tensors")
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _unreadable(path: Path, why: str) -> DataLossError:
    return DataLossError(
        f"weights file {path.name} cannot be read ({why}); give a torch state dict or a safetensors file",
        reason="WEIGHTS_UNREADABLE",
        file=path.name,
    )


def fit(learner: Learner, entry: Architecture, state: State, name: str, warn: Callable[[str], None]) -> None:
    """Loads tensors by name. Only the last layers may differ, as they do for another number of classes."""
    own = learner.network.state_dict()
    given = {_modern(key): value for key, value in state.items()}
    wrong: list[str] = []
    replaced: list[str] = []
    for key, tensor in own.items():
        if key.endswith("num_batches_tracked"):
            continue
        other = given.get(key)
        if other is not None and other.shape == tensor.shape:
            continue
        if key.startswith(entry.last_layers):
            replaced.append(key)
        elif other is None:
            wrong.append(f"{key} is missing")
        else:
            wrong.append(f"{key} is {list(other.shape)}, expected {list(tensor.shape)}")
    wrong += [f"{key} is not part of the network" for key in given if key not in own and not key.startswith("fc.")]
    if wrong:
        more = f" and {len(wrong) - _SHOWN} more" if len(wrong) > _SHOWN else ""
        raise InvalidArgumentError(
            f"weights {name} do not fit {entry.id}: {'; '.join(wrong[:_SHOWN])}{more}. Take weights of this "
            f"architecture and size, or `{RANDOM}`",
            reason="WEIGHTS_MISMATCH",
            field="weights",
            weights=name,
            mismatches=len(wrong),
        )
    if replaced:
        warn(f"weights {name} are for other classes: the last layers ({', '.join(replaced)}) start from random values")
    kept = {key: value for key, value in given.items() if key in own and key not in replaced}
    learner.network.load_state_dict(kept, strict=False)
    learner.start_from_pretrained()


_OLD_NAMES = (
    (re.compile(r"^rpn\.head\.conv\.(weight|bias)$"), r"rpn.head.conv.0.0.\1"),
    (re.compile(r"^(backbone\.fpn\.(?:inner|layer)_blocks\.\d)\.(weight|bias)$"), r"\1.0.\2"),
)
_OLD_MASK_NAME = re.compile(r"^roi_heads\.mask_head\.mask_fcn(\d)\.(weight|bias)$")


def _modern(key: str) -> str:
    """torchvision's published detectors were saved under names that it has since changed."""
    for pattern, name in _OLD_NAMES:
        key = pattern.sub(name, key)
    return _OLD_MASK_NAME.sub(lambda m: f"roi_heads.mask_head.{int(m[1]) - 1}.0.{m[2]}", key)
