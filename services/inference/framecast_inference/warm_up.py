"""Running every shape of a model once before it is called ready: what is slow the first time is over then."""

import numpy as np

from framecast.v1.inference_settings_pb2 import InferenceSettings
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.settings import effective_settings
from framecast_inference.model_runner import FloatArray, ModelRunner


def warm_up(runner: ModelRunner, manifest: ModelBundle, batches: FloatArray) -> None:
    """Runs a gray picture of the input's size in batches of 1 to B, the largest first, through every stage.

    `batches` is memory for B tensors, [B, 3, height, width], that later batches are filled in, too. The largest first:
    what the others need fits into the memory that it took.
    """
    picture = gray_picture(manifest)
    placement = runner.place(picture)
    for row in range(len(batches)):
        runner.fill(picture, placement, batches[row : row + 1])
    # Whatever is found passes, so that what runs only for found instances runs, too.
    request = InferenceSettings(confidence_threshold=0.0, max_detections=1)
    settings = effective_settings(request, manifest)
    for size in range(len(batches), 0, -1):
        runner.infer(batches[:size], [placement] * size, [settings] * size)


def gray_picture(manifest: ModelBundle) -> np.ndarray:
    """A picture that fills the largest tensor of the input rule; uint8 [height, width, 3]."""
    return np.full((manifest.input.height, manifest.input.width, 3), 114, np.uint8)


def tensor_size(runner: ModelRunner, manifest: ModelBundle) -> tuple[int, int]:
    """Height and width of that picture's tensor."""
    placement = runner.place(gray_picture(manifest))
    return placement.tensor_height, placement.tensor_width
