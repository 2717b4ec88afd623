"""Some pictures, each decoded and predicted on its own: one that fails does not touch the others."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from framecast.errors import FramecastError, InvalidArgumentError
from framecast_bundle.image_decoder import decode_image
from framecast_bundle.picture import Image
from framecast_bundle.settings import Settings
from framecast_inference.batching.batcher import Priority
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.pipeline import FrameOutcome, OnCancel, open_pipeline, predict_inline
from framecast_inference.sources.source_frame import SourceFrame
from framecast_inference.sources.stored_pictures import NOT_THE_PICTURES_FAULT, StoredPictures

MAX_IMAGES = 1024


@dataclass(frozen=True)
class ImageInput:
    """A picture as the request gives it: bytes or a stored asset."""

    data: bytes = b""
    asset: str = ""
    display_name: str = ""


class ImagePrediction:
    def __init__(self, pictures: StoredPictures) -> None:
        self._pictures = pictures

    def predict(
        self,
        model: LoadedModel,
        inputs: Sequence[ImageInput],
        settings: Settings,
        on_cancel: OnCancel,
        *,
        deadline: float = math.inf,
    ) -> Iterator[FrameOutcome]:
        """One outcome for each picture, in order; only a few are held decoded at a time.

        Raises InvalidArgumentError unless there are 1 to 1024, and what `outcomes` raises; errors of single pictures
        are in their outcomes.
        """
        check_count(inputs)
        if settings.track:
            raise InvalidArgumentError(
                "settings.track follows objects from frame to frame, and these are single pictures; leave it out, or "
                "ask for a video or a list of stored pictures by PredictVideo",
                reason="TRACKING_NEEDS_FRAMES",
                field="settings.track",
            )
        frames = (self.frame(position, each) for position, each in enumerate(inputs))
        return self.outcomes(frames, len(inputs), model, settings, on_cancel, deadline=deadline)

    def outcomes(
        self,
        frames: Iterator[SourceFrame],
        count: int,
        model: LoadedModel,
        settings: Settings,
        on_cancel: OnCancel,
        *,
        deadline: float = math.inf,
    ) -> Iterator[FrameOutcome]:
        """One outcome for each of `count` frames, in order.

        Raises ResourceExhaustedError where too many wait for the model, CancelledError where the caller gave up and
        DeadlineExceededError past the deadline (a time of `time.monotonic`).
        """
        if count <= model.max_batch:
            yield from predict_inline(frames, model, settings, on_cancel, deadline=deadline)
            return
        with open_pipeline(
            frames, model, settings, on_cancel, priority=Priority.INTERACTIVE, deadline=deadline
        ) as pipeline:
            yield from pipeline

    def frame(self, position: int, image: ImageInput) -> SourceFrame:
        """A picture, decoded; or its error, unless a retry of the whole call may pass."""
        try:
            return SourceFrame(index=position, image=self._decode(position, image))
        except NOT_THE_PICTURES_FAULT:
            raise
        except FramecastError as error:
            if isinstance(error, InvalidArgumentError):
                error.field = f"images[{position}]"
            return SourceFrame(index=position, error=error)

    def _decode(self, position: int, image: ImageInput) -> Image:
        if not image.asset:
            return decode_image(image.data, label=image.display_name or f"picture {position}")
        return self._pictures.decode(image.asset, field=f"images[{position}].asset", display_name=image.display_name)


def check_count(inputs: Sequence[ImageInput]) -> None:
    """Raises InvalidArgumentError unless there are 1 to 1024 pictures."""
    if not 1 <= len(inputs) <= MAX_IMAGES:
        raise InvalidArgumentError(
            f"images has {len(inputs)} pictures; give 1 to {MAX_IMAGES}, more in further calls",
            reason="IMAGE_COUNT",
            field="images",
            count=len(inputs),
        )
