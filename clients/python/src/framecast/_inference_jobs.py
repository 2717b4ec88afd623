"""Starting inference jobs and finding them again."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Unpack

from framecast import names
from framecast._asset_types import Asset
from framecast._assets import Assets
from framecast._connection import Connection, pages, request_id
from framecast._convert_datasets import SUBSETS
from framecast._convert_predictions import inference_update_from_proto
from framecast._convert_settings import make_settings, settings_to_proto
from framecast._dataset_types import Dataset, DatasetVersion, Subset
from framecast._datasets import Datasets, ImportReport
from framecast._inference import frame_range, image_group
from framecast._inference_job import InferenceJob
from framecast._inference_job_types import InferenceUpdate
from framecast._models import ModelReference, Models
from framecast._setting_types import SettingOptions
from framecast.errors import InvalidArgumentError
from framecast.v1 import frame_range_pb2, inference_job_pb2, inference_job_service_pb2

JobSource = str | Path | Asset | Sequence[Asset]
"""A stored picture or video, a file of one, which is stored first, or stored pictures that are taken for a video."""


class InferenceJobs:
    """`client.inference_jobs`."""

    def __init__(self, connection: Connection, models: Models, datasets: Datasets, assets: Assets) -> None:
        self._connection = connection
        self._models = models
        self._datasets = datasets
        self._assets = assets

    def start(
        self,
        model: ModelReference,
        sources: JobSource | Sequence[JobSource] = (),
        *,
        dataset: str | Dataset | DatasetVersion | ImportReport | None = None,
        subset: Subset | None = None,
        record_predictions: bool = False,
        start: int | None = None,
        end: int | None = None,
        count: int | None = None,
        stride: int | None = None,
        backward: bool = False,
        **settings: Unpack[SettingOptions],
    ) -> InferenceJob:
        """Queues a job that predicts stored pictures and videos in the background, and returns at once.

        Give either `sources` or `dataset` (`cars`, its latest version, `cars/2`, or an object), of which `subset`
        chooses some. The frames are chosen as in `predict_video`, of each video and group of pictures alike; a picture
        is one frame.

        With `record_predictions` the results of a job over `dataset` become a prediction set of it once all are there:
        see `client.prediction_sets`; the last update has its name. Recorded predictions outlive the job.
        """
        job = inference_job_pb2.InferenceJob(
            model_version=self._models.resolve_version(model),
            settings=settings_to_proto(make_settings(settings)),
            record_predictions=record_predictions,
        )
        if dataset is not None:
            job.dataset_version = self._datasets.resolve_version(dataset)
        if subset is not None:
            job.subset = SUBSETS[subset]
        frames = frame_range(start, end, count, stride, backward=backward)
        several = [sources] if isinstance(sources, str | Path | Asset) else list(sources)
        job.sources.extend(self._source(source, frames) for source in several)
        request = inference_job_service_pb2.CreateInferenceJobRequest(
            parent=self._connection.parent, inference_job=job, request_id=request_id()
        )
        return InferenceJob(
            self._connection, inference_update_from_proto(self._connection.inference_jobs.CreateInferenceJob(request))
        )

    def get(self, job: str) -> InferenceJob:
        """The job with this name or id. Raises NotFoundError."""
        name = job
        if not names.INFERENCE_JOB.matches(job):
            name = names.INFERENCE_JOB.format(project=self._connection.project, inference_job=job)
        request = inference_job_service_pb2.GetInferenceJobRequest(name=name)
        return InferenceJob(
            self._connection, inference_update_from_proto(self._connection.inference_jobs.GetInferenceJob(request))
        )

    def list(self) -> Iterator[InferenceUpdate]:
        """All jobs of the project, the newest first."""
        request = inference_job_service_pb2.ListInferenceJobsRequest(parent=self._connection.parent)
        found = pages(self._connection.inference_jobs.ListInferenceJobs, request, "inference_jobs")
        return map(inference_update_from_proto, found)

    def _source(self, source: JobSource, frames: frame_range_pb2.FrameRange) -> inference_job_pb2.InferenceSource:
        if isinstance(source, str | Path | Asset):
            return inference_job_pb2.InferenceSource(asset=self._stored(source), frame_range=frames)
        if not source:
            raise InvalidArgumentError("a group of pictures is empty", field="sources", reason="IMAGE_COUNT")
        return inference_job_pb2.InferenceSource(image_group=image_group(source), frame_range=frames)

    def _stored(self, source: str | Path | Asset) -> str:
        if isinstance(source, Asset):
            return source.name
        if isinstance(source, str) and names.ASSET.matches(source):
            return source
        return self._assets.upload(source).name
