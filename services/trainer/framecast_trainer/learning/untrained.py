"""A bundle of a network as it is: with the weights that it is given, or random ones, but without any training."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torchvision.ops import FrozenBatchNorm2d

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.engine import Engine, Tensor
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.picture import Image
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from framecast_trainer.learning import export, parity
from framecast_trainer.learning.architectures import Architecture, BuildRequest
from framecast_trainer.learning.config import RANDOM
from framecast_trainer.learning.data import CategoryName
from framecast_trainer.learning.torch_engine import TorchEngine
from framecast_trainer.learning.weight_catalogue import backbone_of
from framecast_trainer.learning.weights import load_initial_weights

_CONTRAST = 58.0
"""Of 255: how far a picture's pixels are from their mean."""
EVERYTHING = Settings(confidence_threshold=0.0, max_detections=100)
"""So that the graphs behind a threshold have something to do."""


def export_untrained(
    entry: Architecture,
    categories: Sequence[CategoryName],
    pictures: Sequence[Image],
    *,
    output: Path,
    image_size: int | None = None,
    backbone: str = "",
    weights: str = RANDOM,
) -> ModelBundle:
    """Writes a checked bundle into the folder `output`; returns its manifest.

    The graphs answer `pictures` (RGB uint8 [H, W, 3], at least one) beside PyTorch; the bundle's parity report says how
    far apart they were at most. `weights` is what `TrainConfig.weights` may be. Raises what `load_initial_weights`
    raises, InvalidArgumentError without pictures, and FailedPreconditionError (`PARITY_FAILED`) where the two disagree.
    """
    if not pictures:
        raise InvalidArgumentError("give at least one picture to compare the graphs on", field="pictures")
    backbone = backbone_of(weights, entry.id, backbone) or next(iter(entry.backbones), "")
    learner = entry.build(
        BuildRequest(
            class_count=len(categories),
            image_size=image_size or entry.defaults_for(backbone).image_size,
            backbone=backbone,
            keypoint_count=len(categories[0].keypoints) if categories else 0,
        )
    )
    origin = load_initial_weights(learner, entry, backbone, weights, lambda _: None)
    if origin.name == RANDOM:
        _calibrate(learner.network, learner.input)
    export.write_graphs(learner, output)
    manifest = export.describe(learner, entry, categories, origin.license)
    manifest.lineage.initial_weights = origin.name
    export.pin_files(manifest, output)
    exported = OnnxRuntimeEngine(manifest, output, device="cpu", threads=torch.get_num_threads())
    both = _BothEngines(TorchEngine(learner.stages(), torch.device("cpu")), exported)
    with Predictor(manifest, both) as predictor:
        for picture in pictures:
            predictor.predict([picture], [EVERYTHING])
    manifest.parity.CopyFrom(parity.compare_outputs(both.difference, len(pictures)))
    parity.require(manifest.parity)
    bundle_manifest.write(output, manifest)
    return manifest


class _BothEngines:
    """Answers with one engine, and keeps how far the other is from it."""

    name = "both"

    def __init__(self, first: Engine, second: Engine) -> None:
        self._first = first
        self._second = second
        self.difference = 0.0
        """The largest difference of an output, as a share of its largest value."""

    def run(self, graph: str, inputs: Mapping[str, Tensor], *, keep: Collection[str] = ()) -> dict[str, Any]:
        answers, others = self._first.run(graph, inputs), self._second.run(graph, inputs)
        for name, answer in answers.items():
            largest = max(float(np.abs(answer).max(initial=0.0)), 1e-6)
            apart = float(np.abs(answer - others[name]).max(initial=0.0)) / largest
            # What is no number stays one, and passes no comparison.
            self.difference = float(np.maximum(self.difference, apart))
        return answers

    def close(self) -> None:
        self._first.close()
        self._second.close()


def _calibrate(network: torch.nn.Module, rule: ModelBundle.Input) -> None:
    """Lets batch normalisation see noise once: without it, deep random networks answer 0 or infinity to everything."""
    frozen = [module for module in network.modules() if isinstance(module, FrozenBatchNorm2d)]
    norms = [module for module in network.modules() if isinstance(module, torch.nn.BatchNorm2d)]
    if not norms and not frozen:
        return
    momenta = [module.momentum for module in norms]
    backbone = getattr(network, "backbone", network)
    network.train()
    for module in norms:
        module.momentum = None
    hooks = [module.register_forward_pre_hook(_take_statistics) for module in frozen]
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(2, 3, min(rule.height, 320), min(rule.width, 320), generator=generator)
    if frozen:  # their pixels are not brought to a variance of 1
        noise *= torch.tensor([_CONTRAST * rule.scale / std for std in rule.std]).view(3, 1, 1)
    with torch.no_grad():
        levels = backbone(noise)
        res5 = getattr(getattr(getattr(network, "roi_heads", None), "box_head", None), "res5", None)
        if res5 is not None:  # it is left to run on regions
            res5(levels["0"][:, :, :14, :14])
    for module, momentum in zip(norms, momenta, strict=True):
        module.momentum = momentum
    for hook in hooks:
        hook.remove()
    network.eval()


def _take_statistics(module: torch.nn.Module, inputs: tuple[torch.Tensor, ...]) -> None:
    variance, mean = torch.var_mean(inputs[0], dim=(0, 2, 3), correction=0)
    module.get_buffer("running_mean").copy_(mean)
    module.get_buffer("running_var").copy_(variance)
