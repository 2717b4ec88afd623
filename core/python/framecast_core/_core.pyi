"""Shapes: B images, K instances or results, C classes without background, V points, R rings, Q parts.

`splits` are offsets: image b owns rows splits[b] to splits[b + 1], so they run from 0 to the number of rows.
Boxes are (x1, y1, x2, y2) in pixels. Every array must be C-contiguous and of the dtype named here (TypeError
otherwise); lengths and values that do not fit raise ValueError beginning with the argument's name. No input array is
changed or kept. The GIL is released while a kernel runs, and calls from several threads do not disturb each other.

Decoders read a network's outputs in the type that it left them in, `Tensor`: a float32 or float16 array, or a tuple
(int8 or uint8 array, scale, zero_point) whose numbers are (stored - zero_point) * scale in float32. The result is that
of the float32 array of those numbers, to the bit. scale is positive and finite, zero_point a value of the array's type.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

Tensor: TypeAlias = NDArray[np.float32] | NDArray[np.float16] | tuple[NDArray[np.int8] | NDArray[np.uint8], float, int]

__version__: str

def isa() -> str:
    """The instruction set in use: "scalar", "neon", "avx2" or "avx512"; FRAMECAST_ISA picks one before the import.

    Every one gives the same results, bit for bit.
    """

@final
class ThreadPool:
    """Threads that share the images (for masks: the instances) of one call; made once and given to every call.

    Any number of threads may use a pool at once: the first gets its workers, the others compute on their own thread
    instead of waiting. Results do not depend on it, not in a bit.
    """

    def __init__(self, threads: int) -> None:
        """`threads` counts the calling thread, so 1 starts none; ValueError outside [1, 1024]."""
    @property
    def threads(self) -> int: ...

def nms(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    splits: NDArray[np.int64],
    *,
    iou_thresholds: NDArray[np.float32],
    score_thresholds: NDArray[np.float32],
    max_detections: NDArray[np.int32],
    class_agnostic: NDArray[np.bool_] | NDArray[np.uint8],
    class_score_thresholds: NDArray[np.float32] | None = None,
    class_filter: NDArray[np.bool_] | None = None,
    max_candidates: NDArray[np.int32] | None = None,
    max_per_class: NDArray[np.int32] | None = None,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Greedy non-maximum suppression per class over a batch of images; exact, without the class-offset trick.

    boxes [N, 4] in any one frame per image, scores [N], classes [N] of any labels, splits [B + 1]; settings [B]:
    iou_thresholds in [0, 1] (IoU > threshold suppresses), score_thresholds (score > threshold enters; not NaN),
    max_detections >= 0, class_agnostic (classes suppress each other).
    Options, None = no limit: class_score_thresholds [B, C] (a row needs score > that of its class as well; not NaN) and
    class_filter [B, C], True = allowed (rows of other classes take no part), each of which needs every class in [0, C);
    max_candidates [B] >= 0 (only the best rows by score, then lower row, of those that pass all of that take part);
    max_per_class [B] >= 0 (at most so many of each class stay, where class_agnostic of all together).
    Returns keep [K], rows of `boxes`, per image by falling score, ties by rising row; and its splits [B + 1].
    IoU is float32 in torchvision's formula. A row with a NaN score or a non-finite coordinate is dropped; a box of no
    area neither suppresses nor is suppressed. Images are shared among the threads of `pool`.
    """

