"""Every batch size runs before a model is called ready, through all of its graphs."""

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np
import pytest

from framecast_bundle.engines.onnxruntime_engine import OnnxRuntimeEngine
from framecast_bundle.predictor import Predictor
from framecast_inference import process_memory
from framecast_inference.warm_up import tensor_size, warm_up
from tests.unit.bundle import tiny_bundles
from tests.unit.bundle.tiny_bundles import TinyBundle

BUNDLES = {
    "yolov5": tiny_bundles.yolov5,
    "yolox": tiny_bundles.yolox,
    "classifier": tiny_bundles.classifier,
    "mask_rcnn": tiny_bundles.mask_rcnn,
}


class Counting(OnnxRuntimeEngine):
    """Notes the rows of every run."""

    def __init__(self, bundle: TinyBundle) -> None:
        super().__init__(bundle.manifest, bundle.files.__getitem__, device="cpu", threads=1)
        self.rows: list[tuple[str, int]] = []

    def run(self, graph: str, inputs: Mapping[str, Any], *, keep: Collection[str] = ()) -> dict[str, Any]:
        self.rows.append((graph, len(next(iter(inputs.values())))))
        return super().run(graph, inputs, keep=keep)


@pytest.mark.parametrize("name", BUNDLES)
def test_each_batch_size_runs_the_largest_first_and_every_graph_does(name: str) -> None:
    bundle = BUNDLES[name]()
    engine = Counting(bundle)
    predictor = Predictor(bundle.manifest, engine, max_batch=3)
    size = tensor_size(predictor, bundle.manifest)
    warm_up(predictor, bundle.manifest, np.empty((3, 3, *size), np.float32))
    first = bundle.manifest.graphs[0].name
    assert [rows for graph, rows in engine.rows if graph == first] == [3, 2, 1]
    assert {graph for graph, _ in engine.rows} == {graph.name for graph in bundle.manifest.graphs}


def test_allocated_memory_is_told_to_the_byte() -> None:
    before = process_memory.allocated_bytes()
    if not before:
        pytest.skip("this system does not say")
    taken = np.ones(3 << 20, np.uint8)
    assert process_memory.allocated_bytes() - before >= taken.nbytes
    del taken
    process_memory.give_back()
    assert process_memory.allocated_bytes() - before < 1 << 20
