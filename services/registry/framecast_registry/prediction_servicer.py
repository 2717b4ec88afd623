"""PredictionService on the wire; decides nothing."""

from collections.abc import Iterator

import grpc

from framecast.v1 import prediction_service_pb2 as pb
from framecast.v1.prediction_set_pb2 import PredictionSet
from framecast_registry import convert_predictions as convert
from framecast_registry.prediction_sets import PredictionSets
from framecast_runtime.paging import read_page

Context = grpc.ServicerContext


class PredictionServicer:
    """`framecast.v1.PredictionService`; results leave as bytes, so it is registered by `add_servicer`."""

    def __init__(self, sets: PredictionSets) -> None:
        self._sets = sets

    def CreatePredictionSet(self, request: pb.CreatePredictionSetRequest, context: Context) -> PredictionSet:
        return convert.set_to_proto(self._sets.create(convert.draft_from_proto(request), request.request_id))

    def GetPredictionSet(self, request: pb.GetPredictionSetRequest, context: Context) -> PredictionSet:
        return convert.set_to_proto(self._sets.get(*convert.set_ids(request.name)))

    def ListPredictionSets(
        self, request: pb.ListPredictionSetsRequest, context: Context
    ) -> pb.ListPredictionSetsResponse:
        page = read_page(request.page_size, request.page_token)
        rows, token = self._sets.page(*convert.dataset_version_ids(request.parent), page)
        return pb.ListPredictionSetsResponse(prediction_sets=map(convert.set_to_proto, rows), next_page_token=token)

    def DeletePredictionSet(
        self, request: pb.DeletePredictionSetRequest, context: Context
    ) -> pb.DeletePredictionSetResponse:
        self._sets.delete(*convert.set_ids(request.name))
        return pb.DeletePredictionSetResponse()

    def ReadPredictionSetResults(
        self, request: pb.ReadPredictionSetResultsRequest, context: Context
    ) -> Iterator[bytes]:
        for part, data in self._sets.results(*convert.set_ids(request.name), request.position):
            yield convert.results_to_wire(part, data, request.position)
