"""COCO's twelve numbers, by faster-coco-eval."""

from collections.abc import Mapping, Sequence
from typing import Any

from faster_coco_eval import COCO, COCOeval_faster

NAMES = ("AP", "AP50", "AP75", "APs", "APm", "APl", "AR1", "AR10", "AR100", "ARs", "ARm", "ARl")


class GroundTruth:
    """Indexed once, compared with many sets of detections."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.coco = COCO(dict(document))

    def measure(
        self, detections: Sequence[Mapping[str, Any]], iou_type: str, *, class_agnostic: bool = False
    ) -> dict[str, float]:
        """The numbers by `NAMES`, in [0, 1], or -1 where there is no ground truth to measure on.

        detections: COCO results, with `bbox` (x, y, width, height) for `bbox`, `segmentation` (RLE) for `segm`.
        """
        if not detections:
            return dict.fromkeys(NAMES, 0.0)
        evaluation = COCOeval_faster(
            self.coco, self.coco.loadRes([dict(d) for d in detections]), iou_type, print_function=_silent
        )
        evaluation.params.useCats = int(not class_agnostic)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        return dict(zip(NAMES, map(float, evaluation.stats), strict=False))


def _silent(*_: object) -> None:
    """faster-coco-eval prints its table otherwise."""