def nms_rotated(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    splits: NDArray[np.int64],
    *,
    iou_thresholds: NDArray[np.float32],
    score_thresholds: NDArray[np.float32],
    max_detections: NDArray[np.int32],
    class_agnostic: NDArray[np.bool_] | NDArray[np.uint8],
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Greedy non-maximum suppression of rotated boxes per class; all but the boxes is as in `nms`.

    boxes [N, 5] (cx, cy, width, height, angle) in pixels; the angle in radians, of any size, from the x axis towards
    the y axis: clockwise on a screen whose y points down.
    IoU is that of the rectangles themselves, in float64. A row with a NaN score or any non-finite number is dropped; a
    box whose width or height is not above 0 neither suppresses nor is suppressed.
    """

def soft_nms(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    splits: NDArray[np.int64],
    *,
    iou_thresholds: NDArray[np.float32] | None = None,
    sigmas: NDArray[np.float32] | None = None,
    score_thresholds: NDArray[np.float32],
    max_detections: NDArray[np.int32],
    class_agnostic: NDArray[np.bool_] | NDArray[np.uint8],
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.int64]]:
    """Soft non-maximum suppression per class over a batch of images (Bodla et al., "Soft-NMS", 2017), exact.

    Again and again the row with the highest score left is kept, ties by lower row, and the scores of the rows left in
    its class are multiplied: by 1 - IoU where IoU > threshold (linear decay, iou_thresholds [B] in [0, 1]), or by
    exp(-IoU * IoU / sigma) (Gaussian, sigmas [B] > 0); give one of the two. A row whose score is not, or no longer,
    above score_thresholds [B] >= 0 is out. All in float32. The other arguments, and what is dropped, are as in `nms`.
    Returns keep [K], rows of `boxes` per image by falling new score, these scores [K] and splits [B + 1].
    """

def fuse_boxes(
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    models: NDArray[np.int32],
    splits: NDArray[np.int64],
    *,
    model_weights: NDArray[np.float32],
    iou_thresholds: NDArray[np.float32],
    score_thresholds: NDArray[np.float32],
    max_detections: NDArray[np.int32],
    score: Literal["average", "highest"] = "average",
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Weighted boxes fusion per class (Solovyev et al., 2019): several models, or several views of an image, as one.

    boxes [N, 4], those of an image in one frame, scores [N], classes [N], models [N] in [0, M), splits [B + 1];
    model_weights [M] > 0; settings [B]: iou_thresholds in [0, 1] (IoU > threshold joins), score_thresholds >= 0
    (score > threshold enters), max_detections >= 0.
    Rows go by falling score * weight, ties by rising row. Each joins the fused box of its class with the highest IoU,
    ties by the older one, or begins one. A fused box is the mean of its members, weighted by their weighted scores s,
    and moves at once (float32 from float64 sums). Its score, of T members: "average": sum(s) / T * min(T, M) /
    sum(model_weights); "highest": max(s) / max(model_weights).
    Returns boxes [K, 4], scores [K] falling per image, ties by their best member, classes [K], splits [B + 1]. IoU is
    that of `nms`. A row with a score or coordinate that is not finite is dropped; a box of no area joins none.
    """

def box_iou(
    a: NDArray[np.float32], b: NDArray[np.float32], *, pool: ThreadPool | None = None
) -> NDArray[np.float32]:
    """Pairwise intersection over union of boxes a [N, 4] and b [M, 4]: [N, M] float32, in torchvision's formula.

    0 for a pair that shares nothing, for a box of no area and where a number is NaN. Rows are shared among the threads
    of `pool`.
    """

def assign(
    costs: NDArray[np.float32], *, max_cost: float
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Linear assignment: matches rows to columns of costs [N, M], each at most once, at the lowest sum of costs.

    A pair whose cost is above max_cost, NaN or infinite is never matched. Of the others those are matched for which the
    sum of (cost - max_cost) is lowest: a row may stay alone, and that costs max_cost. With max_cost inf as many pairs
    as can be are matched, and among such choices the cheapest. Exact up to the rounding of float64 sums; equally good
    solutions are decided by the input alone. Shortest augmenting paths (Jonker and Volgenant, 1987):
    O(N * M * min(N, M)) at worst, far less where few pairs are allowed.
    Returns each row's column [N] and each column's row [M], -1 for none. ValueError for a max_cost of NaN.
    """

def kalman_start(boxes: NDArray[np.float32]) -> NDArray[np.float64]:
    """Begins a Kalman filter per box [T, 4]: tracks float64 [T, 5, 4] of boxes that move at constant velocity.

    A track's columns are centre x, centre y, width and height; its rows position, velocity (per frame), variance of the
    position, covariance of the two, variance of the velocity. That is the whole covariance: with the state and noise
    of BoT-SORT (Aharon et al., 2022) the 8 x 8 matrix falls into four of 2 x 2. Standard deviations: of a measurement
    and of a step's position side / 20, of its velocity side / 160, at the start 2 and 10 times these, where side is the
    width for cx and w and the height for cy and h, at least 1e-6. A box that is not finite makes a track of NaN.
    """

def kalman_predict(tracks: NDArray[np.float64]) -> NDArray[np.float64]:
    """The tracks [T, 5, 4] of `kalman_start` one frame later."""

def kalman_update(
    tracks: NDArray[np.float64], rows: NDArray[np.int64], boxes: NDArray[np.float32]
) -> NDArray[np.float64]:
    """The tracks [T, 5, 4] after tracks[rows[i]] has seen boxes[i]: rows [N] in [0, T), boxes [N, 4].

    A box that is not finite changes nothing. Variances stay positive, whatever the boxes.
    """

def kalman_boxes(tracks: NDArray[np.float64]) -> NDArray[np.float32]:
    """Where the tracks [T, 5, 4] are: boxes [T, 4]; a negative side counts as 0."""

@final
class Tracker:
    """The objects of one stream of frames, kept from call to call of `track`; the defaults are ByteTrack's."""

    def __init__(
        self,
        *,
        high_score: float = 0.5,
        low_score: float = 0.1,
        new_score: float = 0.6,
        max_cost: float = 0.8,
        max_cost_low: float = 0.5,
        max_cost_new: float = 0.7,
        lost_frames: int = 30,
        class_agnostic: bool = False,
        saved: bytes | None = None,
    ) -> None:
        """Rows above high_score are matched first, and to lost tracks too; rows above low_score keep up tracks that no
        other row went to; rows above new_score, and above high_score, may begin a track. A match costs 1 - IoU * score,
        at most max_cost, or max_cost_new with a track seen once; for low rows 1 - IoU, at most max_cost_low; these in
        [0, 1]. A track is remembered for lost_frames without being seen. class_agnostic: rows may go to tracks of
        another class, which then take the row's. With what `save` gave, and the same settings, the tracker goes on as
        the saved one would. ValueError where a value does not fit, and for bytes that no tracker saved.
        """
    def save(self) -> bytes:
        """All that the next frames depend on, but for the settings: 24 bytes and 185 for each track; ValueError while
        another call uses the tracker."""
    def tracks(
        self,
    ) -> tuple[
        NDArray[np.int64], NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]
    ]:
        """The objects that have an id: ids [T], filtered boxes [T, 4], last scores [T], classes [T] and for how many
        frames each has not been seen [T]."""

def track(
    trackers: Sequence[Tracker],
    boxes: NDArray[np.float32],
    scores: NDArray[np.float32],
    classes: NDArray[np.int32],
    splits: NDArray[np.int64],
    *,
    pool: ThreadPool | None = None,
) -> NDArray[np.int64]:
    """Tells which object of its stream each row shows, by two rounds of matching as ByteTrack (Zhang et al., 2022).

    trackers: B streams, a frame of each: boxes [N, 4] in the stream's pixels, scores [N], classes [N], splits [B + 1].
    Per stream: all tracks move on (`kalman_predict`; a lost one keeps its size). High rows are assigned (as `assign`)
    to tracked and lost tracks, low rows to the tracked ones left, high rows left to tracks seen once, which get their
    id by that or are forgotten. High rows still left begin tracks, with an id at once only in a stream's first frame. A
    track lost for too long, or covered (IoU > 0.85) by a tracked one of its class, is forgotten.
    Returns the id of each row's track [N], from 1 on per stream, never used again; -1 for none (yet), as for a row with
    a NaN score, a coordinate that is not finite, or no area. The same frames give the same ids. Streams are shared
    among the threads of `pool`. ValueError where a tracker comes twice or is in use by another call.
    """

def decode_yolov5(
    levels: Sequence[Tensor],
    anchors: NDArray[np.float32],
    strides: NDArray[np.float32],
    *,
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    multi_label: bool,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Decodes the boxes of a YOLOv5 (v6) head whose score passes.

    levels: L arrays [B, A * (5 + C), h, w] of raw logits, per anchor x, y, w, h, objectness, classes; anchors
    [L, A, 2] (width, height) in network-input pixels; strides [L]; score_thresholds [B] (score > threshold);
    class_filter [B, C], True = allowed, None = all. `multi_label` False takes the best allowed class of each position
    (highest logit, ties to the lower class), True every class above the threshold.
    xy = (2 sigmoid - 0.5 + cell) * stride, wh = (2 sigmoid)^2 * anchor, score = sigmoid(obj) * sigmoid(class).
    Returns boxes [K, 4] in network-input pixels, scores [K], classes [K], splits [B + 1], by level, anchor, y, x,
    class. A NaN logit never passes; a position with a non-finite box is dropped. Images are shared among the threads of
    `pool`.
    """

def decode_yolox(
    output: Tensor,
    *,
    strides: NDArray[np.int32],
    input_size: tuple[int, int],
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    multi_label: bool,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64]]:
    """Decodes the boxes of a YOLOX head (Ge et al., 2021) whose score passes.

    output [B, N, 5 + C]: x, y, w, h raw, objectness and classes already sigmoid; strides [L]; input_size (height,
    width) of the network input, a multiple of every stride, and N = sum of the levels' cells (ValueError otherwise).
    xy = (v + cell) * stride, wh = exp(v) * stride, score = objectness * class. The other arguments, the result and
    its order (level, y, x, class) are those of `decode_yolov5`; the best class is the highest, ties to the lower class.
    The objectness itself must be above the threshold too, as it is wherever class scores are at most 1.
    """

def decode_detections(
    output: Tensor,
    *,
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    multi_label: bool,
    objectness: bool,
    channels_first: bool,
    classes: int | None = None,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Selects the boxes whose score passes where the network's graph has decoded them, as exported YOLO graphs do.

    output [B, N, D], or [B, D, N] with `channels_first`; the D numbers of a position are x, y (the centre), width and
    height in pixels, the objectness if `objectness`, the scores of C classes, and any others, which are not looked at:
    mask coefficients, for instance. C is `classes`, None = all that is left. YOLOv5's [1, 25200, 85] has objectness;
    YOLOv8's [1, 84, 8400] has none and channels first.
    score = objectness * class, or the class alone; the objectness itself must be above the threshold too, as it is
    wherever class scores are at most 1. Other arguments as for `decode_yolov5`; the best class is the highest, ties to
    the lower class. Returns boxes [K, 4] as corners (x - width / 2, ...), scores [K], classes [K], sources [K] (the
    position, from 0 in each image), splits [B + 1], by position and class. A NaN score never passes; a position with a
    non-finite box is dropped.
    """

def decode_proposals(
    objectness: Tensor,
    deltas: Tensor,
    anchors: NDArray[np.float32],
    level_sizes: NDArray[np.int64],
    image_sizes: NDArray[np.float32],
    *,
    pre_nms_top_n: int,
    post_nms_top_n: int,
    nms_threshold: float,
    score_threshold: float,
    min_size: float,
    box_weights: Sequence[float],
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int64]]:
    """Chooses and decodes region proposals as torchvision's RegionProposalNetwork.filter_proposals does.

    objectness [B, N] logits, deltas [B, N, 4] (dx, dy, dw, dh), anchors [N, 4] in network-input pixels, level_sizes
    [L] anchors per level, image_sizes [B, 2] (height, width) to clip to; box_weights: the four divisors of deltas.
    Per level the pre_nms_top_n highest logits, decoded (dw, dh at most log(1000 / 16)), clipped, sides >= min_size and
    sigmoid >= score_threshold kept, NMS within each level, then the post_nms_top_n best of the image.
    Returns proposals [P, 4], scores [P] (sigmoid) by falling score, splits [B + 1]. A NaN logit takes no
    place among the highest; a box with a NaN does, and is dropped. Images are shared among the threads of `pool`.
    """

def decode_retinanet(
    class_logits: Tensor,
    deltas: Tensor,
    anchors: NDArray[np.float32],
    level_sizes: NDArray[np.int64],
    image_sizes: NDArray[np.float32],
    *,
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    top_k: int,
    box_weights: Sequence[float],
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Decodes the boxes of a RetinaNet head whose score passes; `nms` is the next step.

    class_logits [B, N, C], deltas [B, N, 4] (dx, dy, dw, dh), anchors [N, 4] in network-input pixels, level_sizes [L]
    anchors per level, image_sizes [B, 2] (height, width) to clip to, score_thresholds [B] (sigmoid > threshold),
    class_filter [B, C] or None, box_weights: the four divisors of deltas (torchvision: 1).
    As torchvision's RetinaNet.postprocess_detections before its NMS: per level the top_k highest scores (torchvision:
    1000), decoded (dw, dh at most log(1000 / 16)) and clipped. Returns boxes [K, 4], scores [K], classes [K],
    sources [K] (the anchor, from 0 in each image), splits [B + 1], by level and falling score, ties by anchor and
    class. A NaN logit takes no place among the top; a box with a NaN does, and is dropped. Images are shared among the
    threads of `pool`.
    """

def decode_ssd(
    class_logits: Tensor,
    deltas: Tensor,
    anchors: NDArray[np.float32],
    image_sizes: NDArray[np.float32],
    *,
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    top_k: int,
    box_weights: Sequence[float],
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Decodes the boxes of an SSD head whose score passes; `nms` is the next step.

    class_logits [B, N, C + 1] with background first, the rest as for `decode_retinanet`; box_weights in torchvision:
    10, 10, 5, 5. As torchvision's SSD.postprocess_detections before its NMS: softmax, background removed, per class
    the top_k highest (torchvision: 400), decoded and clipped. The result is that of `decode_retinanet`, but by class
    and falling score, ties by anchor; classes count from 0 without background. A row with a NaN or +inf logit takes no
    place among the top; a box with a NaN does, and is dropped.
    """

def decode_fcos(
    class_logits: Tensor,
    centerness: Tensor,
    deltas: Tensor,
    anchors: NDArray[np.float32],
    level_sizes: NDArray[np.int64],
    image_sizes: NDArray[np.float32],
    *,
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    top_k: int,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Decodes the boxes of an FCOS head whose score passes; `nms` is the next step.

    class_logits [B, N, C], centerness [B, N] logits, deltas [B, N, 4]: distances of the left, top, right and bottom
    edge from the anchor's centre, in widths and heights of the anchor (strides, as torchvision's anchors are). As
    torchvision's FCOS.postprocess_detections before its NMS: score = sqrt(sigmoid(logit) * sigmoid(centerness)). The
    other arguments, the result and its order are those of `decode_retinanet`. A NaN logit or centerness takes no place
    among the top; a box with a NaN does, and is dropped.
    """

def decode_boxes(
    class_logits: Tensor,
    deltas: Tensor,
    proposals: NDArray[np.float32],
    splits: NDArray[np.int64],
    image_sizes: NDArray[np.float32],
    *,
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    min_size: float,
    box_weights: Sequence[float],
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.int32], NDArray[np.int64], NDArray[np.int64]]:
    """Decodes the per-class boxes of an R-CNN head whose score passes; `nms` is the next step.

    class_logits [P, C + 1] with background first, deltas [P, 4 * (C + 1)], proposals [P, 4] in network-input pixels,
    splits [B + 1] of the proposals, image_sizes [B, 2] (height, width) to clip to, score_thresholds [B]
    (softmax > threshold), class_filter [B, C] or None, sides >= min_size, box_weights: the four divisors of deltas.
    As torchvision's RoIHeads.postprocess_detections before its NMS. Returns boxes [K, 4] clipped to the image, scores
    [K], classes [K] counted from 0 without background, sources [K] (row of `proposals`), splits [B + 1], by proposal
    and class. A row with a NaN or +inf logit has no results. Images are shared among the threads of `pool`.
    """

def decode_keypoints(
    heatmaps: Tensor,
    boxes: NDArray[np.float32],
    *,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Finds each keypoint of an R-CNN keypoint head where its heat map is highest.

    heatmaps [K, J, height, width] of logits, sides in [1, 4096], boxes [K, 4] in the pixels that the keypoints are
    wanted in. As torchvision's heatmaps_to_keypoints: a map is stretched by bicubic convolution to its box's sides,
    rounded up and at least 1; the keypoint is the centre of the highest pixel (ties: the upper, then the left one).
    Returns keypoints [K, J, 2] (x, y) and scores [K, J], the values there; empty for K = 0 or J = 0. A map with a
    number that is NaN or beyond +-1e37, or whose box has a coordinate that is not finite or a side above 8192, gives
    NaN for x, y and score. Instances are shared among the threads of `pool`.
    """

def decode_segmentation(
    logits: Tensor,
    regions: NDArray[np.float32],
    image_sizes: NDArray[np.int32],
    *,
    score_thresholds: NDArray[np.float32],
    class_filter: NDArray[np.bool_] | None,
    background_first: bool,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.int32], NDArray[np.int64]]:
    """Gives every pixel the class whose logit, interpolated bilinearly at the pixel's centre, is highest.

    logits [B, C, h, w], with background_first [B, 1 + C, h, w], sides in [1, 4096]; regions [B, 4] where each picture
    lies in its map: x, y, width, height, value (i, j) covers [i, i + 1) x [j, j + 1); image_sizes [B, 2] (height,
    width), in [1, 65536]; score_thresholds [B]; class_filter [B, C], True = allowed, None = all.
    Half-pixel centres and repeated borders, as PyTorch's interpolate(align_corners=False); ties to the lower channel. A
    pixel whose best channel is the background, is not allowed, or has a softmax of no more than the threshold has no
    class. A channel that is NaN at a pixel never wins there.
    Returns runs, row after row from the top left: splits [B + 1], lengths [R], classes [R] (-1: none), which differ
    from run to run, and areas [B, C] in pixels. Pictures are shared among the threads of `pool`.
    """

