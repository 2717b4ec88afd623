"""TensorRT up to the device: what is built, kept, refused and computed. The device is `tests.support.fake_gpu`."""

import gc
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from framecast.errors import (
    DataLossError,
    FailedPreconditionError,
    InternalError,
    InvalidArgumentError,
    UnimplementedError,
)
from framecast_bundle.device_tensor import DeviceTensor
from framecast_bundle.engines.open_engine import EngineOptions, open_engine
from framecast_bundle.engines.tensorrt_engine import TensorRtEngine
from framecast_bundle.manifest import file_entry
from framecast_bundle.predictor import Predictor
from framecast_bundle.settings import Settings
from tests.support.fake_gpu import FakeTensorRt, fake_cuda, live_allocations
from tests.unit.bundle import tiny_bundles
from tests.unit.bundle.tiny_bundles import TinyBundle

BUNDLES = {
    "yolov5": tiny_bundles.yolov5,
    "yolox": lambda: tiny_bundles.yolox(batch="batch"),
    "classifier": tiny_bundles.classifier,
    "mask_rcnn": tiny_bundles.mask_rcnn,
}
EVERYTHING = Settings(confidence_threshold=0.0, iou_threshold=1.0, max_detections=20)


def open_on(bundle: TinyBundle, folder: Path, trt: FakeTensorRt | None = None, **options: Any) -> TensorRtEngine:
    return TensorRtEngine(
        bundle.manifest,
        bundle.files.__getitem__,
        plan_folder=folder / "plans",
        cuda=fake_cuda(),
        trt=trt or FakeTensorRt(),
        **options,
    )


@pytest.mark.parametrize("name", BUNDLES)
def test_predicts_as_onnx_runtime_does(name: str, tmp_path: Path) -> None:
    bundle = BUNDLES[name]()
    engine = open_on(bundle, tmp_path, max_batch=2)
    pictures = tiny_bundles.images((50, 64), (64, 40), (70, 80))
    settings = [EVERYTHING] * len(pictures)
    found = Predictor(bundle.manifest, engine, max_batch=2).predict(pictures, settings)
    expected = bundle.predictor(max_batch=2).predict(pictures, settings)
    assert engine.name == "TensorRT 10.13.0"
    assert engine.precision == "float32"
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_array_equal(ours.boxes, theirs.boxes)
        np.testing.assert_array_equal(ours.scores, theirs.scores)


def test_what_the_next_graph_needs_stays_on_the_device(tmp_path: Path) -> None:
    bundle = tiny_bundles.mask_rcnn()
    engine = open_on(bundle, tmp_path)
    kept: list[DeviceTensor] = []

    class Watching:
        name = "watching"

        def run(self, graph: str, inputs: Mapping[str, Any], *, keep: Any = ()) -> dict[str, Any]:
            if graph != "dense":
                assert all(isinstance(inputs[f"features_{level}"], DeviceTensor) for level in range(2))
            outputs = engine.run(graph, inputs, keep=keep)
            kept.extend(outputs[name] for name in keep)
            return outputs

        def close(self) -> None:
            engine.close()

    Predictor(bundle.manifest, Watching()).predict(tiny_bundles.images((64, 80), (64, 80)), [EVERYTHING] * 2)
    assert [tensor.shape[:2] for tensor in kept] == [(2, 8), (2, 8)]


def test_memory_is_used_again_and_freed_in_the_end(tmp_path: Path) -> None:
    gc.collect()
    before = live_allocations()
    engine = open_on(tiny_bundles.mask_rcnn(), tmp_path, max_batch=2)
    predictor = Predictor(tiny_bundles.mask_rcnn().manifest, engine, max_batch=2)
    pictures = tiny_bundles.images((64, 80), (64, 80))

    def predict() -> int:
        predictor.predict(pictures, [EVERYTHING] * 2)
        gc.collect()
        return live_allocations()

    after_one = predict()
    assert after_one > before
    assert {predict() for _ in range(5)} == {after_one}
    buffer = engine.host_buffer((2, 3, 64, 64))
    assert buffer.shape == (2, 3, 64, 64)
    assert live_allocations() == after_one + 1
    view = buffer[1]
    del buffer
    view[...] = 1  # a view keeps the memory
    del view
    predictor.close()
    gc.collect()
    assert live_allocations() == before


