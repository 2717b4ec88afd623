"""The frames of a job: exactly one for each that was asked for, from any position on."""

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import av
import numpy as np
import pytest

from framecast.errors import CancelledError, NotFoundError, UnavailableError
from framecast.v1.asset_pb2 import Asset
from framecast.v1.dataset_pb2 import SUBSET_TRAIN, SUBSET_UNSPECIFIED, DatasetItem, DatasetVersion
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.image_group_pb2 import ImageGroup
from framecast.v1.inference_job_pb2 import InferenceJob as JobSpec
from framecast.v1.inference_job_pb2 import InferenceSource
from framecast_inference.frame_sources import FrameSources
from framecast_inference.jobs.job_frames import JobFrames
from framecast_inference.sources.source_frame import SourceFrame
from framecast_inference.sources.video_index import still_wanted
from framecast_inference.sources.video_layout import VideoLayouts
from tests.support.pictures import picture


def name(number: int) -> str:
    return f"projects/p/assets/{number:064x}"


class Store:
    """A registry and its blobs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.types: dict[str, str] = {}
        self.data: dict[str, bytes] = {}
        self.away = False
        self.opened = 0

    def add(self, number: int, media_type: str, data: bytes) -> str:
        asset = name(number)
        self.types[asset] = media_type
        self.data[asset[-64:]] = data
        return asset

    def asset(self, asset: str) -> Asset:
        if self.away:
            raise UnavailableError("the registry is away")
        if asset not in self.types:
            raise NotFoundError(f"no asset {asset}")
        return Asset(name=asset, media_type=self.types[asset], size_bytes=1)

    def read(self, sha256: str) -> bytes:
        return self.data[sha256]

    @contextmanager
    def as_file(self, sha256: str) -> Iterator[Path]:
        self.opened += 1
        path = self.folder / sha256
        path.write_bytes(self.data[sha256])
        yield path

    def dataset_version(self, version: str) -> DatasetVersion:
        row = DatasetVersion.SubsetSummary(subset=SUBSET_TRAIN, item_count=3)
        return DatasetVersion(name=version, subsets=[row])

    def dataset_items(self, version: str, subset: int) -> Iterator[DatasetItem]:
        return (DatasetItem(asset=name(number)) for number in (1, 9, 1))


def video(folder: Path, frames: int) -> bytes:
    path = folder / "v.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"g": "5", "bf": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 32, 32, "yuv420p"
        stream.time_base = stream.codec_context.time_base = Fraction(1, 25)
        for number in range(frames):
            frame = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 9 * number, np.uint8), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path.read_bytes()


@pytest.fixture
def store(tmp_path: Path) -> Store:
    made = Store(tmp_path)
    made.add(1, "image/png", picture())
    made.add(2, "image/png", b"no picture")
    made.add(3, "video/mp4", video(tmp_path, 12))
    made.add(4, "video/mp4", b"no video")
    return made


def frames_of(store: Store) -> JobFrames:
    sources = FrameSources(store, store, SimpleNamespace(), VideoLayouts())  # type: ignore[arg-type]
    return JobFrames(sources, store, store)  # type: ignore[arg-type]


def everything() -> JobSpec:
    backward = FrameRange(start_index=2, end_index=9, stride=3, direction=FrameRange.BACKWARD)
    group = ImageGroup(assets=[name(1), name(2), name(8)])
    return JobSpec(
        sources=[
            InferenceSource(asset=name(1)),
            InferenceSource(asset=name(3), frame_range=backward),
            InferenceSource(image_group=group),
            InferenceSource(asset=name(4)),
            InferenceSource(asset=name(3), frame_range=FrameRange(start_index=50)),
            InferenceSource(asset=name(7)),
            InferenceSource(asset=name(3), frame_range=FrameRange(count=2)),
        ]
    )


def seen(frame: SourceFrame) -> tuple[int, int, str, str]:
    reason = "" if frame.error is None else type(frame.error).__name__
    assert (frame.error is None) != (frame.image is None)
    return frame.source_index, frame.index, frame.asset[-1:], reason


EVERYTHING = [
    (0, 0, "1", ""),
    (1, 8, "", ""),
    (1, 5, "", ""),
    (1, 2, "", ""),
    (2, 0, "1", ""),
    (2, 1, "2", "InvalidArgumentError"),
    (2, 2, "8", "NotFoundError"),
    (3, 0, "", "InvalidArgumentError"),
    (4, 50, "", "OutOfRangeError"),
    (5, 0, "", "NotFoundError"),
    (6, 0, "", ""),
    (6, 1, "", ""),
]


def test_each_source_gives_its_frames_and_what_is_wrong_with_one_stays_there(store: Store) -> None:
    frames = frames_of(store)
    counts = frames.counts(everything(), still_wanted)
    assert counts == (1, 3, 3, 1, 1, 1, 2)
    assert [seen(frame) for frame in frames.frames(everything(), counts, 0, still_wanted)] == EVERYTHING


@pytest.mark.parametrize("position", range(len(EVERYTHING) + 1))
def test_it_goes_on_from_any_position(store: Store, position: int) -> None:
    frames = frames_of(store)
    counts = (1, 3, 3, 1, 1, 1, 2)
    rest = [seen(frame) for frame in frames.frames(everything(), counts, position, still_wanted)]
    assert rest == EVERYTHING[position:]


def test_a_registry_that_is_away_is_not_the_sources_fault(store: Store) -> None:
    frames = frames_of(store)
    store.away = True
    with pytest.raises(UnavailableError):
        frames.counts(everything(), still_wanted)
    with pytest.raises(UnavailableError):
        list(frames.frames(everything(), (1, 3, 3, 1, 1, 1, 2), 0, still_wanted))


def test_what_is_not_wanted_is_not_read(store: Store) -> None:
    with pytest.raises(CancelledError):
        frames_of(store).counts(everything(), lambda: False)


def test_a_dataset_version_gives_its_items_in_their_order(store: Store) -> None:
    frames = frames_of(store)
    spec = JobSpec(dataset_version="projects/p/datasets/d/versions/1", subset=SUBSET_UNSPECIFIED)
    assert frames.counts(spec, still_wanted) == (3,)
    whole = [(0, 0, "1", ""), (0, 1, "9", "NotFoundError"), (0, 2, "1", "")]
    for position in range(4):
        rest = [seen(frame) for frame in frames.frames(spec, (3,), position, still_wanted)]
        assert rest == whole[position:]


@pytest.mark.parametrize("frame_range", [{}, {"direction": FrameRange.BACKWARD}, {"stride": 3, "start_index": 150}])
def test_a_damaged_video_gives_an_error_for_each_frame_that_is_lost(
    store: Store, shared_data: Path, frame_range: dict[str, int]
) -> None:
    for number, file in enumerate(("corrupt_middle.mp4", "truncated_faststart.mp4"), 20):
        asset = store.add(number, "video/mp4", (shared_data / "videos" / file).read_bytes())
        spec = JobSpec(sources=[InferenceSource(asset=asset, frame_range=FrameRange(**frame_range))])  # type: ignore[arg-type]
        frames = frames_of(store)
        counts = frames.counts(spec, still_wanted)
        given = [seen(frame) for frame in frames.frames(spec, counts, 0, still_wanted)]
        assert len(given) == counts[0]
        indexes = [index for _, index, _, _ in given]
        assert indexes == sorted(set(indexes), reverse="direction" in frame_range)
        lost = [index for _, index, _, reason in given if reason]
        assert lost
        assert len(lost) < len(given)
        for position in (len(given) // 2, indexes.index(lost[0]) + 1, len(given) - 1):
            assert [seen(frame) for frame in frames.frames(spec, counts, position, still_wanted)] == given[position:]
