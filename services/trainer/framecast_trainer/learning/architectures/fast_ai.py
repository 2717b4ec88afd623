"""A fastai learner's ResNet-34: torchvision's body under a head of its own. Layers have the numbers that fastai saves
them under: `0.*` the body, `1.*` the head."""

from typing import Any

import torch
import torchvision
from torch import Tensor, nn

from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults, Task
from framecast_trainer.learning.architectures.classifiers import ClassifierLearner
from framecast_trainer.learning.input_rule import center_crop
from framecast_trainer.learning.weight_files import fastai

_CHANNELS = 512


class ConcatPool(nn.Module):
    """The maximum and the mean of each channel [B, C, h, w] → [B, 2C, 1, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.ap = nn.AdaptiveAvgPool2d(1)
        self.mp = nn.AdaptiveMaxPool2d(1)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat((self.mp(x), self.ap(x)), dim=1)


class FastAiLearner(ClassifierLearner):
    """Learns, is cut and is served as the other classifiers."""

    def __init__(self, request: BuildRequest) -> None:
        resnet: Any = torchvision.models.get_model("resnet34", weights=None)
        body = nn.Sequential(*list(resnet.children())[:-2])
        last = nn.Linear(_CHANNELS, request.class_count)
        before = [
            ConcatPool(),
            nn.Flatten(),
            nn.BatchNorm1d(2 * _CHANNELS),
            nn.Dropout(0.25),
            nn.Linear(2 * _CHANNELS, _CHANNELS),
            nn.ReLU(inplace=True),
            nn.BatchNorm1d(_CHANNELS),
            nn.Dropout(0.5),
        ]
        rule = center_crop(request.image_size)
        rule.crop_fraction, rule.antialias = 1.0, True
        super().__init__(nn.Sequential(body, nn.Sequential(*before, last)), nn.Sequential(body, *before), last, rule)

    def translate(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """torchvision's ResNet-34 becomes the body: that is what a learner starts from."""
        return fastai.body_of(state) if "conv1.weight" in state else state


FAST_AI = Architecture(
    id="fast_ai",
    task=Task.TASK_CLASSIFICATION,
    description="A fastai vision learner's ResNet-34: one label for the whole picture.",
    defaults=Defaults(epochs=20, batch_size=32, image_size=224, learning_rate=1e-3, weight_decay=1e-2),
    build=FastAiLearner,
    license="Apache-2.0",
    annotations=("label",),
    last_layers=("1.",),
    pretrained={"": "fast_ai"},
)
