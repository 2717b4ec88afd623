"""An image or video frame into a 640 x 640 NCHW tensor, letterboxed and normalised: framecast_core, OpenCV, PyTorch.

python -m benchmarks.core_prepare --json benchmarks/results/core_prepare.json
"""

from collections.abc import Callable, Sequence
from typing import Any

import av
import cv2
import numpy as np
import torch
from numpy.typing import NDArray

import framecast_core
from benchmarks.measure import US, Case, arguments, measure, measure_two_threads, pin_to_one_thread, report

SIZE = 640
PAD = 114
SHOWS_NOT = (
    "other sizes of the output; OpenCV "
    "resizes to 8 bits with weights of 11 bits, so its pixels differ from the rule by up to one step; FFmpeg's quick "
    "conversion from YUV, which PyAV uses, repeats chroma samples; the picture is smooth noise, and no side's time "
    "depends on what it shows."
)

Bytes = NDArray[np.uint8]
Floats = NDArray[np.float32]
Make = Callable[[Bytes, Floats], Callable[[], None]]


def picture(height: int, width: int) -> Bytes:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def placement(height: int, width: int) -> tuple[int, int, int, int]:
    """x, y, width, height of the resized picture in the output."""
    scale = min(SIZE / height, SIZE / width)
    new_width, new_height = round(width * scale), round(height * scale)
    return (SIZE - new_width) // 2, (SIZE - new_height) // 2, new_width, new_height


def ours(
    images: Sequence[Any], size: tuple[int, int], out: NDArray[Any], *, bgr: bool = True, **options: Any
) -> Callable[[], None]:
    """BGR images of one size, or frames, into RGB."""
    regions = np.tile(np.array([placement(*size)], np.int32), (len(images), 1))
    gain, bias = np.full(3, 1 / 255, np.float32), np.zeros(3, np.float32)
    pad = np.full(3, PAD / 255, np.float32)
    options = {"round_to_uint8": False} | options
    return lambda: framecast_core.prepare(
        images, regions, out, gain=gain, bias=bias, pad=pad, reverse_channels=bgr, **options
    )


def by_opencv_planes(image: Bytes, out: Floats) -> Callable[[], None]:
    """The best we know of these two: resize, split, and one multiply per plane straight into the output."""
    fill = opencv_planes(image.shape[0], image.shape[1], out)
    return lambda: fill(image)


def opencv_planes(source_height: int, source_width: int, out: Floats) -> Callable[[Bytes], None]:
    x, y, width, height = placement(source_height, source_width)
    inverse = np.float32(1 / 255)
    resized = np.empty((height, width, 3), np.uint8)
    planes = [np.empty((height, width), np.uint8) for _ in range(3)]

    def run(image: Bytes) -> None:
        out[:, :, :y] = out[:, :, y + height :] = np.float32(PAD / 255)
        out[:, :, :, :x] = out[:, :, :, x + width :] = np.float32(PAD / 255)
        cv2.resize(image, (width, height), dst=resized, interpolation=cv2.INTER_LINEAR)
        cv2.split(resized, planes)
        for c in range(3):
            np.multiply(planes[2 - c], inverse, out=out[0, c, y : y + height, x : x + width], dtype=np.float32)

    return run


def by_common_code(image: Bytes, out: Floats) -> Callable[[], None]:
    """As pipelines usually do it: resize, copyMakeBorder, transpose, divide."""
    x, y, width, height = placement(*image.shape[:2])

    def run() -> None:
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        border = (y, SIZE - height - y, x, SIZE - width - x)
        padded = cv2.copyMakeBorder(resized, *border, cv2.BORDER_CONSTANT, value=(PAD, PAD, PAD))
        planes = np.ascontiguousarray(padded[:, :, ::-1].transpose(2, 0, 1))
        out[0] = planes.astype(np.float32) / 255

    return run


def by_cv2_dnn(image: Bytes, out: Floats) -> Callable[[], None]:
    parameters = cv2.dnn.Image2BlobParams(
        scalefactor=(1 / 255,) * 4,
        size=(SIZE, SIZE),
        swapRB=True,
        mode=cv2.dnn.DNN_PMODE_LETTERBOX,
        borderValue=(PAD,) * 4,
    )

    def run() -> None:
        out[:] = cv2.dnn.blobFromImageWithParams(image, parameters)

    return run


def by_pytorch(image: Bytes, out: Floats) -> Callable[[], None]:
    x, y, width, height = placement(*image.shape[:2])
    source, target = torch.from_numpy(image), torch.from_numpy(out)

    def run() -> None:
        planes = source.permute(2, 0, 1).flip(0)[None].float()
        resized = torch.nn.functional.interpolate(planes, (height, width), mode="bilinear", align_corners=False)
        target.fill_(PAD / 255)
        torch.mul(resized, 1 / 255, out=target[:, :, y : y + height, x : x + width])

    return run


def tensor() -> Floats:
    return np.empty((1, 3, SIZE, SIZE), np.float32)


