"""Networks that can be served: cut, exported, compared with PyTorch, and asked through their bundle."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from framecast.errors import FailedPreconditionError, InvalidArgumentError, UnimplementedError
from framecast_bundle import manifest as bundle_manifest
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from framecast_trainer.learning import export, parity, untrained
from framecast_trainer.learning.architectures import SERVED_ONLY, BuildRequest
from framecast_trainer.learning.config import TrainConfig, resolve_config
from framecast_trainer.learning.data import CategoryName
from framecast_trainer.learning.input_rule import IMAGENET_MEAN, IMAGENET_STD
from framecast_trainer.learning.torch_engine import TorchEngine
from framecast_trainer.learning.untrained import export_untrained

CATEGORIES = [CategoryName(10 + i, name, keypoints=("left", "top", "right")) for i, name in enumerate("abc")]


def picture(seed: int = 0, height: int = 96, width: int = 144) -> np.ndarray:
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (-(-height // 16), -(-width // 16), 3), dtype=np.uint8)
    return np.ascontiguousarray(blocks.repeat(16, 0).repeat(16, 1)[:height, :width])


SIZES = {"ssdlite320_mobilenet_v3_large": 320, "retinanet": 96, "fcos": 96}


@pytest.mark.parametrize("name", sorted(SIZES))
def test_anchor_detectors_equal_torchvisions(name: str) -> None:
    torch.manual_seed(1)
    learner = SERVED_ONLY[name].build(BuildRequest(class_count=3, image_size=SIZES[name]))
    network: Any = learner.network
    untrained._calibrate(network, learner.input)
    for parameter_name, parameter in network.head.named_parameters():
        # Fresh heads answer alike everywhere; these have opinions.
        if "cls_logits" in parameter_name and parameter.ndim > 1:
            torch.nn.init.normal_(parameter, std=0.05)
    network.score_thresh, network.detections_per_img = 0.02, 1000
    if "ssd" not in name:
        network.transform = GeneralizedRCNNTransform(96, 160, list(IMAGENET_MEAN), list(IMAGENET_STD))
    network.eval()
    pixels = picture(2, 110, 150)
    with torch.no_grad():
        (expected,) = network([torch.from_numpy(pixels).permute(2, 0, 1) / 255])
    # Boxes without area within the picture are not reported here.
    visible = (expected["boxes"][:, 2:] > expected["boxes"][:, :2]).all(dim=1)
    expected = {key: values[visible] for key, values in expected.items()}
    manifest = export.describe(learner, SERVED_ONLY[name], CATEGORIES)
    predictor = Predictor(manifest, TorchEngine(learner.stages(), torch.device("cpu")))
    settings = Settings(confidence_threshold=0.02, iou_threshold=network.nms_thresh, max_detections=1000)
    (actual,) = predictor.predict([pixels], [settings])
    assert len(expected["scores"]) > 5, "the comparison would say nothing"
    first_class = 1 if "ssd" in name else 0
    np.testing.assert_allclose(actual.scores, expected["scores"].numpy(), atol=1e-4)
    np.testing.assert_array_equal(actual.class_indices + first_class, expected["labels"].numpy())
    np.testing.assert_allclose(actual.boxes, expected["boxes"].numpy(), atol=2e-2)


def test_graphs_that_answer_otherwise_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = export.write_graphs

    def write_then_change(learner: Any, folder: Path) -> None:
        write(learner, folder)
        with torch.no_grad():
            learner.network.classifier.low_classifier.bias.add_(0.5)

    monkeypatch.setattr(export, "write_graphs", write_then_change)
    with pytest.raises(FailedPreconditionError) as refused:
        export_untrained(
            SERVED_ONLY["lraspp_mobilenet_v3_large"], CATEGORIES, [picture()], output=tmp_path, image_size=64
        )
    assert refused.value.reason == "PARITY_FAILED"
    assert not (tmp_path / bundle_manifest.MANIFEST_NAME).exists()


def test_outputs_may_differ_in_their_last_bits_alone() -> None:
    assert parity.compare_outputs(1e-4, 3).passed
    assert not parity.compare_outputs(2e-3, 3).passed
    assert not parity.compare_outputs(float("nan"), 3).passed


@pytest.mark.parametrize("name", sorted(SERVED_ONLY))
def test_training_them_is_refused(name: str) -> None:
    with pytest.raises(UnimplementedError) as refused:
        resolve_config(TrainConfig(architecture=name))
    assert refused.value.reason == "TRAINING_NOT_SUPPORTED"


def test_what_cannot_be_built_is_refused(tmp_path: Path) -> None:
    for name, categories, pictures, field in (
        ("ssd300_vgg16", CATEGORIES, [picture()], "image_size"),
        ("keypoint_rcnn", [CategoryName(1, "a")], [picture()], "categories"),
        ("retinanet", CATEGORIES, [], "pictures"),
    ):
        with pytest.raises(InvalidArgumentError) as refused:
            export_untrained(SERVED_ONLY[name], categories, pictures, output=tmp_path, image_size=64)
        assert refused.value.field == field
