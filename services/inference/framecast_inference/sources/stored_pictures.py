"""Stored pictures, decoded; several of them in order are a sequence of frames."""

from collections.abc import Iterator, Sequence

from framecast import names
from framecast.errors import DeadlineExceededError, FramecastError, InvalidArgumentError, UnavailableError
from framecast_bundle.image_decoder import decode_image
from framecast_bundle.picture import Image
from framecast_inference.ports import Blobs, Registry
from framecast_inference.resume_point import ResumePoint
from framecast_inference.sources.frame_sequence import SequenceFacts
from framecast_inference.sources.source_frame import SourceFrame

NOT_THE_PICTURES_FAULT = (UnavailableError, DeadlineExceededError)
"""Errors after which the same may pass when it is tried again."""


class StoredPictures:
    """Calls may come from several threads at once."""

    def __init__(self, registry: Registry, blobs: Blobs) -> None:
        self._registry = registry
        self._blobs = blobs

    def decode(self, asset: str, *, field: str, display_name: str = "") -> Image:
        """A stored picture, upright RGB uint8 [H, W, 3].

        Raises NotFoundError, InvalidArgumentError for what is no picture or cannot be decoded, DataLossError.
        """
        sha256 = names.ASSET.parse(asset, field=field)["sha256"]
        found = self._registry.asset(asset)
        label = display_name or found.display_name or asset
        if not found.media_type.startswith("image/"):
            raise InvalidArgumentError(
                f"{label} is {found.media_type}, not a picture",
                reason="MEDIA_TYPE_UNSUPPORTED",
                field=field,
                asset=asset,
            )
        return decode_image(self._blobs.read(sha256), label=label)

    def frame(self, asset: str, *, index: int, field: str, source_index: int = 0) -> SourceFrame:
        """The picture as a frame; one that cannot be decoded has an error. Raises what is not the picture's fault."""
        try:
            image = self.decode(asset, field=field)
        except NOT_THE_PICTURES_FAULT:
            raise
        except FramecastError as error:
            if isinstance(error, InvalidArgumentError):
                error.field = field
            return SourceFrame(index=index, error=error, asset=asset, source_index=source_index)
        return SourceFrame(index=index, image=image, asset=asset, source_index=source_index)


class PictureGroup:
    """A `FrameSequence` of stored pictures. One that cannot be decoded is a frame with an error."""

    def __init__(self, pictures: StoredPictures, assets: Sequence[str], *, field: str) -> None:
        self._pictures = pictures
        self._assets = assets
        self._field = field
        self.facts = SequenceFacts(frame_count=len(assets))

    def readable(self, selected: range) -> range:
        """All of them."""
        return selected

    def frames(self, selected: range, *, start: ResumePoint = ResumePoint()) -> Iterator[SourceFrame]:  # noqa: B008
        """See `FrameSequence.frames`."""
        for index in selected[start.position :]:
            yield self._pictures.frame(self._assets[index], index=index, field=f"{self._field}[{index}]")