def map_boxes(
    boxes: NDArray[np.float32],
    rows: NDArray[np.int64],
    splits: NDArray[np.int64],
    placements: NDArray[np.float32],
    image_sizes: NDArray[np.int32],
    *,
    clip: bool = True,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64], NDArray[np.int64]]:
    """Maps boxes from the network's input back to the pixels of their images, after `nms`.

    boxes [N, 4] in tensor pixels; rows [K], those that go on, and their splits [B + 1], both as `nms` returns them;
    placements [B, 4]: left and upper edge of the resized image in the tensor and tensor pixels per source pixel in x
    and y, finite, scales above 0; image_sizes [B, 2] (height, width) of the source images.
    source = (coordinate - edge) / scale, in float32; cut at the image's border if `clip`. A box that has no area inside
    its image, such as one in the padding, or that has a NaN is dropped in any case. Returns boxes [K', 4], their rows
    [K'] and splits [B + 1], in the order given. Images are shared among the threads of `pool`.
    """

@final
class Polygons:
    """Multipolygons of K instances in nested offsets (the layout of GeoArrow's multipolygon); len() is K.

    Rings are not closed by a repeated point. The first ring of a part is its exterior, with positive shoelace area in
    (x, y): clockwise on a screen whose y points down, counter-clockwise for Shapely and GeoJSON. The others are its
    holes, the other way round.
    """

    @property
    def points(self) -> NDArray[np.float32]:
        """[V, 2] (x, y) in source pixels; pixel (i, j) covers [i, i + 1) x [j, j + 1)."""
    @property
    def ring_splits(self) -> NDArray[np.int64]:
        """[R + 1] offsets into points."""
    @property
    def part_splits(self) -> NDArray[np.int64]:
        """[Q + 1] offsets into rings."""
    @property
    def instance_splits(self) -> NDArray[np.int64]:
        """[K + 1] offsets into parts."""
    @property
    def areas(self) -> NDArray[np.int64]:
        """[K] mask pixels, before simplification."""
    @property
    def boxes(self) -> NDArray[np.float32]:
        """[K, 4] (x1, y1, x2, y2) around the mask pixels; zeros where there is none."""
    def __len__(self) -> int: ...

