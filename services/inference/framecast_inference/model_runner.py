"""What computes: the seam between the pipelines of single requests and the device that they share."""

from collections.abc import Sequence
from typing import Any, Protocol

from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings
from framecast_inference.sources.source_frame import Image


class ModelRunner(Protocol):
    """A loaded model, in two halves that may run in two threads; `framecast_bundle.predictor.Predictor` is one.

    This is the seam for batching across requests: a runner may gather what several streams prepared into one run.
    """

    def prepare(self, images: Sequence[Image]) -> Any:
        """Pictures RGB uint8 [H, W, 3] to input tensors."""

    def run(self, prepared: Any, settings: Sequence[Settings]) -> list[Prediction]:
        """Predictions in the order of the pictures, `settings[i]` for picture i."""

    def close(self) -> None:
        """Frees the memory and the device."""