def test_runs_beside_each_other_do_not_mix(tmp_path: Path) -> None:
    engine = open_on(tiny_bundles.yolov5(), tmp_path)
    inputs = [np.random.default_rng(seed).random((1 + seed % 3, 3, 64, 64), np.float32) for seed in range(12)]
    expected = [tiny_bundles.yolov5().engine().run("network", {"images": each})["head_0"] for each in inputs]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda each: engine.run("network", {"images": each})["head_0"], inputs))
    for answer, wanted in zip(answers, expected, strict=True):
        np.testing.assert_array_equal(answer, wanted)


def test_larger_batches_than_it_was_compiled_for_run_in_parts(tmp_path: Path) -> None:
    images = np.random.default_rng(0).random((5, 3, 64, 64), np.float32)
    answer = open_on(tiny_bundles.yolov5(), tmp_path, max_batch=2).run("network", {"images": images})
    expected = tiny_bundles.yolov5().engine().run("network", {"images": images})
    np.testing.assert_array_equal(answer["head_1"], expected["head_1"])


@pytest.mark.parametrize(
    ("graph", "inputs"),
    [
        ("network", {"images": np.zeros((1, 3, 32, 64), np.float32)}),
        ("network", {"images": np.zeros((3, 64, 64), np.float32)}),
        ("network", {"pixels": np.zeros((1, 3, 64, 64), np.float32)}),
        ("another", {"images": np.zeros((1, 3, 64, 64), np.float32)}),
    ],
)
def test_inputs_that_do_not_fit_are_refused(graph: str, inputs: Any, tmp_path: Path) -> None:
    with pytest.raises(FailedPreconditionError) as refused:
        open_on(tiny_bundles.yolov5(), tmp_path).run(graph, inputs)
    assert refused.value.reason in ("GRAPH_INPUT_MISMATCH", "GRAPH_MISSING")


def test_a_plan_is_built_once_and_found_again(tmp_path: Path) -> None:
    trt = FakeTensorRt()
    for _ in range(2):
        open_on(tiny_bundles.mask_rcnn(), tmp_path, trt)
    assert len(trt.builds) == 3  # one for each graph
    open_on(tiny_bundles.mask_rcnn(), tmp_path, trt, max_batch=4)
    assert len(trt.builds) == 4  # only the first graph depends on the size of batches
    assert not [path for path in (tmp_path / "plans").iterdir() if path.suffix != ".plan"]


def test_profiles_are_of_the_batches_and_of_the_sides_that_the_rule_allows(tmp_path: Path) -> None:
    trt = FakeTensorRt()
    open_on(tiny_bundles.yolov5(), tmp_path, trt, max_batch=4)
    assert trt.builds[0]["shapes"] == {"images": [[1, 3, 64, 64], [4, 3, 64, 64], [4, 3, 64, 64]]}
    open_on(tiny_bundles.mask_rcnn(), tmp_path, trt, max_batch=2)
    dense, boxes, _ = (build["shapes"] for build in trt.builds[1:])
    assert dense == {"images": [[1, 3, 16, 16], [2, 3, 64, 128], [2, 3, 128, 128]]}
    assert boxes["features_1"] == [[1, 8, 2, 2], [1, 8, 8, 16], [1, 8, 16, 16]]
    assert boxes["rois_0"] == [[0, 5], [100, 5], [1000, 5]]


@pytest.mark.parametrize("precision", ["auto", "float32", "float16"])
def test_precisions_are_what_was_asked_for(precision: Any, tmp_path: Path) -> None:
    trt = FakeTensorRt()
    engine = open_on(tiny_bundles.yolov5(), tmp_path, trt, precision=precision)
    (build,) = trt.builds
    expected = {"auto": {"TF32"}, "float32": set(), "float16": {"FP16"}}[precision]
    assert (build["strongly_typed"], build["flags"]) == (precision == "auto", expected)
    assert engine.precision == ("float16" if precision == "float16" else "float32")