def masks_to_polygons(
    masks: NDArray[np.float32],
    boxes: NDArray[np.float32],
    image_sizes: NDArray[np.int32],
    *,
    threshold: float,
    rdp_thresholds: NDArray[np.float32],
    exact_boxes: bool = False,
    pool: ThreadPool | None = None,
) -> Polygons:
    """Turns soft instance masks into polygons of the source image.

    masks [K, M, M] probabilities, boxes [K, 4] in source pixels, image_sizes [K, 2] (height, width) per instance.
    A mask is upsampled into its box as torchvision's paste_masks_in_image does, or with `exact_boxes` as Detectron2's
    (the mask fills the box itself, not the pixels that it touches), and is where the value > threshold.
    Polygons follow the pixels' edges: filled by pixel centre (`polygons_to_mask`) they are the identical mask while
    rdp_thresholds [K] is 0. Above 0, each ring is simplified by Ramer-Douglas-Peucker with epsilon = rdp_threshold *
    the ring's perimeter; every multipolygon stays valid (rings simple, holes inside, parts apart), for which a ring
    keeps more points where it must. Mask pixels are 4-connected, holes 8-connected; no ring touches itself.
    An instance whose box is not finite or outside its image, or whose mask has no pixel, has no parts. The threads of
    `pool` share the instances.
    """

