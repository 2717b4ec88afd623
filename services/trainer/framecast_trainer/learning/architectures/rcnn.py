"""Faster, Mask and Keypoint R-CNN: how they learn, how they are cut, what their head says of itself."""

from functools import partial
from typing import Any

from torch import Tensor, nn
from torchvision.models.detection import (
    fasterrcnn_resnet50_fpn,
    keypointrcnn_resnet50_fpn,
    maskrcnn_resnet50_fpn,
)

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_trainer.learning.architectures import small_rcnn
from framecast_trainer.learning.architectures.architecture import BuildRequest, Defaults
from framecast_trainer.learning.architectures.detectron2_backbone import ZOO_BACKBONES
from framecast_trainer.learning.architectures.detectron2_rcnn import (
    ZooAnchors,
    build_zoo,
    size_multiple,
    strides_of,
)
from framecast_trainer.learning.architectures.learner import Learner, Stage, not_trainable
from framecast_trainer.learning.architectures.rcnn_stages import cut, finest_level
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.input_rule import letterbox_top_left, shortest_side, zoo_shortest_side
from framecast_trainer.learning.losses.rcnn_loss import rcnn_loss

_LARGE = Defaults(epochs=12, batch_size=2, image_size=800, learning_rate=1e-4, weight_decay=1e-4)
BACKBONES = ("small", "resnet50")
BACKBONE_DEFAULTS = {
    "small": Defaults(epochs=60, batch_size=8, image_size=320, learning_rate=3e-3, weight_decay=1e-4),
    "resnet50": _LARGE,
} | dict.fromkeys(ZOO_BACKBONES, _LARGE)
LAST_LAYERS = (
    "roi_heads.box_predictor.",
    "roi_heads.mask_predictor.mask_fcn_logits.",
)
_MASK_THRESHOLD = 0.5
_LONGEST_TO_SHORTEST = 1333 / 800


class RcnnLearner(Learner):
    """`image_size` is the side of the square for `small`, the shortest side for the others."""

    def __init__(self, request: BuildRequest, *, with_masks: bool = False, with_keypoints: bool = False) -> None:
        self.wants_masks = with_masks
        keypoints = request.keypoint_count if with_keypoints else 0
        if with_keypoints and not keypoints:
            raise InvalidArgumentError(
                "the categories name no keypoints; give their names", reason="NO_KEYPOINTS", field="categories"
            )
        self.class_count = request.class_count
        self._frozen = False
        self._small = request.backbone == "small"
        if self._small:
            self.network: Any = small_rcnn.build_small(
                request.class_count, request.image_size, with_masks=with_masks, keypoints=keypoints
            )
            self.strides: tuple[int, ...] = small_rcnn.STRIDES
            self.input = letterbox_top_left(request.image_size, self.strides[-1])
            self.views = AugmentRule(flip=0.5, scale=0.25, shift=0.1, brightness=0.2, saturation=0.2, hue=0.01)
        elif request.backbone in ZOO_BACKBONES:
            kind = ZOO_BACKBONES[request.backbone]
            self.network = build_zoo(kind, request.class_count, with_masks=with_masks)
            self.strides = strides_of(kind)
            longest = round(request.image_size * _LONGEST_TO_SHORTEST)
            self.input = zoo_shortest_side(request.image_size, longest, size_multiple(kind), resnext=kind.is_resnext)
            self.views = AugmentRule(flip=0.5, brightness=0.2, saturation=0.2, hue=0.01)
        else:
            build = maskrcnn_resnet50_fpn if with_masks else fasterrcnn_resnet50_fpn
            if keypoints:
                build = partial(keypointrcnn_resnet50_fpn, num_keypoints=keypoints)
            longest = round(request.image_size * _LONGEST_TO_SHORTEST)
            self.network = build(
                weights=None,
                weights_backbone=None,
                num_classes=request.class_count + 1,
                min_size=request.image_size,
                max_size=longest,
            )
            self.strides = (4, 8, 16, 32)
            self.input = shortest_side(request.image_size, longest)
            self.views = AugmentRule(flip=0.5, brightness=0.2, saturation=0.2, hue=0.01)

    def adapt(self, boxes: Tensor, seed: int) -> None:
        """Fits the small network's square anchors to the data; the large one keeps those it was published with."""
        if self._small and len(boxes):
            generator = self.network.rpn.anchor_generator
            sides = small_rcnn.fit_square_anchors(boxes)
            generator.sizes = tuple((side,) for side in sides)
            generator.cell_anchors = [generator.generate_anchors((side,), (1.0,)) for side in sides]

    def start_from_pretrained(self) -> None:
        """As torchvision fine-tunes: batch normalisation, the stem and the first stage stay as they were learnt.

        The small network is quick enough to learn all of itself anew.
        """
        if self._small:
            return
        self._frozen = True
        for module in self.network.backbone.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.requires_grad_(False)
        for name, parameter in self.network.backbone.named_parameters():
            if name.startswith(("body.conv1", "body.bn1", "body.layer1")):
                parameter.requires_grad_(False)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        if self.network.roi_heads.has_keypoint():
            raise not_trainable("keypoint_rcnn")
        if self._frozen:
            for module in self.network.backbone.modules():
                if isinstance(module, nn.BatchNorm2d):
                    module.eval()
        return rcnn_loss(self.network, batch)

    def stages(self) -> list[Stage]:
        return cut(self.network, self.strides, self.class_count)

    def describe(self, manifest: ModelBundle) -> None:
        head, rpn, roi_heads = manifest.rcnn, self.network.rpn, self.network.roi_heads
        zoo = isinstance(rpn.anchor_generator, ZooAnchors)
        for level, anchors in enumerate(rpn.anchor_generator.cell_anchors):
            stride = rpn.anchor_generator.strides[level] if zoo else 0
            head.anchor_levels.add(base_anchors=anchors.flatten().tolist(), stride=stride)
        head.pre_nms_top_n = _test_count(rpn, "_pre_nms_top_n")
        head.post_nms_top_n = _test_count(rpn, "_post_nms_top_n")
        head.proposal_nms_threshold = rpn.nms_thresh
        head.proposal_score_threshold = rpn.score_thresh
        head.proposal_min_size = rpn.min_size
        head.proposal_box_weights.extend(rpn.box_coder.weights)
        head.box_weights.extend(roi_heads.box_coder.weights)
        head.box_min_size = 0.0 if zoo else 1e-2
        head.pooled_levels = len(self.strides)
        head.canonical_level = roi_heads.box_roi_pool.canonical_level
        head.canonical_scale = roi_heads.box_roi_pool.canonical_scale
        head.finest_level = finest_level(self.strides)
        head.mask_threshold = _MASK_THRESHOLD
        head.exact_mask_boxes = zoo
        defaults = manifest.default_settings
        defaults.confidence_threshold = 0.5
        defaults.iou_threshold = 0.5
        defaults.max_detections = 100


def _test_count(rpn: nn.Module, name: str) -> int:
    """torchvision keeps the counts for training and testing under private names."""
    counts: dict[str, int] = getattr(rpn, name)
    return counts["testing"]
