"""What `prepare` takes beside RGB and gives beside float32 NCHW, against NumPy in float64 and against FFmpeg."""

from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import f32, i32

MATRICES = {"bt601": (0.299, 0.114), "bt709": (0.2126, 0.0722), "bt2020": (0.2627, 0.0593)}
OFFSETS = {"left": (0.0, 0.5), "center": (0.5, 0.5), "top_left": (0.0, 0.0)}  # Of chroma from luma: x, y.
Bytes = NDArray[np.uint8]


def prepare(image: Any, height: int, width: int, **changes: Any) -> NDArray[Any]:
    """One image that fills the output: [3, height, width], or as `layout` says."""
    nhwc = changes.get("layout") == "nhwc"
    shape = (1, height, width, 3) if nhwc else (1, 3, height, width)
    out = np.zeros(shape, changes.pop("dtype", np.float32))
    options: dict[str, Any] = {
        "gain": f32(1, 1, 1),
        "bias": f32(0, 0, 0),
        "pad": f32(0, 0, 0),
        "reverse_channels": False,
        "round_to_uint8": False,
    }
    framecast_core.prepare([image], i32(0, 0, width, height)[None], out, **(options | changes))
    first: NDArray[Any] = out[0]
    return first


def noise(seed: int, *shape: int) -> Bytes:
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def yuv_image(seed: int, height: int, width: int, *, planar: bool, **options: Any) -> framecast_core.Yuv420Image:
    y, u, v = planes_of(seed, height, width)
    planes = [y, u, v] if planar else [y, np.stack([u, v], axis=-1)]
    return framecast_core.Yuv420Image(planes, **options)


def planes_of(seed: int, height: int, width: int) -> tuple[Bytes, Bytes, Bytes]:
    chroma = ((height + 1) // 2, (width + 1) // 2)
    return noise(seed, height, width), noise(seed + 1, *chroma), noise(seed + 2, *chroma)


def resized(plane: Bytes, size: tuple[int, int], new: tuple[int, int], offsets: tuple[float, float] | None) -> Any:
    """A plane of an image of `size`, at the pixels of its resize to `new`; float64."""
    values = plane.astype(np.float64)
    for axis in (0, 1):
        at = (np.arange(new[axis]) + 0.5) * (size[axis] / new[axis]) - 0.5
        if offsets is not None:
            at = (at - offsets[1 - axis]) / 2
        at = np.clip(at, 0, plane.shape[axis] - 1)
        low = np.floor(at).astype(int)
        high = np.minimum(low + 1, plane.shape[axis] - 1)
        weight = (at - low)[:, None] if axis == 0 else at - low
        values = values.take(low, axis) * (1 - weight) + values.take(high, axis) * weight
    return values


def rule(planes: tuple[Bytes, Bytes, Bytes], new: tuple[int, int], matrix: str, full_range: bool, siting: str) -> Any:
    """float64 [3, height, width] RGB."""
    size = planes[0].shape
    y = resized(planes[0], (size[0], size[1]), new, None)
    u, v = (resized(plane, (size[0], size[1]), new, OFFSETS[siting]) - 128 for plane in planes[1:])
    if not full_range:
        y, u, v = (y - 16) * 255 / 219, u * 255 / 224, v * 255 / 224
    kr, kb = MATRICES[matrix]
    red, blue = y + 2 * (1 - kr) * v, y + 2 * (1 - kb) * u
    return np.clip(np.stack([red, (y - kr * red - kb * blue) / (1 - kr - kb), blue]), 0, 255)


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.integers(0, 2**32 - 1),
    *[st.integers(1, 70)] * 4,
    st.sampled_from(sorted(MATRICES)),
    st.booleans(),
    st.sampled_from(sorted(OFFSETS)),
    st.booleans(),
)
def test_yuv_equals_the_rule_in_float64(
    seed: int,
    height: int,
    width: int,
    new_height: int,
    new_width: int,
    matrix: str,
    full: bool,
    siting: str,
    planar: bool,
) -> None:
    image = yuv_image(seed, height, width, planar=planar, matrix=matrix, full_range=full, chroma_siting=siting)
    expected = rule(planes_of(seed, height, width), (new_height, new_width), matrix, full, siting)
    np.testing.assert_allclose(prepare(image, new_height, new_width), expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("full_range", [False, True])
@pytest.mark.parametrize("matrix", sorted(MATRICES))
def test_a_picture_that_ffmpeg_made_yuv_comes_back(matrix: Any, full_range: bool) -> None:
    # Slow changes of colour only, so that halving the chroma loses little.
    down, across = np.meshgrid(np.linspace(0, 1, 96), np.linspace(0, 1, 128), indexing="ij")
    picture = (
        np.stack([40 + 180 * across, 60 + 150 * down, 200 - 120 * across * down], axis=-1).round().astype(np.uint8)
    )
    colorspace: dict[str, Any] = {"bt601": "ITU601", "bt709": "ITU709", "bt2020": 9}
    frame = av.VideoFrame.from_ndarray(picture, format="rgb24").reformat(
        format="yuv420p",
        dst_colorspace=colorspace[matrix],
        dst_color_range="JPEG" if full_range else "MPEG",
    )
    planes = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, : plane.width]
        for plane in frame.planes
    ]
    image = framecast_core.Yuv420Image(planes, matrix=matrix, full_range=full_range, chroma_siting="left")
    back = prepare(image, 96, 128).transpose(1, 2, 0)
    assert np.abs(back - picture).mean() < 1
    assert np.abs(back - picture).max() < 4