def image_case(height: int, width: int, samples: int) -> Case:
    image = picture(height, width)
    makers: dict[str, Make] = {
        US: lambda image, out: ours([image], (height, width), out),
        f"{US}, rounded to 8 bits": lambda image, out: ours([image], (height, width), out, round_to_uint8=True),
        "opencv + numpy planes": by_opencv_planes,
        "the common letterbox code": by_common_code,
        "cv2.dnn": by_cv2_dnn,
        "pytorch": by_pytorch,
        "writing the output (floor)": lambda _, out: lambda: out.fill(0.5),
    }
    outputs = {side: tensor() for side in makers}
    sides: dict[str, Callable[[], object]] = {side: make(image, outputs[side]) for side, make in makers.items()}
    return measure("prepare", f"{height} x {width}; {distances(sides, outputs)}", sides, samples=samples)


def distances(sides: dict[str, Callable[[], object]], outputs: dict[str, Floats]) -> str:
    """How far the sides' values are from ours, at most."""
    for run in sides.values():
        run()
    apart = {
        side: float(np.abs(outputs[side] - outputs[US]).max() * 255)
        for side in sides
        if side != US and not side.startswith("writing")
    }
    return "steps of 1/255 away from ours: " + ", ".join(f"{side} {apart[side]:.2f}" for side in apart)


def frame_case(height: int, width: int, *, layout: str, samples: int) -> Case:
    """A frame as a decoder leaves it; the peers convert it to BGR first."""
    image = picture(height, width)
    frame = av.VideoFrame.from_ndarray(image, format="bgr24").reformat(
        format="yuv420p" if layout == "i420" else "nv12", dst_colorspace="ITU709", dst_color_range="MPEG"
    )
    planes = [
        np.frombuffer(memoryview(plane), np.uint8).reshape(plane.height, plane.line_size)[:, :row_bytes]
        for plane, row_bytes in zip(
            frame.planes, (width, width if layout == "nv12" else width // 2, width // 2), strict=False
        )
    ]
    joined = np.concatenate([plane.ravel() for plane in planes]).reshape(height * 3 // 2, width)
    if layout == "nv12":
        planes[1] = planes[1].reshape(height // 2, width // 2, 2)
    code = cv2.COLOR_YUV2BGR_NV12 if layout == "nv12" else cv2.COLOR_YUV2BGR_I420
    bgr = np.empty((height, width, 3), np.uint8)
    outputs = {
        side: tensor() for side in (US, "opencv to bgr, opencv + numpy planes", "pyav to bgr, opencv + numpy planes")
    }
    by_opencv, by_pyav = (opencv_planes(height, width, outputs[side]) for side in list(outputs)[1:])

    def opencv() -> None:
        cv2.cvtColor(joined, code, dst=bgr)
        by_opencv(bgr)

    def pyav() -> None:
        by_pyav(np.asarray(frame.to_ndarray(format="bgr24"), np.uint8))

    def ours_of_planes() -> None:
        # With what it costs to make the image: that is done once per frame.
        yuv = framecast_core.Yuv420Image(planes, matrix="bt709", full_range=False, chroma_siting="left")
        ours([yuv], (height, width), outputs[US], bgr=False)()

    sides: dict[str, Callable[[], object]] = {
        US: ours_of_planes,
        "opencv to bgr, opencv + numpy planes": opencv,
        "pyav to bgr, opencv + numpy planes": pyav,
    }
    text = (
        f"{layout} {height} x {width}; OpenCV converts by BT.601 whatever the frame says; {distances(sides, outputs)}"
    )
    return measure("prepare", text, sides, samples=samples)


def half_nhwc_case(height: int, width: int, samples: int) -> Case:
    image = picture(height, width)
    x, y, new_width, new_height = placement(height, width)
    out, theirs = np.empty((1, SIZE, SIZE, 3), np.float16), np.empty((1, SIZE, SIZE, 3), np.float16)
    resized, inverse = np.empty((new_height, new_width, 3), np.uint8), np.float32(1 / 255)
    rgb, values = np.empty_like(resized), np.empty(resized.shape, np.float32)

    def opencv() -> None:
        theirs[:, :y] = theirs[:, y + new_height :] = np.float16(PAD / 255)
        theirs[:, :, :x] = theirs[:, :, x + new_width :] = np.float16(PAD / 255)
        cv2.resize(image, (new_width, new_height), dst=resized, interpolation=cv2.INTER_LINEAR)
        cv2.cvtColor(resized, cv2.COLOR_BGR2RGB, dst=rgb)
        np.multiply(rgb, inverse, out=values)
        theirs[0, y : y + new_height, x : x + new_width] = values

    sides: dict[str, Callable[[], object]] = {
        US: ours([image], (height, width), out, layout="nhwc"),
        "opencv + numpy": opencv,
    }
    return measure("prepare", f"{height} x {width} to float16 NHWC", sides, samples=samples)


def threads_case(images: int, height: int, width: int, samples: int) -> Case:
    sources = [picture(height, width) for _ in range(images)]
    out = np.empty((images, 3, SIZE, SIZE), np.float32)

    def run(pool: framecast_core.ThreadPool | None) -> None:
        ours(sources, (height, width), out, pool=pool)()

    return measure_two_threads("prepare, two threads", f"{images} images of {height} x {width}", run, samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    samples = options.samples
    sizes = ((720, 1280), (1080, 1920), (2160, 3840), (3024, 4032), (768, 1366), (480, 640))
    cases = [image_case(height, width, samples) for height, width in sizes]
    cases += [frame_case(720, 1280, layout=layout, samples=samples) for layout in ("nv12", "i420")]
    cases.append(half_nhwc_case(720, 1280, samples))
    cases += [threads_case(images, 720, 1280, samples) for images in (1, 16)]
    report(cases, shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
