"""InferenceJobService on the wire; decides nothing."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc

from framecast import names
from framecast.errors import UnimplementedError
from framecast.v1 import inference_job_service_pb2 as messages
from framecast.v1.inference_job_pb2 import InferenceJob as JobMessage
from framecast_inference.jobs import convert
from framecast_inference.jobs.job import InferenceJob
from framecast_inference.jobs.job_queue import JobQueue
from framecast_inference.jobs.job_streams import JobStreams
from framecast_runtime.paging import cut_page, read_page

Context = grpc.ServicerContext


class JobServicer:
    """`framecast.v1.InferenceJobService`; results leave as bytes, so it is registered by `add_servicer`."""

    def __init__(self, queue: JobQueue, streams: JobStreams) -> None:
        self._queue = queue
        self._streams = streams

    def CreateInferenceJob(self, request: messages.CreateInferenceJobRequest, context: Context) -> JobMessage:
        project = names.PROJECT.parse(request.parent, field="parent")["project"]
        return self._whole(self._queue.create(project, request.inference_job, request.request_id))

    def GetInferenceJob(self, request: messages.GetInferenceJobRequest, context: Context) -> JobMessage:
        return self._whole(self._queue.get(*convert.job_ids(request.name)))

    def ListInferenceJobs(
        self, request: messages.ListInferenceJobsRequest, context: Context
    ) -> messages.ListInferenceJobsResponse:
        project = names.PROJECT.parse(request.parent, field="parent")["project"]
        page = read_page(request.page_size, request.page_token)
        rows = self._queue.page(project, size=page.size + 1, before=page.after_number())
        shown, token = cut_page(list(rows), page, lambda job: job.sequence)
        return messages.ListInferenceJobsResponse(
            inference_jobs=[convert.job_to_proto(job, self._queue.spec(job), with_sources=False) for job in shown],
            next_page_token=token,
        )

    def CancelInferenceJob(self, request: messages.CancelInferenceJobRequest, context: Context) -> JobMessage:
        return self._whole(self._queue.cancel(*convert.job_ids(request.name)))

    def DeleteInferenceJob(
        self, request: messages.DeleteInferenceJobRequest, context: Context
    ) -> messages.DeleteInferenceJobResponse:
        self._queue.delete(*convert.job_ids(request.name))
        return messages.DeleteInferenceJobResponse()

    def WatchInferenceJob(self, request: messages.WatchInferenceJobRequest, context: Context) -> Iterator[JobMessage]:
        spec: JobMessage | None = None
        for job in self._streams.watch(*convert.job_ids(request.name), context.is_active):
            spec = spec or self._queue.spec(job)
            yield convert.job_to_proto(job, spec, with_sources=False)

    def ReadInferenceJobResults(
        self, request: messages.ReadInferenceJobResultsRequest, context: Context
    ) -> Iterator[bytes]:
        parts = self._streams.results(
            *convert.job_ids(request.name), request.position, follow=request.follow, wanted=context.is_active
        )
        for position, results in parts:
            yield convert.results_to_wire(position, results)

    def _whole(self, job: InferenceJob) -> JobMessage:
        return convert.job_to_proto(job, self._queue.spec(job), with_sources=True)


class NoJobServicer:
    """The same where there is no database to keep jobs in: refuses every call."""

    def __getattr__(self, name: str) -> Callable[[Any, Context], Any]:
        if name not in messages.DESCRIPTOR.services_by_name["InferenceJobService"].methods_by_name:
            raise AttributeError(name)
        return _refuse


def _refuse(request: Any, context: Context) -> Any:
    raise UnimplementedError(
        "this inference service keeps no jobs: it has no database; set FRAMECAST_DATABASE_URL",
        reason="INFERENCE_JOBS_NOT_SUPPORTED",
    )
