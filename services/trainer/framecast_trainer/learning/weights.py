"""Weights to start from: an id of the catalogue, a name of torchvision's, a file, or none."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torchvision

from framecast.errors import InvalidArgumentError, UnavailableError
from framecast_trainer.learning import weight_download
from framecast_trainer.learning.architectures import Architecture
from framecast_trainer.learning.architectures.learner import Learner
from framecast_trainer.learning.config import RANDOM
from framecast_trainer.learning.weight_catalogue import PUBLISHED, backbone_of, ids_for, nearest_ids
from framecast_trainer.learning.weight_files import State, read_weights

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
    if weights not in PUBLISHED and Path(weights).is_file():
        path = Path(weights)
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        fit(learner, entry, read_weights(path).state, path.name, warn)
        warn(f"nothing says what license {path.name} is under, so the trained model names none")
        return Origin(f"sha256:{digest}", license="")
    if weights not in PUBLISHED:
        weights = _torchvision_name(entry, backbone, weights)
    backbone_of(weights, entry.id, backbone)
    state, license_id = _fetch(weights)
    fit(learner, entry, state, weights, warn)
    return Origin(weights, license_id)


def _default_weights(learner: Learner, entry: Architecture, backbone: str, warn: Callable[[str], None]) -> Origin:
    name = entry.pretrained.get(backbone)
    if name is None:
        network = f"{entry.id} {backbone}".strip()
        warn(f"{network} takes no weights unless they are named: training starts from random ones")
        return Origin(RANDOM, entry.license)
    try:
        state, license_id = _fetch(name)
    except UnavailableError as error:
        warn(f"training starts from random weights, which needs more data and time: {error.message}")
        return Origin(RANDOM, entry.license)
    fit(learner, entry, state, name, warn)
    return Origin(name, license_id)


def _fetch(name: str) -> tuple[State, str]:
    """Published weights by name, and what they are under."""
    published = PUBLISHED.get(name)
    if published is None:
        return weight_download.fetch(_url(name)), _TORCHVISION_LICENSE
    return weight_download.fetch_published(published), published.license


def _torchvision_name(entry: Architecture, backbone: str, name: str) -> str:
    """`IMAGENET1K_V1` or `ResNet18_Weights.IMAGENET1K_V1` → the latter; only weights of this very network."""
    default = entry.pretrained.get(backbone, "")
    group = "" if default in PUBLISHED else default.partition(".")[0]
    known = list(torchvision.models.get_model_weights(_builder(group)).__members__) if group else []
    short = name.removeprefix(f"{group}.")
    if short == "DEFAULT" and default:
        return default
    if short in known:
        return f"{group}.{short}"
    ids = nearest_ids(name) or ids_for(entry.id, "")
    choice = ", ".join([RANDOM, *(f"{group}.{member}" for member in known), *ids, "or a file"])
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


def fit(learner: Learner, entry: Architecture, state: State, name: str, warn: Callable[[str], None]) -> None:
    """Loads tensors by name. Only the last layers may differ, as they do for other classes, or be absent."""
    own = learner.network.state_dict()
    given = learner.translate({_modern(key): value for key, value in state.items()})
    headless = not any(key.startswith(entry.last_layers) for key in given)
    wrong: list[str] = []
    replaced: list[str] = []
    for key, tensor in own.items():
        if key.endswith("num_batches_tracked"):
            continue
        other, last = given.get(key), key.startswith(entry.last_layers)
        if other is not None and other.shape == tensor.shape:
            continue
        if last and (headless if other is None else other.shape[1:] == tensor.shape[1:]):
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
        why = "have no last layers" if headless else "are for other classes"
        warn(f"weights {name} {why}: the last layers ({', '.join(replaced)}) start from random values")
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
