"""Ctrl-C and `kill -9` in the middle of things: nothing hangs, nothing half-done stays."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from framecast import CancelledError, Client, JobState, TrainingFailedError
from tests.support import exactly_once
from tests.support.running_stack import RunningStack
from tests.support.waiting import until

pytestmark = pytest.mark.slow
DESCRIPTOR = Path(__file__).resolve().parents[2] / "examples/yolox_nano.yaml"


@pytest.fixture
def yolox(stack: RunningStack, shared_data: Path) -> str:
    with stack.client() as client:
        names = [model.id for model in client.models.list()]
        if "yolox" not in names:
            graph = shared_data / "weights/yolox_nano/yolox_nano.onnx"
            client.models.import_onnx("yolox", graph=graph, descriptor=DESCRIPTOR)
    return "yolox"


def start(stack: RunningStack, *arguments: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "framecast", *arguments],
        env={**os.environ, **stack.environment()},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_ctrl_c_during_predict_stops_the_work_and_leaves_no_file(
    stack: RunningStack, yolox: str, shared_data: Path, tmp_path: Path
) -> None:
    video = shared_data / "videos/bottle_h264_bframes.mp4"
    targets = tmp_path / "out.mp4", tmp_path / "out.json"
    saves = [argument for target in targets for argument in ("--save", str(target))]
    predicting = start(stack, "predict", yolox, str(video), "--json", *saves)
    assert predicting.stdout is not None
    for _ in range(5):
        assert predicting.stdout.readline()
    predicting.send_signal(signal.SIGINT)
    _, err = predicting.communicate(timeout=30)
    assert predicting.returncode == 130
    assert "interrupted" in err
    assert list(tmp_path.iterdir()) == []
    spool = stack.data / "spool"
    until(lambda: not any(path.is_file() and "lock" not in path.name for path in spool.rglob("*")))


def test_leaving_a_stream_early_is_no_error(stack: RunningStack, yolox: str, shared_data: Path) -> None:
    with stack.client() as client:
        asset = client.assets.upload(shared_data / "videos/bottle_h264_bframes.mp4")
        with client.predict_video(yolox, asset, stride=2) as stream:
            assert len(stream) == 595
            assert stream.info.fps == pytest.approx(179 / 6, rel=1e-3)
            first = next(stream)
            assert (first.frame_index, first.time) == (0, 0.0)
        assert list(stream) == []


@pytest.mark.parametrize("stored", [True, False])
def test_a_stream_goes_on_by_itself_when_its_service_is_killed(
    stack: RunningStack, yolox: str, shared_data: Path, stored: bool
) -> None:
    path = shared_data / "videos/bottle_h264_bframes.mp4"
    with stack.client() as client:
        video = client.assets.upload(path) if stored else path
        with client.predict_video(yolox, video, count=90, stride=2) as stream:
            undisturbed = list(stream)
        disturbed = []
        with client.predict_video(yolox, video, count=90, stride=2) as stream:
            for frame in stream:
                disturbed.append(frame)
                if len(disturbed) in (5, 40):
                    for line in _pids(stack, "framecast_inference"):
                        os.kill(int(line), signal.SIGKILL)
            assert stream.frames_done == len(stream) == 90
        assert [frame.frame_index for frame in disturbed] == [frame.frame_index for frame in undisturbed]
        for one, other in zip(undisturbed, disturbed, strict=True):
            assert one.prediction is not None
            assert other.prediction is not None
            np.testing.assert_array_equal(one.prediction.instances.boxes, other.prediction.instances.boxes)
            np.testing.assert_array_equal(one.prediction.instances.scores, other.prediction.instances.scores)
    stack.until_inference_serves()  # The last frames may have been on their way when it was killed.


def test_ctrl_c_during_train_leaves_the_job_running(stack: RunningStack, shapes: Path) -> None:
    with stack.client() as client:
        client.datasets.import_(shapes, name="interrupted")
        training = start(stack, *_tiny_training("interrupted", epochs=50), "--json")
        assert training.stdout is not None
        assert training.stdout.readline()
        training.send_signal(signal.SIGINT)
        _, err = training.communicate(timeout=30)
        assert training.returncode == 130
        assert "framecast jobs watch" in err
        job = client.training.get(next(client.training.list()).name)
        assert job.state in (JobState.QUEUED, JobState.RUNNING)
        assert stack.command("jobs", "cancel", job.id).code == 0
        with pytest.raises(CancelledError):
            job.wait(timeout=60)


@pytest.mark.parametrize("service", ["trainer", "registry"])
def test_a_job_outlasts_a_killed_service_or_fails_with_a_reason(
    stack: RunningStack, shapes: Path, service: str
) -> None:
    with stack.client() as client:
        report = client.datasets.import_(shapes, name=f"killed-{service}")
        job = client.training.start(
            report, architecture="yolov5n", epochs=2, image_size=64, batch_size=4, weights="random", device="cpu"
        )
        for update in job.watch():
            if update.progress.phase == "training":
                break
        os.kill(int(_pids(stack, f"framecast_{service}")[0]), signal.SIGKILL)
        states = [update.state for update in job.watch()]  # goes on over the restart
        assert states[-1].ended
        if states[-1] is JobState.FAILED:
            with pytest.raises(TrainingFailedError) as caught:
                job.wait(timeout=60)
            assert caught.value.reason != "UNKNOWN"
        else:
            _predict_once(client, job.wait(timeout=60).model_version, shapes)


def _predict_once(client: Client, model_version: str, shapes: Path) -> None:
    assert client.detect(model_version, shapes / "images/val_0000.png", confidence=0).width == 160


def _tiny_training(dataset: str, *, epochs: int) -> list[str]:
    return [
        *("train", "--dataset", dataset, "--architecture", "yolov5n", "--epochs", str(epochs)),
        *("--image-size", "64", "--batch-size", "4", "--weights", "random", "--device", "cpu"),
    ]


def _pids(stack: RunningStack, module: str) -> list[str]:
    """Of the running service: the first process id of `up` may be a past one."""
    time.sleep(0.3)
    found = subprocess.run(
        ["pgrep", "-P", str(stack.process.pid), "-f", f"{module} {stack.process.pid}"], capture_output=True, text=True
    )
    return found.stdout.split()


def test_readers_and_services_killed_at_random_lose_and_repeat_no_frame(
    stack: RunningStack, yolox: str, tmp_path: Path
) -> None:
    findings = exactly_once.check(stack, tmp_path, frames=200, client_kills=3, server_kills=2)
    assert findings.frames == 200
    assert (findings.missing, findings.twice, findings.different) == (0, 0, 0)