@pytest.mark.parametrize("size", [(5, 7), (40, 60), (100, 33)])
def test_gray_and_alpha_are_their_three_channels(size: tuple[int, int]) -> None:
    gray, rgba = noise(1, 30, 50), noise(2, 30, 50, 4)
    as_rgb = np.repeat(gray[..., None], 3, axis=2)
    np.testing.assert_array_equal(prepare(gray, *size), prepare(as_rgb, *size))
    np.testing.assert_array_equal(prepare(gray[..., None], *size), prepare(as_rgb, *size))
    np.testing.assert_array_equal(prepare(rgba, *size), prepare(rgba[..., :3].copy(), *size))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("planar", [None, True, False])
def test_an_orientation_is_what_exif_means_by_it(orientation: int, planar: bool | None) -> None:
    # By row and column of the picture as shown: EXIF 2.3, tag 274.
    def shown(plane: Any) -> Any:
        flipped = {2: plane[:, ::-1], 3: plane[::-1, ::-1], 4: plane[::-1]}.get(orientation, plane)
        turned = {5: plane, 6: plane[::-1], 7: plane[::-1, ::-1], 8: plane[:, ::-1]}.get(orientation)
        return flipped if turned is None else turned.swapaxes(0, 1)

    size = (44, 61)
    if planar is None:
        image: Any = noise(3, 40, 52, 3)
        expected = prepare(np.ascontiguousarray(shown(image)), *size)
    else:
        # Centred chroma, since turning moves what lies beside to above.
        options: dict[str, Any] = {"matrix": "bt709", "full_range": True, "chroma_siting": "center"}
        image = yuv_image(3, 40, 52, planar=planar, **options)
        planes = [np.ascontiguousarray(shown(plane)) for plane in planes_of(3, 40, 52)]
        expected = prepare(framecast_core.Yuv420Image(planes, **options), *size)
    turned = prepare(image, *size, orientations=i32(orientation))
    np.testing.assert_allclose(turned, expected, rtol=0, atol=2e-4)


@pytest.mark.parametrize("width", [3, 16, 33, 100])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8])
def test_types_and_layouts_are_those_of_the_float32_tensor(dtype: Any, width: int) -> None:
    image = noise(4, 60, 90, 3)
    options: dict[str, Any] = {"gain": f32(0.9, 1.2, 1.5), "bias": f32(-30, 0, 0.25), "reverse_channels": True}
    plain = prepare(image, 41, width, **options)
    if dtype == np.uint8:
        expected = np.clip(np.floor(plain + np.float32(0.5)), 0, 255).astype(np.uint8)
    else:
        expected = plain.astype(dtype)
    np.testing.assert_array_equal(prepare(image, 41, width, dtype=dtype, **options), expected)
    nhwc = prepare(image, 41, width, dtype=dtype, layout="nhwc", **options)
    np.testing.assert_array_equal(nhwc, expected.transpose(1, 2, 0))


