"""The results of a job that is done become predictions of its dataset version: stored as blobs, then named in one call.

Parts of a job are as small as they came; those of a prediction set are filled up. The same job gives the same parts and
the same request id, so that a replica that takes over a recording makes nothing twice.
"""

from collections.abc import Iterator

from framecast.v1.inference_job_pb2 import InferenceJob as JobSpec
from framecast.v1.prediction_set_pb2 import PredictionPart, PredictionResults, PredictionSet
from framecast_inference.jobs.job import InferenceJob
from framecast_inference.jobs.ports import JobStore, PredictionRegistry, ResultObjects
from framecast_inference.jobs.result_parts import MOST_BYTES, MOST_RESULTS, read_part
from framecast_inference.ports import Blobs
from framecast_inference.sources.video_index import Wanted, check_wanted

_PARTS = 64


class Recording:
    """Records the results of jobs."""

    def __init__(self, store: JobStore, objects: ResultObjects, blobs: Blobs, predictions: PredictionRegistry) -> None:
        self._store = store
        self._objects = objects
        self._blobs = blobs
        self._predictions = predictions

    def record(self, job: InferenceJob, spec: JobSpec, wanted: Wanted) -> str:
        """Stores all results of a job and returns the name of their prediction set.

        Raises CancelledError once it is not wanted, DataLossError where results are damaged, and what the registry
        refuses.
        """
        parts = []
        for data in self._filled(job):
            check_wanted(wanted)
            parts.append(self._stored(data))
        check_wanted(wanted)
        made = PredictionSet(
            model_version=job.model_version,
            bundle_sha256=job.bundle_sha256,
            subset=spec.subset,
            settings=spec.settings,
            inference_job=job.name,
        )
        return self._predictions.add_prediction_set(job.dataset_version, job.id, made, parts)

    def _filled(self, job: InferenceJob) -> Iterator[bytes]:
        """The job's parts, joined to as few as may be: a part is a message, and so are several, one after the other."""
        position, count, size, joined = 0, 0, 0, list[bytes]()
        while parts := self._store.parts(job, position=position, limit=_PARTS):
            for part in parts:
                if joined and (count + part.count > MOST_RESULTS or size + part.size_bytes > MOST_BYTES):
                    yield b"".join(joined)
                    count, size, joined = 0, 0, []
                joined.append(read_part(job, part, self._objects))
                count, size, position = count + part.count, size + part.size_bytes, part.end
        yield b"".join(joined)

    def _stored(self, data: bytes) -> PredictionPart:
        results = PredictionResults.FromString(data).results
        return PredictionPart(
            sha256=self._blobs.write(data),
            size_bytes=len(data),
            result_count=len(results),
            failed_count=sum(result.HasField("error") for result in results),
            instance_count=sum(len(result.prediction.instances) for result in results),
        )
