"""Recorded predictions of datasets."""

from collections.abc import Iterator
from typing import Any

from framecast import names
from framecast._connection import Connection, pages
from framecast._convert_predictions import frame_result_from_proto, prediction_set_from_proto
from framecast._dataset_types import Dataset, DatasetVersion
from framecast._datasets import Datasets, ImportReport
from framecast._prediction_set_types import PredictionSet
from framecast._prediction_types import FrameResult
from framecast._reconnecting import steadily
from framecast.errors import InvalidArgumentError
from framecast.v1 import prediction_service_pb2

PredictionSetReference = str | PredictionSet
"""`cars/2/job-20260301-120000-4f0c1e`, a full name, or the object."""


class PredictionSets:
    """`client.prediction_sets`; `inference_jobs.start(..., record_predictions=True)` makes them."""

    def __init__(self, connection: Connection, datasets: Datasets) -> None:
        self._connection = connection
        self._datasets = datasets

    def list(self, dataset: str | Dataset | DatasetVersion | ImportReport) -> Iterator[PredictionSet]:
        """All of a dataset version (`cars`, its latest one, `cars/2`, or an object), by id."""
        request = prediction_service_pb2.ListPredictionSetsRequest(parent=self._datasets.resolve_version(dataset))
        found = pages(self._connection.predictions.ListPredictionSets, request, "prediction_sets")
        return map(prediction_set_from_proto, found)

    def get(self, prediction_set: PredictionSetReference) -> PredictionSet:
        """Raises NotFoundError."""
        request = prediction_service_pb2.GetPredictionSetRequest(name=self._name(prediction_set))
        return prediction_set_from_proto(self._connection.predictions.GetPredictionSet(request))

    def results(self, prediction_set: PredictionSetReference, *, position: int = 0) -> Iterator[FrameResult]:
        """The results from `position`, counted from 0, in the order of the dataset version's items, each exactly once.

        `FrameResult.asset` says which picture one is of. Where the connection breaks, it goes on by itself.
        """
        name = self._name(prediction_set)

        def messages() -> Iterator[Any]:
            request = prediction_service_pb2.ReadPredictionSetResultsRequest(name=name, position=position)
            return self._connection.predictions.ReadPredictionSetResults(request)

        for message in steadily(messages):
            for result in message.results:
                position += 1
                yield frame_result_from_proto(result)

    def delete(self, prediction_set: PredictionSetReference) -> None:
        """Removes recorded predictions; the job that made them keeps its own results."""
        request = prediction_service_pb2.DeletePredictionSetRequest(name=self._name(prediction_set))
        self._connection.predictions.DeletePredictionSet(request)

    def _name(self, reference: PredictionSetReference) -> str:
        if isinstance(reference, PredictionSet):
            return reference.name
        if names.PREDICTION_SET.matches(reference):
            return reference
        parts = reference.split("/")
        if len(parts) != 3:
            raise InvalidArgumentError(
                f"{reference!r} names no predictions; give a dataset version and an id, such as `cars/2/job-1`, or a"
                " full name",
                reason="RESOURCE_NAME_INVALID",
                field="prediction_set",
                value=reference,
            )
        return names.PREDICTION_SET.format(
            project=self._connection.project, dataset=parts[0], version=parts[1], prediction_set=parts[2]
        )
