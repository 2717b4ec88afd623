"""Several views of a picture as one prediction."""

from collections.abc import Sequence

import numpy as np
import pytest

import framecast_core
from framecast_bundle.mask_output import as_polygons
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import MaskFormat, Settings
from framecast_bundle.view_merge import merge_views
from framecast_bundle.views import View, views_of
from tests.unit.bundle import tiny_bundles

DETECTOR = tiny_bundles.yolov5().manifest
WIDTH, HEIGHT = 200, 100
SETTINGS = Settings(window_width=100, window_overlap=0.2)
VIEWS = views_of(WIDTH, HEIGHT, SETTINGS, DETECTOR)  # The whole, and windows at 0, 50 and 100.
Found = tuple[Sequence[float], float, int]


def seen(view: View, *found: Found, masks: bool = False) -> Prediction:
    """What a view shows of instances (box in the picture, score, class): their visible part."""
    boxes = np.array([box for box, _, _ in found], np.float32).reshape(-1, 4)
    boxes -= np.array([view.x, view.y] * 2, np.float32)
    boxes = np.clip(boxes, 0, [view.width, view.height] * 2).astype(np.float32)
    polygons = None
    if masks:
        pixels = np.zeros((len(found), view.height, view.width), np.bool_)
        for mask, (x0, y0, x1, y1) in zip(pixels, boxes.astype(int), strict=True):
            mask[y0:y1, x0:x1] = True
        polygons = as_polygons(
            framecast_core.binary_masks_to_polygons(pixels, rdp_thresholds=np.zeros(len(found), np.float32))
        )
    return Prediction(
        width=view.width,
        height=view.height,
        boxes=boxes,
        scores=np.array([score for _, score, _ in found], np.float32),
        class_indices=np.array([label for _, _, label in found], np.int32),
        polygons=polygons,
    )


def merged(per_view: Sequence[Sequence[Found]], settings: Settings = SETTINGS, *, masks: bool = False) -> Prediction:
    predictions = [seen(view, *found, masks=masks) for view, found in zip(VIEWS, per_view, strict=True)]
    return merge_views(predictions, VIEWS, settings, DETECTOR)


def test_one_view_is_left_as_it_is() -> None:
    alone = seen(VIEWS[0], ([1, 2, 3, 4], 0.5, 0))
    assert merge_views([alone], VIEWS[:1], SETTINGS, DETECTOR) is alone


def test_what_several_windows_see_whole_comes_once_with_the_best_score() -> None:
    thing = [60, 20, 90, 40]
    found = merged([[], [(thing, 0.7, 1)], [(thing, 0.9, 1)], []])
    assert found.boxes.tolist() == [thing]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_a_part_gives_way_to_the_whole_even_with_a_higher_score() -> None:
    thing = [80, 20, 130, 40]  # Cut at 100 by the first window and seen whole by the second.
    found = merged([[], [(thing, 0.95, 1)], [(thing, 0.8, 1)], []])
    assert found.boxes.tolist() == [thing]
    assert found.scores.tolist() == pytest.approx([0.8])


def test_an_object_larger_than_every_window_is_put_together() -> None:
    thing = [10, 20, 190, 60]
    found = merged([[], [(thing, 0.7, 2)], [(thing, 0.6, 2)], [(thing, 0.9, 2)]])
    assert found.boxes.tolist() == [thing]
    assert found.scores.tolist() == pytest.approx([0.9])


def test_the_whole_picture_shows_it_better() -> None:
    thing = [10, 20, 190, 60]
    found = merged([[(thing, 0.5, 2)], [(thing, 0.7, 2)], [(thing, 0.6, 2)], [(thing, 0.9, 2)]])
    assert found.boxes.tolist() == [thing]
    assert found.scores.tolist() == pytest.approx([0.5])


def test_other_classes_and_neighbours_are_kept() -> None:
    left, right = [80, 20, 130, 40], [80, 42, 130, 60]
    found = merged([[], [(left, 0.9, 0), (right, 0.8, 0)], [(left, 0.7, 1), (right, 0.8, 0)], []])
    assert sorted(zip(found.class_indices.tolist(), found.boxes.tolist(), strict=True)) == [
        (0, [80, 20, 100, 40]),
        (0, right),
        (1, left),
    ]


