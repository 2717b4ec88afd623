"""Loading and running graphs by ONNX Runtime, and everything that can be wrong with them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest
from onnx import ModelProto, TensorProto

from framecast.errors import DataLossError, FailedPreconditionError, InvalidArgumentError, UnimplementedError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engines.onnx_session import CPU, CUDA, TENSORRT
from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.manifest import file_entry
from framecast_bundle.settings import Settings
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


def test_a_fallback_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    session = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime, "InferenceSession", lambda data, options, providers: session(data, options, providers[-1:])
    )
    bundle = tiny_bundles.yolov5()
    engine = OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="auto")
    assert "CUDAExecutionProvider" in engine.fallback
    assert engine.host_buffer((2, 3)).shape == (2, 3)
    assert engine.device_bytes() == 0
    monkeypatch.undo()
    assert OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="auto").fallback == ""


def test_a_precision_that_the_graphs_are_not_in_is_refused() -> None:
    bundle = tiny_bundles.yolov5()
    with pytest.raises(UnimplementedError, match="float16 is not supported by CPUExecutionProvider") as refused:
        OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="cpu", precision="float16")
    assert refused.value.reason == "PRECISION_UNSUPPORTED"
    engine = OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="cpu", precision="float32")
    assert engine.precision == "float32"


def test_a_graph_of_half_precision_takes_float32(tmp_path: Path) -> None:
    bundle = tiny_bundles.halved(tiny_bundles.classifier())
    engine = bundle.engine()
    assert engine.precision == "float16"
    images = np.random.default_rng(0).random((2, 3, 32, 32), dtype=np.float32)
    answer = engine.run("network", {"images": images})["logits"]
    expected = tiny_bundles.classifier().engine().run("network", {"images": images})["logits"]
    assert answer.dtype == np.float16
    np.testing.assert_allclose(answer.astype(np.float32), expected, atol=2e-2)
    pictures = tiny_bundles.images((40, 40))
    (found,) = bundle.predictor().predict(pictures, [Settings(confidence_threshold=0.0)])
    (wanted,) = tiny_bundles.classifier().predictor().predict(pictures, [Settings(confidence_threshold=0.0)])
    np.testing.assert_allclose(found.scores, wanted.scores, atol=2e-2)


def asked_of_tensorrt(
    bundle: tiny_bundles.TinyBundle, monkeypatch: pytest.MonkeyPatch, folder: Path, **options: Any
) -> list[Any]:
    """The providers that sessions were asked to have, of an ONNX Runtime that offers TensorRT and loads the CPU."""
    asked: list[Any] = []
    session = onnxruntime.InferenceSession

    def open_on_cpu(data: bytes, options: Any, providers: list[Any]) -> Any:
        asked.append(providers)
        return session(data, options, providers[-1:])

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
    monkeypatch.setattr(onnxruntime, "InferenceSession", open_on_cpu)
    with pytest.raises(FailedPreconditionError, match="fell back to CPUExecutionProvider"):
        OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="tensorrt", plan_folder=folder, **options)
    return asked


def test_tensorrts_provider_is_told_shapes_cache_and_precision(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tiny_bundles.yolov5()
    with pytest.raises(FailedPreconditionError, match="no TensorrtExecutionProvider"):
        OnnxRuntimeEngine(bundle.manifest, bundle.files.__getitem__, device="tensorrt")
    (providers,) = asked_of_tensorrt(bundle, monkeypatch, tmp_path, precision="float16", max_batch=4)
    (name, options), (fallback, _), last = providers
    assert (name, fallback, last) == (TENSORRT, CUDA, CPU)
    assert options["trt_profile_min_shapes"] == "images:1x3x64x64"
    assert options["trt_profile_max_shapes"] == options["trt_profile_opt_shapes"] == "images:4x3x64x64"
    assert (options["trt_fp16_enable"], options["trt_int8_enable"]) == ("1", "0")
    cache = Path(options["trt_engine_cache_path"])
    assert cache.is_relative_to(tmp_path)
    assert bundle.manifest.files[0].sha256 in cache.name


def test_tensorrts_provider_is_given_the_bundles_calibration(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    bundle = tiny_bundles.yolov5()
    with monkeypatch.context() as patched:
        patched.setattr(onnxruntime, "get_available_providers", lambda: [TENSORRT, CUDA, CPU])
        with pytest.raises(FailedPreconditionError, match=r"network\.onnx\.calibration"):
            OnnxRuntimeEngine(
                bundle.manifest, bundle.files.__getitem__, device="tensorrt", precision="int8", plan_folder=tmp_path
            )
    bundle.manifest.files.append(file_entry("network.onnx.calibration", b"table"))
    calibrated = tiny_bundles.TinyBundle(bundle.manifest, {**bundle.files, "network.onnx.calibration": b"table"})
    (providers,) = asked_of_tensorrt(calibrated, monkeypatch, tmp_path, precision="int8")
    options = providers[0][1]
    assert options["trt_int8_enable"] == "1"
    table = Path(options["trt_engine_cache_path"]) / options["trt_int8_calibration_table_name"]
    assert table.read_bytes() == b"table"


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
