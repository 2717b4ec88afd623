"""The library: every network that can be trained or exported here, by id."""

import difflib

from framecast.errors import NotFoundError
from framecast_trainer.learning.architectures.anchor_detectors import FCOS, RETINANET, SSD300, SSDLITE320
from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults
from framecast_trainer.learning.architectures.classifiers import CLASSIFIERS
from framecast_trainer.learning.architectures.fast_ai import FAST_AI
from framecast_trainer.learning.architectures.faster_rcnn import FASTER_RCNN
from framecast_trainer.learning.architectures.keypoint_rcnn import KEYPOINT_RCNN
from framecast_trainer.learning.architectures.learner import not_trainable
from framecast_trainer.learning.architectures.mask_rcnn import MASK_RCNN
from framecast_trainer.learning.architectures.segmentation import DEEPLABV3, DEEPLABV3_MOBILE, FCN, LRASPP
from framecast_trainer.learning.architectures.yolov5 import YOLOV5

__all__ = ["ARCHITECTURES", "SERVED_ONLY", "Architecture", "BuildRequest", "Defaults", "find_architecture"]

ARCHITECTURES: dict[str, Architecture] = {
    entry.id: entry for entry in (*CLASSIFIERS, FAST_AI, *YOLOV5, FASTER_RCNN, MASK_RCNN)
}
SERVED_ONLY: dict[str, Architecture] = {
    entry.id: entry
    for entry in (
        RETINANET,
        FCOS,
        SSD300,
        SSDLITE320,
        KEYPOINT_RCNN,
        FCN,
        DEEPLABV3,
        DEEPLABV3_MOBILE,
        LRASPP,
    )
}
"""Networks that can be built, exported and served, but not taught yet."""


def find_architecture(name: str) -> Architecture:
    """The network that can be trained under this id.

    Raises NotFoundError, with the nearest ids, for one that the library does not have, and UnimplementedError for one
    that it cannot teach.
    """
    found = ARCHITECTURES.get(name)
    if found is not None:
        return found
    if name in SERVED_ONLY:
        raise not_trainable(name)
    near = difflib.get_close_matches(name.lower(), ARCHITECTURES, n=2, cutoff=0.4) or sorted(ARCHITECTURES)
    raise NotFoundError(
        f"no architecture {name!r}; did you mean {' or '.join(near)}? The library has {', '.join(ARCHITECTURES)}",
        reason="ARCHITECTURE_NOT_FOUND",
        architecture=name,
    )
