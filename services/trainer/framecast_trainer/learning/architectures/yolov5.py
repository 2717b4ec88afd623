"""YOLOv5 (release 6.0): one graph to raw head outputs."""

from functools import partial
from typing import Any

import torch
from torch import Tensor

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_trainer.learning.anchors import best_possible_recall, fit_anchors
from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults, Task
from framecast_trainer.learning.architectures.learner import Learner, Port, Stage, counted
from framecast_trainer.learning.architectures.yolov5_network import STRIDES, YoloV5Network
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.input_rule import letterbox_center
from framecast_trainer.learning.losses.yolov5_loss import ANCHOR_RATIO, yolov5_loss
from framecast_trainer.learning.precision import mixed

_ENOUGH_RECALL = 0.98
"""Anchors that allow less are fitted anew."""


class YoloV5Learner(Learner):
    """Teaches and cuts a YOLOv5 network."""

    def __init__(self, size: str, request: BuildRequest) -> None:
        self.network: YoloV5Network = YoloV5Network(size or request.backbone, request.class_count)
        self.input = letterbox_center(request.image_size)
        self.views = AugmentRule(flip=0.5, scale=0.4, shift=0.1, mosaic=0.5, brightness=0.3, saturation=0.5, hue=0.015)

    def adapt(self, boxes: Tensor, seed: int) -> None:
        """Fits the anchors to boxes' sizes (float32 [N, 2], input pixels), unless the present ones do."""
        sizes = boxes.double().numpy()
        anchors = self.network.anchors
        levels, per_level, _ = anchors.shape
        if best_possible_recall(sizes, anchors.view(-1, 2).double().numpy(), ANCHOR_RATIO) >= _ENOUGH_RECALL:
            return
        fitted = fit_anchors(sizes, levels * per_level, ANCHOR_RATIO, seed)
        self.network.set_anchors(torch.from_numpy(fitted).float().view(levels, per_level, 2))

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        with mixed(batch.images.device):
            maps = self.network(batch.images)
        outputs = tuple(level.float() for level in maps)
        return yolov5_loss(outputs, _targets(batch), self.network.anchors, STRIDES)

    def stages(self) -> list[Stage]:
        channels = self.network.anchors.shape[1] * (5 + self.network.detect.class_count)
        side = int(self.input.width)
        outputs = [
            Port(name, ("batch", channels, side // stride, side // stride))
            for name, stride in zip(_HEADS, STRIDES, strict=True)
        ]
        images = Port("images", ("batch", 3, side, side))
        return [Stage("network", self.network, (images,), tuple(outputs))]

    def describe(self, manifest: ModelBundle) -> None:
        for stride, anchors in zip(STRIDES, self.network.anchors, strict=True):
            manifest.yolov5.levels.add(stride=stride, anchors=anchors.flatten().tolist())
        defaults = manifest.default_settings
        defaults.confidence_threshold = 0.25
        defaults.iou_threshold = 0.45
        defaults.max_detections = 300


_HEADS = counted("head", len(STRIDES))


def _targets(batch: Batch) -> Tensor:
    """float32 [N, 6]: picture, class, box centre and size in pixels."""
    rows = []
    for i, (boxes, classes) in enumerate(zip(batch.boxes, batch.classes, strict=True)):
        centre, size = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        rows.append(
            torch.cat((torch.full_like(centre[:, :1], i), classes[:, None].to(centre.dtype), centre, size), dim=1)
        )
    return torch.cat(rows)


_DESCRIPTION = "release 6.0: boxes in one pass. Our own implementation of the published network."
_SIZES = {
    "n": ("nano (1.9 million parameters)", 3e-3),
    "s": ("small (7.2 million parameters)", 2e-3),
    "m": ("medium (21.2 million parameters)", 1e-3),
    "l": ("large (46.5 million parameters)", 1e-3),
    "x": ("extra large (86.7 million parameters)", 1e-3),
}


def _defaults(learning_rate: float) -> Defaults:
    return Defaults(epochs=60, batch_size=16, image_size=640, learning_rate=learning_rate, weight_decay=5e-4)


def _entry(architecture_id: str, size: str, description: str, **fields: Any) -> Architecture:
    return Architecture(
        id=architecture_id,
        task=Task.TASK_OBJECT_DETECTION,
        description=description,
        build=partial(YoloV5Learner, size),
        license="Apache-2.0",
        annotations=("box",),
        last_layers=("model.24.",),
        size_multiple=32,
        ema=True,
        **fields,
    )


YOLOV5 = (
    _entry(
        "yolov5",
        "",
        f"YOLOv5 in the size that the backbone names, {_DESCRIPTION}",
        defaults=_defaults(_SIZES["s"][1]),
        backbones=("s", "n", "m", "l", "x"),
        backbone_defaults={size: _defaults(learning_rate) for size, (_, learning_rate) in _SIZES.items()},
    ),
    *(
        _entry(f"yolov5{size}", size, f"YOLOv5 {name}, {_DESCRIPTION}", defaults=_defaults(learning_rate))
        for size, (name, learning_rate) in _SIZES.items()
    ),
)
