"""From a classifier's scores to the labels that are reported."""

import numpy as np
import numpy.typing as npt

from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.settings import Settings, class_filter, class_score_thresholds

FloatArray = npt.NDArray[np.float32]
IntArray = npt.NDArray[np.int32]


def reported_labels(scores: FloatArray, settings: Settings, manifest: ModelBundle) -> IntArray:
    """Which classes of scores [C] pass the settings, best first, the first of equal ones."""
    thresholds = class_score_thresholds([settings], manifest)
    reported = scores >= np.float32(settings.confidence_threshold) if thresholds is None else scores > thresholds[0]
    allowed = class_filter([settings], manifest)
    if allowed is not None:
        reported &= allowed[0]
    order = np.argsort(-scores, kind="stable").astype(np.int32)
    return order[reported[order]][: settings.max_detections]