def test_int8_takes_its_calibration_from_the_bundle(tmp_path: Path) -> None:
    bundle = tiny_bundles.yolov5()
    with pytest.raises(FailedPreconditionError, match=r"network\.onnx\.calibration") as refused:
        open_on(bundle, tmp_path, precision="int8")
    assert refused.value.reason == "CALIBRATION_MISSING"
    table = b"TRT-101300-EntropyCalibration2\nimages: 3c010a14\n"
    bundle.manifest.files.append(file_entry("network.onnx.calibration", table))
    calibrated = TinyBundle(bundle.manifest, {**bundle.files, "network.onnx.calibration": table})
    trt = FakeTensorRt()
    assert open_on(calibrated, tmp_path, trt, precision="int8").precision == "int8"
    assert trt.builds[0]["calibration"] == table
    assert trt.builds[0]["flags"] == {"FP16", "INT8"}


def test_a_tensorrt_that_converts_no_graph_says_so(tmp_path: Path) -> None:
    with pytest.raises(UnimplementedError, match=r"TensorRT 11\.4\.0") as refused:
        open_on(tiny_bundles.yolov5(), tmp_path, FakeTensorRt(converts=False), precision="float16")
    assert refused.value.reason == "PRECISION_UNSUPPORTED"
    open_on(tiny_bundles.yolov5(), tmp_path, FakeTensorRt(converts=False))


def test_a_graph_that_is_none_is_refused_and_nothing_is_kept(tmp_path: Path) -> None:
    bundle = tiny_bundles.yolov5()
    bundle.manifest.files[0].CopyFrom(file_entry("network.onnx", b"not a graph"))
    with pytest.raises(InvalidArgumentError) as refused:
        open_on(TinyBundle(bundle.manifest, {"network.onnx": b"not a graph"}), tmp_path)
    assert refused.value.reason == "GRAPH_UNREADABLE"
    assert list((tmp_path / "plans").iterdir()) == []


def test_damaged_file_is_found_before_it_is_built(tmp_path: Path) -> None:
    bundle = tiny_bundles.yolov5()
    with pytest.raises(DataLossError):
        open_on(TinyBundle(bundle.manifest, {"network.onnx": b"x"}), tmp_path)


def test_a_plan_that_does_not_load_is_built_again_by_the_next(tmp_path: Path) -> None:
    trt = FakeTensorRt()
    bundle = tiny_bundles.yolov5()
    real = FakeTensorRt.Runtime

    class Broken:
        def deserialize_cuda_engine(self, plan: bytes) -> None:
            return None

    trt.Runtime = lambda logger: Broken()  # type: ignore[method-assign,assignment,return-value]
    with pytest.raises(InternalError) as failed:
        open_on(bundle, tmp_path, trt)
    assert failed.value.reason == "PLAN_NOT_LOADED"
    trt.Runtime = lambda logger: real(trt, logger)  # type: ignore[method-assign]
    open_on(bundle, tmp_path, trt)
    assert len(trt.builds) == 2


def test_a_missing_tensorrt_names_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "tensorrt", None)
    bundle = tiny_bundles.yolov5()
    with pytest.raises(FailedPreconditionError, match=r"framecast-services\[tensorrt\]") as refused:
        open_engine(bundle.manifest, bundle.files.__getitem__, EngineOptions(device="tensorrt-native"))
    assert refused.value.reason == "TENSORRT_MISSING"


@pytest.mark.gpu("tensorrt")
@pytest.mark.parametrize("name", ["yolov5", "classifier", "mask_rcnn"])
def test_every_graph_answers_on_the_gpu_as_on_the_cpu(name: str, tmp_path: Path) -> None:
    bundle = BUNDLES[name]()
    options = EngineOptions(device="tensorrt-native", precision="float32", plan_folder=tmp_path / "plans")
    engine = open_engine(bundle.manifest, bundle.files.__getitem__, options)
    pictures = tiny_bundles.images((50, 64), (64, 40), (70, 80))
    found = Predictor(bundle.manifest, engine).predict(pictures, [EVERYTHING] * 3)
    expected = bundle.predictor().predict(pictures, [EVERYTHING] * 3)
    for ours, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(ours.scores, theirs.scores, atol=1e-3)
