"""Label maps against PyTorch's interpolate and argmax."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch.nn import functional

import framecast_core
from tests.unit.core.candidates import f32


def decode(logits: Any, regions: Any, sizes: Any, **changes: Any) -> tuple[Any, ...]:
    given = {
        "score_thresholds": np.zeros(len(sizes), np.float32),
        "class_filter": None,
        "background_first": False,
    } | changes
    return framecast_core.decode_segmentation(
        logits, np.array(regions, np.float32).reshape(-1, 4), np.array(sizes, np.int32).reshape(-1, 2), **given
    )


def painted(found: tuple[Any, ...], image: int, height: int, width: int) -> NDArray[np.int32]:
    splits, lengths, classes, _ = found
    rows = slice(splits[image], splits[image + 1])
    assert (np.diff(classes[rows]) != 0).all()
    return np.repeat(classes[rows], lengths[rows]).reshape(height, width)


@pytest.mark.parametrize("blocks", [1, 4], ids=["noise", "areas"])
@pytest.mark.parametrize("background", [False, True])
@pytest.mark.parametrize("threshold", [0.0, 0.25])
def test_equals_interpolate_and_argmax(blocks: int, background: bool, threshold: float) -> None:
    rng = np.random.default_rng(blocks)
    logits = rng.normal(0, 2, (2, 5, 12, 9)).astype(np.float32)
    logits += (
        rng.normal(0, 6, (2, 5, 12 // blocks + 1, 9 // blocks + 1))
        .astype(np.float32)
        .repeat(blocks, 2)
        .repeat(blocks, 3)[:, :, :12, :9]
    )
    height, width = 77, 83
    stretched = functional.interpolate(
        torch.from_numpy(logits), size=(height, width), mode="bilinear", align_corners=False
    )
    expected = stretched.argmax(1).numpy() - background
    expected[stretched.softmax(1).amax(1).numpy() <= threshold] = -1
    found = decode(
        logits,
        [[0, 0, 9, 12]] * 2,
        [[height, width]] * 2,
        score_thresholds=np.full(2, threshold, np.float32),
        background_first=background,
    )
    for image in range(2):
        # Where two classes are equal to the last bit, either is right.
        assert (painted(found, image, height, width) != expected[image]).mean() < 0.001
        counts = [(expected[image] == each).sum() for each in range(5 - background)]
        np.testing.assert_allclose(found[3][image], counts, atol=3)


def test_picture_is_the_region_of_its_map() -> None:
    logits = np.zeros((1, 2, 4, 8), np.float32)
    logits[0, 1, :, 4:] = 1
    whole = painted(decode(logits, [[0, 0, 8, 4]], [[40, 80]]), 0, 40, 80)
    right = painted(decode(logits, [[3, 1, 4, 2]], [[20, 40]]), 0, 20, 40)
    np.testing.assert_array_equal(right, whole[10:30, 30:70])


def test_class_that_is_not_allowed_leaves_no_class_behind() -> None:
    logits = f32(3, 2, 1).reshape(1, 3, 1, 1)
    only_second = np.array([[False, True, False]])
    assert decode(logits, [[0, 0, 1, 1]], [[2, 2]], class_filter=only_second)[2].tolist() == [-1]
    assert decode(logits, [[0, 0, 1, 1]], [[2, 2]])[2].tolist() == [0]


@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_odd_numbers_stay_where_they_are(odd: float) -> None:
    logits = np.zeros((1, 2, 3, 3), np.float32)
    logits[0, 1] = 1
    logits[0, 1, 0, 0] = odd
    label_map = painted(decode(logits, [[0, 0, 3, 3]], [[30, 30]]), 0, 30, 30)
    assert (label_map[15:, 15:] == 1).all()
    assert label_map.min() >= -1


def test_stored_types_give_what_their_numbers_give() -> None:
    rng = np.random.default_rng(3)
    stored = rng.integers(-128, 128, (1, 4, 6, 6)).astype(np.int8)
    numbers = (stored.astype(np.float32) - np.float32(3)) * np.float32(0.05)
    args = ([[0, 0, 6, 6]], [[31, 29]])
    for given in ((stored, 0.05, 3), numbers.astype(np.float16)):
        exact = numbers if isinstance(given, tuple) else given.astype(np.float32)
        for one, other in zip(decode(given, *args), decode(exact, *args), strict=True):
            np.testing.assert_array_equal(one, other)


def test_no_pictures_give_no_runs() -> None:
    splits, lengths, classes, areas = decode(np.zeros((0, 3, 2, 2), np.float32), [], [])
    assert (splits.tolist(), len(lengths), len(classes), areas.shape) == ([0], 0, 0, (0, 3))


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"regions": [[0, 0, 0, 1]]}, "regions"),
        ({"regions": [[0, np.nan, 1, 1]]}, "regions"),
        ({"sizes": [[0, 4]]}, "image_sizes"),
        ({"sizes": [[4, 65537]]}, "image_sizes"),
        ({"score_thresholds": f32(np.nan)}, "score_thresholds"),
        ({"score_thresholds": f32(0, 0)}, "score_thresholds"),
        ({"class_filter": np.ones((1, 2), bool)}, "class_filter"),
        ({"logits": np.zeros((1, 1, 2, 2), np.float32), "background_first": True}, "logits"),
    ],
)
def test_what_does_not_fit_is_named(changes: dict[str, Any], name: str) -> None:
    given = {"logits": np.zeros((1, 3, 2, 2), np.float32), "regions": [[0, 0, 2, 2]], "sizes": [[4, 4]]} | changes
    with pytest.raises(ValueError, match=f"^{name}"):
        decode(given.pop("logits"), given.pop("regions"), given.pop("sizes"), **given)