def test_the_best_come_first_and_no_more_than_asked_for() -> None:
    things: list[Found] = [([10 * k, 0, 10 * k + 5, 9], 0.5 + k / 100, 0) for k in range(20)]
    found = merged([things, [], [], []], Settings(window_width=100, max_detections=3))
    assert found.scores.tolist() == pytest.approx([0.69, 0.68, 0.67])


def test_nothing_anywhere_is_nothing() -> None:
    assert len(merged([[], [], [], []]).scores) == 0
    empty = merged([[], [], [], []], masks=True)
    assert empty.polygons is not None
    assert len(empty.polygons.areas) == 0


@pytest.mark.parametrize("form", list(MaskFormat))
def test_masks_are_put_together_too(form: MaskFormat) -> None:
    long, small = [10, 20, 190, 60], [60, 70, 90, 90]
    settings = Settings(window_width=100, mask_format=form, rdp_threshold=0.0)
    windows: list[list[Found]] = [[], [(long, 0.7, 2), (small, 0.5, 1)], [(long, 0.6, 2)], [(long, 0.9, 2)]]
    found = merged(windows, settings, masks=True)
    assert found.boxes.tolist() == [long, small]
    if form == MaskFormat.NONE:
        assert (found.polygons, found.run_lengths) == (None, None)
        return
    areas = [180 * 40, 30 * 20]
    if form == MaskFormat.POLYGONS:
        assert found.polygons is not None
        assert found.polygons.areas.tolist() == areas
        points, _ = found.polygons.rings(0)
        assert sorted(points.tolist()) == [[10, 20], [10, 60], [190, 20], [190, 60]]
        return
    assert found.run_lengths is not None
    assert found.run_lengths.areas.tolist() == areas
    pixels = framecast_core.rle_to_masks(found.run_lengths.counts, found.run_lengths.splits, HEIGHT, WIDTH)
    assert pixels[0, 20:60, 10:190].all()
    assert pixels.sum(axis=(1, 2)).tolist() == areas


def test_polygons_of_merged_views_are_as_coarse_as_asked() -> None:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    disc = ((x - 100) ** 2 + (y - 50) ** 2 < 40**2)[None]
    threshold = np.array([0.005], np.float32)
    expected = framecast_core.binary_masks_to_polygons(disc, rdp_thresholds=threshold)
    lossless = as_polygons(framecast_core.binary_masks_to_polygons(disc, rdp_thresholds=threshold * 0))
    whole = Prediction(
        width=WIDTH,
        height=HEIGHT,
        boxes=lossless.boxes,
        scores=np.ones(1, np.float32),
        class_indices=np.zeros(1, np.int32),
        polygons=lossless,
    )
    views = (VIEWS[0], View(0, 0, WIDTH, HEIGHT, mirrored=True))
    found = merge_views([whole, whole], views, Settings(rdp_threshold=0.005), DETECTOR)
    assert found.polygons is not None
    np.testing.assert_array_equal(found.polygons.points, expected.points)


def test_a_mirrored_picture_finds_what_the_picture_does() -> None:
    bundle = tiny_bundles.classifier()
    image = tiny_bundles.images((48, 40))[0]
    symmetric = np.concatenate([image, image[:, ::-1]], axis=1)
    with bundle.predictor() as predictor:

        def scores(picture: np.ndarray, augment: bool) -> np.ndarray:
            (found,) = predictor.predict([picture], [Settings(augment=augment, logits=True)])
            assert found.label_scores is not None
            assert found.label_logits is not None
            return found.label_scores

        expected = (scores(image, False) + scores(np.ascontiguousarray(image[:, ::-1]), False)) / 2
        np.testing.assert_allclose(scores(image, True), expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(scores(symmetric, True), scores(symmetric, False), rtol=0, atol=1e-6)
