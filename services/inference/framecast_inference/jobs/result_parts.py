"""Results as they are stored: parts of a bounded size, each an object that is its own message.

A part is the wire form of `ReadInferenceJobResultsResponse` without its position, so that it is sent as it lies.
"""

import hashlib

from framecast.errors import DataLossError, InternalError, NotFoundError
from framecast.v1.inference_job_service_pb2 import ReadInferenceJobResultsResponse
from framecast_inference.jobs.job import InferenceJob, ResultPart
from framecast_inference.jobs.ports import ResultObjects
from framecast_inference.result_writer import field_of, read_varint

MOST_RESULTS = 1024
MOST_BYTES = 4 * 1024**2
_RESULTS = ReadInferenceJobResultsResponse.RESULTS_FIELD_NUMBER


class OpenPart:
    """Results in a row that are not stored yet."""

    def __init__(self) -> None:
        self._results: list[bytes] = []
        self._bytes = 0
        self._failed = 0

    def __len__(self) -> int:
        return len(self._results)

    @property
    def full(self) -> bool:
        """Whether it is to be stored before it takes more."""
        return len(self._results) >= MOST_RESULTS or self._bytes >= MOST_BYTES

    def add(self, result: bytes, *, failed: bool) -> None:
        """A `FrameResult` in wire form, and whether it is an error."""
        field = field_of(_RESULTS, result)
        self._results.append(field)
        self._bytes += len(field)
        self._failed += failed

    def store(self, job: InferenceJob, objects: ResultObjects, tracks: bytes = b"") -> ResultPart:
        """Writes the object of the part that comes next in the job. The part is empty then.

        `tracks` is what an object tracker saved behind the part's last frame; nothing is written where it is empty.
        """
        data = b"".join(self._results)
        part = ResultPart(
            number=job.part_count,
            position=job.progress.frames_done,
            count=len(self._results),
            failed=self._failed,
            size_bytes=len(data),
            sha256=hashlib.sha256(data).hexdigest(),
        )
        objects.put(_path(job, part), data)
        if tracks:
            objects.put(_tracks_path(job, part), tracks)
        self._results, self._bytes, self._failed = [], 0, 0
        return part


def read_part(job: InferenceJob, part: ResultPart, objects: ResultObjects) -> bytes:
    """A part's bytes. Raises DataLossError where they are missing or others."""
    try:
        data = objects.get(_path(job, part))
    except NotFoundError:
        data = b""
    actual = hashlib.sha256(data).hexdigest()
    if actual != part.sha256:
        raise DataLossError(
            f"part {part.number} of the results of {job.name} is damaged or missing in the object store; run it again",
            reason="RESULTS_DAMAGED",
            inference_job=job.name,
            part=part.number,
            position=part.position,
        )
    return data


def read_tracks(job: InferenceJob, part: ResultPart, objects: ResultObjects) -> bytes:
    """What an object tracker saved behind a part; empty where it saved nothing."""
    try:
        return objects.get(_tracks_path(job, part))
    except NotFoundError:
        return b""


def from_position(data: bytes, skip: int) -> bytes:
    """A part without its first `skip` results."""
    if not skip:
        return data
    offset = 0
    for _ in range(skip):
        tag, offset = read_varint(data, offset)
        if tag >> 3 != _RESULTS:
            raise InternalError(f"a part of results has field {tag >> 3}")
        length, offset = read_varint(data, offset)
        offset += length
    return data[offset:]


def remove_all(job: InferenceJob, objects: ResultObjects) -> None:
    """Removes every part, those that a lost replica wrote in vain among them."""
    for path, _ in list(objects.list(_folder(job))):
        objects.delete(path)


def _path(job: InferenceJob, part: ResultPart) -> str:
    # With the digest: of two replicas that both think the part is theirs, none writes over the other's.
    return f"{_folder(job)}{part.number:08d}-{part.sha256}"


def _tracks_path(job: InferenceJob, part: ResultPart) -> str:
    return f"{_path(job, part)}.tracks"


def _folder(job: InferenceJob) -> str:
    return f"inference-jobs/{job.project}/{job.id}/"
