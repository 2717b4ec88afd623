"""Published checkpoints against what the original software answers with them, intermediate by intermediate.

The reference outputs lie beside the repository; the weights are random, a pure function of their names.
"""

import importlib.util
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from framecast_bundle.heads import make_head
from framecast_bundle.input_tensor import InputTensor
from framecast_bundle.placement import Placement, place
from framecast_bundle.prediction import Prediction
from framecast_bundle.predictor import Predictor
from framecast_bundle.roi_levels import roi_inputs
from framecast_bundle.settings import Settings
from framecast_trainer.learning import export
from framecast_trainer.learning.architectures import ARCHITECTURES, BuildRequest
from framecast_trainer.learning.architectures.learner import Learner
from framecast_trainer.learning.data import CategoryName
from framecast_trainer.learning.torch_engine import TorchEngine
from framecast_trainer.learning.weight_catalogue import PUBLISHED
from framecast_trainer.learning.weights import load_initial_weights
from tests.unit.core.polygon_shapes import fill

CATEGORIES = [CategoryName(i, f"class {i}") for i in range(80)]
RTOL = 1e-3
CPU = torch.device("cpu")


@pytest.fixture(scope="session")
def goldens(shared_data: Path) -> Path:
    folder = shared_data.parent / "goldens"
    if not folder.is_dir():
        pytest.skip(f"no reference outputs at {folder}")
    return folder


def loaded(weights_id: str, file: Path, image_size: int) -> tuple[Learner, Any]:
    architecture, backbone = PUBLISHED[weights_id].networks[0]
    entry = ARCHITECTURES[architecture]
    learner = entry.build(BuildRequest(class_count=80, image_size=image_size, backbone=backbone))
    said: list[str] = []
    load_initial_weights(learner, entry, backbone, str(file), said.append)
    assert not any("last layers" in text for text in said)
    learner.network.eval()
    return learner, export.describe(learner, entry, CATEGORIES)


def assert_close(actual: Any, expected: np.ndarray) -> None:
    """Within `RTOL` of the largest value."""
    actual = np.asarray(actual)
    assert actual.shape == expected.shape
    assert np.abs(expected).max() > 1e-2, "the comparison would say nothing"
    np.testing.assert_allclose(actual, expected, rtol=0, atol=RTOL * np.abs(expected).max())


