"""Loading, switching and freeing versions while requests run: nothing fails, nothing is mixed, nothing stays behind."""

import gc
import json
import threading
import weakref
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

import framecast
from framecast.cli.main import main
from framecast.errors import InvalidArgumentError, NotFoundError
from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2 as messages
from framecast.v1 import inference_service_pb2_grpc
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_inference import process_memory
from framecast_inference.open_inference.v2 import grpc_service_pb2, grpc_service_pb2_grpc, model_infer_pb2
from tests.support.inference_server import InferenceHandle, inference
from tests.support.outside_yolox import PROJECT, store_asset
from tests.support.pictures import picture
from tests.support.registry_server import RegistryHandle, registry
from tests.support.tiny_versions import import_tiny, write_video
from tests.support.waiting import until

TINY = f"{PROJECT}/models/tiny"
FIRST, SECOND = f"{TINY}/versions/1", f"{TINY}/versions/2"
LoadedModel = messages.LoadedModel


@dataclass(frozen=True)
class World:
    registry: RegistryHandle
    registry_channel: grpc.Channel
    inference: InferenceHandle
    channel: grpc.Channel
    stub: Any
    video: str
    picture: bytes

    def images(self, model: str) -> Any:
        request = messages.PredictImagesRequest(model_version=model, images=[messages.ImageSource(data=self.picture)])
        return self.stub.PredictImages(request)

    def stream(self, model: str, token: str = "") -> Any:
        return self.stub.PredictVideo(
            messages.PredictVideoRequest(model_version=model, asset=self.video, resume_token=token)
        )

    def serve(self, version: str) -> Any:
        return self.stub.ServeModelVersion(messages.ServeModelVersionRequest(model_version=version))

    def load(self, name: str) -> Any:
        return self.stub.LoadModelVersion(messages.LoadModelVersionRequest(model_version=name))

    def unload(self, version: str) -> Any:
        return self.stub.UnloadModelVersion(messages.UnloadModelVersionRequest(model_version=version)).unloaded

    def in_memory(self) -> list[messages.LoadedModel]:
        return list(self.stub.ListLoadedModels(messages.ListLoadedModelsRequest()).loaded_models)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("memory")
    with (
        registry(folder) as registered,
        inference(
            folder, registry_address=registered.address, object_store_url=registered.object_store_url, max_batch=2
        ) as inferring,
        open_channel(registered.address) as registry_channel,
        open_channel(inferring.address) as channel,
    ):
        for seed in (1, 2):
            import_tiny(registry_channel, channel, model="tiny", seed=seed)
        yield World(
            registered,
            registry_channel,
            inferring,
            channel,
            inference_service_pb2_grpc.InferenceServiceStub(channel),
            store_asset(registry_channel, write_video(folder / "blocks.mp4", frames=40)).name,
            picture(5, width=64, height=48),
        )


@pytest.fixture(autouse=True)
def _empty(world: World) -> None:
    for version in (FIRST, SECOND):
        world.unload(version)
    assert world.in_memory() == []


def frames_of(responses: Any) -> tuple[str, list[bytes]]:
    """The version that a stream says it is answered by, and each frame's result."""
    header = next(responses).header
    return header.model.model_version, [each.result.SerializeToString(deterministic=True) for each in responses]


def test_a_loaded_model_says_how_it_runs_and_what_it_takes(world: World) -> None:
    loaded = world.load(TINY)
    assert loaded.model_version == SECOND
    assert (loaded.state, loaded.engine, loaded.precision) == (LoadedModel.READY, "CPUExecutionProvider", "float32")
    assert loaded.memory_bytes >= 2 * 3 * 64 * 64 * 4  # the memory of its batch, at the least
    assert (loaded.active_calls, loaded.max_batch, loaded.fallback) == (0, 2, "")
    assert not loaded.served
    assert not loaded.held
    assert loaded.load_time.seconds <= loaded.last_use_time.seconds
    listed = world.stub.ListLoadedModels(messages.ListLoadedModelsRequest())
    assert [each.model_version for each in listed.loaded_models] == [SECOND]
    assert listed.memory_bytes == loaded.memory_bytes
    assert listed.memory_budget_bytes == world.inference.settings.max_loaded_bytes
    assert world.unload(SECOND)
    assert not world.unload(SECOND)
    assert world.in_memory() == []


def test_the_list_comes_in_pages(world: World) -> None:
    for version in (SECOND, FIRST):
        world.load(version)
    first = world.stub.ListLoadedModels(messages.ListLoadedModelsRequest(page_size=1))
    assert [each.model_version for each in first.loaded_models] == [FIRST]
    rest = world.stub.ListLoadedModels(messages.ListLoadedModelsRequest(page_size=1, page_token=first.next_page_token))
    assert [each.model_version for each in rest.loaded_models] == [SECOND]
    assert rest.next_page_token == ""
    with pytest.raises(InvalidArgumentError):
        world.stub.ListLoadedModels(messages.ListLoadedModelsRequest(page_size=-1))


