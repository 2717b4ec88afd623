"""Classification: a score per class for the whole picture."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.engine import Engine, refuse_shape, run_graph
from framecast_bundle.graphs import find_graph
from framecast_bundle.labels import reported_labels
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_bundle.sigmoid import sigmoid

FloatArray = npt.NDArray[np.float32]


class ClassificationHead:
    """One graph `network`: an input, outputs `logits` [B, classes] and, optionally, `features` [B, D]."""

    def __init__(self, manifest: ModelBundle) -> None:
        graph = find_graph(manifest, "network")
        names = [tensor.name for tensor in graph.outputs]
        self._manifest = manifest
        self._input = graph.inputs[0].name
        # An outside model has one output and calls it what it likes.
        self._outputs = ["logits" if "logits" in names else names[0]]
        if "features" in names:
            self._outputs.append("features")
        head = ModelBundle.ClassificationHead
        self._activate = sigmoid if manifest.classification.activation == head.SIGMOID else _softmax

    def predict(
        self, engine: Engine, tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        """See `Head.predict`."""
        logits, *rest = run_graph(engine, "network", {self._input: tensors}, self._outputs)
        expected = (len(tensors), len(self._manifest.categories))
        if logits.shape != expected:
            raise refuse_shape("network", self._outputs[0], logits.shape, str(list(expected)))
        features = rest[0].reshape(len(tensors), -1) if rest else None
        predictions = []
        for index, (placement, setting) in enumerate(zip(placements, settings, strict=True)):
            scores = self._activate(logits[index])
            predictions.append(
                Prediction(
                    width=placement.image_width,
                    height=placement.image_height,
                    labels=reported_labels(scores, setting, self._manifest),
                    label_scores=scores,
                    label_logits=logits[index] if setting.logits else None,
                    features=None if features is None else features[index],
                )
            )
        return predictions


def _softmax(logits: FloatArray) -> FloatArray:
    exponentials: FloatArray = np.exp(logits - logits.max())
    return np.asarray(exponentials / exponentials.sum(), dtype=np.float32)
