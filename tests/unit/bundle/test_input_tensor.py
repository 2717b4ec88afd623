"""The values of the input tensor, against a plain NumPy reading of the rule."""

import numpy as np
import pytest
from PIL import Image

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.input_tensor import InputTensor
from framecast_bundle.placement import Placement, place
from tests.unit.bundle import tiny_bundles

Input = ModelBundle.Input


def rule(resize: Input.Resize.ValueType, **fields: object) -> ModelBundle.Input:
    base = Input(
        resize=resize,
        width=32,
        height=32,
        stride=1,
        color_order=Input.RGB,
        scale=1 / 255,
        mean=[0.1, 0.2, 0.3],
        std=[0.5, 0.25, 0.125],
    )
    base.MergeFrom(Input(**fields))  # type: ignore[arg-type]
    return base


def fill(rule: ModelBundle.Input, picture: np.ndarray) -> tuple[np.ndarray, Placement]:
    placement = place(rule, width=picture.shape[1], height=picture.shape[0])
    return InputTensor(rule).fill([picture], [placement])[0], placement


def bilinear(picture: np.ndarray, width: int, height: int) -> np.ndarray:
    """Half-pixel centres, no antialias, edges clamped; float64 [height, width, 3]."""

    def axis(length: int, new: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        position = np.clip((np.arange(new) + 0.5) * (length / new) - 0.5, 0, length - 1)
        low = np.floor(position).astype(int)
        return low, np.minimum(low + 1, length - 1), position - low

    y0, y1, v = axis(picture.shape[0], height)
    x0, x1, u = axis(picture.shape[1], width)
    pixels = picture.astype(np.float64)
    rows = pixels[y0] * (1 - v)[:, None, None] + pixels[y1] * v[:, None, None]
    blended: np.ndarray = rows[:, x0] * (1 - u)[:, None] + rows[:, x1] * u[:, None]
    return blended


def normalised(pixels: np.ndarray) -> np.ndarray:
    values: np.ndarray = (pixels / 255 - [0.1, 0.2, 0.3]) / [0.5, 0.25, 0.125]
    return values.transpose(2, 0, 1)


def noise(height: int, width: int) -> np.ndarray:
    return np.random.default_rng(height * width).integers(0, 256, (height, width, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [(32, 32), (20, 31), (90, 64), (1, 1), (500, 3)])
@pytest.mark.parametrize("resize", [Input.LETTERBOX_CENTER, Input.LETTERBOX_TOP_LEFT, Input.STRETCH])
def test_content_is_bilinear_and_the_rest_is_padding(resize: Input.Resize.ValueType, size: tuple[int, int]) -> None:
    picture = noise(*size)
    tensor, at = fill(rule(resize, pad_value=114), picture)
    expected = np.full((32, 32, 3), 114.0)
    expected[at.y : at.y + at.height, at.x : at.x + at.width] = bilinear(picture, at.width, at.height)
    np.testing.assert_allclose(tensor, normalised(expected), atol=2e-5)


def test_absent_pad_value_is_zero_after_normalisation() -> None:
    tensor, _ = fill(rule(Input.LETTERBOX_TOP_LEFT), noise(10, 20))
    assert not tensor[:, 16:].any()
    assert tensor[:, :16].any()


def test_bgr_reverses_the_channels_and_not_the_means() -> None:
    picture = noise(32, 32)
    tensor, _ = fill(rule(Input.STRETCH, color_order=Input.BGR), picture)
    np.testing.assert_allclose(tensor, normalised(picture[..., ::-1].astype(float)), atol=2e-5)


def test_rounded_values_are_whole_pixels() -> None:
    plain = rule(Input.STRETCH, scale=1.0, round_to_uint8=True)
    del plain.mean[:], plain.std[:]
    plain.mean.extend([0, 0, 0])
    plain.std.extend([1, 1, 1])
    picture = noise(50, 40)
    tensor, _ = fill(plain, picture)
    assert np.array_equal(tensor, np.round(tensor))
    assert np.abs(tensor - bilinear(picture, 32, 32).transpose(2, 0, 1)).max() <= 0.501


@pytest.mark.parametrize("size", [(40, 60), (60, 40), (33, 33), (7, 9), (300, 100)])
def test_crop_equals_the_middle_of_the_whole_resized(size: tuple[int, int]) -> None:
    picture = noise(*size)
    tensor, at = fill(rule(Input.CENTER_CROP, crop_fraction=0.8), picture)
    whole = bilinear(picture, at.width, at.height)
    np.testing.assert_allclose(tensor, normalised(whole[-at.y : 32 - at.y, -at.x : 32 - at.x]), atol=2e-5)


def test_full_crop_of_a_square_needs_no_cropping() -> None:
    picture = noise(64, 64)
    tensor, at = fill(rule(Input.CENTER_CROP, crop_fraction=1.0), picture)
    assert not at.cropped
    np.testing.assert_allclose(tensor, normalised(bilinear(picture, 32, 32)), atol=2e-5)


@pytest.mark.parametrize("size", [(3, 30000), (30000, 3)])
def test_crop_of_a_long_strip_holds_its_middle(size: tuple[int, int]) -> None:
    # A ramp along the strip: the middle of the tensor is the middle of the ramp.
    ramp = np.linspace(0, 255, max(size)).astype(np.uint8)
    picture = np.broadcast_to(ramp[None, :, None] if size[0] == 3 else ramp[:, None, None], (*size, 3))
    tensor, _ = fill(rule(Input.CENTER_CROP, crop_fraction=1.0), np.ascontiguousarray(picture))
    assert tensor.shape == (3, 32, 32)
    assert tensor[0].mean() == pytest.approx((127.5 / 255 - 0.1) / 0.5, abs=0.02)


def test_pictures_of_one_batch_are_prepared_as_alone() -> None:
    pictures = tiny_bundles.images((40, 60), (64, 32), (200, 200))
    letterbox = rule(Input.LETTERBOX_CENTER, pad_value=114)
    places = [place(letterbox, width=picture.shape[1], height=picture.shape[0]) for picture in pictures]
    together = InputTensor(letterbox).fill(pictures, places)
    for picture, tensor in zip(pictures, together, strict=True):
        np.testing.assert_array_equal(fill(letterbox, picture)[0], tensor)


@pytest.mark.parametrize("resize", [Input.LETTERBOX_CENTER, Input.CENTER_CROP])
def test_antialiased_resize_is_pillows(resize: Input.Resize.ValueType) -> None:
    picture = noise(180, 120)
    chosen = rule(resize, pad_value=114, crop_fraction=0.8, antialias=True)
    tensor, at = fill(chosen, picture)
    expected = np.full((32, 32, 3), 114.0)
    resized = np.asarray(Image.fromarray(picture).resize((at.width, at.height), Image.Resampling.BILINEAR))
    if at.cropped:
        expected[:] = resized[-at.y : 32 - at.y, -at.x : 32 - at.x]
    else:
        expected[at.y : at.y + at.height, at.x : at.x + at.width] = resized
    np.testing.assert_allclose(tensor, normalised(expected), atol=2e-5)
