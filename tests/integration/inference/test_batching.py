"""Requests that share batches over the wire: full batches, and answers that do not depend on the company."""

import dataclasses
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.errors import DeadlineExceededError, ResourceExhaustedError
from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc
from framecast.v1.inference_service_pb2 import (
    ImageSource,
    LoadModelVersionRequest,
    PredictImagesRequest,
    PredictVideoRequest,
)
from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast_inference.batching.batcher import Batcher
from tests.support.inference_server import InferenceHandle, inference
from tests.support.outside_yolox import store_asset
from tests.support.waiting import until

from .conftest import Services

REQUESTS = 64


@pytest.fixture(scope="module")
def batching(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceHandle]:
    with inference(
        tmp_path_factory.mktemp("batching"),
        registry_address=services.registry.address,
        object_store_url=services.registry.object_store_url,
        max_batch=8,
        max_calls=80,
    ) as handle:
        yield handle


@pytest.fixture
def stub(batching: InferenceHandle, services: Services) -> Iterator[Any]:
    with open_channel(batching.address) as channel:
        stub = inference_service_pb2_grpc.InferenceServiceStub(channel)
        stub.LoadModelVersion(LoadModelVersionRequest(model_version=services.yolox))
        yield stub


@pytest.fixture
def batcher(batching: InferenceHandle, services: Services, stub: Any) -> Batcher:
    with batching.service.models.lease(services.yolox) as model:
        return model.batcher


class Gate:
    """Holds runs of a model up while it is closed, and notes the sizes of the batches."""

    def __init__(self, batcher: Batcher) -> None:
        self.sizes: list[int] = []
        self.arrived = 0
        self._open = threading.Event()
        self._open.set()
        self._run = batcher._run_batch

    def __call__(self, tensors: Any, placements: Any, settings: Any) -> Any:
        self.arrived += len(tensors)
        assert self._open.wait(60)
        self.sizes.append(len(tensors))
        return self._run(tensors, placements, settings)

    @contextmanager
    def closed(self) -> Iterator[None]:
        self._open.clear()
        try:
            yield
        finally:
            self._open.set()


@pytest.fixture
def gate(batcher: Batcher, monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(batcher)
    monkeypatch.setattr(batcher, "_run_batch", gate)
    return gate


def requests(services: Services, shared_data: Path) -> list[PredictImagesRequest]:
    """Pictures of several sizes, every request with settings of its own."""
    files = sorted((shared_data / "coco_ccby" / "images").glob("*.jpg"))
    categories = [[], ["person"], ["person", "car", "dog"], ["chair"]]
    return [
        PredictImagesRequest(
            model_version=services.yolox,
            images=[ImageSource(data=files[number % len(files)].read_bytes())],
            settings=InferenceSettings(
                confidence_threshold=float(np.float32(0.01 + number / 200)),
                iou_threshold=float(np.float32(0.3 + number / 200)),
                max_detections=1 + number * 3,
                categories=categories[number % 4],
                class_agnostic=number % 3 == 0,
            ),
        )
        for number in range(REQUESTS)
    ]


def test_requests_with_different_settings_fill_batches_and_answer_as_alone(
    services: Services, shared_data: Path, stub: Any, batcher: Batcher, gate: Gate
) -> None:
    asked = requests(services, shared_data)
    alone = [services.stub.PredictImages(request).SerializeToString(deterministic=True) for request in asked]

    def together() -> tuple[list[bytes], list[int]]:
        gate.sizes.clear()
        with ThreadPoolExecutor(REQUESTS) as pool, gate.closed():
            futures = [pool.submit(stub.PredictImages, request) for request in asked]
            until(lambda: batcher.queued >= REQUESTS - 2 * 8)
            time.sleep(0.5)  # the rest of them; whether all have come shows in the sizes
        return [future.result().SerializeToString(deterministic=True) for future in futures], list(gate.sizes)

    answers, different = together()
    assert answers == alone
    for request in asked:
        request.settings.CopyFrom(asked[0].settings)
    _, equal = together()
    for sizes in (different, equal):
        assert sum(sizes) == REQUESTS
        assert sizes[1:-1] == [8] * (len(sizes) - 2)


def test_a_deadline_that_passes_while_the_model_is_busy_costs_no_compute(
    services: Services, shared_data: Path, stub: Any, gate: Gate
) -> None:
    request = requests(services, shared_data)[0]
    with ThreadPoolExecutor(1) as pool:
        with gate.closed():
            busy = pool.submit(stub.PredictImages, request)
            until(lambda: gate.arrived == 1)
            with pytest.raises(DeadlineExceededError):
                stub.PredictImages(request, timeout=0.05)
            time.sleep(0.1)
        busy.result()
    stub.PredictImages(request)
    assert gate.sizes == [1, 1]


def test_a_deadline_that_passes_in_a_full_queue_costs_no_compute(
    services: Services, shared_data: Path, stub: Any, batcher: Batcher, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher, "limits", dataclasses.replace(batcher.limits, max_batch=1, queue_size=5))
    batcher._buffers.clear()
    request = requests(services, shared_data)[0]
    with ThreadPoolExecutor(6) as pool:
        with gate.closed():
            busy = [pool.submit(stub.PredictImages, request) for _ in range(6)]
            until(lambda: batcher.queued == 4)  # one runs, one has a place
            for _ in range(3):  # each takes the last place in the queue, and leaves it
                with pytest.raises(DeadlineExceededError):
                    stub.PredictImages(request, timeout=0.05)
                until(lambda: batcher.queued == 4)
        for call in busy:
            call.result()
    assert gate.sizes == [1] * 6
    batcher._buffers.clear()


def test_a_stream_that_is_cancelled_runs_nothing_more(
    services: Services, shared_data: Path, stub: Any, batching: InferenceHandle, batcher: Batcher, gate: Gate
) -> None:
    asset = store_asset(services.registry_channel, shared_data / "videos/bottle_h264_bframes.mp4")
    stream = stub.PredictVideo(PredictVideoRequest(model_version=services.yolox, asset=asset.name))
    for _ in range(4):
        next(stream)
    with gate.closed():
        until(lambda: gate.arrived > sum(gate.sizes))  # a run is on its way, and further frames have places
        arrived = gate.arrived
        stream.cancel()
        until(lambda: not any(entry.is_live(0.0) for batch in batcher._batches for entry in batch.entries))
    until(lambda: batching.service.server.running_streams == 0)
    assert sum(gate.sizes) == gate.arrived == arrived


def test_a_request_beyond_the_queue_is_refused_at_once(
    services: Services, shared_data: Path, stub: Any, batcher: Batcher, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batcher, "limits", dataclasses.replace(batcher.limits, max_batch=1, queue_size=1))
    batcher._buffers.clear()
    request = requests(services, shared_data)[0]
    with ThreadPoolExecutor(3) as pool:
        with gate.closed():
            busy = [pool.submit(stub.PredictImages, request) for _ in range(3)]
            until(lambda: batcher.queued == 1)  # one runs, one has a place
            with pytest.raises(ResourceExhaustedError) as refused:
                stub.PredictImages(request)
            assert refused.value.reason == "QUEUE_FULL"
        assert len({call.result().SerializeToString(deterministic=True) for call in busy}) == 1
    batcher._buffers.clear()
