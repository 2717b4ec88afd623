"""A job as it is asked for: open fields are None; `resolve_config` checks them and fills in the defaults."""

import math
import re
from dataclasses import dataclass

from framecast.errors import InvalidArgumentError
from framecast.names import BLOB
from framecast_trainer.job import Device, JobConfig
from framecast_trainer.learning.weight_catalogue import PUBLISHED, backbone_of, ids_for
from framecast_trainer.library import Architecture

_FIELD = "training_job.config."
_MEMBER = re.compile(r"[A-Z][A-Z0-9_]*")
_RANDOM = "random"


@dataclass(frozen=True, kw_only=True)
class ConfigRequest:
    """A configuration as it came; None and "" are open."""

    epochs: int | None = None
    batch_size: int | None = None
    image_size: int | None = None
    learning_rate: float | None = None
    weight_decay: float | None = None
    device: Device = Device.AUTO
    seed: int | None = None
    max_duration_s: float | None = None
    weights: str = ""
    backbone: str = ""
    augment: bool | None = None


@dataclass(frozen=True, kw_only=True)
class JobRequest:
    """What `CreateTrainingJob` asks for."""

    project: str
    model: str
    dataset_version: str
    architecture: str
    config: ConfigRequest = ConfigRequest()
    request_id: str = ""


def resolve_config(request: ConfigRequest, architecture: Architecture, *, project: str) -> JobConfig:
    """The configuration with every default in force. Raises InvalidArgumentError naming the field at fault."""
    wanted = backbone_of(request.weights, architecture.id, request.backbone, field=f"{_FIELD}weights")
    backbone = _backbone(wanted, architecture)
    defaults = architecture.defaults_for(backbone)
    image_size = _whole("image_size", request.image_size, defaults.image_size, low=32, high=4096)
    if image_size % architecture.size_multiple:
        raise _refusal("image_size", image_size, f"a multiple of {architecture.size_multiple} for {architecture.id}")
    if request.max_duration_s is not None:
        _number("max_duration", request.max_duration_s, 0.0, low=1.0, high=365 * 86400.0)
    _check_weights(request.weights, architecture, backbone, project)
    return JobConfig(
        epochs=_whole("epochs", request.epochs, defaults.epochs, low=1, high=100_000),
        batch_size=_whole("batch_size", request.batch_size, defaults.batch_size, low=1, high=4096),
        image_size=image_size,
        learning_rate=_number("learning_rate", request.learning_rate, defaults.learning_rate, 0.0, 10.0, above=True),
        weight_decay=_number("weight_decay", request.weight_decay, defaults.weight_decay, 0.0, 10.0),
        device=request.device,
        seed=_whole("seed", request.seed, 0, low=0, high=2**63 - 1),
        max_duration_s=request.max_duration_s,
        weights=request.weights,
        backbone=backbone,
        augment=True if request.augment is None else request.augment,
    )


def _whole(field: str, value: int | None, default: int, *, low: int, high: int) -> int:
    if value is None:
        return default
    if not low <= value <= high:
        raise _refusal(field, value, f"from {low} to {high}")
    return value


def _number(field: str, value: float | None, default: float, low: float, high: float, above: bool = False) -> float:
    if value is None:
        return default
    if not math.isfinite(value) or not low <= value <= high or (above and value == low):
        raise _refusal(field, value, f"a number {'above' if above else 'from'} {low:g} and at most {high:g}")
    return value


def _backbone(backbone: str, architecture: Architecture) -> str:
    if not backbone:
        return architecture.backbones[0] if architecture.backbones else ""
    if backbone not in architecture.backbones:
        choice = " or ".join(architecture.backbones)
        wanted = (
            f"{choice} for {architecture.id}" if choice else f"empty: {architecture.id} comes with one backbone only"
        )
        raise _refusal("backbone", backbone, wanted)
    return backbone


def _check_weights(weights: str, architecture: Architecture, backbone: str, project: str) -> None:
    """Whether the name can be one of this network's; the worker finds out whether it is, and can be reached."""
    if weights in ("", _RANDOM) or (BLOB.matches(weights) and BLOB.parse(weights)["project"] == project):
        return
    ids = ids_for(architecture.id, backbone)
    if weights in ids:
        return
    published = architecture.pretrained.get(backbone, "")
    group = published.partition(".")[0] if published not in PUBLISHED else ""
    if group and _MEMBER.fullmatch(weights.removeprefix(f"{group}.")):
        return
    choice = [f"`{_RANDOM}`", *ids, *([f"a member of {group} such as `DEFAULT`"] if group else [])]
    raise _refusal("weights", weights, f"{', '.join(choice)} or projects/{project}/blobs/{{sha256}}")


def _refusal(field: str, value: object, wanted: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"{_FIELD}{field} must be {wanted}, got {value!r}",
        reason="TRAINING_CONFIG_INVALID",
        field=f"{_FIELD}{field}",
        value=value,
    )
