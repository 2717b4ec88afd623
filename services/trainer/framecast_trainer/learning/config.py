"""What a training is asked to do: open fields, their defaults, their ranges."""

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import TypeVar

import torch

from framecast.errors import FailedPreconditionError, InvalidArgumentError
from framecast_trainer.learning.architectures import Architecture, find_architecture
from framecast_trainer.learning.weight_catalogue import backbone_of

T = TypeVar("T")
DEVICES = ("auto", "cpu", "cuda")
RANDOM = "random"
_COARSEST_STRIDE = 32
"""Input pixels, along each side, behind a value of the coarsest maps that networks normalise over a batch."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """None, or an empty string, leaves a field to the architecture's default."""

    architecture: str
    backbone: str = ""
    epochs: int | None = None
    batch_size: int | None = None
    image_size: int | None = None
    """Side of the network's input in pixels; the shortest side for large detectors."""
    learning_rate: float | None = None
    """Peak of the schedule."""
    weight_decay: float | None = None
    device: str = "auto"
    """`auto` (CUDA where there is one), `cpu` or `cuda`."""
    seed: int = 0
    max_duration_s: float | None = None
    """Training ends after it at the latest, and the schedule is fitted into it; the export comes on top."""
    weights: str = ""
    """`random`, an id of the catalogue, a name of torchvision's weights, or a file; empty: pretrained weights where
    they can be had. Weights of the catalogue choose the backbone where it is open."""
    augment: bool = True


@dataclass(frozen=True, kw_only=True)
class ResolvedConfig:
    """A `TrainConfig` with every choice made; `device` is `cpu` or `cuda`."""

    architecture: str
    backbone: str
    epochs: int
    batch_size: int
    image_size: int
    learning_rate: float
    weight_decay: float
    device: str
    seed: int
    max_duration_s: float | None
    weights: str
    augment: bool

    @property
    def entry(self) -> Architecture:
        return find_architecture(self.architecture)


def resolve_config(config: TrainConfig) -> ResolvedConfig:
    """Fills in the architecture's defaults.

    Raises NotFoundError for an unknown architecture, InvalidArgumentError with the field for a value out of range, and
    FailedPreconditionError where CUDA is asked for and not there.
    """
    entry = find_architecture(config.architecture)
    backbone = _backbone(entry, backbone_of(config.weights, entry.id, config.backbone))
    defaults = entry.defaults_for(backbone)
    resolved = ResolvedConfig(
        architecture=entry.id,
        backbone=backbone,
        epochs=_pick(config.epochs, defaults.epochs),
        batch_size=_pick(config.batch_size, defaults.batch_size),
        image_size=_pick(config.image_size, defaults.image_size),
        learning_rate=_pick(config.learning_rate, defaults.learning_rate),
        weight_decay=_pick(config.weight_decay, defaults.weight_decay),
        device=_device(config.device),
        seed=config.seed,
        max_duration_s=config.max_duration_s,
        weights=config.weights,
        augment=config.augment,
    )
    _check(resolved, entry)
    return resolved


def as_json(config: ResolvedConfig) -> dict[str, object]:
    """Plain values, for the lineage."""
    return dataclasses.asdict(config)


def _pick(chosen: T | None, default: T) -> T:
    return default if chosen is None else chosen


def _backbone(entry: Architecture, backbone: str) -> str:
    if not backbone:
        return entry.backbones[0] if entry.backbones else ""
    if backbone in entry.backbones:
        return backbone
    if not entry.backbones:
        advice = f"{entry.id} comes in one size; leave the field empty"
    else:
        near = difflib.get_close_matches(backbone, entry.backbones, n=1, cutoff=0.0)
        advice = f"did you mean {near[0]!r}? {entry.id} has {', '.join(entry.backbones)}"
    raise InvalidArgumentError(
        f"backbone {backbone!r} is not known: {advice}", reason="BACKBONE_UNKNOWN", field="backbone", backbone=backbone
    )


def _device(device: str) -> str:
    if device not in DEVICES:
        raise InvalidArgumentError(
            f"device is {device!r}; it must be one of {', '.join(DEVICES)}", reason="DEVICE_UNKNOWN", field="device"
        )
    if device == "cpu":
        return "cpu"
    if torch.cuda.is_available():
        return "cuda"
    if device == "cuda":
        raise FailedPreconditionError(
            "device cuda was asked for, but PyTorch finds none here; ask for `auto` or `cpu`",
            reason="DEVICE_UNAVAILABLE",
            device=device,
        )
    return "cpu"


def _check(config: ResolvedConfig, entry: Architecture) -> None:
    _in_range("epochs", config.epochs, 1, 100_000)
    _in_range("batch_size", config.batch_size, 1, 4096)
    _in_range("image_size", config.image_size, 32, 4096)
    if config.image_size % entry.size_multiple:
        nearest = max(1, round(config.image_size / entry.size_multiple)) * entry.size_multiple
        raise InvalidArgumentError(
            f"image_size is {config.image_size}; {entry.id} needs a multiple of "
            f"{entry.size_multiple}, such as {nearest}",
            reason="OUT_OF_RANGE",
            field="image_size",
            value=config.image_size,
        )
    if config.batch_size == 1 and config.image_size <= _COARSEST_STRIDE:
        raise InvalidArgumentError(
            f"batch_size is 1; at image_size {config.image_size} it must be at least 2, for a single picture leaves "
            f"one value per channel, which cannot be normalised. Or raise image_size to {2 * _COARSEST_STRIDE}",
            reason="OUT_OF_RANGE",
            field="batch_size",
            value=config.batch_size,
        )
    if not 0 < config.learning_rate <= 10:
        _in_range("learning_rate", config.learning_rate, 1e-12, 10)
    _in_range("weight_decay", config.weight_decay, 0, 10)
    _in_range("seed", config.seed, 0, 2**63 - 1)
    if config.max_duration_s is not None:
        _in_range("max_duration", config.max_duration_s, 1, 10**9)


def _in_range(field: str, value: float, low: float, high: float) -> None:
    if not math.isfinite(value) or not low <= value <= high:
        raise InvalidArgumentError(
            f"{field} is {value}; it must be in [{low:g}, {high:g}]", reason="OUT_OF_RANGE", field=field, value=value
        )
