"""Detectron2's names and order of classes → torchvision's, in which our networks are kept."""

import re

import torch
from torch import Tensor

_MARK = "proposal_generator.rpn_head."
_DROPPED = re.compile(r"^pixel_(mean|std)$|anchor_generator\.|num_batches_tracked$|\.stem\.fc\.")
_RENAMED: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), name)
    for pattern, name in (
        (r"^backbone\.bottom_up\.", "backbone."),
        (r"^backbone\.stem\.conv1\.norm\.", "backbone.body.bn1."),
        (r"^backbone\.stem\.conv1\.", "backbone.body.conv1."),
        (r"^roi_heads\.res5\.", "roi_heads.box_head.res5."),
        (r"\.shortcut\.norm\.", ".downsample.1."),
        (r"\.shortcut\.", ".downsample.0."),
        (r"\.conv(\d)\.norm\.", r".bn\1."),
        (r"^proposal_generator\.rpn_head\.conv\.", "rpn.head.conv.0.0."),
        (r"^proposal_generator\.rpn_head\.objectness_logits\.", "rpn.head.cls_logits."),
        (r"^proposal_generator\.rpn_head\.anchor_deltas\.", "rpn.head.bbox_pred."),
        (r"^roi_heads\.box_head\.fc1\.", "roi_heads.box_head.fc6."),
        (r"^roi_heads\.box_head\.fc2\.", "roi_heads.box_head.fc7."),
        (r"^roi_heads\.mask_head\.deconv\.", "roi_heads.mask_predictor.conv5_mask."),
        (r"^roi_heads\.mask_head\.predictor\.", "roi_heads.mask_predictor.mask_fcn_logits."),
    )
)
_STAGE = re.compile(r"^backbone\.res(\d)\.")
_PYRAMID = re.compile(r"^backbone\.fpn_(lateral|output)(\d)\.")
_MASK_LAYER = re.compile(r"^roi_heads\.mask_head\.mask_fcn(\d)\.")
_CLASS_ROWS = "roi_heads.box_predictor.cls_score."
_BOX_ROWS = "roi_heads.box_predictor.bbox_pred."
_MASK_ROWS = "roi_heads.mask_predictor.mask_fcn_logits."


def is_detectron2(state: dict[str, Tensor]) -> bool:
    """Whether the names are those of a two-stage detector of Detectron2."""
    return any(name.startswith(_MARK) for name in state)


def translate(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """The same weights under torchvision's names, the background first.

    Boxes and masks have no row for the background there; here it is zero and never read. Raises ValueError for heads
    whose boxes or masks do not go by class.
    """
    renamed = {_rename(name): tensor for name, tensor in state.items() if not _DROPPED.search(name)}
    classes = next((len(tensor) - 1 for name, tensor in renamed.items() if name.startswith(_CLASS_ROWS)), None)
    for name, tensor in renamed.items():
        if name.startswith(_CLASS_ROWS):
            renamed[name] = torch.cat((tensor[-1:], tensor[:-1]))
        elif name.startswith(_BOX_ROWS):
            renamed[name] = _with_background(name, tensor, 4, classes)
        elif name.startswith(_MASK_ROWS):
            renamed[name] = _with_background(name, tensor, 1, classes)
    return renamed


def _rename(name: str) -> str:
    for pattern, replacement in _RENAMED:
        name = pattern.sub(replacement, name)
    name = _STAGE.sub(lambda found: f"backbone.body.layer{int(found[1]) - 1}.", name)
    name = _MASK_LAYER.sub(lambda found: f"roi_heads.mask_head.{int(found[1]) - 1}.0.", name)
    kinds = {"lateral": "inner_blocks", "output": "layer_blocks"}
    return _PYRAMID.sub(lambda found: f"backbone.fpn.{kinds[found[1]]}.{int(found[2]) - 2}.0.", name)


def _with_background(name: str, tensor: Tensor, rows: int, classes: int | None) -> Tensor:
    if classes is not None and len(tensor) != rows * classes:
        raise ValueError(
            f"{name} has {len(tensor)} rows for {classes} classes, not {rows} for each; heads that do not tell classes "
            "apart are not supported"
        )
    return torch.cat((torch.zeros_like(tensor[:rows]), tensor))