def same_objects(found: Prediction, boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Asserts that the same boxes are reported, whatever the order of those that score alike; which is which."""
    assert len(found.scores) == len(scores)
    apart = np.abs(found.boxes[:, None] - boxes[None]).max(axis=2)
    apart[found.class_indices[:, None] != classes[None]] = np.inf
    which = apart.argmin(axis=0)
    assert sorted(which) == list(range(len(scores)))
    np.testing.assert_allclose(found.boxes[which], boxes, atol=RTOL * boxes.max())
    np.testing.assert_allclose(found.scores[which], scores, rtol=RTOL)
    return np.asarray(which)


ZOO = [
    "faster_rcnn_R_50_C4_1x",
    "faster_rcnn_R_50_DC5_1x",
    "faster_rcnn_R_50_FPN_1x",
    "faster_rcnn_X_101_32x8d_FPN_3x",
    "mask_rcnn_R_101_FPN_3x",
]


@pytest.mark.parametrize("name", ZOO)
def test_detectron2s_model_zoo(name: str, goldens: Path, tmp_path: Path) -> None:
    recipe = json.loads((goldens / "detectron2" / f"{name}.json").read_text())
    golden = np.load(goldens / "detectron2" / f"{name}.npz")
    file = tmp_path / "model_final.pkl"
    spec = importlib.util.spec_from_file_location("rebuild_pkl", goldens / "rebuild_pkl.py")
    assert spec is not None
    assert spec.loader is not None
    rebuild = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rebuild)
    with file.open("wb") as stream:
        pickle.dump({"model": rebuild.make_state(recipe), "__author__": "random weights"}, stream, protocol=4)
    learner, manifest = loaded(name, file, recipe["min_size"])
    file.unlink()  # hundreds of megabytes

    picture = np.ascontiguousarray(golden["input_bgr"][..., ::-1])
    placement = place(learner.input, width=picture.shape[1], height=picture.shape[0])
    images = InputTensor(learner.input).fill([picture], [placement])
    resized = golden["resized_bgr"]
    expected = (resized - np.float32(recipe["pixel_mean"])) / np.float32(recipe["pixel_std"])
    assert_close(images[0, :, : resized.shape[0], : resized.shape[1]], expected.transpose(2, 0, 1))

    engine = TorchEngine(learner.stages(), CPU)
    dense = engine.run("dense", {"images": images})
    for index in range(len(manifest.rcnn.anchor_levels)):
        assert_close(dense[f"objectness_{index}"][0], golden[f"rpn.{index}.objectness"])
        assert_close(dense[f"deltas_{index}"][0], golden[f"rpn.{index}.deltas"])
    features = {f"features_{i}": dense[f"features_{i}"] for i in range(manifest.rcnn.pooled_levels)}
    names = sorted(key.split(".")[1] for key in golden.files if key.startswith("feature.") and key.endswith(".shape"))
    for level, features_name in zip(features.values(), names, strict=False):
        assert list(level.shape[1:]) == list(golden[f"feature.{features_name}.shape"])
        measured = [level.mean(), level.std(), np.abs(level).max()]
        np.testing.assert_allclose(measured, golden[f"feature.{features_name}.stats"], rtol=RTOL, atol=1e-5)

    manifest.rcnn.post_nms_top_n = len(golden["proposals.boxes"])
    proposals = _proposals(manifest, dense, images.shape, placement)
    same = np.abs(proposals[:, None] - golden["proposals.boxes"][None]).max(axis=2).min(axis=0)
    assert same.max() < RTOL * golden["proposals.boxes"].max()

    rois, order = roi_inputs(golden["proposals.boxes"], manifest.rcnn)
    boxes = engine.run("boxes", {**features, **rois})
    logits = boxes["class_logits"][np.argsort(order)]
    assert_close(np.concatenate((logits[:, 1:], logits[:, :1]), axis=1), golden["box.logits"])
    assert_close(boxes["deltas"][np.argsort(order)][:, 4:], golden["box.deltas"])

    (found,) = Predictor(manifest, engine).predict(
        [picture], [Settings(confidence_threshold=0.05, iou_threshold=0.5, max_detections=100, rdp_threshold=0.0)]
    )
    which = same_objects(found, golden["final.boxes"], golden["final.scores"], golden["final.classes"])
    if "raw.mask_probs" not in golden.files:
        return
    rois, order = roi_inputs(golden["raw.boxes"], manifest.rcnn)
    masks = engine.run("masks", {**features, **rois})["masks"][np.argsort(order)]
    assert_close(masks[np.arange(len(masks)), golden["raw.classes"]][:, None], golden["raw.mask_probs"])
    height, width = picture.shape[:2]
    outlines: Any = found.polygons
    pasted = np.unpackbits(golden["final.masks.packed"], axis=2)[:, :, :width].astype(bool)
    for index, mask in zip(which, pasted, strict=True):
        different = np.count_nonzero(fill(outlines, int(index), height, width) != mask)
        assert different <= RTOL * mask.sum() + 1


def _proposals(manifest: Any, dense: Any, shape: tuple[int, ...], placement: Placement) -> np.ndarray:
    head: Any = make_head(manifest)
    levels = range(len(manifest.rcnn.anchor_levels))
    sizes = np.array([[placement.height, placement.width]], np.float32)
    proposals, _ = head._propose(
        [dense[f"objectness_{i}"] for i in levels], [dense[f"deltas_{i}"] for i in levels], shape[2:], sizes
    )
    return np.asarray(proposals)


def yolov5(goldens: Path) -> tuple[Learner, Any, Any]:
    golden = np.load(goldens / "yolov5" / "yolov5n.npz")
    entry = ARCHITECTURES["yolov5n"]
    learner = entry.build(BuildRequest(class_count=80, image_size=256))
    load_initial_weights(learner, entry, "", str(goldens / "yolov5" / "yolov5n.pt"), lambda _: None)
    learner.network.eval()
    return learner, export.describe(learner, entry, CATEGORIES), golden


def test_yolov5s_raw_outputs(goldens: Path) -> None:
    learner, _, golden = yolov5(goldens)
    images = torch.from_numpy(golden["letterbox"])[None].float() / 255
    with torch.no_grad():
        outputs = learner.network(images)
    for level, output in enumerate(outputs):
        expected = golden[f"raw_{level}"]  # [1, A, h, w, 5 + C]
        assert_close(output.view(1, 3, 85, *output.shape[2:]).permute(0, 1, 3, 4, 2), expected)


@pytest.mark.parametrize("case", ["default", "low", "agnostic", "multilabel", "classes"])
def test_yolov5s_predictions(case: str, goldens: Path) -> None:
    learner, manifest, golden = yolov5(goldens)
    given = json.loads(str(golden[f"nms_{case}_args"]))
    manifest.yolov5.multi_label = given.get("multi_label", False)
    settings = Settings(
        confidence_threshold=given.get("conf_thres", 0.25),
        iou_threshold=given.get("iou_thres", 0.45),
        max_detections=given.get("max_det", 300),
        class_agnostic=given.get("agnostic", False),
        categories=tuple(f"class {i}" for i in given.get("classes", ())),
    )
    picture = golden["letterbox"].transpose(1, 2, 0)
    (found,) = Predictor(manifest, TorchEngine(learner.stages(), CPU)).predict(
        [np.ascontiguousarray(picture)], [settings]
    )
    expected = golden[f"nms_{case}"]
    clipped = np.clip(expected[:, :4], 0, 256)
    same_objects(found, clipped, expected[:, 4], expected[:, 5].astype(int))
