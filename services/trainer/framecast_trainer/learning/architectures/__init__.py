"""The library: every network that can be trained here, by id."""

import difflib

from framecast.errors import NotFoundError
from framecast_trainer.learning.architectures.architecture import Architecture, BuildRequest, Defaults
from framecast_trainer.learning.architectures.faster_rcnn import FASTER_RCNN
from framecast_trainer.learning.architectures.mask_rcnn import MASK_RCNN
from framecast_trainer.learning.architectures.resnet18 import RESNET18
from framecast_trainer.learning.architectures.yolov5 import YOLOV5N, YOLOV5S

__all__ = ["ARCHITECTURES", "Architecture", "BuildRequest", "Defaults", "find_architecture"]

ARCHITECTURES: dict[str, Architecture] = {
    entry.id: entry for entry in (RESNET18, YOLOV5N, YOLOV5S, FASTER_RCNN, MASK_RCNN)
}


def find_architecture(name: str) -> Architecture:
    """Raises NotFoundError, with the nearest ids, for one that the library does not have."""
    found = ARCHITECTURES.get(name)
    if found is None:
        near = difflib.get_close_matches(name.lower(), ARCHITECTURES, n=2, cutoff=0.4) or sorted(ARCHITECTURES)
        raise NotFoundError(
            f"no architecture {name!r}; did you mean {' or '.join(near)}? The library has {', '.join(ARCHITECTURES)}",
            reason="ARCHITECTURE_NOT_FOUND",
            architecture=name,
        )
    return found