@pytest.mark.parametrize("name", ["tiny", f"{TINY}/versions/", TINY + "/"])
def test_a_malformed_name_is_refused(world: World, name: str) -> None:
    for call in (world.load, world.serve, world.unload, world.images):
        with pytest.raises(InvalidArgumentError) as refused:
            call(name)
        assert refused.value.field == "model_version"


def test_a_version_that_does_not_exist_is_not_switched_to(world: World) -> None:
    world.serve(FIRST)
    with pytest.raises(NotFoundError):
        world.serve(f"{TINY}/versions/99")
    assert world.images(TINY).model.model_version == FIRST


def test_a_stream_keeps_its_version_over_a_switch_and_a_resume(world: World) -> None:
    _, expected = frames_of(world.stream(FIRST))
    served = world.serve(FIRST)
    assert served.served
    assert served.held
    responses = world.stream(TINY)
    assert next(responses).header.model.model_version == FIRST
    received = [next(responses) for _ in range(5)]
    world.serve(SECOND)
    assert world.images(TINY).model.model_version == SECOND
    rest = [each.result.SerializeToString(deterministic=True) for each in responses]
    assert [each.result.SerializeToString(deterministic=True) for each in received] + rest == expected
    until(lambda: [each.model_version for each in world.in_memory()] == [SECOND])

    version, resumed = frames_of(world.stream(TINY, received[-1].progress.resume_token))
    assert version == FIRST
    assert resumed == expected[5:]


def test_a_version_that_is_in_use_leaves_behind_its_last_user(world: World) -> None:
    world.serve(FIRST)
    with world.inference.service.models.lease(FIRST):
        world.serve(SECOND)
        rows = {each.model_version: each for each in world.in_memory()}
        assert (rows[FIRST].state, rows[FIRST].active_calls, rows[FIRST].served) == (LoadedModel.LEAVING, 1, False)
        assert (rows[SECOND].state, rows[SECOND].active_calls, rows[SECOND].served) == (LoadedModel.READY, 0, True)
    assert [each.model_version for each in world.in_memory()] == [SECOND]


def test_switches_under_load_fail_no_request_and_mix_no_stream(world: World) -> None:
    expected_frames = {version: frames_of(world.stream(version))[1] for version in (FIRST, SECOND)}
    expected_image = {version: world.images(version).results[0].SerializeToString() for version in (FIRST, SECOND)}
    assert expected_frames[FIRST] != expected_frames[SECOND]
    assert expected_image[FIRST] != expected_image[SECOND]
    world.serve(FIRST)
    stop = threading.Event()

    def ask_for_pictures() -> set[str]:
        seen = set()
        while not stop.is_set():
            response = world.images(TINY)
            version = response.model.model_version
            assert response.results[0].SerializeToString() == expected_image[version]
            seen.add(version)
        return seen

    def ask_for_video() -> set[str]:
        seen = set()
        while not stop.is_set():
            version, frames = frames_of(world.stream(TINY))
            assert frames == expected_frames[version]
            seen.add(version)
        return seen

    def ask_by_open_protocol() -> set[str]:
        stub: Any = grpc_service_pb2_grpc.GRPCInferenceServiceStub(world.channel)
        request = model_infer_pb2.ModelInferRequest(model_name="tiny:network")
        request.inputs.add(name="pixels", datatype="FP32", shape=[1, 3, 64, 64])
        request.raw_input_contents.append(bytes(3 * 64 * 64 * 4))
        seen = set()
        while not stop.is_set():
            seen.add(f"{TINY}/versions/{stub.ModelInfer(request).model_version}")
        return seen

    with ThreadPoolExecutor(6) as pool:
        asking = [
            pool.submit(each)
            for each in (ask_for_pictures, ask_for_pictures, ask_for_video, ask_for_video, ask_by_open_protocol)
        ]
        try:
            for _ in range(6):
                world.serve(SECOND)
                world.serve(FIRST)
        finally:
            stop.set()
        seen = [each.result() for each in asking]
    assert seen[0] | seen[1] == {FIRST, SECOND}
    assert world.images(TINY).model.model_version == FIRST