@pytest.mark.parametrize("layout", ["nchw", "nhwc"])
@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.uint8])
def test_padding_is_of_the_type(dtype: Any, layout: Any) -> None:
    out = np.full((1, 3, 40, 70) if layout == "nchw" else (1, 40, 70, 3), 77, dtype)
    framecast_core.prepare(
        [noise(5, 9, 9, 3)],
        i32(20, 10, 30, 5)[None],
        out,
        gain=f32(0, 0, 0),
        bias=f32(7, 7, 7),
        pad=f32(0.5, 114.25, 300),
        reverse_channels=False,
        round_to_uint8=False,
        layout=layout,
    )
    expected = np.broadcast_to(np.array([1, 114, 255] if dtype == np.uint8 else [0.5, 114.25, 300]), (40, 70, 3)).copy()
    expected[10:15, 20:50] = 7
    np.testing.assert_array_equal(out[0] if layout == "nhwc" else out[0].transpose(1, 2, 0), expected.astype(dtype))


def test_slots_of_a_bigger_batch_are_filled_and_no_others() -> None:
    images = [noise(seed, 20 + seed, 31, 3) for seed in range(3)]
    batch = np.full((8, 3, 24, 30), 7, np.float16)
    pool = framecast_core.ThreadPool(2)
    framecast_core.prepare(
        images,
        np.tile(i32(0, 0, 30, 24), (3, 1)),
        batch[1:7:2],
        gain=f32(1, 1, 1),
        bias=f32(0, 0, 0),
        pad=f32(0, 0, 0),
        reverse_channels=False,
        round_to_uint8=False,
        pool=pool,
    )
    for slot, image in zip((1, 3, 5), images, strict=True):
        np.testing.assert_array_equal(batch[slot], prepare(image, 24, 30, dtype=np.float16))
    assert (batch[[0, 2, 4, 6, 7]] == 7).all()


def test_a_pool_changes_no_bit() -> None:
    image = yuv_image(9, 500, 700, planar=False, matrix="bt601", full_range=False, chroma_siting="left")
    for orientation in (1, 6):
        options = {"orientations": i32(orientation), "dtype": np.float16, "layout": "nhwc"}
        alone = prepare(image, 333, 301, **options)
        np.testing.assert_array_equal(alone, prepare(image, 333, 301, pool=framecast_core.ThreadPool(3), **options))


@pytest.mark.parametrize(
    ("name", "planes", "changes"),
    [
        ("planes", [(4, 4)], {}),
        ("planes", [(4, 4), (2, 2), (2, 2), (2, 2)], {}),
        ("planes", [(0, 4), (0, 2), (0, 2)], {}),
        ("planes", [(4, 5), (2, 2), (2, 2)], {}),
        ("planes", [(4, 4), (2, 2)], {}),
        ("planes", [(4, 4), (2, 2, 3)], {}),
        ("planes", [(4, 4, 1), (2, 2), (2, 2)], {}),
        ("matrix", [(4, 4), (2, 2), (2, 2)], {"matrix": "rgb"}),
        ("chroma_siting", [(4, 4), (2, 2), (2, 2)], {"chroma_siting": "right"}),
    ],
)
def test_a_yuv_image_refuses_what_does_not_fit_by_name(name: str, planes: Any, changes: Any) -> None:
    options = {"matrix": "bt601", "full_range": False, "chroma_siting": "left"} | changes
    with pytest.raises(ValueError, match=f"^{name}: "):
        framecast_core.Yuv420Image([np.zeros(shape, np.uint8) for shape in planes], **options)


def test_a_yuv_image_refuses_samples_that_are_not_packed() -> None:
    planes = [np.zeros((4, 8), np.uint8)[:, ::2], np.zeros((2, 2), np.uint8), np.zeros((2, 2), np.uint8)]
    with pytest.raises(ValueError, match=r"^planes: "):
        framecast_core.Yuv420Image(planes, matrix="bt601", full_range=False, chroma_siting="left")


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("orientations", {"orientations": i32(0)}),
        ("orientations", {"orientations": i32(1, 1)}),
        ("layout", {"layout": "hwc"}),
    ],
)
def test_prepare_refuses_these_by_name(name: str, changes: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        prepare(noise(1, 4, 4, 3), 4, 4, **changes)


def test_a_dtype_that_is_none_of_the_three_is_a_type_error() -> None:
    for dtype in (np.float64, np.int8, np.int16):
        with pytest.raises(TypeError):
            prepare(noise(1, 4, 4, 3), 4, 4, dtype=dtype)
    for image in (np.zeros((4, 4, 3), np.int8), np.zeros((4, 4, 3), np.float32), "picture", None):
        with pytest.raises(TypeError):
            prepare(image, 4, 4)
