"""Each head with an answer planted by hand: what the network says must come out as said, in source pixels."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
import pytest

from framecast.errors import FailedPreconditionError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.heads import make_head
from framecast_bundle.placement import place
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from tests.unit.bundle import tiny_bundles

Answer = Callable[[str, Mapping[str, np.ndarray]], dict[str, np.ndarray]]
SURE, NEVER = 20.0, -20.0


class Planted:
    """An engine that answers what it was given."""

    name = "planted"

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    def run(self, graph: str, inputs: Mapping[str, Any], *, keep: Collection[str] = ()) -> dict[str, Any]:
        return self._answer(graph, inputs)

    def close(self) -> None:
        pass


def predict(manifest: ModelBundle, answer: Answer, *, width: int, height: int, settings: Settings) -> Prediction:
    placement = place(manifest.input, width=width, height=height)
    tensors = np.zeros((1, 3, placement.tensor_height, placement.tensor_width), dtype=np.float32)
    (prediction,) = make_head(manifest).predict(Planted(answer), tensors, [placement], [settings])
    return prediction


def test_yolov5_cell_becomes_its_box() -> None:
    manifest = tiny_bundles.yolov5().manifest
    levels = [np.full((1, 2, 8, size, size), NEVER, dtype=np.float32) for size in (8, 4)]
    # Second level, second anchor (40 x 32), row 1, column 2: the logits of zero are the middle of their range.
    levels[1][0, 1, :, 1, 2] = [0, 0, 0, 0, SURE, NEVER, 1.0, NEVER]
    answer = {f"head_{level}": planes.reshape(1, 16, *planes.shape[3:]) for level, planes in enumerate(levels)}
    # 128 x 64 in 64 x 64: half the size, 16 px of padding above.
    found = predict(manifest, lambda *_: answer, width=128, height=64, settings=Settings())
    centre_x, centre_y = 2.5 * 16 * 2, (1.5 * 16 - 16) * 2
    np.testing.assert_allclose(found.boxes, [[centre_x - 40, 0, centre_x + 40, centre_y + 32]], atol=1e-3)
    np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-1.0))], rtol=1e-5)
    assert found.class_indices.tolist() == [1]
    assert found.polygons is None
    assert found.label_scores is None


def test_yolov5_box_in_the_padding_is_dropped() -> None:
    manifest = tiny_bundles.yolov5().manifest
    levels = [np.full((1, 2, 8, size, size), NEVER, dtype=np.float32) for size in (8, 4)]
    levels[0][0, 0, :, 0, 0] = [0, 0, 0, 0, SURE, SURE, NEVER, NEVER]
    answer = {f"head_{level}": planes.reshape(1, 16, *planes.shape[3:]) for level, planes in enumerate(levels)}
    assert len(predict(manifest, lambda *_: answer, width=64, height=64, settings=Settings()).scores) == 1
    assert len(predict(manifest, lambda *_: answer, width=128, height=64, settings=Settings()).scores) == 0


def test_yolox_cell_becomes_its_box() -> None:
    manifest = tiny_bundles.yolox().manifest
    rows = np.zeros((1, 64, 8), dtype=np.float32)
    rows[0, 8 * 3 + 2] = [0.5, 0.25, np.log(2), np.log(3), 0.9, 0.1, 0.2, 0.8]
    found = predict(manifest, lambda *_: {"answer": rows}, width=128, height=64, settings=Settings())
    x, y = (2 + 0.5) * 8 * 2, (3 + 0.25) * 8 * 2
    np.testing.assert_allclose(found.boxes, [[x - 16, y - 24, x + 16, y + 24]], rtol=1e-5)
    np.testing.assert_allclose(found.scores, [0.72], rtol=1e-5)
    assert found.class_indices.tolist() == [2]


@pytest.mark.parametrize("activation", ["SOFTMAX", "SIGMOID"])
def test_classifier_reports_by_threshold_and_keeps_all_scores(activation: str) -> None:
    manifest = tiny_bundles.classifier().manifest
    manifest.classification.activation = ModelBundle.ClassificationHead.Activation.Value(activation)
    logits = np.array([[0.0, 200.0, -200.0]], dtype=np.float32)
    answer = {"logits": logits, "features": np.ones((1, 6), dtype=np.float32)}
    found = predict(manifest, lambda *_: answer, width=30, height=20, settings=Settings(confidence_threshold=0.5))
    assert found.label_scores is not None
    assert found.features is not None
    expected = [0, 1, 0] if activation == "SOFTMAX" else [0.5, 1, 0]
    np.testing.assert_allclose(found.label_scores, expected, atol=1e-6)
    assert found.labels.tolist() == ([1] if activation == "SOFTMAX" else [1, 0])
    assert (found.width, found.height, len(found.scores)) == (30, 20, 0)
    everything = predict(manifest, lambda *_: answer, width=30, height=20, settings=Settings(confidence_threshold=0))
    assert everything.labels.tolist() == [1, 0, 2]


def rcnn_answer(graph: str, inputs: Mapping[str, np.ndarray], *, objectness: float = SURE) -> dict[str, np.ndarray]:
    """One proposal of 16 px around (32, 16), surely a triangle whose mask is its left half."""
    if graph == "dense":
        height, width = (side // 4 for side in inputs["images"].shape[2:])
        answer = {}
        for level in range(2):
            grid = (height >> level, width >> level)
            answer[f"features_{level}"] = np.zeros((1, 8, *grid), dtype=np.float32)
            answer[f"objectness_{level}"] = np.full((1, 1, *grid), -1000, dtype=np.float32)
            answer[f"deltas_{level}"] = np.zeros((1, 4, *grid), dtype=np.float32)
        answer["objectness_0"][0, 0, 4, 8] = objectness
        return answer
    count = sum(len(inputs[f"rois_{level}"]) for level in range(2))
    if graph == "boxes":
        boxes = np.concatenate([inputs["rois_0"], inputs["rois_1"]])[:, 1:]
        logits = np.zeros((count, 4), dtype=np.float32)
        logits[:, 0] = 100
        planted = np.abs(boxes - [24, 8, 40, 24]).max(axis=1) < 0.1
        logits[planted] = [0, 0, 0, 100]
        return {"class_logits": logits, "deltas": np.zeros((count, 16), dtype=np.float32)}
    masks = np.zeros((count, 3, 4, 4), dtype=np.float32)
    masks[:, 2, :, :2] = 1
    return {"masks": masks}


def test_mask_rcnn_region_becomes_its_polygon() -> None:
    manifest = tiny_bundles.mask_rcnn().manifest
    settings = Settings(rdp_threshold=0.0)
    # 192 x 128 halves to 96 x 64, a multiple of 16 already.
    found = predict(manifest, rcnn_answer, width=192, height=128, settings=settings)
    np.testing.assert_allclose(found.boxes, [[48, 16, 80, 48]], atol=1e-3)
    assert found.class_indices.tolist() == [2]
    assert found.scores[0] == pytest.approx(1)
    assert found.polygons is not None
    ((exterior,),) = found.polygons.parts(0)
    # Where the mask crosses one half, and the padding of half a pixel that torchvision pastes around it.
    assert exterior[:, 0].max() == pytest.approx(64, abs=2)
    assert exterior[:, 0].min() == pytest.approx(48, abs=2)
    assert found.polygons.areas[0] == pytest.approx(16 * 32, rel=0.1)


def test_mask_rcnn_without_detections_skips_the_masks_graph() -> None:
    manifest = tiny_bundles.mask_rcnn().manifest

    def nothing_found(graph: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        assert graph != "masks"
        answer = rcnn_answer(graph, inputs)
        if graph == "boxes":
            answer["class_logits"][:] = [100, 0, 0, 0]
        return answer

    found = predict(manifest, nothing_found, width=192, height=128, settings=Settings())
    assert found.boxes.shape == (0, 4)
    assert found.polygons is not None
    assert found.polygons.instance_splits.tolist() == [0]


def test_segmentation_map_covers_the_picture_alone() -> None:
    manifest = tiny_bundles.segmenter().manifest
    logits = np.zeros((1, 4, 8, 8), dtype=np.float32)
    # 128 x 64 lies in rows 2 to 6 of the map; the rows of the padding say something else.
    logits[0, 3], logits[0, 1, 2:6, :4], logits[0, 0, 2:6, 4:] = 1, 9, 9
    found = predict(manifest, lambda *_: {"logits": logits}, width=128, height=64, settings=Settings())
    assert found.segmentation is not None
    assert found.segmentation.lengths.sum() == 128 * 64
    label_map = np.repeat(found.segmentation.classes, found.segmentation.lengths).reshape(64, 128)
    assert (label_map[8:56, :60] == 0).all()
    assert (label_map[8:56, 68:] == -1).all(), "the background is no category"
    assert found.segmentation.areas[0] == (label_map == 0).sum()


def test_segmentation_reports_the_categories_that_are_asked_for() -> None:
    manifest = tiny_bundles.segmenter(background_first=False).manifest
    logits = np.zeros((1, 3, 8, 8), dtype=np.float32)
    logits[0, 1] = 5
    answer = {"logits": logits}
    whole = predict(manifest, lambda *_: answer, width=64, height=64, settings=Settings())
    assert whole.segmentation is not None
    assert whole.segmentation.classes.tolist() == [1]
    for other in (Settings(categories=("circle",)), Settings(confidence_threshold=0.999)):
        none = predict(manifest, lambda *_: answer, width=64, height=64, settings=other)
        assert none.segmentation is not None
        assert none.segmentation.classes.tolist() == [-1]


def test_keypoints_follow_the_boxes_that_stay() -> None:
    manifest = tiny_bundles.keypoints().manifest
    boxes = np.array([[[0, 16, 20, 36], [40, 20, 60, 40], [0, 17, 20, 37], [0, 0, 9, 9]]], dtype=np.float32)
    scores = np.zeros((1, 4, 3), dtype=np.float32)
    scores[0, 0, 1], scores[0, 1, 2], scores[0, 2, 1] = 0.8, 0.9, 0.85  # The first overlaps the third.
    points = np.zeros((1, 4, 2, 3), dtype=np.float32)
    points[0, 1] = np.array([[44, 24, 0.5], [56, 36, 0.75]])
    points[0, 2] = np.array([[4, 20, 0.25], [16, 32, 1]])
    answer = {"keypoints": points, "boxes": boxes, "scores": scores}
    # 128 x 64 is halved, under 16 px of padding.
    found = predict(manifest, lambda *_: answer, width=128, height=64, settings=Settings())
    assert found.class_indices.tolist() == [2, 1]
    assert found.boxes.tolist() == [[80, 8, 120, 48], [0, 2, 40, 42]]
    assert found.keypoints is not None
    assert found.keypoints.points.tolist() == [[[88, 16], [112, 40]], [[8, 8], [32, 32]]]
    assert found.keypoints.scores.tolist() == [[0.5, 0.75], [0.25, 1]]


def test_keypoints_of_one_object_have_the_picture_as_their_box() -> None:
    manifest = tiny_bundles.keypoints(whole_picture=True).manifest
    points = np.array([[[[32, 32, 0.9], [0, 16, 0.7]]]], dtype=np.float32)
    found = predict(manifest, lambda *_: {"keypoints": points}, width=128, height=64, settings=Settings())
    assert found.boxes.tolist() == [[0, 0, 128, 64]]
    np.testing.assert_allclose(found.scores, [0.8])
    assert found.keypoints is not None
    assert found.keypoints.points.tolist() == [[[64, 32], [0, 0]]]


def test_anchor_becomes_its_box() -> None:
    manifest = tiny_bundles.anchors().manifest
    logits = np.full((1, 80, 3), NEVER, dtype=np.float32)
    logits[0, 64 + 4 * 2 + 1, 2] = 2.0  # Second level, row 2, column 1: around (16, 32), 32 px wide.
    answer = {"class_logits": logits, "deltas": np.zeros((1, 80, 4), dtype=np.float32)}
    found = predict(manifest, lambda *_: answer, width=64, height=64, settings=Settings())
    assert found.boxes.tolist() == [[0, 16, 32, 48]]
    assert found.class_indices.tolist() == [2]
    np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-2.0))], rtol=1e-6)
    assert found.logits is None
    found = predict(manifest, lambda *_: answer, width=64, height=64, settings=Settings(logits=True))
    assert found.logits is not None
    assert found.logits.tolist() == [[NEVER, NEVER, 2.0]]


SINGLE_GRAPH = [
    tiny_bundles.yolov5,
    tiny_bundles.yolox,
    tiny_bundles.classifier,
    tiny_bundles.anchors,
    tiny_bundles.segmenter,
    tiny_bundles.keypoints,
]


@pytest.mark.parametrize("bundle", SINGLE_GRAPH)
def test_answer_of_another_shape_is_refused(bundle: Callable[[], tiny_bundles.TinyBundle]) -> None:
    manifest = bundle().manifest
    answer = {tensor.name: np.zeros((1, 16, 9, 9), dtype=np.float32) for tensor in manifest.graphs[0].outputs}
    with pytest.raises(FailedPreconditionError) as refused:
        predict(manifest, lambda *_: answer, width=9, height=9, settings=Settings())
    assert refused.value.reason == "GRAPH_OUTPUT_SHAPE"


def test_missing_output_is_refused() -> None:
    with pytest.raises(FailedPreconditionError, match="head_0"):
        predict(tiny_bundles.yolov5().manifest, lambda *_: {}, width=9, height=9, settings=Settings())


@pytest.mark.parametrize(
    "bundle",
    [tiny_bundles.yolov5, tiny_bundles.yolox, tiny_bundles.mask_rcnn, tiny_bundles.anchors, tiny_bundles.keypoints],
)
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_answers_that_are_no_numbers_give_no_instances(
    bundle: Callable[[], tiny_bundles.TinyBundle], value: float
) -> None:
    tiny = bundle()
    engine = tiny.engine()

    def broken(graph: str, inputs: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        return {name: np.full_like(output, value) for name, output in engine.run(graph, inputs).items()}

    found = predict(tiny.manifest, broken, width=64, height=48, settings=Settings(confidence_threshold=0.1))
    assert np.isfinite(found.boxes).all()
    assert np.isfinite(found.scores).all()