def test_a_service_is_ready_when_its_models_are_warm(world: World, tmp_path: Path) -> None:
    model = f"{PROJECT}/models/later"
    with (
        inference(
            tmp_path,
            registry_address=world.registry.address,
            object_store_url=world.registry.object_store_url,
            preload_models=f"{FIRST},{model}",
        ) as preloading,
        open_channel(preloading.address) as channel,
        grpc.insecure_channel(preloading.address) as plain,
    ):
        health: Any = health_pb2_grpc.HealthStub(plain)
        open_protocol: Any = grpc_service_pb2_grpc.GRPCInferenceServiceStub(channel)
        stub: Any = inference_service_pb2_grpc.InferenceServiceStub(channel)

        def ready() -> tuple[bool, bool, bool]:
            return (
                health.Check(health_pb2.HealthCheckRequest()).status == health_pb2.HealthCheckResponse.SERVING,
                health.Check(health_pb2.HealthCheckRequest(service="framecast.v1.InferenceService")).status
                == health_pb2.HealthCheckResponse.SERVING,
                open_protocol.ServerReady(grpc_service_pb2.ServerReadyRequest()).ready,
            )

        def rows() -> list[messages.LoadedModel]:
            return list(stub.ListLoadedModels(messages.ListLoadedModelsRequest()).loaded_models)

        until(lambda: any(each.state == LoadedModel.READY for each in rows()))
        assert ready() == (False, False, False)
        import_tiny(world.registry_channel, channel, model="later", seed=3)
        until(lambda: ready() == (True, True, True))
        assert [(each.model_version, each.held) for each in rows()] == [(f"{model}/versions/1", True), (FIRST, True)]


def test_loading_and_unloading_leaves_nothing_behind(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    engines: list[weakref.ref[Any]] = []
    made = OnnxRuntimeEngine.__init__

    def counted(self: OnnxRuntimeEngine, *args: Any, **options: Any) -> None:
        made(self, *args, **options)
        engines.append(weakref.ref(self))

    monkeypatch.setattr(OnnxRuntimeEngine, "__init__", counted)

    models = world.inference.service.models

    def cycle() -> tuple[int, int]:
        # Not by calls: new threads that they run in would count, too.
        for version in (FIRST, SECOND):
            with models.lease(version):
                pass
            assert models.unload(version)
        mine = [thread for thread in threading.enumerate() if not thread.name.startswith("grpc")]
        return len(list(Path("/proc/self/fd").iterdir())), len(mine)

    def allocated() -> int:
        gc.collect()
        return process_memory.allocated_bytes()

    for _ in range(5):
        cycle()
    files, threads = cycle()
    before = allocated()
    for _ in range(10):
        last_files, last_threads = cycle()
    grown = allocated() - before
    assert last_files <= files
    assert last_threads <= threads
    assert len(engines) == 32
    assert [each for each in engines if each() is not None] == []
    assert grown < world.load(FIRST).memory_bytes  # of twenty that came and went


def test_the_client_switches_lists_and_frees(world: World) -> None:
    with framecast.Client(world.registry.address, inference_address=world.inference.address) as client:
        assert client.load("tiny").reference == "tiny/2"
        assert client.serving.unload("tiny/2")
        switched = client.serving.switch("tiny/1")
        assert (switched.reference, switched.served, switched.state) == ("tiny/1", True, "ready")
        assert client.load("tiny").reference == "tiny/1"
        client.load("tiny/2")
        assert [(each.reference, each.held) for each in client.serving.list()] == [("tiny/1", True), ("tiny/2", False)]
        used, budget = client.serving.memory()
        assert used == sum(each.memory_bytes for each in client.serving.list())
        assert budget == world.inference.settings.max_loaded_bytes
        assert client.serving.unload("tiny")  # the one that answers to the name
        assert client.load("tiny").reference == "tiny/2"
        with pytest.raises(NotFoundError):
            client.load("nothing")
        with pytest.raises(NotFoundError):
            client.predict("nothing/1", world.picture)


def test_the_command_line_switches_lists_and_frees(
    world: World, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FRAMECAST_REGISTRY_ADDRESS", world.registry.address)
    monkeypatch.setenv("FRAMECAST_INFERENCE_ADDRESS", world.inference.address)

    def run(*arguments: str) -> str:
        assert main(["serving", *arguments]) == 0
        return capsys.readouterr().out

    assert "no models in memory" in run("list")
    assert "CPUExecutionProvider" in run("load", "tiny/2")
    assert "served" in run("switch", "tiny/1")
    table = run("list")
    assert "tiny/1" in table
    assert "tiny/2" in table
    assert "MiB" in table
    listed = json.loads(run("list", "--json"))
    assert [each["state"] for each in listed["models"]] == ["ready", "ready"]
    assert "leaves memory" in run("unload", "tiny/1")
    assert json.loads(run("unload", "tiny/1", "--json")) == {"unloaded": False}
