"""The YOLOv5 loss, written from its published description.

A box is learnt by every anchor whose sides are within `ANCHOR_RATIO` of its own, in its cell and the two nearest
neighbours. Boxes by CIoU, objectness by cross entropy against the box's IoU, classes by cross entropy.
"""

import math

import torch
from torch import Tensor
from torch.nn import functional

ANCHOR_RATIO = 4.0
_LEVEL_WEIGHTS = (4.0, 1.0, 0.4)
"""Of objectness: fine levels have many cells and few objects."""
_BOX_GAIN, _OBJECT_GAIN, _CLASS_GAIN = 0.05, 1.0, 0.5


def yolov5_loss(
    outputs: tuple[Tensor, ...], targets: Tensor, anchors: Tensor, strides: tuple[int, ...]
) -> dict[str, Tensor]:
    """outputs: raw logits [B, A*(5+C), h, w] per level; targets: float32 [N, 6] of picture, class, box centre and size
    in pixels; anchors: float32 [levels, A, 2] in pixels. Returns `box_loss`, `object_loss`, `class_loss`.
    """
    box_loss = object_loss = class_loss = outputs[0].new_zeros(())
    anchor_count = anchors.shape[1]
    batch, side = outputs[0].shape[0], outputs[0].shape[-1] * strides[0]
    class_count = outputs[0].shape[1] // anchor_count - 5
    for level, (raw, stride) in enumerate(zip(outputs, strides, strict=True)):
        height, width = raw.shape[2:]
        maps = raw.view(batch, anchor_count, 5 + class_count, height, width)
        scaled = anchors[level] / stride
        picture, anchor, row, column, cls, box = _assign(targets, scaled, stride, height, width)
        objectness = torch.zeros_like(maps[:, :, 4])
        if len(picture):
            found = maps[picture, anchor, :, row, column]
            centre = found[:, :2].sigmoid() * 2 - 0.5
            size = (found[:, 2:4].sigmoid() * 2) ** 2 * scaled[anchor]
            iou = complete_iou(torch.cat((centre, size), dim=1), box)
            box_loss = box_loss + (1 - iou).mean()
            objectness[picture, anchor, row, column] = iou.detach().clamp(min=0).to(objectness.dtype)
            if class_count > 1:
                wanted = functional.one_hot(cls, class_count).to(found.dtype)
                class_loss = class_loss + functional.binary_cross_entropy_with_logits(found[:, 5:], wanted)
        object_loss = object_loss + _LEVEL_WEIGHTS[level] * functional.binary_cross_entropy_with_logits(
            maps[:, :, 4], objectness
        )
    return {
        "box_loss": _BOX_GAIN * box_loss,
        "object_loss": _OBJECT_GAIN * (side / 640) ** 2 * object_loss,
        "class_loss": _CLASS_GAIN * class_count / 80 * class_loss,
    }


def _assign(targets: Tensor, anchors: Tensor, stride: int, height: int, width: int) -> tuple[Tensor, ...]:
    """Which (picture, anchor, row, column) learns which class and which box (centre relative to the cell, cells)."""
    boxes = targets[:, 2:] / stride
    ratio = boxes[None, :, 2:] / anchors[:, None]  # [A, N, 2]
    anchor, index = (torch.maximum(ratio, 1 / ratio).amax(dim=2) < ANCHOR_RATIO).nonzero(as_tuple=True)
    centre = boxes[index, :2]
    edge = torch.tensor([width, height], device=boxes.device)
    inside = centre % 1
    left_or_up = (inside < 0.5) & (centre > 1)
    right_or_down = (inside > 0.5) & (edge - centre > 1)
    near = torch.cat((torch.ones_like(left_or_up[:, :1]), left_or_up, right_or_down), dim=1)  # [M, 5]
    match, step = near.nonzero(as_tuple=True)
    steps = torch.tensor([[0, 0], [-1, 0], [0, -1], [1, 0], [0, 1]], device=boxes.device)
    cell = centre[match].long() + steps[step]
    cell = torch.minimum(cell.clamp(min=0), (edge - 1).long())
    index, anchor = index[match], anchor[match]
    box = torch.cat((boxes[index, :2] - cell, boxes[index, 2:]), dim=1)
    return targets[index, 0].long(), anchor, cell[:, 1], cell[:, 0], targets[index, 1].long(), box


def complete_iou(a: Tensor, b: Tensor) -> Tensor:
    """CIoU (Zheng et al. 2020) of boxes given as centre and size, pairwise: [N, 4], [N, 4] → [N], at most 1."""
    a_low, a_high = a[:, :2] - a[:, 2:] / 2, a[:, :2] + a[:, 2:] / 2
    b_low, b_high = b[:, :2] - b[:, 2:] / 2, b[:, :2] + b[:, 2:] / 2
    overlap = (torch.minimum(a_high, b_high) - torch.maximum(a_low, b_low)).clamp(min=0).prod(dim=1)
    iou = overlap / (a[:, 2:].prod(dim=1) + b[:, 2:].prod(dim=1) - overlap + 1e-7)
    hull = torch.maximum(a_high, b_high) - torch.minimum(a_low, b_low)
    distance = ((a[:, :2] - b[:, :2]) ** 2).sum(dim=1) / ((hull**2).sum(dim=1) + 1e-7)
    angle = torch.atan(b[:, 2] / (b[:, 3] + 1e-7)) - torch.atan(a[:, 2] / (a[:, 3] + 1e-7))
    aspect = 4 / math.pi**2 * angle**2
    with torch.no_grad():
        share = aspect / (1 - iou + aspect + 1e-7)
    return iou - distance - share * aspect
