"""The cut network run by PyTorch, behind the same port as the exported graphs."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import numpy as np
import torch

from framecast.errors import FailedPreconditionError
from framecast_bundle.engine import Tensor
from framecast_trainer.learning.architectures.learner import Stage


class TorchEngine:
    """An `Engine` of framecast_bundle; shares the network's weights and leaves it in evaluation mode."""

    def __init__(self, stages: Sequence[Stage], device: torch.device) -> None:
        self._stages = {stage.name: stage for stage in stages}
        self._device = device
        for stage in stages:
            stage.module.eval()

    @property
    def name(self) -> str:
        return f"PyTorch on {self._device.type}"

    def run(self, graph: str, inputs: Mapping[str, Tensor], *, keep: Collection[str] = ()) -> dict[str, Any]:
        stage = self._stages.get(graph)
        if stage is None:
            raise FailedPreconditionError(
                f"the network has no stage {graph!r}; it has {sorted(self._stages)}",
                reason="GRAPH_MISSING",
                graph=graph,
            )
        tensors = [
            torch.from_numpy(np.require(cast(np.ndarray, inputs[port.name]), requirements=("C", "W"))).to(self._device)
            for port in stage.inputs
        ]
        with torch.no_grad():
            outputs = stage.module(*tensors)
        return {port.name: output.float().cpu().numpy() for port, output in zip(stage.outputs, outputs, strict=True)}

    def close(self) -> None:
        self._stages.clear()
