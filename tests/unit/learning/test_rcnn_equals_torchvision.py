"""The cut stages with the host's decoding against torchvision's own forward pass."""

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from framecast_trainer.learning import export, masks
from framecast_trainer.learning.architectures import ARCHITECTURES, BuildRequest
from framecast_trainer.learning.architectures.learner import Learner
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
    network = learner.network
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None
    pictures = [scene(i, SIDE, SIDE) for i in range(2)]
    batches = Batches(PreparedSet(pictures, learner.input, with_masks=True), learner.input, learner.views, 2, seed=0)
    network.train()
    with torch.no_grad():
        network.backbone(next(batches.epoch(0)).images)
        for name, parameter in network.named_parameters():
            if name.startswith(("rpn.head.", "roi_heads.")) and parameter.ndim > 1:
                parameter.mul_(3.0 if "rpn" in name else 1.5)
        predictor = network.roi_heads.box_predictor
        predictor.cls_score.weight.copy_(torch.randn(predictor.cls_score.weight.shape, generator=generator) * 0.3)
    network.eval()
    return learner


@pytest.mark.parametrize(("backbone", "divisible"), [("small", 16), ("resnet50", 32)])
@pytest.mark.parametrize("architecture", ["faster_rcnn", "mask_rcnn"])
def test_predictions_equal_torchvisions(architecture: str, backbone: str, divisible: int):
    torch.manual_seed(1)
    entry = ARCHITECTURES[architecture]
    # Square for the small one, as it pads to a square; for the other a picture that is resized.
    sample = scene(5, SIDE, SIDE) if backbone == "small" else scene(5, 200, 140)
    learner = calibrated(entry.build(BuildRequest(class_count=3, image_size=SIDE, backbone=backbone)), seed=2)
    network = learner.network
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
    np.testing.assert_allclose(actual.scores, expected["scores"].numpy()[order], atol=1e-4)
    np.testing.assert_array_equal(actual.class_indices + 1, expected["labels"].numpy()[order])
    np.testing.assert_allclose(actual.boxes, expected["boxes"].numpy()[order], atol=5e-3)
    if architecture == "mask_rcnn":
        assert actual.polygons is not None
        for i, row in enumerate(order):
            rle = masks.polygons_to_coco_rle(actual.polygons.parts(i), actual.height, actual.width)
            pasted = expected["masks"][row, 0].numpy() >= 0.5
            ours, theirs = masks.rle_area(rle), float(pasted.sum())
            # torchvision pastes into whole pixels of a rounded box: edges may differ by about a pixel.
            assert abs(ours - theirs) <= 0.15 * max(ours, theirs) + 40
