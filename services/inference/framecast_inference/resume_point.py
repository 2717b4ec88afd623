"""Where a stream of frames can go on after it broke off: a token that the caller keeps, so that no server must."""

import base64
import binascii
import hashlib
import struct
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from framecast.errors import FailedPreconditionError, InvalidArgumentError

_FORMAT = struct.Struct("<B16sQQqQQ")
_VERSION = 2
_CHECK = struct.Struct("<I")
_LARGEST = 2**63 - 1
MOST_TRACK_BYTES = 256 * 1024
"""Of a token, which comes with every frame: objects by the thousand."""
_TOO_MANY = b"\0"
"""In place of tracks that a token cannot hold; no tracker saves this."""


@dataclass(frozen=True, kw_only=True)
class ResumePoint:
    """What came of a selection of frames so far."""

    position: int = 0
    """In the selection, of the next frame that may come."""
    frames_done: int = 0
    """Frames that were sent; fewer than `position` where some could not be decoded."""
    first_missing: int = -1
    """Index of the first frame that could not be decoded; -1: there is none."""
    missing: int = 0
    tracks: bytes = b""
    """What an object tracker saved; empty where nothing is tracked."""

    def after(self, selected: range, frame_index: int) -> "ResumePoint":
        """The point behind a frame that was sent; those between this point and the frame are missing."""
        found = selected.index(frame_index)
        skipped = found - self.position
        return ResumePoint(
            position=found + 1,
            frames_done=self.frames_done + 1,
            first_missing=selected[self.position] if skipped and self.first_missing < 0 else self.first_missing,
            missing=self.missing + skipped,
            tracks=self.tracks,
        )


def request_fingerprint(parts: Sequence[bytes]) -> bytes:
    """16 bytes that tell one request from another: of the model's digest, the video, the frames and the settings."""
    digest = hashlib.sha256()
    for part in parts:
        digest.update(len(part).to_bytes(8, "little"))
        digest.update(part)
    return digest.digest()[:16]


def to_token(point: ResumePoint, fingerprint: bytes, *, model_version: int = 0) -> str:
    """What the caller sends back to go on; letters, digits, `-` and `_`. Some 100 of them, and some hundred more for
    each object that is followed.

    `model_version` is the number of the model's version that answers, for `version_of`.
    """
    if len(point.tracks) > MOST_TRACK_BYTES:
        point = replace(point, tracks=_TOO_MANY)
    data = _FORMAT.pack(
        _VERSION,
        fingerprint,
        point.position,
        point.frames_done,
        point.first_missing,
        point.missing,
        model_version,
    )
    data += point.tracks
    return base64.urlsafe_b64encode(data + _CHECK.pack(zlib.crc32(data))).decode().rstrip("=")


def version_of(token: str) -> str:
    """Id of the model version that a token comes from; empty where there is none. InvalidArgumentError for no token."""
    if not token:
        return ""
    *_, number, _ = _unpack(token)
    return str(number) if number else ""


def from_token(token: str, fingerprint: bytes) -> ResumePoint:
    """The point that a token stands for; the start for an empty one.

    Raises InvalidArgumentError for what is no token, and for the token of another request; FailedPreconditionError
    where more objects were followed than a token holds.
    """
    if not token:
        return ResumePoint()
    found, position, frames_done, first_missing, missing, _, tracks = _unpack(token)
    if found != fingerprint:
        raise _refused(
            token, "belongs to another request: model version, video, frame_range and settings must be the same"
        )
    if max(position, frames_done, missing) > _LARGEST:
        raise _refused(token, "is not one that a stream gave; send it as it came, or leave it empty")
    if tracks == _TOO_MANY:
        raise FailedPreconditionError(
            f"the stream followed more objects than a token holds ({MOST_TRACK_BYTES} bytes); start again without "
            "resume_token, with a lower track_lost_frames or max_detections, or a higher track_new_score",
            reason="TRACKS_TOO_MANY",
        )
    return ResumePoint(
        position=position, frames_done=frames_done, first_missing=first_missing, missing=missing, tracks=tracks
    )


def _unpack(token: str) -> tuple[bytes, int, int, int, int, int, bytes]:
    try:
        data = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        data = b""
    content, check = data[: -_CHECK.size], data[-_CHECK.size :]
    if len(content) < _FORMAT.size or _CHECK.unpack(check)[0] != zlib.crc32(content):
        raise _refused(token, "is not one that a stream gave; send it as it came, or leave it empty")
    version, *rest = _FORMAT.unpack_from(content)
    if version != _VERSION:
        raise _refused(token, "comes from another release; start again without it")
    found, position, frames_done, first_missing, missing, model_version = rest
    return found, position, frames_done, first_missing, missing, model_version, content[_FORMAT.size :]


def _refused(token: str, why: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"resume_token {why}", reason="RESUME_TOKEN_INVALID", field="resume_token", value=token[:80]
    )
