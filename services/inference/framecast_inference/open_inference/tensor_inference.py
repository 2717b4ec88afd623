"""Tensors through a bare graph."""

import threading
import time
from collections.abc import Mapping
from queue import Empty
from typing import Any, NoReturn

import numpy as np

from framecast.errors import (
    DeadlineExceededError,
    FailedPreconditionError,
    FramecastError,
    InternalError,
    InvalidArgumentError,
    ResourceExhaustedError,
)
from framecast_inference.loaded_model import LoadedModel
from framecast_inference.model_cache import ModelCache
from framecast_inference.open_inference.caller import Caller
from framecast_inference.open_inference.endpoint import Endpoint
from framecast_inference.open_inference.request_parameters import check_no_settings
from framecast_inference.open_inference.statistics import Timing
from framecast_inference.open_inference.wire import Request, Response

_now = time.perf_counter_ns

_SMALL_BYTES = 1 << 18
"""Inputs up to here need little memory, whatever the graph: they wait for nobody."""


class TensorInference:
    def __init__(self, models: ModelCache[LoadedModel]) -> None:
        self._models = models

    def run(
        self,
        endpoint: Endpoint,
        request: Request,
        response: Response,
        timing: Timing,
        caller: Caller,
    ) -> int:
        """Adds the graph's outputs to `response`; returns the length of the first input's first axis.

        Raises InvalidArgumentError that names the tensor or the parameter at fault, DeadlineExceededError where the
        caller's time is up before it is this request's turn, and what loading the model raises.
        """
        start = _now()
        message = request.message
        if message.parameters:
            check_no_settings(message.parameters)
        wanted = endpoint.tensors.wanted(message)
        inputs = endpoint.tensors.arrays(message, request.raws)
        parsed = _now()
        with self._models.lease(endpoint.version_name) as model:
            if sum([array.nbytes for array in inputs.values()]) <= _SMALL_BYTES:
                begun = _now()
                outputs = _run(model, endpoint.graph, inputs)
                done = _now()
            else:
                _wait_for_turn(endpoint, caller)
                try:
                    begun = _now()
                    outputs = _run(model, endpoint.graph, inputs)
                    done = _now()
                finally:
                    endpoint.turns.put(None)
        for spec in wanted:
            array = outputs[spec.name]
            response.add(spec.name, spec.datatype.name, array.shape, array)
        timing.queue = begun - parsed
        timing.compute_input = parsed - start
        timing.compute_infer = done - begun
        model.meter.compute.observe(timing.compute_infer / 1e9)
        timing.compute_output = _now() - done
        return int(next(iter(inputs.values())).shape[0])


def _wait_for_turn(endpoint: Endpoint, caller: Caller) -> None:
    try:
        endpoint.turns.get(timeout=min(caller.remaining_s(), threading.TIMEOUT_MAX))
    except Empty:
        raise DeadlineExceededError(
            f"{endpoint.version_name} was busy until the caller's time was up; allow more, or ask less at a time",
            reason="DEADLINE_EXCEEDED",
            model_version=endpoint.version_name,
        ) from None


def _run(model: LoadedModel, graph: str, inputs: Mapping[str, "np.ndarray[Any, Any]"]) -> dict[str, Any]:
    try:
        return model.graphs.run(graph, inputs)
    except (FailedPreconditionError, InternalError) as error:
        if error.reason not in ("GRAPH_INPUT_MISMATCH", "GRAPH_FAILED"):
            raise
        _refuse(error, inputs)


def _refuse(error: FramecastError, inputs: Mapping[str, "np.ndarray[Any, Any]"]) -> NoReturn:
    """A graph that was loaded and checked fails by what it is given: shapes that do not fit its inside, or too much."""
    text = error.message.lower()
    if "cuda" in text or "cudnn" in text or "cublas" in text:
        raise error
    shapes = {name: list(array.shape) for name, array in inputs.items()}
    if "alloc" in text:
        raise ResourceExhaustedError(
            f"inputs of shapes {shapes} need more memory than there is; send fewer or smaller ones",
            reason="TENSORS_TOO_LARGE",
            shapes=shapes,
        ) from error
    raise InvalidArgumentError(
        f"the graph cannot compute inputs of shapes {shapes}: {error.message}",
        reason="TENSORS_NOT_COMPUTABLE",
        field="inputs",
        shapes=shapes,
    ) from error
