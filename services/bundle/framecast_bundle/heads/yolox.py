"""YOLOX: no anchors, one output over the cells of all levels, scores after the sigmoid."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

import framecast_core
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.detections import Candidates, suppress
from framecast_bundle.engine import Engine, refuse_shape, run_graph
from framecast_bundle.graphs import find_graph
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings, class_filter, score_thresholds


class YoloXHead:
    """One graph `network`: an input, an output [B, cells, 5 + classes]."""

    def __init__(self, manifest: ModelBundle) -> None:
        graph = find_graph(manifest, "network")
        self._manifest = manifest
        self._input = graph.inputs[0].name
        self._output = graph.outputs[0].name
        self._strides = np.array(manifest.yolox.strides, dtype=np.int32)

    def predict(
        self,
        engine: Engine,
        tensors: npt.NDArray[np.float32],
        placements: Sequence[Placement],
        settings: Sequence[Settings],
    ) -> list[Prediction]:
        """See `Head.predict`."""
        (output,) = run_graph(engine, "network", {self._input: tensors}, [self._output])
        height, width = tensors.shape[2:]
        cells = sum((height // int(stride)) * (width // int(stride)) for stride in self._strides)
        expected = (len(tensors), cells, 5 + len(self._manifest.categories))
        if output.shape != expected:
            raise refuse_shape("network", self._output, output.shape, str(list(expected)))
        allowed, multi_label = class_filter(settings, self._manifest), self._manifest.yolox.multi_label
        candidates = framecast_core.decode_yolox(
            output,
            strides=self._strides,
            input_size=(height, width),
            score_thresholds=score_thresholds(settings),
            class_filter=allowed if multi_label else None,
            multi_label=multi_label,
        )
        # As published: a box is of the class that it looks most like, and only then asked whether that is wanted.
        found = Candidates(*candidates) if multi_label else Candidates(*candidates).only(allowed)
        # As published: a box shows the extent that the network believes in, even beyond the picture.
        kept = suppress(found, placements, settings, self._manifest, clip=False)
        return [detections.prediction(place) for detections, place in zip(kept, placements, strict=True)]