def binary_masks_to_polygons(
    masks: NDArray[np.bool_] | NDArray[np.uint8],
    *,
    rdp_thresholds: NDArray[np.float32],
    pool: ThreadPool | None = None,
) -> Polygons:
    """Turns masks of whole images, [K, H, W] non-zero = mask, into polygons as `masks_to_polygons` does."""

def prototypes_to_polygons(
    prototypes: NDArray[np.float32],
    coefficients: NDArray[np.float32],
    boxes: NDArray[np.float32],
    splits: NDArray[np.int64],
    image_sizes: NDArray[np.int32],
    regions: NDArray[np.int32],
    *,
    input_size: tuple[int, int],
    sigmoid: bool,
    crop_prototypes: bool,
    threshold: float,
    rdp_thresholds: NDArray[np.float32],
    pool: ThreadPool | None = None,
) -> Polygons:
    """Turns prototype masks (YOLACT, YOLOv5-seg) into polygons of the source images; only what a box needs is computed.

    prototypes [B, P, h, w] over the whole network input of input_size (height, width), coefficients [K, P], boxes
    [K, 4] in source pixels, splits [B + 1] of the instances, image_sizes [B, 2] (height, width), regions [B, 4] (x, y,
    width, height): where `prepare` put the image in the input.
    value = sum of coefficients * prototypes, then the sigmoid if asked for; resized bilinearly from the region to the
    source image (PyTorch's interpolate(align_corners=False) of the prototype pixels that the region touches), mask where
    > threshold. Cropped to x1 <= column < x2, y1 <= row < y2; with crop_prototypes to the same of the prototypes'
    pixels before the resize, as YOLOv5's process_mask does, for which threshold must be >= 0.
    rdp_thresholds [K] and the promises are those of `masks_to_polygons`. A box with NaN or without a pixel in its image
    has no parts; NaN values are not mask.
    """

