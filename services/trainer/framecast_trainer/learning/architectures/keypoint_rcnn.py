"""Keypoint R-CNN: boxes in two stages, then named points in each."""

from functools import partial

from framecast_trainer.learning.architectures.architecture import Architecture, Task
from framecast_trainer.learning.architectures.rcnn import BACKBONE_DEFAULTS, BACKBONES, LAST_LAYERS, RcnnLearner

KEYPOINT_RCNN = Architecture(
    id="keypoint_rcnn",
    task=Task.TASK_KEYPOINT_DETECTION,
    description="Keypoint R-CNN (torchvision): boxes with named points, as many for every category.",
    defaults=BACKBONE_DEFAULTS["small"],
    backbone_defaults=BACKBONE_DEFAULTS,
    build=partial(RcnnLearner, with_keypoints=True),
    license="BSD-3-Clause",
    annotations=("box", "keypoints"),
    backbones=BACKBONES,
    last_layers=(*LAST_LAYERS, "roi_heads.keypoint_predictor."),
    size_multiple=16,
    pretrained={"resnet50": "KeypointRCNN_ResNet50_FPN_Weights.DEFAULT"},
)
