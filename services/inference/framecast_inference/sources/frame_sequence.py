"""Frames that follow each other: those of a video, or stored pictures that are to be taken for one."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Protocol

from framecast_inference.resume_point import ResumePoint
from framecast_inference.sources.source_frame import SourceFrame


@dataclass(frozen=True, eq=False, kw_only=True)
class SequenceFacts:
    """What is known before the first frame is decoded."""

    width: int = 0
    """Of every upright frame, in pixels; 0 where each has a size of its own."""
    height: int = 0
    time_base: Fraction | None = None
    """Seconds per unit of a frame's `pts`; None where frames have no time."""
    frame_count: int
    """Frames of the whole sequence."""
    average_frame_rate: Fraction = Fraction(0)
    """Frames per second; 0 where it is not known."""


class FrameSequence(Protocol):
    """Frames counted from 0."""

    @property
    def facts(self) -> SequenceFacts:
        """What is known of it."""

    def readable(self, selected: range) -> range:
        """The part of a selection that can be expected to come; shorter only for a file that is cut short."""

    def frames(self, selected: range, *, start: ResumePoint = ResumePoint()) -> Iterator[SourceFrame]:  # noqa: B008
        """The selected frames from a point of the selection on, in its order.

        Frames that are lost are left out; when all others were given, they raise DataLossError, those before `start`
        among them. Closing the iterator lets go of what it holds.
        """
