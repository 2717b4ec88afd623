"""fastai's learners: the body's layers and the head's by number, as our network names them."""

import torch
from torch import Tensor

_FIRST_LAYER = "0.0.weight"
_LAYERS = {"conv1": "0.0", "bn1": "0.1", "layer1": "0.4", "layer2": "0.5", "layer3": "0.6", "layer4": "0.7"}
_LINEARS = ("1.4", "1.8")


def is_fastai(state: dict[str, Tensor]) -> bool:
    """Whether the names are those of a learner's body and head."""
    return _FIRST_LAYER in state and any(name.startswith("1.") for name in state)


def with_biases(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """fastai 2 leaves out the biases of the head's linear layers, fastai 1 has them: here they are always there."""
    biases = {
        f"{layer}.bias": torch.zeros(len(state[f"{layer}.weight"]))
        for layer in _LINEARS
        if f"{layer}.weight" in state and f"{layer}.bias" not in state
    }
    return state | biases


def body_of(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """torchvision's ResNet under the names of a learner's body, without its last layer: what a learner starts from."""
    return {
        f"{_LAYERS[name.partition('.')[0]]}.{name.partition('.')[2]}": tensor
        for name, tensor in state.items()
        if name.partition(".")[0] in _LAYERS
    }
