"""Between the wire and the rules; decides nothing."""

from collections.abc import Iterator

import grpc

from framecast.names import PROJECT, TRAINING_JOB
from framecast.v1 import trainer_service_pb2 as messages
from framecast.v1 import trainer_service_pb2_grpc, training_job_pb2
from framecast_runtime.paging import cut_page, read_page
from framecast_trainer import convert
from framecast_trainer.job_queue import JobQueue
from framecast_trainer.job_streams import JobStreams
from framecast_trainer.library import LIBRARY

Context = grpc.ServicerContext


class TrainerServicer(trainer_service_pb2_grpc.TrainerServiceServicer):
    """`framecast.v1.TrainerService`."""

    def __init__(self, queue: JobQueue, streams: JobStreams) -> None:
        self._queue = queue
        self._streams = streams

    def ListArchitectures(
        self, request: messages.ListArchitecturesRequest, context: Context
    ) -> messages.ListArchitecturesResponse:
        page = read_page(request.page_size, request.page_token)
        after = page.after or ""
        entries = [LIBRARY[architecture_id] for architecture_id in sorted(LIBRARY) if architecture_id > after]
        shown, token = cut_page(entries[: page.size + 1], page, lambda entry: entry.id)
        return messages.ListArchitecturesResponse(
            architectures=[convert.architecture_to_proto(entry) for entry in shown], next_page_token=token
        )

    def CreateTrainingJob(
        self, request: messages.CreateTrainingJobRequest, context: Context
    ) -> training_job_pb2.TrainingJob:
        return convert.job_to_proto(self._queue.create(convert.job_request(request)))

    def GetTrainingJob(self, request: messages.GetTrainingJobRequest, context: Context) -> training_job_pb2.TrainingJob:
        return convert.job_to_proto(self._queue.get(*_ids(request.name)))

    def ListTrainingJobs(
        self, request: messages.ListTrainingJobsRequest, context: Context
    ) -> messages.ListTrainingJobsResponse:
        project = PROJECT.parse(request.parent, field="parent")["project"]
        page = read_page(request.page_size, request.page_token)
        rows = self._queue.page(project, size=page.size + 1, before=page.after_number())
        shown, token = cut_page(list(rows), page, lambda job: job.sequence)
        return messages.ListTrainingJobsResponse(
            training_jobs=[convert.job_to_proto(job) for job in shown], next_page_token=token
        )

    def CancelTrainingJob(
        self, request: messages.CancelTrainingJobRequest, context: Context
    ) -> training_job_pb2.TrainingJob:
        return convert.job_to_proto(self._queue.cancel(*_ids(request.name)))

    def WatchTrainingJob(
        self, request: messages.WatchTrainingJobRequest, context: Context
    ) -> Iterator[training_job_pb2.TrainingJob]:
        for job in self._streams.watch(*_ids(request.name), context.is_active):
            yield convert.job_to_proto(job)

    def ReadTrainingLogs(
        self, request: messages.ReadTrainingLogsRequest, context: Context
    ) -> Iterator[messages.ReadTrainingLogsResponse]:
        parts = self._streams.logs(
            *_ids(request.name), request.offset_bytes, follow=request.follow, wanted=context.is_active
        )
        for offset, data in parts:
            yield messages.ReadTrainingLogsResponse(offset_bytes=offset, data=data)

    def ReadTrainingMetrics(
        self, request: messages.ReadTrainingMetricsRequest, context: Context
    ) -> Iterator[messages.ReadTrainingMetricsResponse]:
        parts = self._streams.metrics(
            *_ids(request.name), request.offset, follow=request.follow, wanted=context.is_active
        )
        for offset, points in parts:
            yield messages.ReadTrainingMetricsResponse(
                offset=offset, points=[convert.point_to_proto(point) for point in points]
            )


def _ids(name: str) -> tuple[str, str]:
    ids = TRAINING_JOB.parse(name)
    return ids["project"], ids["training_job"]
