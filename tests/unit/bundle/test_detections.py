"""Which candidates compete, and that the rest does not count."""

import numpy as np

from framecast.v1.annotation_pb2 import Category
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.detections import MAX_CANDIDATES, Candidates, Detections, suppress
from framecast_bundle.placement import place
from framecast_bundle.settings import Settings

MODEL = ModelBundle(categories=[Category(id=index, name=f"c{index}") for index in range(5)])
EVERYTHING = Settings(confidence_threshold=0.0, iou_threshold=1.0, class_agnostic=True, max_detections=10_000)


def candidates(counts: list[int], seed: int = 0) -> Candidates:
    rng = np.random.default_rng(seed)
    total = sum(counts)
    corners = rng.uniform(0, 600, (total, 2)).astype(np.float32)
    boxes = np.concatenate([corners, corners + rng.uniform(1, 40, (total, 2)).astype(np.float32)], axis=1)
    # A few levels only, so that many scores are equal.
    scores = (rng.integers(1, 200, total) / 200).astype(np.float32)
    splits = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return Candidates(boxes, scores, rng.integers(0, 5, total).astype(np.int32), splits)


def found(given: Candidates, settings: Settings) -> list[Detections]:
    rule = ModelBundle.Input(resize=ModelBundle.Input.STRETCH, width=640, height=640, stride=1)
    pictures = len(given.splits) - 1
    return list(suppress(given, [place(rule, width=640, height=640)] * pictures, [settings] * pictures, MODEL))


def test_of_very_many_candidates_only_the_best_compete() -> None:
    many, few = found(candidates([200_000, 7]), EVERYTHING)
    assert len(many.scores) == 10_000
    assert len(few.scores) == 7


def test_the_candidates_left_out_are_the_weakest_and_the_last_of_equal_ones() -> None:
    given = candidates([MAX_CANDIDATES + 5_000])
    order = np.argsort(-given.scores, kind="stable")[:MAX_CANDIDATES]
    kept = np.sort(order)
    expected = Candidates(
        given.boxes[kept], given.scores[kept], given.classes[kept], np.array([0, MAX_CANDIDATES], np.int64)
    )
    settings = Settings(confidence_threshold=0.0, iou_threshold=0.3, max_detections=10_000)
    (all_of_them,), (best,) = found(given, settings), found(expected, settings)
    np.testing.assert_array_equal(all_of_them.boxes, best.boxes)
    np.testing.assert_array_equal(all_of_them.scores, best.scores)


def test_up_to_the_limit_every_candidate_competes() -> None:
    far_apart = np.arange(MAX_CANDIDATES, dtype=np.float32)[:, None] / 50
    boxes = np.concatenate([far_apart, far_apart, far_apart + 0.01, far_apart + 0.01], axis=1)
    scores = np.linspace(1, 0.5, MAX_CANDIDATES, dtype=np.float32)
    last_only = Settings(confidence_threshold=0, categories=(), category_confidence_thresholds=(("c0", 1.0),))
    classes = np.zeros(MAX_CANDIDATES, np.int32)
    classes[-1] = 1
    given = Candidates(boxes, scores, classes, np.array([0, MAX_CANDIDATES], np.int64))
    (kept,) = found(given, last_only)
    assert kept.class_indices.tolist() == [0, 1]
    assert kept.rows.tolist() == [0, MAX_CANDIDATES - 1]


def test_a_category_can_have_a_threshold_of_its_own_beside_pictures_without() -> None:
    given = candidates([60, 60])
    own = Settings(confidence_threshold=0.9, iou_threshold=1.0, category_confidence_thresholds=(("c2", 0.1),))
    plain = Settings(confidence_threshold=0.5, iou_threshold=1.0)
    rule = ModelBundle.Input(resize=ModelBundle.Input.STRETCH, width=640, height=640, stride=1)
    placements = [place(rule, width=640, height=640)] * 2
    first, second = suppress(given, placements, [own, plain], MODEL)
    for detections, row, settings in ((first, 0, own), (second, 1, plain)):
        rows = slice(int(given.splits[row]), int(given.splits[row + 1]))
        scores, classes = given.scores[rows], given.classes[rows]
        least = np.full(len(scores), settings.confidence_threshold)
        if settings is own:
            least[classes == 2] = 0.1
        assert sorted(detections.scores.tolist()) == sorted(scores[scores >= least.astype(np.float32)].tolist())
    # Alone it is the same to the bit.
    alone = Candidates(given.boxes[60:], given.scores[60:], given.classes[60:], np.array([0, 60], np.int64))
    (again,) = suppress(alone, placements[:1], [plain], MODEL)
    assert again.boxes.tobytes() == second.boxes.tobytes()
