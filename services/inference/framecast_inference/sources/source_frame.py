"""One picture on its way to the model."""

from dataclasses import dataclass
from fractions import Fraction

from framecast.errors import FramecastError
from framecast_bundle.picture import Picture
from framecast_bundle.settings import Settings


@dataclass(frozen=True, eq=False, kw_only=True)
class SourceFrame:
    """A decoded picture, or why there is none; exactly one of `image` and `error` is set."""

    index: int
    """A video's frame counted from 0 in presentation order; a picture's position in its request."""
    image: Picture | None = None
    """Upright RGB uint8 [H, W, 3], C-contiguous, or a video's frame in the planes of its decoder."""
    error: FramecastError | None = None
    pts: int = 0
    """When a video's frame is shown, in units of the stream's time base; 0 for pictures."""
    time_s: Fraction | None = None
    """The same in seconds, exactly; None for pictures."""
    begun: float | None = None
    """When its decoding began, as a time of `time.monotonic`, where the source had to wait for it; None: at once."""
    asset: str = ""
    """The stored picture that it is; empty for a video's frame and for a picture that was sent."""
    source_index: int = 0
    """Which of a job's sources it is of."""
    settings: Settings | None = None
    """Asked for with this very frame; None: those of its stream."""
