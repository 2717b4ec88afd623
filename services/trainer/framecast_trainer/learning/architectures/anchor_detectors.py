"""torchvision's RetinaNet, FCOS and SSD: one graph to the scores and deltas of all anchors."""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torchvision.models import detection

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults, Task
from framecast_trainer.learning.architectures.learner import Learner, Port, Stage, not_trainable
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.input_rule import shortest_side, stretch

_Head = ModelBundle.AnchorHead
_LONGEST_TO_SHORTEST = 1333 / 800
_PYRAMID_STRIDES = (8, 16, 32, 64, 128)


class _AllAnchors(nn.Module):
    """Images → class logits [B, N, columns], deltas [B, N, 4], FCOS's centerness [B, N], and the mean of the deepest
    features [B, D]."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone = network.backbone
        self.head = network.head

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        levels: list[Tensor] = list(self.backbone(images).values())
        found: dict[str, Tensor] = self.head(levels)
        centerness = (found["bbox_ctrness"].squeeze(-1),) if "bbox_ctrness" in found else ()
        return (found["cls_logits"], found["bbox_regression"], *centerness, levels[-1].mean(dim=(2, 3)))


class _AnchorLearner(Learner):
    """What the three have in common; training is not supported yet."""

    name: str
    network: Any
    columns: int
    size: tuple[str | int, str | int] = ("height", "width")
    feature_count: int

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        raise not_trainable(self.name)

    def stages(self) -> list[Stage]:
        outputs = [Port("class_logits", ("batch", "anchors", self.columns)), Port("deltas", ("batch", "anchors", 4))]
        if self.name == "fcos":
            outputs.append(Port("centerness", ("batch", "anchors")))
        outputs.append(Port("features", ("batch", self.feature_count)))
        images = Port("images", ("batch", 3, *self.size))
        return [Stage("network", _AllAnchors(self.network), (images,), tuple(outputs))]

    def _describe(self, manifest: ModelBundle, decoder: "_Head.Decoder.ValueType") -> None:
        manifest.anchors.decoder = decoder
        manifest.anchors.top_k = self.network.topk_candidates
        defaults = manifest.default_settings
        defaults.confidence_threshold = 0.5
        defaults.iou_threshold = self.network.nms_thresh
        defaults.max_detections = self.network.detections_per_img


class PyramidLearner(_AnchorLearner):
    """RetinaNet or FCOS over a ResNet-50 pyramid; `image_size` is the shortest side."""

    def __init__(self, name: str, request: BuildRequest) -> None:
        build = detection.fcos_resnet50_fpn if name == "fcos" else detection.retinanet_resnet50_fpn
        longest = round(request.image_size * _LONGEST_TO_SHORTEST)
        self.name = name
        self.columns = request.class_count
        self.network = build(
            weights=None,
            weights_backbone=None,
            num_classes=request.class_count,
            min_size=request.image_size,
            max_size=longest,
        )
        self.feature_count = int(self.network.backbone.out_channels)
        self.input = shortest_side(request.image_size, longest)
        self.views = AugmentRule(flip=0.5)

    def describe(self, manifest: ModelBundle) -> None:
        fcos = self.name == "fcos"
        self._describe(manifest, _Head.FCOS if fcos else _Head.RETINANET)
        for stride, anchors in zip(_PYRAMID_STRIDES, self.network.anchor_generator.cell_anchors, strict=True):
            manifest.anchors.levels.add(base_anchors=anchors.flatten().tolist(), stride=stride, whole_steps=True)
        if not fcos:
            manifest.anchors.box_weights.extend(self.network.box_coder.weights)


class SsdLearner(_AnchorLearner):
    """SSD or SSDLite on pictures stretched to the one size that the network is made for."""

    def __init__(self, name: str, request: BuildRequest) -> None:
        self.name = name
        self.columns = request.class_count + 1
        self.network = getattr(detection, name)(weights=None, weights_backbone=None, num_classes=self.columns)
        side = int(self.network.transform.fixed_size[0])
        if request.image_size != side:
            raise InvalidArgumentError(
                f"image_size is {request.image_size}; {name} is made for {side}",
                reason="OUT_OF_RANGE",
                field="image_size",
                value=request.image_size,
            )
        self.size = (side, side)
        transform = self.network.transform
        self.input = stretch(side, transform.image_mean, transform.image_std)
        self.views = AugmentRule(flip=0.5)
        with torch.no_grad():
            levels = list(self.network.backbone.eval()(torch.zeros(1, 3, side, side)).values())
        self.feature_count = levels[-1].shape[1]
        self._grids = [level.shape[2] for level in levels]

    def describe(self, manifest: ModelBundle) -> None:
        self._describe(manifest, _Head.SSD)
        manifest.anchors.box_weights.extend(self.network.box_coder.weights)
        generator, side = self.network.anchor_generator, self.input.width
        strides = generator.steps or [side / cells for cells in self._grids]
        for stride, shares in zip(strides, generator._wh_pairs, strict=True):
            sizes = (shares.clamp(0, 1) if generator.clip else shares) * side
            boxes = torch.cat((stride / 2 - sizes / 2, stride / 2 + sizes / 2), dim=1)
            manifest.anchors.levels.add(base_anchors=boxes.flatten().tolist(), stride=stride)


def _entry(
    name: str,
    learner: Callable[[str, BuildRequest], Learner],
    description: str,
    weights: str,
    *,
    image_size: int,
    size_multiple: int,
) -> Architecture:
    return Architecture(
        id=name,
        task=Task.TASK_OBJECT_DETECTION,
        description=f"{description} (torchvision): boxes in one pass.",
        defaults=Defaults(epochs=12, batch_size=8, image_size=image_size, learning_rate=1e-4, weight_decay=1e-4),
        build=partial(learner, name),
        license="BSD-3-Clause",
        annotations=("box",),
        last_layers=("head.classification_head.",),
        size_multiple=size_multiple,
        pretrained={"": f"{weights}.DEFAULT"},
    )


RETINANET = _entry(
    "retinanet", PyramidLearner, "RetinaNet with ResNet-50", "RetinaNet_ResNet50_FPN_Weights",
    image_size=800, size_multiple=1,
)  # fmt: skip
FCOS = _entry(
    "fcos", PyramidLearner, "FCOS with ResNet-50", "FCOS_ResNet50_FPN_Weights", image_size=800, size_multiple=1
)
SSD300 = _entry(
    "ssd300_vgg16", SsdLearner, "SSD with VGG-16", "SSD300_VGG16_Weights", image_size=300, size_multiple=300
)
SSDLITE320 = _entry(
    "ssdlite320_mobilenet_v3_large", SsdLearner, "SSDLite with MobileNetV3",
    "SSDLite320_MobileNet_V3_Large_Weights", image_size=320, size_multiple=320,
)  # fmt: skip
