"""The networks that can be trained, as far as one must know them to accept a job: no torch is needed to read this.

`learning.architectures` builds them; a test holds the two together.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from framecast.errors import InvalidArgumentError, UnimplementedError
from framecast_trainer.learning.weight_catalogue import zoo_defaults


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
    """Backbone → the published weights that it starts from by default, torchvision's or an id of the catalogue."""

    def defaults_for(self, backbone: str) -> Defaults:
        """The defaults in force with this backbone."""
        return self.backbone_defaults.get(backbone, self.defaults)


_SMALL_RCNN = Defaults(epochs=60, batch_size=8, image_size=320, learning_rate=3e-3, weight_decay=1e-4)
_LARGE_RCNN = Defaults(epochs=12, batch_size=2, image_size=800, learning_rate=1e-4, weight_decay=1e-4)
_ZOO_BACKBONES = ("R_50_C4", "R_50_DC5", "R_50_FPN", "R_101_C4", "R_101_DC5", "R_101_FPN", "X_101_32x8d_FPN")
_RCNN_BACKBONES = (
    "Backbone `small` learns from nothing on a CPU in minutes; `resnet50` is torchvision's published ResNet-50 FPN and "
    "the others are those of Detectron2's model zoo, for pretrained weights and a GPU."
)


def _rcnn(architecture_id: str, task: Task, description: str, weights: str) -> Architecture:
    return Architecture(
        id=architecture_id,
        task=task,
        description=f"{description} {_RCNN_BACKBONES}",
        license="BSD-3-Clause",
        defaults=_SMALL_RCNN,
        backbones=("small", "resnet50", *_ZOO_BACKBONES),
        backbone_defaults={"small": _SMALL_RCNN, **dict.fromkeys(("resnet50", *_ZOO_BACKBONES), _LARGE_RCNN)},
        size_multiple=16,
        pretrained={"resnet50": f"{weights}.DEFAULT"} | zoo_defaults(architecture_id),
    )


_YOLOV5_SIZES = {
    "n": ("nano (1.9 million parameters)", 3e-3),
    "s": ("small (7.2 million parameters)", 2e-3),
    "m": ("medium (21.2 million parameters)", 1e-3),
    "l": ("large (46.5 million parameters)", 1e-3),
    "x": ("extra large (86.7 million parameters)", 1e-3),
}


def _yolov5_defaults(size: str) -> Defaults:
    learning_rate = _YOLOV5_SIZES[size][1]
    return Defaults(epochs=60, batch_size=16, image_size=640, learning_rate=learning_rate, weight_decay=5e-4)


def _yolov5(size: str) -> Architecture:
    """Of one size, or, where it is empty, of all of them."""
    name = _YOLOV5_SIZES[size][0] if size else "in the size that the backbone names"
    return Architecture(
        id=f"yolov5{size}",
        task=Task.OBJECT_DETECTION,
        description=f"YOLOv5 {name}, release 6.0: boxes in one pass. Our own implementation of the published network.",
        license="Apache-2.0",
        defaults=_yolov5_defaults(size or "s"),
        backbones=() if size else ("s", "n", "m", "l", "x"),
        backbone_defaults={} if size else {each: _yolov5_defaults(each) for each in _YOLOV5_SIZES},
        size_multiple=32,
    )


def _classifier(
    architecture_id: str, description: str, license_id: str, weights: str, *, batch_size: int, learning_rate: float
) -> Architecture:
    return Architecture(
        id=architecture_id,
        task=Task.CLASSIFICATION,
        description=f"{description}: one label for the whole picture.",
        license=license_id,
        defaults=Defaults(
            epochs=20, batch_size=batch_size, image_size=224, learning_rate=learning_rate, weight_decay=1e-2
        ),
        pretrained={"": weights},
    )


def _resnet(layers: int, learning_rate: float, batch_size: int = 32) -> Architecture:
    return _classifier(
        f"resnet{layers}",
        f"ResNet-{layers} (torchvision)",
        "BSD-3-Clause",
        f"ResNet{layers}_Weights.DEFAULT",
        batch_size=batch_size,
        learning_rate=learning_rate,
    )


def _vgg(layers: int) -> Architecture:
    return _classifier(
        f"vgg{layers}",
        f"VGG-{layers} (torchvision)",
        "BSD-3-Clause",
        f"VGG{layers}_Weights.DEFAULT",
        batch_size=16,
        learning_rate=1e-4,
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
        _resnet(101, 5e-4, batch_size=16),
        _resnet(152, 5e-4, batch_size=16),
        _vgg(16),
        _vgg(19),
        _classifier(
            "fast_ai",
            "A fastai vision learner's ResNet-34",
            "Apache-2.0",
            "fast_ai",
            batch_size=32,
            learning_rate=1e-3,
        ),
        _yolov5(""),
        *map(_yolov5, _YOLOV5_SIZES),
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
