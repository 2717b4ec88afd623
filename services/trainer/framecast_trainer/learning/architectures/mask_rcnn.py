"""Mask R-CNN: boxes in two stages, then a mask for each."""

from functools import partial

from framecast_trainer.learning.architectures.architecture import Architecture, Task
from framecast_trainer.learning.architectures.detectron2_backbone import ZOO_BACKBONES
from framecast_trainer.learning.architectures.rcnn import BACKBONE_DEFAULTS, BACKBONES, LAST_LAYERS, RcnnLearner
from framecast_trainer.learning.weight_catalogue import zoo_defaults

MASK_RCNN = Architecture(
    id="mask_rcnn",
    task=Task.TASK_INSTANCE_SEGMENTATION,
    description=(
        "Mask R-CNN (torchvision): boxes with polygons. Backbone `small` learns from nothing on a CPU in minutes; "
        "`resnet50` is torchvision's published ResNet-50 FPN and the others are those of Detectron2's model zoo, for "
        "pretrained weights and a GPU."
    ),
    defaults=BACKBONE_DEFAULTS["small"],
    backbone_defaults=BACKBONE_DEFAULTS,
    build=partial(RcnnLearner, with_masks=True),
    license="BSD-3-Clause",
    annotations=("box", "mask"),
    backbones=(*BACKBONES, *ZOO_BACKBONES),
    last_layers=LAST_LAYERS,
    size_multiple=16,
    pretrained={"resnet50": "MaskRCNN_ResNet50_FPN_Weights.DEFAULT"} | zoo_defaults("mask_rcnn"),
)
