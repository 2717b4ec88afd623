"""What computes: the seam between requests and the model that they share."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt

from framecast_bundle.picture import Image, Picture
from framecast_bundle.placement import Placement
from framecast_bundle.prediction import Prediction
from framecast_bundle.settings import Settings

FloatArray = npt.NDArray[np.float32]


class ModelRunner(Protocol):
    """A loaded model, in parts that run in different threads; `framecast_bundle.predictor.Predictor` is one."""

    def place(self, image: Picture) -> Placement:
        """Where a picture goes in its tensor."""

    def fill(self, image: Picture, placement: Placement, out: FloatArray) -> None:
        """Writes its tensor, every value of `out` [1, 3, height, width]."""

    def picture(self, tensor: FloatArray) -> Image:
        """What a tensor [1, 3, height, width] shows, as RGB uint8 [height, width, 3]."""

    def infer(
        self, tensors: FloatArray, placements: Sequence[Placement], settings: Sequence[Settings]
    ) -> list[Prediction]:
        """Predictions of tensors [B, 3, height, width], each with its own settings."""

    def close(self) -> None:
        """Frees the memory and the device."""
