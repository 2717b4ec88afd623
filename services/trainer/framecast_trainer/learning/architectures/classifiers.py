"""torchvision's ResNets and VGGs for classification: one graph to logits and the features before them."""

from functools import partial
from typing import Any

import torchvision
from torch import Tensor, nn
from torch.nn import functional

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults, Task
from framecast_trainer.learning.architectures.learner import Learner, Port, Stage
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.input_rule import Input, center_crop
from framecast_trainer.learning.precision import mixed


class LogitsAndFeatures(nn.Module):
    """A network as its body, images to features [B, D], and its last layer."""

    def __init__(self, body: nn.Module, last: nn.Module) -> None:
        super().__init__()
        self.body = body
        self.last = last

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images)
        return self.last(features), features


class ClassifierLearner(Learner):
    """Teaches by cross entropy with a little label smoothing."""

    def __init__(self, network: nn.Module, body: nn.Module, last: nn.Linear, rule: Input) -> None:
        """`body` and `last` are parts of `network`."""
        self.network = network
        self._cut = LogitsAndFeatures(body, last)
        self._last = last
        self.input = rule
        self.views = AugmentRule(flip=0.5, scale=0.2, shift=0.1, brightness=0.3, saturation=0.3, hue=0.02)

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        known = batch.labels >= 0
        if not bool(known.all()):
            raise InvalidArgumentError("a picture has no label of its own; label it or leave it out", reason="NO_LABEL")
        with mixed(batch.images.device):
            logits = self.network(batch.images)
        return {"class_loss": functional.cross_entropy(logits.float(), batch.labels, label_smoothing=0.05)}

    def stages(self) -> list[Stage]:
        images = Port("images", ("batch", 3, int(self.input.height), int(self.input.width)))
        outputs = (
            Port("logits", ("batch", self._last.out_features)),
            Port("features", ("batch", self._last.in_features)),
        )
        return [Stage("network", self._cut, (images,), outputs)]

    def describe(self, manifest: ModelBundle) -> None:
        manifest.classification.activation = ModelBundle.ClassificationHead.SOFTMAX
        manifest.default_settings.confidence_threshold = 0.0
        manifest.default_settings.max_detections = 5


def _resnet(name: str, request: BuildRequest) -> ClassifierLearner:
    network: Any = torchvision.models.get_model(name, num_classes=request.class_count)
    body = nn.Sequential(*list(network.children())[:-1], nn.Flatten())
    return ClassifierLearner(network, body, network.fc, center_crop(request.image_size))


def _vgg(name: str, request: BuildRequest) -> ClassifierLearner:
    network: Any = torchvision.models.get_model(name, num_classes=request.class_count)
    body = nn.Sequential(network.features, network.avgpool, nn.Flatten(), *network.classifier[:-1])
    return ClassifierLearner(network, body, network.classifier[-1], center_crop(request.image_size))


def _resnet_entry(layers: int, learning_rate: float, batch_size: int = 32) -> Architecture:
    return Architecture(
        id=f"resnet{layers}",
        task=Task.TASK_CLASSIFICATION,
        description=f"ResNet-{layers} (torchvision): one label for the whole picture.",
        defaults=Defaults(
            epochs=20, batch_size=batch_size, image_size=224, learning_rate=learning_rate, weight_decay=1e-2
        ),
        build=partial(_resnet, f"resnet{layers}"),
        license="BSD-3-Clause",
        annotations=("label",),
        last_layers=("fc.",),
        pretrained={"": f"ResNet{layers}_Weights.DEFAULT"},
    )


def _vgg_entry(layers: int) -> Architecture:
    return Architecture(
        id=f"vgg{layers}",
        task=Task.TASK_CLASSIFICATION,
        description=f"VGG-{layers} (torchvision): one label for the whole picture.",
        defaults=Defaults(epochs=20, batch_size=16, image_size=224, learning_rate=1e-4, weight_decay=1e-2),
        build=partial(_vgg, f"vgg{layers}"),
        license="BSD-3-Clause",
        annotations=("label",),
        last_layers=("classifier.6.",),
        pretrained={"": f"VGG{layers}_Weights.DEFAULT"},
    )


CLASSIFIERS = (
    _resnet_entry(18, 1e-3),
    _resnet_entry(34, 1e-3),
    _resnet_entry(50, 5e-4),
    _resnet_entry(101, 5e-4, batch_size=16),
    _resnet_entry(152, 5e-4, batch_size=16),
    _vgg_entry(16),
    _vgg_entry(19),
)
