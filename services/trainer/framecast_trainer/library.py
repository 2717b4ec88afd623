"""The networks that can be trained, as far as one must know them to accept a job: no torch is needed to read this.

`learning.architectures` builds them; a test holds the two together.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from framecast.errors import InvalidArgumentError, UnimplementedError


class Task(Enum):
    """What a model answers."""

    CLASSIFICATION = "classification"
    OBJECT_DETECTION = "object_detection"
    INSTANCE_SEGMENTATION = "instance_segmentation"


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a job takes where its configuration is open."""

    epochs: int
    batch_size: int
    image_size: int
    learning_rate: float
    weight_decay: float


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """An entry of the library."""

    id: str
    task: Task
    description: str
    license: str
    """SPDX identifier of the network's code."""
    defaults: Defaults
    backbones: tuple[str, ...] = ()
    """The default first; empty where there is no choice."""
    backbone_defaults: Mapping[str, Defaults] = field(default_factory=dict)
    """Where a backbone wants other defaults."""
    size_multiple: int = 1
    """The image size must be one of it."""
    pretrained: Mapping[str, str] = field(default_factory=dict)
    """Backbone → torchvision's weights for it; those without an entry have none."""

    def defaults_for(self, backbone: str) -> Defaults:
        """The defaults in force with this backbone."""
        return self.backbone_defaults.get(backbone, self.defaults)


_SMALL_RCNN = Defaults(epochs=60, batch_size=8, image_size=320, learning_rate=3e-3, weight_decay=1e-4)
_RESNET50_RCNN = Defaults(epochs=12, batch_size=2, image_size=800, learning_rate=1e-4, weight_decay=1e-4)
_RCNN_BACKBONES = (
    "Backbone `small` learns from nothing on a CPU in minutes; `resnet50` is the published ResNet-50 FPN, for "
    "pretrained weights and a GPU."
)


def _rcnn(architecture_id: str, task: Task, description: str, weights: str) -> Architecture:
    return Architecture(
        id=architecture_id,
        task=task,
        description=f"{description} {_RCNN_BACKBONES}",
        license="BSD-3-Clause",
        defaults=_SMALL_RCNN,
        backbones=("small", "resnet50"),
        backbone_defaults={"small": _SMALL_RCNN, "resnet50": _RESNET50_RCNN},
        size_multiple=16,
        pretrained={"resnet50": f"{weights}.DEFAULT"},
    )


def _yolov5(size: str, name: str, learning_rate: float) -> Architecture:
    return Architecture(
        id=f"yolov5{size}",
        task=Task.OBJECT_DETECTION,
        description=f"YOLOv5 {name}, release 6.0: boxes in one pass. Our own implementation of the published network.",
        license="Apache-2.0",
        defaults=Defaults(epochs=60, batch_size=16, image_size=640, learning_rate=learning_rate, weight_decay=5e-4),
        size_multiple=32,
    )


def _resnet(layers: int, learning_rate: float) -> Architecture:
    return Architecture(
        id=f"resnet{layers}",
        task=Task.CLASSIFICATION,
        description=f"ResNet-{layers} (torchvision): one label for the whole picture.",
        license="BSD-3-Clause",
        defaults=Defaults(epochs=20, batch_size=32, image_size=224, learning_rate=learning_rate, weight_decay=1e-2),
        pretrained={"": f"ResNet{layers}_Weights.DEFAULT"},
    )


LIBRARY: Mapping[str, Architecture] = {
    architecture.id: architecture
    for architecture in (
        _rcnn(
            "faster_rcnn",
            Task.OBJECT_DETECTION,
            "Faster R-CNN (torchvision): boxes in two stages.",
            "FasterRCNN_ResNet50_FPN_Weights",
        ),
        _rcnn(
            "mask_rcnn",
            Task.INSTANCE_SEGMENTATION,
            "Mask R-CNN (torchvision): boxes with polygons.",
            "MaskRCNN_ResNet50_FPN_Weights",
        ),
        _resnet(18, 1e-3),
        _resnet(34, 1e-3),
        _resnet(50, 5e-4),
        _yolov5("n", "nano (1.9 million parameters)", 3e-3),
        _yolov5("s", "small (7.2 million parameters)", 2e-3),
    )
}


SERVED_ONLY = (
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "fcn_resnet50",
    "fcos",
    "keypoint_rcnn",
    "lraspp_mobilenet_v3_large",
    "retinanet",
    "ssd300_vgg16",
    "ssdlite320_mobilenet_v3_large",
)
"""Networks that can be built, exported and served, but not taught yet."""


def find_architecture(architecture_id: str) -> Architecture:
    """The entry with this id.

    Raises InvalidArgumentError that names the nearest ones, and UnimplementedError for one that cannot be taught yet.
    """
    found = LIBRARY.get(architecture_id)
    if found is not None:
        return found
    if architecture_id in SERVED_ONLY:
        raise UnimplementedError(
            f"training_job.architecture: {architecture_id} can be exported and served, but training it is not "
            f"supported yet; train one of {', '.join(LIBRARY)}",
            reason="TRAINING_NOT_SUPPORTED",
            field="training_job.architecture",
            value=architecture_id,
        )
    near = sorted(difflib.get_close_matches(architecture_id.lower(), LIBRARY, n=3, cutoff=0.4))
    hint = f"did you mean {' or '.join(near)}?" if near else f"the library has {', '.join(LIBRARY)}"
    raise InvalidArgumentError(
        f"training_job.architecture: there is no {architecture_id!r}; {hint}",
        reason="ARCHITECTURE_UNKNOWN",
        field="training_job.architecture",
        value=architecture_id,
        suggestions=", ".join(near),
    )
