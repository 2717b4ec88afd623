"""What an operator sees of the service: metrics by a real scrape, spans by a real collector, gRPC's own tools."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest

pytest.importorskip("prometheus_client", reason="framecast-services[observability] is not installed")
pytest.importorskip("opentelemetry.sdk", reason="framecast-services[observability] is not installed")

from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import ImageSource, PredictImagesRequest, PredictVideoRequest
from tests.support.inference_process import inference_process
from tests.support.inference_server import InferenceHandle, inference
from tests.support.otlp_sink import otlp_sink
from tests.support.outside_yolox import store_asset
from tests.support.scrape import Samples, scrape, value
from tests.support.waiting import until

from .conftest import Services

PREDICT_IMAGES = "framecast.v1.InferenceService/PredictImages"
PREDICT_VIDEO = "framecast.v1.InferenceService/PredictVideo"
FRAMES = 5
TRACED_CLIENT = [sys.executable, "-m", "tests.support.traced_client"]


@pytest.fixture(scope="module")
def watched(services: Services, tmp_path_factory: pytest.TempPathFactory) -> Iterator[InferenceHandle]:
    with inference(
        tmp_path_factory.mktemp("watched"),
        registry_address=services.registry.address,
        object_store_url=services.registry.object_store_url,
        metrics_address="127.0.0.1:0",
        max_batch=2,
    ) as handle:
        yield handle


@pytest.fixture
def stub(watched: InferenceHandle) -> Iterator[Any]:
    with open_channel(watched.address) as channel:
        yield inference_service_pb2_grpc.InferenceServiceStub(channel)


def read(handle: InferenceHandle) -> Samples:
    port = handle.service.server.metrics_port
    assert port is not None
    return scrape(port)


def picture(shared_data: Path) -> bytes:
    return next((shared_data / "coco_ccby" / "images").glob("*.jpg")).read_bytes()


def test_metrics_tell_what_a_model_did(
    services: Services, shared_data: Path, watched: InferenceHandle, stub: Any
) -> None:
    model = services.yolox
    good, bad = ImageSource(data=picture(shared_data)), ImageSource(data=b"no picture")
    stub.PredictImages(PredictImagesRequest(model_version=model, images=[good, bad]))
    asset = store_asset(services.registry_channel, shared_data / "videos/bottle_h264_bframes.mp4")
    frames = FrameRange(count=FRAMES)
    for _ in stub.PredictVideo(PredictVideoRequest(model_version=model, asset=asset.name, frame_range=frames)):
        pass
    # A stream is counted when its handler is left, a moment after the last message.
    until(lambda: value(read(watched), "framecast_request_seconds_count", method=PREDICT_VIDEO, code="OK") == 1)
    seen = read(watched)

    predicted = 1 + FRAMES
    assert value(seen, "framecast_request_seconds_count", method=PREDICT_IMAGES, code="OK") == 1
    assert value(seen, "framecast_model_pictures_total", model=model) == predicted
    assert value(seen, "framecast_model_failures_total", model=model, stage="decode") == 1
    assert value(seen, "framecast_model_failures_total", model=model, stage="compute") == 0
    assert value(seen, "framecast_model_queue_seconds_count", model=model) == predicted
    assert value(seen, "framecast_model_batch_pictures_sum", model=model) == predicted
    assert value(seen, "framecast_model_queue_length", model=model) == 0
    runs = value(seen, "framecast_model_batch_pictures_count", model=model)
    stages = {
        stage: value(seen, "framecast_model_stage_seconds_count", model=model, stage=stage)
        for stage in ("decode", "prepare", "compute", "head", "encode")
    }
    assert stages == {
        "decode": predicted + 1,
        "prepare": predicted,
        "compute": runs,
        "head": runs,
        "encode": predicted + 1,
    }
    seconds = {stage: value(seen, "framecast_model_stage_seconds_sum", model=model, stage=stage) for stage in stages}
    assert all(each > 0 for each in seconds.values())
    assert seconds["compute"] > seconds["encode"]
    assert value(seen, "framecast_models_loaded") == 1
    with watched.service.models.lease(model) as loaded:
        assert value(seen, "framecast_models_loaded_bytes") == loaded.memory_bytes
    assert value(seen, "framecast_model_load_seconds_count") == 1


def test_a_models_series_leave_with_it_and_begin_anew(
    services: Services, shared_data: Path, watched: InferenceHandle, stub: Any
) -> None:
    request = PredictImagesRequest(model_version=services.yolox, images=[ImageSource(data=picture(shared_data))])
    stub.PredictImages(request)
    assert watched.service.models.unload(services.yolox)
    seen = read(watched)
    of_models = [labels for series in seen.values() for labels in series if dict(labels).get("model")]
    assert of_models == []
    assert value(seen, "framecast_models_loaded") == 0
    stub.PredictImages(request)
    assert value(read(watched), "framecast_model_pictures_total", model=services.yolox) == 1


def test_a_trace_joins_the_program_and_every_stage(services: Services, shared_data: Path, tmp_path: Path) -> None:
    image = next((shared_data / "coco_ccby" / "images").glob("*.jpg"))
    with (
        otlp_sink() as sink,
        inference_process(
            tmp_path,
            registry_address=services.registry.address,
            object_store_url=services.registry.object_store_url,
            trace_endpoint=sink.endpoint,
            max_batch="2",
        ) as served,
    ):
        subprocess.run(
            [*TRACED_CLIENT, served.address, sink.endpoint, services.yolox, str(image), "2"],
            check=True,
            timeout=120,
            cwd=Path(__file__).parents[3],
        )
        served.process.terminate()  # sends what it has not sent yet
        assert served.process.wait(timeout=30) == 0
    (root,) = sink.named("the whole job")
    called, answered = sorted(sink.named(PREDICT_IMAGES), key=lambda span: span.kind, reverse=True)
    assert [service for service, span in sink.spans if span.span_id == answered.span_id] == ["framecast-inference"]
    assert called.parent_span_id == root.span_id
    assert answered.parent_span_id == called.span_id
    assert {span.trace_id for _, span in sink.spans} == {root.trace_id}

    for name, count in {"decode": 2, "prepare": 2, "queue": 2}.items():
        spans = sink.named(name)
        assert len(spans) == count
        assert all(span.parent_span_id == answered.span_id for span in spans)
        assert {attribute.value.int_value for span in spans for attribute in span.attributes} == {0, 1}
    batches, computes = sink.named("batch"), sink.named("compute")
    assert all(batch.parent_span_id == answered.span_id for batch in batches)
    assert {span.parent_span_id for span in computes} == {batch.span_id for batch in batches}
    assert sum(attribute.value.int_value for batch in batches for attribute in batch.attributes) == 2
    inner = [*sink.named("decode"), *sink.named("prepare"), *sink.named("queue"), *batches, *computes]
    for span in inner:
        assert answered.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= answered.end_time_unix_nano
    # What the service asked the registry for belongs to the trace, too.
    asked = [span for service, span in sink.spans if span.name.startswith("framecast.v1.RegistryService/")]
    assert asked
    assert all(span.parent_span_id == answered.span_id for span in asked)


def test_a_service_that_does_not_trace_loads_nothing_of_it(tmp_path: Path) -> None:
    script = (
        "import sys, framecast_inference.__main__, framecast_registry.__main__;"
        "print([name for name in sys.modules if name.partition('.')[0] in ('opentelemetry', 'prometheus_client')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.strip() == "[]"


def test_reflection_health_and_channelz_answer(services: Services, watched: InferenceHandle, stub: Any) -> None:
    from grpc_channelz.v1 import channelz_pb2, channelz_pb2_grpc
    from grpc_health.v1 import health_pb2, health_pb2_grpc
    from grpc_reflection.v1alpha.proto_reflection_descriptor_database import ProtoReflectionDescriptorDatabase

    with grpc.insecure_channel(watched.address) as channel:
        described = ProtoReflectionDescriptorDatabase(channel)
        names = set(described.get_services())
        expected = {
            "framecast.v1.InferenceService",
            "inference.GRPCInferenceService",
            "grpc.health.v1.Health",
            "grpc.channelz.v1.Channelz",
        }
        assert expected <= names
        for name in expected:  # found by name, and the whole file with it
            assert described.FindFileContainingSymbol(name).name
        health: Any = health_pb2_grpc.HealthStub(channel)
        for name in ("", "framecast.v1.InferenceService", "inference.GRPCInferenceService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING

        channelz = channelz_pb2_grpc.ChannelzStub(channel)

        def begun() -> int:
            servers = channelz.GetServers(channelz_pb2.GetServersRequest()).server
            return sum(server.data.calls_started for server in servers)

        before = begun()
        for _ in range(3):
            health.Check(health_pb2.HealthCheckRequest())
        assert begun() >= before + 3
