"""Between the wire's messages and jobs."""

from google.rpc.status_pb2 import Status

from framecast import names
from framecast.v1.inference_job_pb2 import InferenceJob as JobMessage
from framecast.v1.inference_job_pb2 import InferenceProgress
from framecast.v1.inference_job_service_pb2 import ReadInferenceJobResultsResponse
from framecast_inference.jobs.job import InferenceJob


def job_to_proto(job: InferenceJob, spec: JobMessage, *, with_sources: bool) -> JobMessage:
    """An `InferenceJob`."""
    message = JobMessage(
        name=job.name,
        model_version=job.model_version,
        sources=spec.sources if with_sources else (),
        dataset_version=job.dataset_version,
        subset=spec.subset,
        settings=spec.settings,
        record_predictions=job.record_predictions,
        state=JobMessage.State.Value(job.state.value),
        error=Status.FromString(job.error) if job.error else None,
        progress=InferenceProgress(**vars(job.progress)),
        bundle_sha256=job.bundle_sha256,
        prediction_set=job.prediction_set,
    )
    for field, value in (("create_time", job.create_time), ("start_time", job.start_time), ("end_time", job.end_time)):
        if value is not None:
            getattr(message, field).FromDatetime(value)
    return message


def results_to_wire(position: int, results: bytes) -> bytes:
    """A `ReadInferenceJobResultsResponse` of results that are serialised already."""
    return results + ReadInferenceJobResultsResponse(position=position).SerializeToString()


def job_ids(name: str) -> tuple[str, str]:
    """Project and id within a job's name. Raises InvalidArgumentError."""
    ids = names.INFERENCE_JOB.parse(name)
    return ids["project"], ids["inference_job"]
