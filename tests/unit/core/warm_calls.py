"""A typical call of each kernel, made ready: for tests that repeat calls and watch what they cost or give.

Each entry of `CALLS` takes a pool or None and returns a call without arguments.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

import framecast_core
from tests.unit.core.candidates import clustered_boxes, f32, i32, splits_of

Call = Callable[[], object]
Pool = framecast_core.ThreadPool | None

IMAGES = 3
COUNTS = [400, 0, 600]
CLASSES = 3


def scored_boxes(seed: int) -> tuple[Any, Any, Any, Any]:
    """boxes, scores, classes and splits of three images, one of them empty."""
    rng = np.random.default_rng(seed)
    count = sum(COUNTS)
    classes = rng.integers(CLASSES, size=count, dtype=np.int32)
    return clustered_boxes(rng, count), rng.random(count).astype(np.float32), classes, splits_of(COUNTS)


def per_image(value: float) -> NDArray[np.float32]:
    return np.full(IMAGES, value, np.float32)


def nms(pool: Pool) -> Call:
    candidates = scored_boxes(1)
    iou, floor, most, agnostic = per_image(0.5), per_image(0), i32(900, 900, 900), np.zeros(IMAGES, bool)
    return lambda: framecast_core.nms(
        *candidates,
        iou_thresholds=iou,
        score_thresholds=floor,
        max_detections=most,
        class_agnostic=agnostic,
        pool=pool,
    )


def nms_rotated(pool: Pool) -> Call:
    boxes, scores, classes, splits = scored_boxes(2)
    rng = np.random.default_rng(2)
    corners = boxes.reshape(-1, 2, 2)
    angles = rng.uniform(-3, 3, (len(boxes), 1))
    turned = np.concatenate([corners.mean(axis=1), corners[:, 1] - corners[:, 0], angles], axis=1).astype(np.float32)
    iou, floor, most, agnostic = per_image(0.3), per_image(0), i32(900, 900, 900), np.zeros(IMAGES, bool)
    return lambda: framecast_core.nms_rotated(
        turned,
        scores,
        classes,
        splits,
        iou_thresholds=iou,
        score_thresholds=floor,
        max_detections=most,
        class_agnostic=agnostic,
        pool=pool,
    )


def soft_nms(pool: Pool) -> Call:
    candidates = scored_boxes(3)
    sigmas, floor, most, agnostic = per_image(0.5), per_image(0.2), i32(900, 900, 900), np.zeros(IMAGES, bool)
    return lambda: framecast_core.soft_nms(
        *candidates, sigmas=sigmas, score_thresholds=floor, max_detections=most, class_agnostic=agnostic, pool=pool
    )


def fuse_boxes(pool: Pool) -> Call:
    boxes, scores, classes, splits = scored_boxes(4)
    models = np.random.default_rng(4).integers(2, size=len(boxes), dtype=np.int32)
    weights, iou, floor, most = f32(1, 2), per_image(0.5), per_image(0), i32(900, 900, 900)
    return lambda: framecast_core.fuse_boxes(
        boxes,
        scores,
        classes,
        models,
        splits,
        model_weights=weights,
        iou_thresholds=iou,
        score_thresholds=floor,
        max_detections=most,
        pool=pool,
    )


def box_iou(pool: Pool) -> Call:
    boxes = scored_boxes(5)[0]
    return lambda: framecast_core.box_iou(boxes[:200], boxes[200:500], pool=pool)


def decode_yolov5(pool: Pool) -> Call:
    rng = np.random.default_rng(6)
    levels = [rng.normal(-1, 2, (IMAGES, 3 * (5 + CLASSES), side, side)).astype(np.float32) for side in (20, 10)]
    anchors = rng.uniform(10, 100, (2, 3, 2)).astype(np.float32)
    strides, floor = f32(8, 16), per_image(0.5)
    return lambda: framecast_core.decode_yolov5(
        levels, anchors, strides, score_thresholds=floor, class_filter=None, multi_label=True, pool=pool
    )


def decode_yolox(pool: Pool) -> Call:
    output = np.random.default_rng(7).random((IMAGES, 20 * 20 + 10 * 10, 5 + CLASSES), np.float32)
    strides, floor = i32(8, 16), per_image(0.5)
    return lambda: framecast_core.decode_yolox(
        output,
        strides=strides,
        input_size=(160, 160),
        score_thresholds=floor,
        class_filter=None,
        multi_label=True,
        pool=pool,
    )


def decode_proposals(pool: Pool) -> Call:
    rng = np.random.default_rng(8)
    anchors = clustered_boxes(rng, 900, 200)
    objectness = rng.normal(0, 2, (IMAGES, 900)).astype(np.float32)
    deltas = rng.normal(0, 0.2, (IMAGES, 900, 4)).astype(np.float32)
    levels, sizes = np.array([600, 300]), np.full((IMAGES, 2), 200, np.float32)
    return lambda: framecast_core.decode_proposals(
        objectness,
        deltas,
        anchors,
        levels,
        sizes,
        pre_nms_top_n=300,
        post_nms_top_n=100,
        nms_threshold=0.7,
        score_threshold=0.0,
        min_size=1.0,
        box_weights=(1.0, 1.0, 1.0, 1.0),
        pool=pool,
    )


def decode_boxes(pool: Pool) -> Call:
    rng = np.random.default_rng(9)
    count = sum(COUNTS)
    logits = rng.normal(0, 2, (count, CLASSES + 1)).astype(np.float32)
    deltas = rng.normal(0, 0.2, (count, 4 * (CLASSES + 1))).astype(np.float32)
    proposals, splits = clustered_boxes(rng, count, 200), splits_of(COUNTS)
    sizes, floor = np.full((IMAGES, 2), 200, np.float32), per_image(0.3)
    return lambda: framecast_core.decode_boxes(
        logits,
        deltas,
        proposals,
        splits,
        sizes,
        score_thresholds=floor,
        class_filter=None,
        min_size=1.0,
        box_weights=(10.0, 10.0, 5.0, 5.0),
        pool=pool,
    )


def decode_keypoints(pool: Pool) -> Call:
    rng = np.random.default_rng(12)
    heatmaps = rng.normal(0, 2, (IMAGES, 17, 28, 28)).astype(np.float32)
    boxes = clustered_boxes(rng, IMAGES, 200)
    return lambda: framecast_core.decode_keypoints(heatmaps, boxes, pool=pool)


def decode_segmentation(pool: Pool) -> Call:
    rng = np.random.default_rng(13)
    logits = rng.normal(0, 2, (IMAGES, 5, 16, 16)).astype(np.float32)
    regions, sizes = np.tile(np.array([[0, 0, 16, 16]], np.float32), (IMAGES, 1)), np.full((IMAGES, 2), 128, np.int32)
    floor = per_image(0.0)
    return lambda: framecast_core.decode_segmentation(
        logits, regions, sizes, score_thresholds=floor, class_filter=None, background_first=True, pool=pool
    )


def map_boxes(pool: Pool) -> Call:
    boxes, _, _, splits = scored_boxes(10)
    rows = np.arange(len(boxes))
    placements, sizes = np.full((IMAGES, 4), [0, 80, 0.5, 0.5], np.float32), np.full((IMAGES, 2), 900, np.int32)
    return lambda: framecast_core.map_boxes(boxes, rows, splits, placements, sizes, pool=pool)


def soft_masks(count: int) -> tuple[Any, Any, Any]:
    """masks [K, 28, 28], boxes [K, 4], image sizes [K, 2]."""
    rng = np.random.default_rng(11)
    y, x = np.mgrid[-1:1:28j, -1:1:28j]
    masks = np.stack([1 / (1 + np.exp(8 * (x * x + y * y * rng.uniform(1, 2) - 0.6))) for _ in range(count)])
    sizes = np.tile(np.array([[480, 640]], np.int32), (count, 1))
    return masks.astype(np.float32), clustered_boxes(rng, count, 400), sizes


def masks_to_polygons(pool: Pool) -> Call:
    masks, boxes, sizes = soft_masks(40)
    thresholds = np.full(40, 0.005, np.float32)
    return lambda: framecast_core.masks_to_polygons(
        masks, boxes, sizes, threshold=0.5, rdp_thresholds=thresholds, pool=pool
    )


def binary_masks_to_polygons(pool: Pool) -> Call:
    masks = np.random.default_rng(12).random((8, 60, 90)) > 0.3
    thresholds = np.full(8, 0.002, np.float32)
    return lambda: framecast_core.binary_masks_to_polygons(masks, rdp_thresholds=thresholds, pool=pool)


def polygons() -> framecast_core.Polygons:
    masks, boxes, sizes = soft_masks(40)
    return framecast_core.masks_to_polygons(masks, boxes, sizes, threshold=0.5, rdp_thresholds=np.zeros(40, np.float32))


def simplify_rings(pool: Pool) -> Call:
    outlines = polygons()
    points, splits = outlines.points, outlines.ring_splits
    epsilons = np.full(len(splits) - 1, 1.5, np.float32)
    return lambda: framecast_core.simplify_rings(points, splits, epsilons, pool=pool)


def simplify_polygons(pool: Pool) -> Call:
    outlines = polygons()
    points, splits = outlines.points, outlines.ring_splits
    rings = len(splits) - 1
    each, epsilons = np.arange(rings + 1), np.full(rings, 1.5, np.float32)
    return lambda: framecast_core.simplify_polygons(points, splits, each, epsilons, pool=pool)


def simplify_visvalingam(pool: Pool) -> Call:
    outlines = polygons()
    points, splits = outlines.points, outlines.ring_splits
    rings = len(splits) - 1
    min_areas, most = np.full(rings, 1.5, np.float32), np.full(rings, 40, np.int32)
    return lambda: framecast_core.simplify_visvalingam(points, splits, min_areas, max_points=most, pool=pool)


def serialise_results(pool: Pool) -> Call:
    boxes, scores, classes, _ = scored_boxes(13)
    categories = framecast_core.CategoryTable(i32(1, 2, 3), ["person", "car", "dog"])
    outlines = polygons()
    indices, sizes, splits = np.arange(2), np.full((2, 2), 480, np.int32), np.array([0, 15, 40])
    return lambda: framecast_core.serialise_results(
        categories,
        indices,
        sizes,
        splits=splits,
        boxes=boxes[:40],
        scores=scores[:40],
        classes=classes[:40],
        polygons=outlines,
        pool=pool,
    )


def prepare(pool: Pool) -> Call:
    rng = np.random.default_rng(14)
    images: list[NDArray[np.uint8] | framecast_core.Yuv420Image] = [
        rng.integers(0, 256, (120, 160, 3), dtype=np.uint8),
        rng.integers(0, 256, (97, 33), dtype=np.uint8),
        framecast_core.Yuv420Image(
            [rng.integers(0, 256, shape, dtype=np.uint8) for shape in ((90, 120), (45, 60), (45, 60))],
            matrix="bt709",
            full_range=False,
            chroma_siting="left",
        ),
    ]
    regions = np.tile(np.array([[0, 8, 64, 48]], np.int32), (IMAGES, 1))
    out = np.empty((IMAGES, 3, 64, 64), np.float32)
    gain, bias, pad = f32(0.01, 0.02, 0.03), f32(-1, -2, -3), f32(0, 0, 0)

    def call() -> NDArray[np.float32]:
        framecast_core.prepare(
            images, regions, out, gain=gain, bias=bias, pad=pad, reverse_channels=True, round_to_uint8=False, pool=pool
        )
        return out

    return call


def prototypes_to_polygons(pool: Pool) -> Call:
    rng = np.random.default_rng(15)
    prototypes = rng.normal(0, 1, (2, 8, 40, 40)).astype(np.float32)
    coefficients = rng.normal(0, 1, (20, 8)).astype(np.float32)
    boxes, splits = clustered_boxes(rng, 20, 160), np.array([0, 9, 20])
    sizes, regions = np.full((2, 2), 160, np.int32), np.tile(np.array([[0, 0, 160, 160]], np.int32), (2, 1))
    thresholds = np.full(20, 0.005, np.float32)
    return lambda: framecast_core.prototypes_to_polygons(
        prototypes,
        coefficients,
        boxes,
        splits,
        sizes,
        regions,
        input_size=(160, 160),
        sigmoid=True,
        crop_prototypes=False,
        threshold=0.5,
        rdp_thresholds=thresholds,
        pool=pool,
    )


def noise() -> NDArray[np.bool_]:
    return np.random.default_rng(16).random((6, 70, 50)) > 0.4


def masks_to_rle(pool: Pool) -> Call:
    masks = noise()
    return lambda: framecast_core.masks_to_rle(masks, pool=pool)


def rle_to_polygons(pool: Pool) -> Call:
    counts, splits = framecast_core.masks_to_rle(noise())
    sizes, thresholds = np.tile(np.array([[70, 50]], np.int32), (6, 1)), np.zeros(6, np.float32)
    return lambda: framecast_core.rle_to_polygons(counts, splits, sizes, rdp_thresholds=thresholds, pool=pool)


def measure_rle(pool: Pool) -> Call:
    counts, splits = framecast_core.masks_to_rle(noise())
    sizes = np.tile(np.array([[70, 50]], np.int32), (6, 1))
    return lambda: framecast_core.measure_rle(counts, splits, sizes)


def compress_rle(pool: Pool) -> Call:
    counts, splits = framecast_core.masks_to_rle(noise())
    return lambda: framecast_core.compress_rle(counts, splits)


def decompress_rle(pool: Pool) -> Call:
    strings = framecast_core.compress_rle(*framecast_core.masks_to_rle(noise()))
    sizes = np.tile(np.array([[70, 50]], np.int32), (6, 1))
    return lambda: framecast_core.decompress_rle(strings, sizes)


def assign(pool: Pool) -> Call:
    costs = np.random.default_rng(17).random((60, 50), np.float32)
    return lambda: framecast_core.assign(costs, max_cost=0.5)


def kalman_predict(pool: Pool) -> Call:
    tracks = framecast_core.kalman_start(scored_boxes(18)[0])
    return lambda: framecast_core.kalman_predict(tracks)


def kalman_update(pool: Pool) -> Call:
    boxes = scored_boxes(19)[0]
    tracks, rows = framecast_core.kalman_start(boxes), np.arange(0, len(boxes), 2)
    return lambda: framecast_core.kalman_update(tracks, rows, boxes[: len(rows)])


def kalman_boxes(pool: Pool) -> Call:
    tracks = framecast_core.kalman_start(scored_boxes(20)[0])
    return lambda: framecast_core.kalman_boxes(tracks)


def track(pool: Pool) -> Call:
    candidates = scored_boxes(21)

    def call() -> list[object]:
        trackers = [framecast_core.Tracker() for _ in range(IMAGES)]
        return [framecast_core.track(trackers, *candidates, pool=pool) for _ in range(3)]

    return call


# A tracker remembers, so each call of `track` above begins anew, which allocates; it is left to the tests of threads.
STATEFUL = {"track"}

CALLS: dict[str, Callable[[Pool], Call]] = {
    kernel.__name__: kernel
    for kernel in (
        binary_masks_to_polygons,
        box_iou,
        decode_boxes,
        decode_keypoints,
        decode_proposals,
        decode_segmentation,
        decode_yolov5,
        decode_yolox,
        fuse_boxes,
        map_boxes,
        masks_to_polygons,
        nms,
        nms_rotated,
        prepare,
        serialise_results,
        simplify_polygons,
        simplify_rings,
        simplify_visvalingam,
        soft_nms,
        prototypes_to_polygons,
    )
}
