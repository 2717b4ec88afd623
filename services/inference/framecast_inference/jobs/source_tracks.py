"""Objects followed through the sources of a job, each of which is a stream of its own."""

import struct

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.settings import Settings
from framecast_inference.object_tracking import ObjectTracker, followed
from framecast_inference.pipeline import FrameOutcome

_SOURCE = struct.Struct("<q")


class SourceTracks:
    """Begins anew with every source; what `save` gives goes on in another process."""

    def __init__(self, settings: Settings, manifest: ModelBundle, saved: bytes = b"") -> None:
        self._settings = settings
        self._manifest = manifest
        self._source = _SOURCE.unpack_from(saved)[0] if saved else 0
        self._tracker = ObjectTracker(settings, manifest, saved[_SOURCE.size :])

    def follow(self, outcome: FrameOutcome) -> FrameOutcome:
        """The next frame's outcome with the ids of its objects, which count from 1 in each source."""
        if outcome.frame.source_index != self._source:
            self._source = outcome.frame.source_index
            self._tracker = ObjectTracker(self._settings, self._manifest)
        return followed(outcome, self._tracker)

    def save(self) -> bytes:
        """All that the next frames depend on."""
        return _SOURCE.pack(self._source) + self._tracker.save()
