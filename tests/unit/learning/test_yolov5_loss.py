"""The loss against hand-made answers and torchvision's CIoU."""

import pytest
import torch
from torchvision.ops import complete_box_iou_loss

from framecast_trainer.learning.losses.yolov5_loss import complete_iou, yolov5_loss

ANCHORS = torch.tensor([[[10.0, 10.0]], [[20.0, 20.0]], [[40.0, 40.0]]])
STRIDES = (8, 16, 32)
CLASSES = 2


def silent(side: int = 64, batch: int = 1) -> tuple[torch.Tensor, ...]:
    """Logits that deny every object."""
    outputs = tuple(torch.zeros(batch, 5 + CLASSES, side // s, side // s) for s in STRIDES)
    for level in outputs:
        level[:, 4] = -12.0
    return outputs


def test_ciou_equals_torchvisions():
    generator = torch.Generator().manual_seed(0)
    centres = torch.rand(200, 2, generator=generator) * 40
    others = centres + torch.randn(200, 2, generator=generator) * 6
    a = torch.cat((centres, torch.rand(200, 2, generator=generator) * 30 + 1), dim=1)
    b = torch.cat((others, torch.rand(200, 2, generator=generator) * 30 + 1), dim=1)

    def corners(boxes: torch.Tensor) -> torch.Tensor:
        return torch.cat((boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2), dim=1)

    expected = 1 - complete_box_iou_loss(corners(a), corners(b), reduction="none")
    torch.testing.assert_close(complete_iou(a, b), expected, rtol=1e-4, atol=1e-4)


def test_no_targets_cost_only_false_alarms():
    losses = yolov5_loss(silent(), torch.zeros(0, 6), ANCHORS, STRIDES)
    assert float(losses["box_loss"]) == 0
    assert float(losses["class_loss"]) == 0
    assert 0 < float(losses["object_loss"]) < 1e-4


@pytest.mark.parametrize(
    ("centre", "cells"),
    [
        ((12.4, 12.4), {(1, 1), (1, 2), (2, 1)}),  # row, column: right and lower half of the cell
        ((11.6, 12.4), {(1, 1), (1, 0), (2, 1)}),
        ((2.0, 2.0), {(0, 0)}),  # no neighbours beyond the border
        ((62.0, 62.0), {(7, 7)}),
        ((16.0, 16.0), {(2, 2), (2, 1), (1, 2)}),  # on a corner of cells; those beyond it could not reach the centre
    ],
)
def test_a_box_is_learnt_by_its_cell_and_the_two_nearest(centre: tuple[float, float], cells: set[tuple[int, int]]):
    outputs = silent()
    for level in outputs:
        level.requires_grad_()
    target = torch.tensor([[0.0, 1.0, *centre, 10.0, 10.0]])
    losses = yolov5_loss(outputs, target, ANCHORS, STRIDES)
    losses["box_loss"].backward()  # type: ignore[no-untyped-call]  # torch leaves it untyped
    assert outputs[0].grad is not None
    touched = outputs[0].grad[0, :4].abs().sum(dim=0).nonzero().tolist()
    assert {tuple(cell) for cell in touched} == cells


def test_anchors_of_another_size_do_not_learn():
    outputs = silent()
    for level in outputs:
        level.requires_grad_()
    target = torch.tensor([[0.0, 0.0, 30.0, 30.0, 8.0, 8.0]])  # 40 px is five times 8 px
    yolov5_loss(outputs, target, ANCHORS, STRIDES)["box_loss"].backward()  # type: ignore[no-untyped-call]  # as above
    moved = [level.grad is not None and bool(level.grad.abs().sum() > 0) for level in outputs]
    assert moved == [True, True, False]


def test_the_right_answer_costs_almost_nothing():
    outputs = silent()
    centre = torch.tensor([12.4, 12.4])
    for row, column in ((1, 1), (1, 2), (2, 1)):
        offset = (centre / 8 - torch.tensor([column, row]) + 0.5) / 2
        outputs[0][0, :2, row, column] = torch.logit(offset)
        outputs[0][0, 2:4, row, column] = 0.0  # (2 * sigmoid(0))^2 = 1 anchor
        outputs[0][0, 4, row, column] = 12.0
        outputs[0][0, 5:, row, column] = torch.tensor([-12.0, 12.0])
    target = torch.tensor([[0.0, 1.0, *centre.tolist(), 10.0, 10.0]])
    # The coarser levels match the box, too: judge the first level alone.
    losses = yolov5_loss(outputs[:1], target, ANCHORS[:1], STRIDES[:1])
    assert sum(float(term) for term in losses.values()) < 1e-3
