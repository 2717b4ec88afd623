"""Answers requests: finds the model, asks the right side of it, counts."""

import time

from framecast_inference.open_inference.caller import Caller
from framecast_inference.open_inference.model_catalog import ModelCatalog
from framecast_inference.open_inference.picture_inference import PictureInference
from framecast_inference.open_inference.statistics import Timing
from framecast_inference.open_inference.tensor_inference import TensorInference
from framecast_inference.open_inference.wire import Request, Response

_now = time.perf_counter_ns


class Inference:
    def __init__(self, catalog: ModelCatalog, tensors: TensorInference, pictures: PictureInference) -> None:
        self._catalog = catalog
        self._tensors = tensors
        self._pictures = pictures

    def answer(self, request: Request, response: Response, caller: Caller) -> None:
        """Fills an empty response; where it raises, the response is not to be used.

        Raises what `ModelCatalog.endpoint`, `TensorInference.run` and `PictureInference.run` raise.
        """
        start = _now()
        endpoint = self._catalog.endpoint(request.message.model_name, request.message.model_version)
        timing = Timing()
        try:
            if endpoint.network:
                batch_size = self._tensors.run(endpoint, request, response, timing, caller)
            else:
                batch_size = self._pictures.run(endpoint, request, response, timing, caller)
        except BaseException:
            endpoint.counters.failed(_now() - start)
            raise
        response.message.model_name = request.message.model_name
        response.message.model_version = endpoint.version
        response.message.id = request.message.id
        endpoint.counters.passed(batch_size, _now() - start, timing)
