"""What a picture is looked at as, and the way back."""

from itertools import pairwise

import numpy as np
import pytest

from framecast.errors import InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.placement import place
from framecast_bundle.polygons import Polygons
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import MaskFormat, Settings
from framecast_bundle.views import MAX_WINDOWS, View, view_settings, views_of
from tests.unit.bundle import tiny_bundles

DETECTOR = tiny_bundles.yolov5().manifest
WINDOWS = Settings(window_width=100, window_height=80, window_overlap=0.2)


@pytest.mark.parametrize(("width", "height"), [(101, 80), (100, 81), (999, 400), (180, 144), (181, 145)])
def test_windows_cover_every_pixel_and_overlap_as_asked(width: int, height: int) -> None:
    whole, *windows = views_of(width, height, WINDOWS, DETECTOR)
    assert whole == View(0, 0, width, height)
    seen = np.zeros((height, width), np.int32)
    for window in windows:
        assert (window.width, window.height) == (min(100, width), min(80, height))
        assert 0 <= window.x <= width - window.width
        assert 0 <= window.y <= height - window.height
        seen[window.y : window.y + window.height, window.x : window.x + window.width] += 1
    assert seen.min() == 1
    for starts, side in (({w.x for w in windows}, 100), ({w.y for w in windows}, 80)):
        assert all(later - earlier <= side * 0.8 for earlier, later in pairwise(sorted(starts)))


def test_a_picture_of_one_window_is_looked_at_once() -> None:
    assert views_of(100, 80, WINDOWS, DETECTOR) == (View(0, 0, 100, 80),)


def test_too_many_windows_are_refused() -> None:
    settings = Settings(window_width=32, window_overlap=0.0)
    side = 32 * 32
    assert len(views_of(side, side, settings, DETECTOR)) == 1 + MAX_WINDOWS
    with pytest.raises(InvalidArgumentError, match="1056 windows of 32 x 32; at most 1024") as refused:
        views_of(side + 1, side, settings, DETECTOR)
    assert refused.value.reason == "TOO_MANY_WINDOWS"
    assert refused.value.field == "settings.window_width"


def test_detectors_look_at_smaller_and_mirrored_pictures_where_they_know_padding() -> None:
    views = views_of(64, 32, Settings(augment=True), DETECTOR)
    assert [(view.mirrored, view.scale) for view in views] == [(False, 1.0), (True, 0.83), (False, 0.67)]
    views = views_of(64, 32, Settings(augment=True), tiny_bundles.classifier().manifest)
    assert [(view.mirrored, view.scale) for view in views] == [(False, 1.0), (True, 1.0)]


def test_what_is_merged_keeps_every_pixel_of_its_masks() -> None:
    settings = Settings(augment=True, mask_format=MaskFormat.RUN_LENGTHS)
    views = views_of(64, 32, settings, DETECTOR)
    asked = view_settings(settings, views)
    assert (asked.rdp_threshold, asked.mask_format) == (0.0, MaskFormat.POLYGONS)
    assert view_settings(settings, views[:1]) is settings


@pytest.mark.parametrize("resize", [ModelBundle.Input.LETTERBOX_CENTER, ModelBundle.Input.LETTERBOX_TOP_LEFT])
@pytest.mark.parametrize("uniform", [False, True])
def test_a_smaller_picture_lies_within_the_place_of_the_larger(
    resize: "ModelBundle.Input.Resize.ValueType", uniform: bool
) -> None:
    rule = tiny_bundles.letterbox()
    rule.resize, rule.uniform_scale = resize, uniform
    whole = place(rule, width=97, height=51)
    smaller = View(0, 0, 97, 51, scale=0.67).shrink(whole, rule)
    assert (smaller.tensor_width, smaller.tensor_height) == (64, 64)
    assert (smaller.width, smaller.height) == (round(64 * 0.67), round(whole.height * 0.67))
    assert smaller.x >= whole.x
    assert smaller.x + smaller.width <= whole.x + whole.width
    corners = np.array([[0, 0, 97, 51]], np.float32)
    tensor = smaller.to_tensor(corners)
    np.testing.assert_allclose(tensor[0, 2:] - tensor[0, :2], [smaller.width, smaller.height], atol=0.6)
    np.testing.assert_allclose(smaller.to_source(tensor), corners, atol=1e-4)


def test_a_view_shows_its_part_and_its_answers_come_back() -> None:
    image = np.arange(40 * 60 * 3, dtype=np.uint32).astype(np.uint8).reshape(40, 60, 3)
    view = View(10, 5, 30, 20, mirrored=True)
    part = view.picture_of(image)
    assert isinstance(part, np.ndarray)
    np.testing.assert_array_equal(part, image[5:25, 39:9:-1])
    outline = Polygons(
        points=np.array([[1, 2], [4, 2], [4, 6]], np.float32),
        ring_splits=np.array([0, 3]),
        part_splits=np.array([0, 1]),
        instance_splits=np.array([0, 1]),
        areas=np.array([9]),
        boxes=np.array([[1, 2, 4, 6]], np.float32),
    )
    seen = Prediction(
        width=30,
        height=20,
        boxes=np.array([[1, 2, 4, 6]], np.float32),
        scores=np.ones(1, np.float32),
        class_indices=np.zeros(1, np.int32),
        polygons=outline,
    )
    found = view.to_picture(seen, 60, 40)
    assert (found.width, found.height) == (60, 40)
    assert found.boxes.tolist() == [[36, 7, 39, 11]]
    assert found.polygons is not None
    assert found.polygons.boxes.tolist() == [[36, 7, 39, 11]]
    # Backwards, so that an exterior still turns as an exterior does.
    assert found.polygons.points.tolist() == [[36, 11], [36, 7], [39, 7]]
    assert View(0, 0, 60, 40).picture_of(image) is image
