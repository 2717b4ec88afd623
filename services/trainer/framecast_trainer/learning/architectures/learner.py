"""What the loop, the evaluator and the exporter need to know of a network."""

from abc import ABC, abstractmethod
from dataclasses import dataclass

from torch import Tensor, nn

from framecast.errors import UnimplementedError
from framecast.v1 import model_bundle_pb2
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.input_rule import Input


@dataclass(frozen=True)
class Port:
    """A named input or output of a stage: float32; an axis that may vary has a name, a fixed one its length."""

    name: str
    shape: tuple[str | int, ...]


@dataclass(frozen=True)
class Stage:
    """A part of the network between two thresholds: it becomes one graph of the bundle.

    `module` takes tensors in the order of `inputs` and returns a tuple in the order of `outputs`.
    """

    name: str
    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]


class Learner(ABC):
    """A network with the way to teach it and to cut it."""

    network: nn.Module
    input: Input
    views: AugmentRule
    """The architecture's own augmentation."""
    wants_masks: bool = False

    def adapt(self, boxes: Tensor, seed: int) -> None:  # noqa: B027 - most have nothing to fit
        """Fits what is not learnt, such as anchors, to boxes' sizes: float32 [N, 2] in tensor pixels."""

    def translate(self, state: dict[str, Tensor]) -> dict[str, Tensor]:
        """Weights that were published under other names than the network's, under its own; others as they are."""
        return state

    def start_from_pretrained(self) -> None:  # noqa: B027 - most freeze nothing
        """Freezes what fine-tuning leaves alone; called once, after weights were loaded."""

    @abstractmethod
    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """The terms of the loss, to be summed; the network is in training mode."""

    @abstractmethod
    def stages(self) -> list[Stage]:
        """The cut network, sharing its weights with `network`."""

    @abstractmethod
    def describe(self, manifest: model_bundle_pb2.ModelBundle) -> None:
        """Fills in the manifest's head and default settings."""


def counted(prefix: str, count: int) -> list[str]:
    """`features_0`, `features_1`, …"""
    return [f"{prefix}_{i}" for i in range(count)]


def not_trainable(architecture: str) -> UnimplementedError:
    """For networks that can be built, exported and served, but not taught here."""
    return UnimplementedError(
        f"training {architecture} is not supported yet; it can be exported with weights that it is given",
        reason="TRAINING_NOT_SUPPORTED",
        architecture=architecture,
    )
