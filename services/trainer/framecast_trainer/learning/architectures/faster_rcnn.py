"""Faster R-CNN: boxes in two stages."""

from framecast_trainer.learning.architectures.architecture import Architecture, Task
from framecast_trainer.learning.architectures.detectron2_backbone import ZOO_BACKBONES
from framecast_trainer.learning.architectures.rcnn import BACKBONE_DEFAULTS, BACKBONES, LAST_LAYERS, RcnnLearner
from framecast_trainer.learning.weight_catalogue import zoo_defaults

FASTER_RCNN = Architecture(
    id="faster_rcnn",
    task=Task.TASK_OBJECT_DETECTION,
    description=(
        "Faster R-CNN (torchvision): boxes in two stages. Backbone `small` learns from nothing on a CPU in minutes; "
        "`resnet50` is torchvision's published ResNet-50 FPN and the others are those of Detectron2's model zoo, for "
        "pretrained weights and a GPU."
    ),
    defaults=BACKBONE_DEFAULTS["small"],
    backbone_defaults=BACKBONE_DEFAULTS,
    build=RcnnLearner,
    license="BSD-3-Clause",
    annotations=("box",),
    backbones=(*BACKBONES, *ZOO_BACKBONES),
    last_layers=LAST_LAYERS,
    size_multiple=16,
    pretrained={"resnet50": "FasterRCNN_ResNet50_FPN_Weights.DEFAULT"} | zoo_defaults("faster_rcnn"),
)
