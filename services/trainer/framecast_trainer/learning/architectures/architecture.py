"""An entry of the library: what it is, what it needs, how it is built."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from framecast.v1 import model_pb2
from framecast_trainer.learning.architectures.learner import Learner

Task = model_pb2.Task


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a training takes where its configuration is open."""

    epochs: int
    batch_size: int
    image_size: int
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True, kw_only=True)
class BuildRequest:
    """Which network of an architecture."""

    class_count: int
    image_size: int
    backbone: str = ""
    keypoint_count: int = 0
    """Of every class; for networks that find keypoints."""


@dataclass(frozen=True, kw_only=True)
class Architecture:
    id: str
    task: "Task.ValueType"
    description: str
    defaults: Defaults
    build: Callable[[BuildRequest], Learner]
    license: str
    annotations: tuple[str, ...]
    """What every training picture's labels must have: `label`, `box`, `mask`."""
    backbones: tuple[str, ...] = ()
    """The default first; empty where there is no choice."""
    last_layers: tuple[str, ...] = ()
    """Prefixes of the parameters whose shape depends on the number of classes."""
    size_multiple: int = 1
    """The image size must be one of it."""
    ema: bool = False
    """Whether an average of the weights over the last steps is what is kept."""
    pretrained: Mapping[str, str] = field(default_factory=dict)
    """Backbone (empty where there is no choice) → the published weights that it starts from by default, torchvision's
    or an id of the catalogue."""
    backbone_defaults: Mapping[str, Defaults] = field(default_factory=dict)
    """Where a backbone wants other defaults."""

    def defaults_for(self, backbone: str) -> Defaults:
        return self.backbone_defaults.get(backbone, self.defaults)
