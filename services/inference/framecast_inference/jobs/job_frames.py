"""Every frame that a job asks for, in order, from any position on: exactly one for each, an error where it is lost."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

from framecast.errors import (
    CancelledError,
    DataLossError,
    DeadlineExceededError,
    FramecastError,
    ResourceExhaustedError,
    UnavailableError,
)
from framecast.v1.dataset_pb2 import SUBSET_UNSPECIFIED, DatasetVersion, Subset
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_job_pb2 import InferenceJob as JobSpec
from framecast.v1.inference_job_pb2 import InferenceSource
from framecast_inference.frame_sources import FrameSource, FrameSources
from framecast_inference.jobs.ports import DatasetRegistry
from framecast_inference.ports import Registry
from framecast_inference.resume_point import ResumePoint
from framecast_inference.sources import video_errors
from framecast_inference.sources.frame_range import select_frames
from framecast_inference.sources.source_frame import SourceFrame
from framecast_inference.sources.video_index import Wanted, check_wanted

PASSING = (UnavailableError, DeadlineExceededError, ResourceExhaustedError)
"""What may go by itself; everything else a source raises is a fault of that source."""
_NOT_OF_THE_SOURCE = (*PASSING, CancelledError)


class JobFrames:
    """Calls may come from several threads at once."""

    def __init__(self, sources: FrameSources, registry: Registry, datasets: DatasetRegistry) -> None:
        self._sources = sources
        self._registry = registry
        self._datasets = datasets

    def counts(self, spec: JobSpec, wanted: Wanted) -> tuple[int, ...]:
        """How many frames each source has; for a dataset version, one number. A source that cannot be read counts 1.

        Reads the index of each video. Raises CancelledError once it is not wanted, and `PASSING`.
        """
        if spec.dataset_version:
            return (item_count(self._datasets.dataset_version(spec.dataset_version), spec.subset),)
        return tuple(self._count(source, index, wanted) for index, source in enumerate(spec.sources))

    def frames(self, spec: JobSpec, counts: Sequence[int], position: int, wanted: Wanted) -> Iterator[SourceFrame]:
        """The frames from `position` on, counted over all sources. Raises as `counts` does."""
        if spec.dataset_version:
            yield from self._items(spec, position, wanted)
            return
        for index, (source, count) in enumerate(zip(spec.sources, counts, strict=True)):
            if position < count:
                for frame in self._source_frames(source, index, count, position, wanted):
                    yield replace(frame, source_index=index)
            position = max(0, position - count)

    def _items(self, spec: JobSpec, position: int, wanted: Wanted) -> Iterator[SourceFrame]:
        items = self._datasets.dataset_items(spec.dataset_version, spec.subset)
        for index, item in enumerate(items):
            check_wanted(wanted)
            if index >= position:
                yield self._sources.pictures.frame(item.asset, index=index, field="dataset_version")

    def _count(self, source: InferenceSource, index: int, wanted: Wanted) -> int:
        try:
            opened = self._open(source, f"sources[{index}]")
            if opened is None:
                return 1
            with opened.open(wanted) as sequence:
                return len(select_frames(source.frame_range, sequence.facts.frame_count))
        except _NOT_OF_THE_SOURCE:
            raise
        except FramecastError:
            return 1

    def _source_frames(
        self, source: InferenceSource, source_index: int, count: int, position: int, wanted: Wanted
    ) -> Iterator[SourceFrame]:
        field = f"sources[{source_index}]"
        selected = _selection(source.frame_range, count)
        try:
            opened = self._open(source, field)
            if opened is None:
                yield self._sources.pictures.frame(source.asset, index=0, field=f"{field}.asset")
                return
            with opened.open(wanted) as sequence:
                select_frames(source.frame_range, sequence.facts.frame_count)  # a range beyond the end is refused
                start = ResumePoint(position=position, frames_done=position)
                for frame in sequence.frames(selected, start=start):
                    found = selected.index(frame.index)
                    yield from _lost(selected[position:found])
                    yield frame
                    position = found + 1
        except _NOT_OF_THE_SOURCE:
            raise
        except FramecastError as error:
            if isinstance(error, DataLossError) and error.reason == "VIDEO_DAMAGED":
                yield from _lost(selected[position:])
            else:
                yield from (SourceFrame(index=index, error=error) for index in selected[position:])

    def _open(self, source: InferenceSource, field: str) -> FrameSource | None:
        """None for a picture."""
        if source.HasField("image_group"):
            return self._sources.group(source.image_group.assets, field=f"{field}.image_group.assets")
        if self._registry.asset(source.asset).media_type.startswith("image/"):
            return None
        return self._sources.video(source.asset, field=f"{field}.asset")


def item_count(version: DatasetVersion, subset: "Subset.ValueType") -> int:
    """Items of a subset; of all of them where it is unspecified."""
    return sum(each.item_count for each in version.subsets if subset in (SUBSET_UNSPECIFIED, each.subset))


def _selection(frame_range: FrameRange, count: int) -> range:
    """The indexes of `count` frames of a range, as `select_frames` gives them."""
    stride = frame_range.stride or 1
    selected = range(frame_range.start_index, frame_range.start_index + count * stride, stride)
    return selected[::-1] if frame_range.direction == FrameRange.BACKWARD else selected


def _lost(indexes: range) -> Iterator[SourceFrame]:
    return (SourceFrame(index=index, error=video_errors.frame_lost(index)) for index in indexes)
