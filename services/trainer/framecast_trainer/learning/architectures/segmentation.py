"""torchvision's semantic segmentation: one graph to a coarse map of logits, which the head stretches over the
picture."""

from functools import partial
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults, Task
from framecast_trainer.learning.architectures.learner import Learner, Port, Stage, not_trainable
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.input_rule import letterbox_top_left

_STRIDE = 32


class _LogitsAndFeatures(nn.Module):
    """Images → the classifier's map as it is, and the mean of the deepest features."""

    def __init__(self, network: Any) -> None:
        super().__init__()
        self.backbone = network.backbone
        self.classifier = network.classifier

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        levels: dict[str, Tensor] = self.backbone(images)
        # LR-ASPP mixes two levels, the others take the last one.
        deepest = levels["high"] if "high" in levels else levels["out"]
        logits = self.classifier(levels if "high" in levels else deepest)
        return logits, deepest.mean(dim=(2, 3))


class SegmentationLearner(Learner):
    """Channel 0 is the background, as in the published weights; training is not supported yet."""

    def __init__(self, name: str, request: BuildRequest) -> None:
        self._name = name
        self.class_count = request.class_count
        self.network: Any = torchvision.models.get_model(
            name, weights=None, weights_backbone=None, num_classes=request.class_count + 1
        )
        self.input = letterbox_top_left(request.image_size, _STRIDE)
        self.views = AugmentRule(flip=0.5)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        raise not_trainable(self._name)

    def stages(self) -> list[Stage]:
        module = _LogitsAndFeatures(self.network)
        images = Port("images", ("batch", 3, int(self.input.height), int(self.input.width)))
        with torch.no_grad():
            logits, features = module.eval()(torch.zeros(1, 3, _STRIDE, _STRIDE).to(_device(self.network)))
        cells = _STRIDE // logits.shape[2]
        height, width = int(self.input.height) // cells, int(self.input.width) // cells
        outputs = (
            Port("logits", ("batch", self.class_count + 1, height, width)),
            Port("features", ("batch", features.shape[1])),
        )
        return [Stage("network", module, (images,), outputs)]

    def describe(self, manifest: ModelBundle) -> None:
        manifest.segmentation.background_first = True
        manifest.default_settings.confidence_threshold = 0.0


def _device(network: nn.Module) -> torch.device:
    return next(network.parameters()).device


def _entry(name: str, description: str, weights: str) -> Architecture:
    return Architecture(
        id=name,
        task=Task.TASK_SEMANTIC_SEGMENTATION,
        description=f"{description} (torchvision): a category for every pixel.",
        defaults=Defaults(epochs=30, batch_size=8, image_size=512, learning_rate=1e-3, weight_decay=1e-4),
        build=partial(SegmentationLearner, name),
        license="BSD-3-Clause",
        annotations=("mask",),
        last_layers=("classifier.4.", "classifier.low_classifier.", "classifier.high_classifier.", "aux_classifier."),
        size_multiple=_STRIDE,
        pretrained={"": f"{weights}.DEFAULT"},
    )


FCN = _entry("fcn_resnet50", "FCN with ResNet-50", "FCN_ResNet50_Weights")
DEEPLABV3 = _entry("deeplabv3_resnet50", "DeepLabV3 with ResNet-50", "DeepLabV3_ResNet50_Weights")
DEEPLABV3_MOBILE = _entry(
    "deeplabv3_mobilenet_v3_large", "DeepLabV3 with MobileNetV3", "DeepLabV3_MobileNet_V3_Large_Weights"
)
LRASPP = _entry("lraspp_mobilenet_v3_large", "LR-ASPP with MobileNetV3", "LRASPP_MobileNet_V3_Large_Weights")
