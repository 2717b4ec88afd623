"""Turns of large tensors: as many at a time as there are cores."""

import os
import threading
from typing import Any

import numpy as np
import pytest

from framecast.errors import DeadlineExceededError
from framecast_inference.engine_clock import EngineClock
from framecast_inference.model_cache import ModelCache
from framecast_inference.model_meter import ModelMeter
from framecast_inference.open_inference.endpoint import Endpoint, make_endpoint
from framecast_inference.open_inference.statistics import ModelCounters, Timing
from framecast_inference.open_inference.tensor_inference import TensorInference
from framecast_inference.open_inference.v2.model_infer_pb2 import ModelInferRequest
from framecast_inference.open_inference.wire import Request, Response
from framecast_runtime.metrics import Metrics
from tests.unit.bundle import tiny_bundles

VERSION = "projects/default/models/m/versions/1"
CORES = len(os.sched_getaffinity(0))


class Model:
    """Its graph waits at a gate and counts who is inside."""

    memory_bytes = 1

    def __init__(self) -> None:
        self.graphs = self
        self.meter = ModelMeter(Metrics(), VERSION, EngineClock())
        self.gate = threading.Event()
        self.inside = threading.Semaphore(0)
        self.runs = 0

    def run(self, graph: str, inputs: Any, *, keep: Any = ()) -> dict[str, Any]:
        self.runs += 1
        self.inside.release()
        assert self.gate.wait(30)
        return {"head_0": np.zeros(1, np.float32), "head_1": np.zeros(1, np.float32)}

    def close(self) -> None:
        pass


class Caller:
    def __init__(self, remaining_s: float) -> None:
        self._remaining_s = remaining_s

    def on_cancel(self, cancel: Any) -> bool:
        return True

    def remaining_s(self) -> float:
        return self._remaining_s


@pytest.fixture
def model() -> Model:
    return Model()


def ask(model: Model, endpoint: Endpoint, *, batch: int, remaining_s: float = float("inf")) -> Response:
    models: Any = ModelCache(lambda name: model, max_models=1, max_bytes=1)
    pixels = np.zeros((batch, 3, 64, 64), np.float32)
    request = ModelInferRequest(
        inputs=[ModelInferRequest.InferInputTensor(name="images", datatype="FP32", shape=pixels.shape)],
        raw_input_contents=[pixels.tobytes()],
    )
    response = Response()
    TensorInference(models).run(
        endpoint, Request(request, list(request.raw_input_contents)), response, Timing(), Caller(remaining_s)
    )
    return response


def endpoint() -> Endpoint:
    return make_endpoint(
        VERSION,
        network=True,
        manifest=tiny_bundles.yolov5().manifest,
        bundle_sha256="ab" * 32,
        counters=ModelCounters(),
    )


def test_large_inputs_wait_for_their_turn_no_longer_than_the_caller_and_small_ones_not_at_all(model: Model) -> None:
    shared = endpoint()
    threads = [threading.Thread(target=ask, args=(model, shared), kwargs={"batch": 8}) for _ in range(CORES)]
    for thread in threads:
        thread.start()
    for _ in threads:
        assert model.inside.acquire(timeout=30)
    with pytest.raises(DeadlineExceededError):
        ask(model, shared, batch=8, remaining_s=0.05)
    assert model.runs == CORES  # nothing was computed for it
    small = threading.Thread(target=ask, args=(model, shared), kwargs={"batch": 1})
    small.start()
    assert model.inside.acquire(timeout=30)
    model.gate.set()
    for thread in (*threads, small):
        thread.join()
    assert [output.name for output in ask(model, shared, batch=8, remaining_s=1).message.outputs] == [
        "head_0",
        "head_1",
    ]
