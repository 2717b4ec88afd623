"""A long stream needs no more memory than a short one."""

import time
from pathlib import Path
from typing import Any

import pytest

from framecast.transport import open_channel
from framecast.v1 import inference_service_pb2_grpc
from framecast.v1.frame_range_pb2 import FrameRange
from framecast.v1.inference_service_pb2 import PredictVideoRequest
from tests.support.inference_process import inference_process
from tests.support.outside_yolox import store_asset

from .conftest import Services

MIB = 1 << 20


def peak_bytes(process_id: int) -> int:
    """The most that the process ever held in memory."""
    for line in Path(f"/proc/{process_id}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmHWM")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads peak memory from /proc")
def test_peak_memory_of_a_whole_video_is_near_that_of_its_start(
    services: Services, shared_data: Path, tmp_path: Path
) -> None:
    asset = store_asset(services.registry_channel, shared_data / "videos/bottle_h264_bframes.mp4")
    with (
        inference_process(
            tmp_path,
            registry_address=services.registry.address,
            object_store_url=services.registry.object_store_url,
        ) as running,
        open_channel(running.address) as channel,
    ):
        stub = inference_service_pb2_grpc.InferenceServiceStub(channel)

        def stream(**frame_range: Any) -> tuple[list[int], float]:
            start = time.monotonic()
            request = PredictVideoRequest(
                model_version=services.yolox, asset=asset.name, frame_range=FrameRange(**frame_range)
            )
            _, *rest = stub.PredictVideo(request)
            return [each.result.frame_index for each in rest], len(rest) / (time.monotonic() - start)

        short, _ = stream(count=100)
        peak_of_short = peak_bytes(running.process.pid)
        whole, frames_per_second = stream()
        peak_of_whole = peak_bytes(running.process.pid)
    assert short == list(range(100))
    assert whole == list(range(1189))
    print(
        f"peak after 100 frames {peak_of_short / MIB:.0f} MiB, after 1189 more {peak_of_whole / MIB:.0f} MiB, "
        f"{frames_per_second:.1f} frames/s"
    )
    assert peak_of_whole - peak_of_short < 50 * MIB
