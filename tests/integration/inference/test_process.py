"""The service as a process: settings, health, SIGTERM, kill -9."""

import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from framecast import errors
from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import PredictVideoRequest
from tests.support.inference_process import inference_process
from tests.support.outside_yolox import store_asset

from .conftest import Services
from .test_predict_video import upload

BOTTLE = "videos/bottle_h264_bframes.mp4"


def start(services: Services, folder: Path, **options: Any) -> Any:
    return inference_process(
        folder,
        registry_address=services.registry.address,
        object_store_url=services.registry.object_store_url,
        **options,
    )


def spooled(folder: Path) -> list[Path]:
    return list((folder / "spool").rglob("upload-*"))


def test_missing_settings_are_named() -> None:
    bare = {key: value for key, value in os.environ.items() if not key.startswith("FRAMECAST_")}
    done = subprocess.run(
        [sys.executable, "-m", "framecast_inference"], env=bare, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert "FRAMECAST_REGISTRY_ADDRESS" in done.stderr
    assert "FRAMECAST_OBJECT_STORE_URL" in done.stderr


def test_a_device_that_does_not_exist_is_named(tmp_path: Path) -> None:
    settings = {
        "FRAMECAST_REGISTRY_ADDRESS": "127.0.0.1:1",
        "FRAMECAST_OBJECT_STORE_URL": f"file://{tmp_path}",
        "FRAMECAST_DEVICE": "tpu",
    }
    done = subprocess.run(
        [sys.executable, "-m", "framecast_inference"],
        env={**os.environ, **settings},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 2
    assert "FRAMECAST_DEVICE is 'tpu'" in done.stderr


def test_killed_in_a_stream_the_caller_hears_it_and_a_restart_goes_on(
    services: Services, shared_data: Path, tmp_path: Path
) -> None:
    with start(services, tmp_path) as first:
        with open_channel(first.address) as channel:
            stub = inference_service_pb2_grpc.InferenceServiceStub(channel)
            responses = upload(services, shared_data / BOTTLE, stub=stub)
            for _ in range(10):
                next(responses)
            assert len(spooled(tmp_path)) == 1
            first.process.send_signal(signal.SIGKILL)
            with pytest.raises(errors.UnavailableError):
                list(responses)
        with start(services, tmp_path, listen_address=first.address) as second, open_channel(second.address) as channel:
            assert spooled(tmp_path) == []
            stub = inference_service_pb2_grpc.InferenceServiceStub(channel)
            assert len(list(upload(services, shared_data / BOTTLE, stub=stub, start_index=9, count=3))) == 4


def test_sigterm_lets_a_running_stream_finish(services: Services, shared_data: Path, tmp_path: Path) -> None:
    asset = store_asset(services.registry_channel, shared_data / BOTTLE)
    with start(services, tmp_path) as running, open_channel(running.address) as channel:
        with grpc.insecure_channel(running.address) as plain:
            health: Any = health_pb2_grpc.HealthStub(plain)
            answer = health.Check(health_pb2.HealthCheckRequest(service="framecast.v1.InferenceService"))
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
            responses = inference_service_pb2_grpc.InferenceServiceStub(channel).PredictVideo(
                PredictVideoRequest(
                    model_version=services.yolox, asset=asset.name, frame_range=FrameRange(end_index=59)
                )
            )
            next(responses)
            running.process.send_signal(signal.SIGTERM)
            assert len(list(responses)) == 60
        assert running.process.wait(20) == 0
        assert not list((tmp_path / "spool").iterdir())


def test_without_its_registry_the_service_says_unavailable(
    services: Services, shared_data: Path, tmp_path: Path
) -> None:
    from tests.support.inference_server import inference

    with (
        inference(
            tmp_path, registry_address="127.0.0.1:1", object_store_url=services.registry.object_store_url
        ) as lonely,
        open_channel(lonely.address, retry=False) as channel,
    ):
        stub = inference_service_pb2_grpc.InferenceServiceStub(channel)
        failed: list[Exception] = []

        def ask() -> None:
            try:
                list(upload(services, shared_data / "videos/car_hevc.mp4", stub=stub, count=1))
            except errors.FramecastError as error:
                failed.append(error)

        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [type(error) for error in failed] == [errors.UnavailableError] * 3
