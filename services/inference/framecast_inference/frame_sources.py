"""Where the frames of a stream come from: a stored video, an uploaded one, a group of stored pictures."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from framecast import names
from framecast.errors import InvalidArgumentError
from framecast_inference.ports import Blobs, Registry, UploadSpool
from framecast_inference.sources.frame_sequence import FrameSequence
from framecast_inference.sources.stored_pictures import PictureGroup, StoredPictures
from framecast_inference.sources.video_index import Wanted
from framecast_inference.sources.video_layout import VideoLayouts
from framecast_inference.sources.video_reader import VideoReader

MAX_GROUP = 10_000


@dataclass(frozen=True)
class FrameSource:
    """A sequence that can be opened, once."""

    open: Callable[[Wanted], AbstractContextManager[FrameSequence]]
    """Raises InvalidArgumentError and DataLossError for what is no video, CancelledError once it is not wanted."""
    identity: Callable[[], bytes]
    """Tells it from every other source; to be asked while it is open."""


class FrameSources:
    """Calls may come from several threads at once."""

    def __init__(self, registry: Registry, blobs: Blobs, spool: UploadSpool, layouts: VideoLayouts) -> None:
        self._registry = registry
        self._blobs = blobs
        self._spool = spool
        self._layouts = layouts
        self.pictures = StoredPictures(registry, blobs)

    def video(self, name: str, *, field: str = "asset") -> FrameSource:
        """A stored video. Raises NotFoundError, and InvalidArgumentError for an asset that is no video."""
        sha256 = names.ASSET.parse(name, field=field)["sha256"]
        asset = self._registry.asset(name)
        label = asset.display_name or name
        if not asset.media_type.startswith("video/"):
            raise InvalidArgumentError(
                f"{label} is {asset.media_type}, not a video",
                reason="MEDIA_TYPE_UNSUPPORTED",
                field=field,
                asset=name,
            )
        identity = bytes.fromhex(sha256)
        return FrameSource(
            lambda wanted: self._opened(self._blobs.as_file(sha256), label, lambda: identity, wanted), lambda: identity
        )

    def uploaded(self, chunks: Iterator[bytes]) -> FrameSource:
        """A video that the caller sends; received when it is opened."""
        digest = hashlib.sha256()

        def hashed() -> Iterator[bytes]:
            for chunk in chunks:
                digest.update(chunk)
                yield chunk

        return FrameSource(
            lambda wanted: self._opened(self._spool.receive(hashed()), "the uploaded video", digest.digest, wanted),
            digest.digest,
        )

    def group(self, assets: Sequence[str], *, field: str = "image_group.assets") -> FrameSource:
        """Stored pictures, 1 to 10,000, as frames in the order given. Raises InvalidArgumentError for what is no name.

        What is wrong with a picture is in its own frame.
        """
        if not 1 <= len(assets) <= MAX_GROUP:
            raise InvalidArgumentError(
                f"{field} has {len(assets)} pictures; give 1 to {MAX_GROUP}",
                reason="IMAGE_COUNT",
                field=field,
                count=len(assets),
            )
        digests = [names.ASSET.parse(name, field=f"{field}[{i}]")["sha256"] for i, name in enumerate(assets)]
        identity = hashlib.sha256(b"image group\n" + "\n".join(digests).encode()).digest()

        @contextmanager
        def opened(_: Wanted) -> Iterator[FrameSequence]:
            yield PictureGroup(self.pictures, assets, field=field)

        return FrameSource(opened, lambda: identity)

    @contextmanager
    def _opened(
        self, file: AbstractContextManager[Path], label: str, identity: Callable[[], bytes], wanted: Wanted
    ) -> Iterator[FrameSequence]:
        with file as path:
            layout = self._layouts.get(identity(), lambda: VideoReader(path, label=label, wanted=wanted).layout, wanted)
            yield VideoReader(path, label=label, wanted=wanted, layout=layout)
