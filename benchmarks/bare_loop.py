"""The least that a video through a network takes: one process, one loop. The other side of `benchmarks.video_stream`.

python -m benchmarks.bare_loop GRAPH VIDEO THREADS BATCH PREPARE

Decodes with PyAV, letterboxes to 640 x 640 and runs the session on batches; what the network answers is let go. Each
line on stdin is a number of frames to do; each line on stdout says how long that took.
"""

import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

import framecast_core
from framecast_bundle.engines.onnx_session import open_session
from framecast_bundle.orientation import Orientation
from framecast_inference.sources.video_picture import VideoPicture

SIZE, PAD = 640, 114
Floats = NDArray[np.float32]
Fill = Callable[[av.VideoFrame, Floats], None]


def by_numpy(width: int, height: int) -> Fill:
    """What most people write: FFmpeg converts and resizes, NumPy pads, turns and divides."""
    x, y, new_width, new_height = _place(width, height)

    def fill(frame: av.VideoFrame, out: Floats) -> None:
        canvas = np.full((SIZE, SIZE, 3), PAD, np.uint8)
        canvas[y : y + new_height, x : x + new_width] = frame.to_ndarray(
            format="rgb24", width=new_width, height=new_height
        )
        out[...] = canvas.transpose(2, 0, 1)
        out /= 255

    return fill


def by_opencv(width: int, height: int) -> Fill:
    """The quickest of ordinary libraries: OpenCV resizes and splits, one multiplication per plane writes the tensor."""
    x, y, new_width, new_height = _place(width, height)

    def fill(frame: av.VideoFrame, out: Floats) -> None:
        resized = cv2.resize(frame.to_ndarray(format="rgb24"), (new_width, new_height), interpolation=cv2.INTER_LINEAR)
        out[...] = PAD / 255
        for plane, target in zip(cv2.split(resized), out, strict=True):
            np.multiply(plane, np.float32(1 / 255), out=target[y : y + new_height, x : x + new_width])

    return fill


def by_core(width: int, height: int) -> Fill:
    """Our own kernel, as the service calls it: what is left is what serving itself costs."""
    region = np.array([_place(width, height)], np.int32)
    gain, bias, pad = np.full(3, 1 / 255, np.float32), np.zeros(3, np.float32), np.full(3, PAD / 255, np.float32)

    def fill(frame: av.VideoFrame, out: Floats) -> None:
        planes = VideoPicture(frame, Orientation()).planes()
        assert planes is not None
        framecast_core.prepare(
            [planes], region, out[None], gain=gain, bias=bias, pad=pad, reverse_channels=False, round_to_uint8=False
        )

    return fill


PREPARE = {"numpy": by_numpy, "opencv": by_opencv, "core": by_core}


def _place(width: int, height: int) -> tuple[int, int, int, int]:
    scale = min(SIZE / width, SIZE / height)
    new_width, new_height = round(width * scale), round(height * scale)
    return (SIZE - new_width) // 2, (SIZE - new_height) // 2, new_width, new_height


def _frames(video: Path) -> Iterator[av.VideoFrame]:
    with av.open(str(video)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        yield from container.decode(stream)


def loop(session: Any, video: Path, fill_of: Callable[[int, int], Fill], batch: int, count: int) -> None:
    """`count` frames, from the start of the file."""
    name = session.get_inputs()[0].name
    tensors = np.empty((batch, 3, SIZE, SIZE), np.float32)
    frames = itertools.islice(_frames(video), count)
    fill: Fill | None = None
    filled = done = 0
    for frame in frames:
        fill = fill or fill_of(frame.width, frame.height)
        fill(frame, tensors[filled])
        filled += 1
        if filled == batch:
            session.run(None, {name: tensors})
            done, filled = done + filled, 0
    if filled:
        session.run(None, {name: tensors[:filled]})
    if done + filled != count:
        raise RuntimeError(f"{video} has {done + filled} frames, not {count}")


def main() -> None:
    graph, video, threads, batch, prepare = sys.argv[1:]
    cv2.setNumThreads(1)
    session = open_session(Path(graph).read_bytes(), "CPUExecutionProvider", int(threads), graph)
    print(json.dumps({"event": "ready"}), flush=True)
    for line in sys.stdin:
        wall, cpu = time.monotonic(), time.process_time()
        loop(session, Path(video), PREPARE[prepare], int(batch), int(line))
        seconds = {"wall_s": time.monotonic() - wall, "cpu_s": time.process_time() - cpu}
        print(json.dumps(seconds), flush=True)


if __name__ == "__main__":
    main()
