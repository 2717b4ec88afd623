"""An exponential moving average of a network's weights: what is measured and kept, steadier than the last step."""

import torch
from torch import nn


class WeightAverage:
    """The window grows with the steps: about a ninth of them, at most a thousand."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network
        self._steps = 0
        self._average = {name: tensor.detach().clone() for name, tensor in network.state_dict().items()}

    @torch.no_grad()
    def update(self) -> None:
        self._steps += 1
        decay = min(0.999, (1 + self._steps) / (10 + self._steps))
        floats, currents = [], []
        for name, current in self._network.state_dict().items():
            if current.is_floating_point():
                floats.append(self._average[name])
                currents.append(current)
            else:
                self._average[name].copy_(current)
        torch._foreach_lerp_(floats, currents, 1 - decay)

    def state_dict(self) -> dict[str, torch.Tensor]:
        return self._average
