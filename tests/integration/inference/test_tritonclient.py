"""NVIDIA's tritonclient, unmodified, against the real service: every call of its own that is served."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.v1.inference_service_pb2 import ImageSource, PredictImagesRequest
from framecast.v1.inference_settings_pb2 import InferenceSettings
from tests.support.tritonclient_venv import tritonclient_python

from .conftest import Services

pytestmark = pytest.mark.tritonclient
CALLS = Path(__file__).resolve().parents[2] / "support/tritonclient_calls.py"
GUIDE = Path(__file__).resolve().parents[3] / "docs/open-inference-protocol.md"
YOLOX = "projects/default/models/yolox"


@pytest.fixture(scope="module")
def picture(shared_data: Path) -> bytes:
    return sorted((shared_data / "coco_ccby/images").iterdir())[1].read_bytes()


@pytest.fixture(scope="module")
def tensor() -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.random.default_rng(0).random((1, 3, 416, 416), dtype=np.float32) * 255


@pytest.fixture(scope="module")
def found(services: Services, picture: bytes, tensor: Any, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the client got, by a program that knows nothing of framecast."""
    python, why_not = tritonclient_python()
    if python is None:
        pytest.skip(why_not)
    folder = tmp_path_factory.mktemp("triton")
    (folder / "picture.jpg").write_bytes(picture)
    np.save(folder / "tensor.npy", tensor)
    files = (folder / "picture.jpg", folder / "tensor.npy")
    command = [str(each) for each in (python, CALLS, services.inference.address, "yolox", *files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    answers: dict[str, Any] = json.loads(done.stdout)
    return answers


def test_the_guides_example_runs(services: Services, picture: bytes, found: dict[str, Any], tmp_path: Path) -> None:
    (example,) = re.findall(r"```python\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    (tmp_path / "street.jpg").write_bytes(picture)
    example = example.replace("127.0.0.1:50053", services.inference.address).replace("cars", "yolox")
    python, _ = tritonclient_python()
    assert python is not None
    done = subprocess.run(
        [python, "-c", example], cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    *lines, shape = done.stdout.splitlines()
    assert f"{YOLOX} 1 READY" in lines
    assert lines[-1].split()[0] in found["pictures"]["labels"]
    assert shape.startswith("(1, 3549, 85")


def test_the_server_says_that_it_is_there(found: dict[str, Any]) -> None:
    assert (found["live"], found["ready"]) == (True, True)
    assert found["server"]["name"] == "framecast"
    assert {"model_repository", "statistics"} <= set(found["server"]["extensions"])


def test_a_model_is_ready_from_load_to_unload(found: dict[str, Any]) -> None:
    assert found["model_ready"] == [True, True]
    assert found["model_ready_unloaded"] is False
    assert found["unknown_ready"] is False
    rows = {(row["name"], row["version"]): row["state"] for row in found["index"]["models"]}
    assert rows[YOLOX, "1"] == rows[f"{YOLOX}:network", "1"] == "READY"


def test_both_sides_of_a_model_are_described(found: dict[str, Any]) -> None:
    assert found["metadata"]["inputs"] == [{"name": "image", "datatype": "BYTES", "shape": ["-1"]}]
    outputs = {each["name"]: (each["datatype"], each["shape"]) for each in found["metadata"]["outputs"]}
    assert outputs["boxes"] == ("FP32", ["-1", "4"])
    assert outputs["labels"] == ("BYTES", ["-1"])
    (network,) = found["network_metadata"]["inputs"]
    assert (network["datatype"], network["shape"]) == ("FP32", ["1", "3", "416", "416"])
    assert found["network_metadata"]["platform"] == "onnxruntime_onnx"
    config = found["config"]["config"]
    assert config["input"] == [{"name": "image", "data_type": "TYPE_STRING", "dims": ["-1"]}]
    assert config["parameters"]["architecture"]["string_value"] == "yolox_nano"
    assert len(json.loads(config["parameters"]["categories"]["string_value"])) == 80
    assert config["parameters"]["tensors"]["string_value"] == f"{YOLOX}:network"
    assert found["network_config"]["config"]["input"][0]["data_type"] == "TYPE_FP32"


def test_tensors_pass_through_the_graph_as_they_do_in_onnx_runtime(
    found: dict[str, Any], shared_data: Path, tensor: Any
) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    session = onnxruntime.InferenceSession(str(shared_data / "weights/yolox_nano/yolox_nano.onnx"))
    (expected,) = session.run(None, {session.get_inputs()[0].name: tensor})
    answer = found["tensors"]
    assert (answer["id"], answer["model"], answer["version"]) == ("first", "yolox:network", "1")
    assert (answer["shape"], answer["dtype"]) == (list(expected.shape), "float32")
    assert answer["sum"] == pytest.approx(float(expected.astype(np.float64).sum()), rel=1e-5)
    assert found["async_equal"] is True


def test_pictures_become_the_same_detections_as_by_framecasts_own_call(
    found: dict[str, Any], services: Services, picture: bytes
) -> None:
    response = services.stub.PredictImages(
        PredictImagesRequest(
            model_version=services.yolox,
            images=[ImageSource(data=picture)],
            settings=InferenceSettings(confidence_threshold=0.4, max_detections=5),
        )
    )
    prediction = response.results[0].prediction
    instances, answer = prediction.instances, found["pictures"]
    count = len(instances)
    assert count > 0
    assert answer["splits"] == [0, count, 2 * count]
    assert answer["image_sizes"] == [[prediction.width, prediction.height]] * 2
    assert answer["labels"] == [each.category for each in instances] * 2
    assert answer["class_ids"] == [each.category_id for each in instances] * 2
    assert answer["scores"] == [each.score for each in instances] * 2
    boxes = [[each.box.x_min, each.box.y_min, each.box.x_max, each.box.y_max] for each in instances]
    assert answer["boxes"] == boxes * 2
    assert answer["confidence_threshold"] == 0.4
    assert found["only_scores"] == ["scores"]


def test_a_stream_answers_in_order_and_survives_a_bad_request(found: dict[str, Any]) -> None:
    first, second, third = found["stream"]
    assert (first["id"], third["id"]) == ("0", "2")
    assert "boxes" in first["outputs"]
    assert (first["final"], third["final"]) == (True, True)
    assert "image[0]" in second["error"]


@pytest.mark.parametrize(
    ("call", "code", "word"),
    [
        ("unknown", "NOT_FOUND", "nobody"),
        ("metadata", "NOT_FOUND", "nobody"),
        ("load", "NOT_FOUND", "nobody"),
        ("unload", "NOT_FOUND", "nobody"),
        ("output", "INVALID_ARGUMENT", "'masks'"),
        ("parameter", "INVALID_ARGUMENT", "parameters.iou_threshold"),
        ("datatype", "INVALID_ARGUMENT", "'FP32', expected 'BYTES'"),
        ("shared_memory", "UNIMPLEMENTED", "shared memory"),
        ("trace", "UNIMPLEMENTED", "tracing"),
        ("log", "UNIMPLEMENTED", "logging"),
    ],
)
def test_refusals_arrive_with_their_code_and_their_reason(
    found: dict[str, Any], call: str, code: str, word: str
) -> None:
    status, message = found["refused"][call]
    assert status == f"StatusCode.{code}"
    assert word in message


def test_statistics_count_what_was_asked(found: dict[str, Any]) -> None:
    (pictures,) = found["statistics"]["model_stats"]
    stats = pictures["inference_stats"]
    # two calls and two requests of the stream passed; one of the stream and three others failed
    assert (pictures["name"], pictures["execution_count"], pictures["inference_count"]) == (YOLOX, "4", "6")
    assert (stats["success"]["count"], stats["fail"]["count"]) == ("4", "4")
    assert int(stats["compute_infer"]["ns"]) > 0
    (network,) = found["network_statistics"]["model_stats"]
    assert (network["name"], network["execution_count"]) == (f"{YOLOX}:network", "5")
    assert network["batch_stats"][0]["batch_size"] == "1"
