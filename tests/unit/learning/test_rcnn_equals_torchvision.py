"""The cut stages with the host's decoding against torchvision's own forward pass."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.predictor import Predictor
from framecast_bundle.roi_levels import roi_inputs
from framecast_bundle.settings import Settings
from framecast_trainer.learning import export
from framecast_trainer.learning.architectures import ARCHITECTURES, BuildRequest
from framecast_trainer.learning.architectures.learner import Learner
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batches
from framecast_trainer.learning.data import CategoryName
from framecast_trainer.learning.decode import decode_sample
from framecast_trainer.learning.input_rule import IMAGENET_MEAN, IMAGENET_STD
from framecast_trainer.learning.prepared_set import PreparedSet
from framecast_trainer.learning.torch_engine import TorchEngine
from tests.unit.learning.scenes import scene

CATEGORIES = [CategoryName(i, f"class {i}") for i in range(3)]
SIDE = 128


def calibrated(learner: Learner, seed: int) -> Learner:
    """Random weights whose answers differ from region to region: batch norm has seen pictures, heads speak up."""
    generator = torch.Generator().manual_seed(seed)
    network: Any = learner.network
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    pictures = [scene(i, SIDE, SIDE) for i in range(2)]
    batches = Batches(PreparedSet(pictures, learner.input, with_masks=True), learner.input, AugmentRule(), 2, seed=0)
    network.train()
    with torch.no_grad():
        network.backbone(next(batches.epoch(0)).images)
        for name, parameter in network.named_parameters():
            if name.startswith(("rpn.head.", "roi_heads.")) and parameter.ndim > 1:
                parameter.mul_(1.5)
        predictor = network.roi_heads.box_predictor
        weight = predictor.cls_score.weight
        # Logits of a few units: differences of the last bits stay small in the scores.
        weight.copy_(torch.randn(weight.shape, generator=generator) * (0.3 if weight.shape[1] < 512 else 0.015))
    network.eval()
    return learner


@pytest.mark.parametrize(
    ("architecture", "backbone", "divisible"),
    [("faster_rcnn", "small", 16), ("mask_rcnn", "small", 16), ("mask_rcnn", "resnet50", 32)],
)
def test_predictions_equal_torchvisions(architecture: str, backbone: str, divisible: int):
    torch.manual_seed(1)
    entry = ARCHITECTURES[architecture]
    # Square for the small one, as it pads to a square; not resized, since random networks magnify the last bits.
    sample = scene(5, SIDE if backbone == "small" else 160, SIDE)
    learner = calibrated(entry.build(BuildRequest(class_count=3, image_size=SIDE, backbone=backbone)), seed=2)
    network: Any = learner.network
    longest = SIDE if backbone == "small" else int(learner.input.width)
    network.transform = GeneralizedRCNNTransform(
        SIDE, longest, list(IMAGENET_MEAN), list(IMAGENET_STD), size_divisible=divisible
    )
    pixels = decode_sample(sample)
    with torch.no_grad():
        (expected,) = network([torch.from_numpy(pixels).permute(2, 0, 1) / 255])

    manifest: ModelBundle = export.describe(learner, entry, CATEGORIES)
    predictor = Predictor(manifest, TorchEngine(learner.stages(), torch.device("cpu")))
    settings = Settings(confidence_threshold=0.05, iou_threshold=0.5, max_detections=100, rdp_threshold=0.0)
    (actual,) = predictor.predict([pixels], [settings])

    assert len(expected["scores"]) > 5, "the comparison would say nothing"
    order = np.argsort(-expected["scores"].numpy(), kind="stable")
    np.testing.assert_allclose(actual.scores, expected["scores"].numpy()[order], atol=5e-4)
    np.testing.assert_array_equal(actual.class_indices + 1, expected["labels"].numpy()[order])
    # In this network torchvision itself moves boxes by up to 0.03 when its input changes by 2e-7 of its value.
    np.testing.assert_allclose(actual.boxes, expected["boxes"].numpy()[order], atol=5e-2)


@pytest.mark.parametrize("backbone", ["small", "resnet50"])
def test_masks_equal_torchvisions(backbone: str):
    torch.manual_seed(1)
    learner = calibrated(
        ARCHITECTURES["mask_rcnn"].build(BuildRequest(class_count=3, image_size=SIDE, backbone=backbone)), 2
    )
    network: Any = learner.network
    network.transform = GeneralizedRCNNTransform(SIDE, SIDE, list(IMAGENET_MEAN), list(IMAGENET_STD), size_divisible=32)
    network.transform.postprocess = lambda result, *_: result  # masks as the head gives them, not yet pasted
    pixels = torch.from_numpy(decode_sample(scene(5, SIDE, SIDE))).permute(2, 0, 1) / 255
    with torch.no_grad():
        (expected,) = network([pixels])
    assert len(expected["scores"]) > 5

    mean, std = (torch.tensor(values)[:, None, None] for values in (IMAGENET_MEAN, IMAGENET_STD))
    manifest = export.describe(learner, ARCHITECTURES["mask_rcnn"], CATEGORIES)
    engine = TorchEngine(learner.stages(), torch.device("cpu"))
    dense = engine.run("dense", {"images": ((pixels - mean) / std)[None].numpy()})
    features = {name: value for name, value in dense.items() if name.startswith("features_")}
    rois, order = roi_inputs(expected["boxes"].numpy(), manifest.rcnn)
    masks = engine.run("masks", {**features, **rois})["masks"]
    classes = expected["labels"].numpy()[order] - 1
    np.testing.assert_allclose(masks[np.arange(len(order)), classes], expected["masks"].numpy()[order, 0], atol=1e-4)
    assert np.ptp(expected["masks"].numpy()) > 0.05
