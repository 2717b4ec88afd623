"""A video frame into a 640 x 640 float32 NCHW tensor, letterboxed and normalised: framecast_core, OpenCV, PyTorch.

python -m benchmarks.core_prepare --json benchmarks/results/core_prepare.json
"""

from collections.abc import Callable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

import framecast_core
from benchmarks.measure import US, Case, arguments, measure, pin_to_one_thread, report

SIZE = 640
PAD = 114
SHOWS_NOT = (
    "planar YUV input, float16 or NHWC output, batches, more than one thread, or other sizes of the output; OpenCV "
    "resizes to 8 bits with weights of 11 bits, so its pixels differ from the rule by up to one step; the picture is "
    "smooth noise, and no side's time depends on what it shows."
)


def picture(height: int, width: int) -> NDArray[np.uint8]:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (height // 8, width // 8, 3), dtype=np.uint8)
    return np.ascontiguousarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)


def placement(height: int, width: int) -> tuple[int, int, int, int]:
    """x, y, width, height of the resized picture in the output."""
    scale = min(SIZE / height, SIZE / width)
    new_width, new_height = round(width * scale), round(height * scale)
    return (SIZE - new_width) // 2, (SIZE - new_height) // 2, new_width, new_height


def ours(image: NDArray[np.uint8], out: NDArray[np.float32], *, round_to_uint8: bool) -> Callable[[], None]:
    regions = np.array([placement(*image.shape[:2])], np.int32)
    gain, bias = np.full(3, 1 / 255, np.float32), np.zeros(3, np.float32)
    pad = np.full(3, PAD / 255, np.float32)
    return lambda: framecast_core.prepare(
        [image],
        regions,
        out,
        gain=gain,
        bias=bias,
        pad=pad,
        reverse_channels=True,
        round_to_uint8=round_to_uint8,
    )


def by_opencv_planes(image: NDArray[np.uint8], out: NDArray[np.float32]) -> Callable[[], None]:
    """The best we know of these two: resize, split, and one multiply per plane straight into the output."""
    x, y, width, height = placement(*image.shape[:2])
    inverse = np.float32(1 / 255)
    resized = np.empty((height, width, 3), np.uint8)
    planes = [np.empty((height, width), np.uint8) for _ in range(3)]

    def run() -> None:
        out[:, :, :y] = out[:, :, y + height :] = np.float32(PAD / 255)
        out[:, :, :, :x] = out[:, :, :, x + width :] = np.float32(PAD / 255)
        cv2.resize(image, (width, height), dst=resized, interpolation=cv2.INTER_LINEAR)
        cv2.split(resized, planes)
        for c in range(3):
            np.multiply(planes[2 - c], inverse, out=out[0, c, y : y + height, x : x + width], dtype=np.float32)

    return run


def by_common_code(image: NDArray[np.uint8], out: NDArray[np.float32]) -> Callable[[], None]:
    """As pipelines usually do it: resize, copyMakeBorder, transpose, divide."""
    x, y, width, height = placement(*image.shape[:2])

    def run() -> None:
        resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
        border = (y, SIZE - height - y, x, SIZE - width - x)
        padded = cv2.copyMakeBorder(resized, *border, cv2.BORDER_CONSTANT, value=(PAD, PAD, PAD))
        planes = np.ascontiguousarray(padded[:, :, ::-1].transpose(2, 0, 1))
        out[0] = planes.astype(np.float32) / 255

    return run


def by_cv2_dnn(image: NDArray[np.uint8], out: NDArray[np.float32]) -> Callable[[], None]:
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


def by_pytorch(image: NDArray[np.uint8], out: NDArray[np.float32]) -> Callable[[], None]:
    x, y, width, height = placement(*image.shape[:2])
    source, target = torch.from_numpy(image), torch.from_numpy(out)

    def run() -> None:
        planes = source.permute(2, 0, 1).flip(0)[None].float()
        resized = torch.nn.functional.interpolate(planes, (height, width), mode="bilinear", align_corners=False)
        target.fill_(PAD / 255)
        torch.mul(resized, 1 / 255, out=target[:, :, y : y + height, x : x + width])

    return run


def fill_only(out: NDArray[np.float32]) -> Callable[[], None]:
    """The floor: writing the output once."""
    return lambda: out.fill(0.5)


def case(height: int, width: int, samples: int) -> Case:
    image = picture(height, width)
    makers: dict[str, Callable[[NDArray[np.uint8], NDArray[np.float32]], Callable[[], None]]] = {
        US: lambda image, out: ours(image, out, round_to_uint8=False),
        f"{US}, rounded to 8 bits": lambda image, out: ours(image, out, round_to_uint8=True),
        "opencv + numpy planes": by_opencv_planes,
        "the common letterbox code": by_common_code,
        "cv2.dnn": by_cv2_dnn,
        "pytorch": by_pytorch,
        "writing the output (floor)": lambda _, out: fill_only(out),
    }
    outputs = {side: np.empty((1, 3, SIZE, SIZE), np.float32) for side in makers}
    sides: dict[str, Callable[[], object]] = {side: make(image, outputs[side]) for side, make in makers.items()}
    for run in sides.values():
        run()
    apart = {
        side: float(np.abs(outputs[side] - outputs[US]).max() * 255)
        for side in makers
        if not side.startswith("writing")
    }
    farthest = ", ".join(f"{side} {distance:.2f}" for side, distance in apart.items() if side != US)
    return measure("prepare", f"{height} x {width}; steps of 1/255 away from ours: {farthest}", sides, samples=samples)


def main() -> None:
    options = arguments(__doc__)
    pin_to_one_thread()
    cases = [case(height, width, options.samples) for height, width in ((720, 1280), (1080, 1920), (2160, 3840))]
    report(cases, shows_not=SHOWS_NOT, to=options.json)


if __name__ == "__main__":
    main()
