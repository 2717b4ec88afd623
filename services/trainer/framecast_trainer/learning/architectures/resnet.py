"""ResNets for classification: one graph to logits and the features before them."""

from functools import partial

import torchvision
from torch import Tensor, nn
from torch.nn import functional

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults, Task
from framecast_trainer.learning.architectures.learner import Learner, Port, Stage
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.input_rule import center_crop
from framecast_trainer.learning.precision import mixed


class _LogitsAndFeatures(nn.Module):
    """The network with its next-to-last layer as a second output."""

    def __init__(self, network: torchvision.models.ResNet) -> None:
        super().__init__()
        self.body = nn.Sequential(*list(network.children())[:-1])
        self.fc = network.fc

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        features = self.body(images).flatten(1)
        return self.fc(features), features


class ResNetLearner(Learner):
    """Teaches by cross entropy with a little label smoothing."""

    def __init__(self, layers: int, request: BuildRequest) -> None:
        network: torchvision.models.ResNet = torchvision.models.get_model(
            f"resnet{layers}", num_classes=request.class_count
        )
        self.network = network
        self.feature_count = network.fc.in_features
        self.class_count = request.class_count
        self.input = center_crop(request.image_size)
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
            Port("logits", ("batch", self.class_count)),
            Port("features", ("batch", self.feature_count)),
        )
        return [Stage("network", _LogitsAndFeatures(self.network), (images,), outputs)]

    def describe(self, manifest: ModelBundle) -> None:
        manifest.classification.activation = ModelBundle.ClassificationHead.SOFTMAX
        manifest.default_settings.confidence_threshold = 0.0
        manifest.default_settings.max_detections = 5


def _entry(layers: int, learning_rate: float, weights: str) -> Architecture:
    return Architecture(
        id=f"resnet{layers}",
        task=Task.TASK_CLASSIFICATION,
        description=f"ResNet-{layers} (torchvision): one label for the whole picture.",
        defaults=Defaults(epochs=20, batch_size=32, image_size=224, learning_rate=learning_rate, weight_decay=1e-2),
        build=partial(ResNetLearner, layers),
        license="BSD-3-Clause",
        annotations=("label",),
        last_layers=("fc.",),
        pretrained={"": weights},
    )


RESNET18 = _entry(18, 1e-3, "ResNet18_Weights.DEFAULT")
RESNET34 = _entry(34, 1e-3, "ResNet34_Weights.DEFAULT")
RESNET50 = _entry(50, 5e-4, "ResNet50_Weights.DEFAULT")
