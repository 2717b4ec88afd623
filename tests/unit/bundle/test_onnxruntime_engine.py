"""Loading and running graphs by ONNX Runtime, and everything that can be wrong with them."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto

from framecast.errors import DataLossError, FailedPreconditionError, InvalidArgumentError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.manifest import file_entry
from tests.unit.bundle import tiny_bundles


def test_runs_a_graph_from_a_folder(tmp_path: Path) -> None:
    bundle = tiny_bundles.yolov5()
    for path, data in bundle.files.items():
        (tmp_path / path).write_bytes(data)
    engine = OnnxRuntimeEngine(bundle.manifest, tmp_path, device="cpu", threads=1)
    assert engine.name == "CPUExecutionProvider"
    answer = engine.run("network", {"images": np.zeros((2, 3, 64, 64), np.float32)})
    assert {name: value.shape for name, value in answer.items()} == {"head_0": (2, 16, 8, 8), "head_1": (2, 16, 4, 4)}
    engine.close()
    with pytest.raises(FailedPreconditionError):
        engine.run("network", {})


def test_fixed_batch_is_run_as_often_as_needed() -> None:
    images = np.random.default_rng(0).random((5, 3, 64, 64), dtype=np.float32)
    flexible = tiny_bundles.yolox(batch="batch").engine().run("network", {"pixels": images})["answer"]
    for batch in (1, 2, 5, 8):
        fixed = tiny_bundles.yolox(batch=batch).engine().run("network", {"pixels": images})["answer"]
        np.testing.assert_array_equal(fixed, flexible)


def test_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    bundle = tiny_bundles.yolov5()
    with pytest.raises(FailedPreconditionError, match="CUDAExecutionProvider") as refused:
        OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="cuda")
    assert refused.value.reason == "DEVICE_UNAVAILABLE"
    assert OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="auto").name == "CPUExecutionProvider"


def test_gpu_that_does_not_load_is_refused_and_not_replaced_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        onnxruntime, "get_available_providers", lambda: ["CUDAExecutionProvider", "CPUExecutionProvider"]
    )
    session = onnxruntime.InferenceSession
    # As ONNX Runtime does where a library of CUDA is missing.
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda data, options, providers: session(data, options, providers[-1:])
    )
    bundle = tiny_bundles.yolov5()
    with pytest.raises(FailedPreconditionError, match="could not load") as refused:
        OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="cuda")
    assert refused.value.reason == "DEVICE_UNAVAILABLE"
    assert OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="auto").name == "CPUExecutionProvider"


def test_damaged_file_is_found_before_it_is_loaded() -> None:
    bundle = tiny_bundles.yolov5()
    with pytest.raises(DataLossError, match=r"network\.onnx"):
        OnnxRuntimeEngine(bundle.manifest, lambda path: bundle.files[path][:-1], device="cpu")


def test_file_that_is_no_graph_is_refused() -> None:
    manifest = tiny_bundles.yolov5().manifest
    manifest.files[0].CopyFrom(file_entry("network.onnx", b"not a graph"))
    with pytest.raises(InvalidArgumentError, match=r"network\.onnx") as refused:
        OnnxRuntimeEngine(manifest, lambda _: b"not a graph", device="cpu")
    assert refused.value.reason == "GRAPH_UNREADABLE"


def change_name(graph: ModelBundle.Graph) -> None:
    graph.outputs[0].name = "something"


def change_dtype(graph: ModelBundle.Graph) -> None:
    graph.inputs[0].dtype = "float16"


def change_length(graph: ModelBundle.Graph) -> None:
    graph.inputs[0].shape[2] = "96"


def change_rank(graph: ModelBundle.Graph) -> None:
    del graph.outputs[1].shape[3:]


def fix_batch(graph: ModelBundle.Graph) -> None:
    graph.inputs[0].shape[1] = "any"


@pytest.mark.parametrize("change", [change_name, change_dtype, change_length, change_rank, fix_batch])
def test_graph_that_is_not_the_one_described_is_refused(change: Callable[[ModelBundle.Graph], None]) -> None:
    bundle = tiny_bundles.yolov5()
    change(bundle.manifest.graphs[0])
    with pytest.raises(InvalidArgumentError) as refused:
        bundle.engine()
    assert refused.value.reason == "GRAPH_MISMATCH"


def test_inputs_that_do_not_fit_are_refused() -> None:
    engine = tiny_bundles.yolov5().engine()
    with pytest.raises(FailedPreconditionError) as refused:
        engine.run("network", {"images": np.zeros((1, 3, 32, 32), np.float32)})
    assert refused.value.reason == "GRAPH_INPUT_MISMATCH"
    with pytest.raises(FailedPreconditionError):
        engine.run("no_such_graph", {})


@pytest.mark.parametrize("location", ["weights.bin", "../here/weights.bin"])
def test_graph_cannot_read_files_of_the_server(location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bundle = tiny_bundles.yolov5()
    model = ModelProto.FromString(bundle.files["network.onnx"])
    weight = next(constant for constant in model.graph.initializer if constant.name == "b0")
    (tmp_path / "here").mkdir()
    (tmp_path / "here/weights.bin").write_bytes(weight.raw_data)
    monkeypatch.chdir(tmp_path / "here")
    weight.data_location = TensorProto.EXTERNAL
    weight.external_data.add(key="location", value=location)
    weight.ClearField("raw_data")
    data = model.SerializeToString()
    onnxruntime.InferenceSession(data, providers=["CPUExecutionProvider"])  # on its own, the runtime would read it
    bundle.manifest.files[0].CopyFrom(file_entry("network.onnx", data))
    with pytest.raises(InvalidArgumentError) as refused:
        OnnxRuntimeEngine(bundle.manifest, lambda _: data, device="cpu")
    assert refused.value.reason == "GRAPH_UNREADABLE"