def masks_to_rle(
    masks: NDArray[np.bool_] | NDArray[np.uint8], *, pool: ThreadPool | None = None
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """The run lengths (RLE) of masks of whole images, [K, H, W] non-zero = mask, as COCO has them.

    Returns counts [N] and splits [K + 1]: mask k owns counts[splits[k] : splits[k + 1]], which run down each column,
    column after column, first background, then in turn: the uncompressed `counts` of pycocotools.
    """

def rle_to_masks(
    counts: NDArray[np.uint32], splits: NDArray[np.int64], height: int, width: int, *, pool: ThreadPool | None = None
) -> NDArray[np.uint8]:
    """The opposite of `masks_to_rle`: [K, height, width] of 0 and 1. Lengths of 0 are allowed anywhere.

    ValueError, naming `counts`, where a mask's counts do not add up to height * width.
    """

def rle_to_polygons(
    counts: NDArray[np.uint32],
    splits: NDArray[np.int64],
    image_sizes: NDArray[np.int32],
    *,
    rdp_thresholds: NDArray[np.float32],
    pool: ThreadPool | None = None,
) -> Polygons:
    """What `binary_masks_to_polygons` makes of the same masks, without their pixels.

    counts and splits as of `masks_to_rle`, image_sizes [K, 2] (height, width), rdp_thresholds [K].
    """

def measure_rle(
    counts: NDArray[np.uint32], splits: NDArray[np.int64], image_sizes: NDArray[np.int32]
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Areas [K] in pixels and boxes [K, 4] around them (zeros where there is none) of run lengths; image_sizes [K, 2].

    Boxes are (x1, y1, x2, y2) as everywhere here, where pycocotools' toBbox has (x, y, width, height).
    """

def compress_rle(counts: NDArray[np.uint32], splits: NDArray[np.int64]) -> list[bytes]:
    """COCO's compressed strings of run lengths, one per mask, byte for byte those of pycocotools."""

def decompress_rle(
    strings: Sequence[bytes], image_sizes: NDArray[np.int32]
) -> tuple[NDArray[np.uint32], NDArray[np.int64]]:
    """Run lengths from COCO's compressed strings; image_sizes [K, 2] (height, width). Safe on any bytes.

    A string that ends within a number, has other characters, numbers below 0 or beyond 35 bits, or does not add up to
    its image is a ValueError that names `strings`. Never takes more memory than the strings are long.
    """

def polygons_to_mask(
    points: NDArray[np.float32], ring_splits: NDArray[np.int64], height: int, width: int
) -> NDArray[np.uint8]:
    """Fills rings by the even-odd rule: [height, width], 1 where the pixel's centre is inside, else 0.

    points [V, 2] (x, y), finite; ring_splits [R + 1]. All rings are filled together, so holes cut out. A centre on a
    left or upper edge is inside, on a right or lower one outside; what lies beyond the mask is cut off.
    """

@final
class CategoryTable:
    """Ids and names of a model's classes, encoded once for every `serialise_results`; len() is C."""

    def __init__(self, ids: NDArray[np.int32], names: Sequence[str]) -> None:
        """ids [C] and names [C], by class."""
    def __len__(self) -> int: ...

def serialise_results(
    categories: CategoryTable,
    frame_indices: NDArray[np.int64],
    image_sizes: NDArray[np.int32],
    *,
    splits: NDArray[np.int64] | None = None,
    boxes: NDArray[np.float32] | None = None,
    scores: NDArray[np.float32] | None = None,
    classes: NDArray[np.int32] | None = None,
    polygons: Polygons | None = None,
    mask_areas: NDArray[np.int64] | None = None,
    keypoint_splits: NDArray[np.int64] | None = None,
    keypoints: NDArray[np.float32] | None = None,
    visibilities: NDArray[np.int32] | None = None,
    keypoint_scores: NDArray[np.float32] | None = None,
    label_splits: NDArray[np.int64] | None = None,
    label_classes: NDArray[np.int32] | None = None,
    label_scores: NDArray[np.float32] | None = None,
    errors: Sequence[bytes | None] | None = None,
    pts: NDArray[np.int64] | None = None,
    presentation_times: NDArray[np.int64] | None = None,
    timed: NDArray[np.bool_] | NDArray[np.uint8] | None = None,
    message: Literal["FrameResult", "PredictImagesResponse", "PredictVideoResponse"] = "FrameResult",
    progress: Sequence[bytes | None] | None = None,
    mask_splits: NDArray[np.int64] | None = None,
    mask_counts: NDArray[np.uint32] | None = None,
    track_ids: NDArray[np.int64] | None = None,
    logits: NDArray[np.float32] | None = None,
    embeddings: NDArray[np.float32] | None = None,
    image_logits: NDArray[np.float32] | None = None,
    image_embeddings: NDArray[np.float32] | None = None,
    debug_pictures: Sequence[bytes | None] | None = None,
    segment_splits: NDArray[np.int64] | None = None,
    segment_classes: NDArray[np.int32] | None = None,
    segment_areas: NDArray[np.int64] | None = None,
    run_splits: NDArray[np.int64] | None = None,
    run_lengths: NDArray[np.uint32] | None = None,
    run_segments: NDArray[np.uint32] | None = None,
    pool: ThreadPool | None = None,
) -> list[bytes]:
    """The results of a batch in protobuf's wire format, byte for byte what protobuf itself would write.

    Per image: frame_indices [B], image_sizes [B, 2] (height, width), pts [B], presentation_times [B, 2] (seconds,
    nanos; `timed` [B] False: unset), errors (a serialised google.rpc.Status in place of a prediction, None without).
    Instances, in the order given: splits [B + 1], boxes [K, 4], scores [K], classes [K] (rows of `categories`),
    polygons (of K instances; any object with the four arrays of `Polygons`), mask_areas [K], and keypoints [N, 2]
    with keypoint_splits [K + 1], visibilities [N] (numbers of Keypoint.Visibility) and keypoint_scores [N]; mask_splits
    [K + 1] and mask_counts [C], run lengths of masks of the whole image as `masks_to_rle` gives them (no counts: no
    mask); track_ids [K], logits [K, L], embeddings [K, E].
    Whole images: label_splits [B + 1], label_classes [M], label_scores [M]; image_logits [B, L], image_embeddings
    [B, E]; debug_pictures (a serialised DebugPicture or None); label maps: segment_splits [B + 1], segment_classes [S]
    and segment_areas [S], run_splits [B + 1], run_lengths [R] along the rows and run_segments [R] (a segment of the
    image, counted from 1; 0: no category). What is left out is not set.
    Each result is a `framecast.v1` message, one per image: `FrameResult`; `PredictImagesResponse` with that one result,
    so that all of them joined, and the fields behind `results` after them, are the whole response; or
    `PredictVideoResponse` with `result` and, where given, progress (B serialised Progress messages, or None each).
    Floats are written as they are, NaN too. ValueError where an image with an error has instances, labels or runs, or
    a message has 2 GiB or more; its rows of [B, …] are not written. Serialised messages are not parsed. Images are shared among the threads of `pool`.
    """

def simplify_polygons(
    points: NDArray[np.float32],
    ring_splits: NDArray[np.int64],
    polygon_splits: NDArray[np.int64],
    epsilons: NDArray[np.float32],
    *,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """`simplify_rings` for P polygons whose rings must stay simple, apart and nested as they are.

    points [V, 2] any finite coordinates, ring_splits [R + 1] into points, polygon_splits [P + 1] into rings: the
    exteriors and holes of one polygon's parts in any order; epsilons [R] in pixels, >= 0.
    No point of a ring, nor of its edges, lies farther than its epsilon from the result. Where all rings of a polygon
    are simple and meet each other in vertices of both at most, without passing through, that holds for the result as
    well: a ring keeps more points until it does. No ring turns the other way round, and each lies in those that it lay
    in; all exactly decided. In a polygon that is not like that, edges of the result meet only where both are edges of
    the input. Points equal to the one before them (so the last of a ring closed by repeating its first) are left out;
    a ring of 3 points or fewer stays as it is. Rings of different polygons may come to cross.
    A polygon whose checks take more than 2^20 + 1024 per point looks at edges is returned whole.
    Returns points [V', 2] and ring_splits [R + 1].
    """

def simplify_rings(
    points: NDArray[np.float32],
    ring_splits: NDArray[np.int64],
    epsilons: NDArray[np.float32],
    *,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Closed-ring Ramer-Douglas-Peucker: points [V, 2] finite, ring_splits [R + 1], epsilons [R] in pixels, >= 0.

    No point of a ring, nor of its edges, lies farther than its epsilon from the result, and at least 3 points stay;
    epsilon 0 (or below 1e-15 of the ring's size), and a ring of 3 points or fewer, returns the ring as it is. Each ring
    alone: it may come to cross itself or another.
    A chain is split where it is farthest from the line through its ends (ties: the lowest index), as in Douglas and
    Peucker 1973, and where that is near, at the point farthest from the segment, if that is not.
    Not recursive, and O(n log n) at worst: past 32 + 8 log2 n levels, chains are split at their middle, which keeps
    the guarantee and a few more points. Returns points [V', 2] in their order and splits [R + 1].
    """

def simplify_visvalingam(
    points: NDArray[np.float32],
    ring_splits: NDArray[np.int64],
    min_areas: NDArray[np.float32],
    *,
    max_points: NDArray[np.int32] | None = None,
    pool: ThreadPool | None = None,
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Takes points from closed rings by the area that goes with them, as Visvalingam and Whyatt 1993.

    points [V, 2] finite, ring_splits [R + 1], min_areas [R] in square pixels, >= 0; max_points [R] at least 3, or 0 for
    no limit; None sets no limits.
    A point's effective area is that of the triangle with the points left before and after it, but at least that of the
    point that went last. The point of the least effective area (ties: the lowest index) goes while that is below the
    ring's min_areas or more than its max_points are left; 3 points always stay. Areas are computed in float64, half of
    |(b.x - a.x) (c.y - a.y) - (b.y - a.y) (c.x - a.x)| for b between a and c.
    A ring of 3 points or fewer, and one of min_areas 0 without a limit (or within it), is returned as it is. If all
    points are equal or on one line, every area is 0 (but for rounding where differences of coordinates have more than
    26 bits) and the last 3 stay. Each ring alone: it may come to cross itself or another. O(n log n) at worst. Returns points [V', 2] in their order and splits [R + 1]; R 0 gives splits [0].
    """

@final
class Yuv420Image:
    """A video frame in the planes that its decoder left, for `prepare`; it keeps them alive and copies nothing.

    planes: uint8 Y [H, W], U and V [(H + 1) // 2, (W + 1) // 2] (I420), or Y and UV [(H + 1) // 2, (W + 1) // 2, 2]
    (NV12); rows may be strided, as a decoder's line sizes make them.
    """

    def __init__(
        self,
        planes: Sequence[NDArray[np.uint8]],
        *,
        matrix: Literal["bt601", "bt709", "bt2020"],
        full_range: bool,
        chroma_siting: Literal["left", "center", "top_left"],
    ) -> None:
        """`full_range` False: Y in 16 to 235, U and V in 16 to 240.

        chroma_siting: where a chroma sample lies among its four luma samples: beside the left two ("left": H.264 and
        H.265 unless they say otherwise), in their middle ("center": JPEG), on the first ("top_left": BT.2020).
        """

def prepare(
    images: Sequence[NDArray[np.uint8] | Yuv420Image],
    regions: NDArray[np.int32],
    out: NDArray[np.float32] | NDArray[np.float16] | NDArray[np.uint8],
    *,
    gain: NDArray[np.float32],
    bias: NDArray[np.float32],
    pad: NDArray[np.float32],
    reverse_channels: bool,
    round_to_uint8: bool,
    layout: Literal["nchw", "nhwc"] = "nchw",
    orientations: NDArray[np.int32] | None = None,
    pool: ThreadPool | None = None,
) -> None:
    """Resizes, pads and normalises images into `out`, in place, in one pass; every value is written.

    images: B of [H, W, 3], [H, W, 4] (the fourth channel is ignored), [H, W] or [H, W, 1] (all channels alike), whose
    rows may be strided, or Yuv420Image, which becomes RGB. out: [B, 3, OH, OW], as nhwc [B, OH, OW, 3]; slots of a
    bigger batch may be given as a view, as long as each is contiguous. regions [B, 4] (x, y, width, height): where the
    resized image lands in the output, inside it. Bilinear with half-pixel centres, no antialias, edges clamped:
    source = (target + 0.5) * (source size / region size) - 0.5, as PyTorch's interpolate(align_corners=False), to
    1e-4 of a pixel's step; scale 1 is exact.
    gain, bias, pad [3] per output channel: value = pixel * gain + bias in the region, pad (as it is) outside it; then
    float16 rounds to the nearest (ties to even, infinite beyond 65504), uint8 half up and is cut to [0, 255].
    reverse_channels: output channel c is image channel 2 - c. round_to_uint8: the resized pixel is rounded half up
    before gain and bias, as an 8-bit resize does.
    orientations [B]: EXIF's 1 to 8; the image is turned so before all else, regions being those of the turned image.
    A Yuv420Image's planes are resized each, the chroma at the position of its siting, then converted (ITU-R BT.601,
    BT.709, BT.2020) and cut to [0, 255]: no copy of the frame in RGB is made.
    Images, or bands of rows where they are few, are shared among the threads of `pool`.
    """
