"""Framecast's compiled kernels: what happens around a vision network on the CPU.

Arrays are C-contiguous NumPy arrays of the stated dtype; another dtype is refused with TypeError, never converted.
A value that does not fit raises ValueError and names the argument.

Kernels use the best instruction set of the machine, with the same results on all; the environment variable
FRAMECAST_ISA (scalar, neon, avx2, avx512) picks one, and the import fails if it is unknown or the machine lacks it.
"""

from framecast_core._core import (
    CategoryTable,
    Polygons,
    ThreadPool,
    Tracker,
    Yuv420Image,
    __version__,
    assign,
    binary_masks_to_polygons,
    box_iou,
    decode_boxes,
    decode_proposals,
    decode_yolov5,
    decode_yolox,
    fuse_boxes,
    isa,
    kalman_boxes,
    kalman_predict,
    kalman_start,
    kalman_update,
    map_boxes,
    masks_to_polygons,
    nms,
    nms_rotated,
    polygons_to_mask,
    prepare,
    serialise_results,
    simplify_polygons,
    simplify_rings,
    soft_nms,
    track,
)

__all__ = [
    "CategoryTable",
    "Polygons",
    "ThreadPool",
    "Tracker",
    "Yuv420Image",
    "__version__",
    "assign",
    "binary_masks_to_polygons",
    "box_iou",
    "decode_boxes",
    "decode_proposals",
    "decode_yolov5",
    "decode_yolox",
    "fuse_boxes",
    "isa",
    "kalman_boxes",
    "kalman_predict",
    "kalman_start",
    "kalman_update",
    "map_boxes",
    "masks_to_polygons",
    "nms",
    "nms_rotated",
    "polygons_to_mask",
    "prepare",
    "serialise_results",
    "simplify_polygons",
    "simplify_rings",
    "soft_nms",
    "track",
]
