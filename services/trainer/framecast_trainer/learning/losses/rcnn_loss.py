"""The losses of Faster and Mask R-CNN over torchvision's modules, with masks kept in the frame of their boxes."""

from collections import OrderedDict

import torch
from torch import Tensor
from torch.nn import functional
from torchvision.models.detection import FasterRCNN
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.roi_heads import fastrcnn_loss

from framecast_trainer.learning.batches import Batch
from framecast_trainer.learning.masks import mask_targets
from framecast_trainer.learning.precision import mixed


def rcnn_loss(network: FasterRCNN, batch: Batch) -> dict[str, Tensor]:
    """Returns `objectness_loss`, `proposal_box_loss`, `class_loss`, `box_loss` and, with masks, `mask_loss`.

    Class 0 of the network is the background: the data's class i is its class i + 1.
    """
    heads = network.roi_heads
    size = (batch.images.shape[2], batch.images.shape[3])
    images = ImageList(batch.images, [size] * len(batch.images))
    targets = [
        {"boxes": boxes, "labels": classes + 1, "masks": boxes}
        for boxes, classes in zip(batch.boxes, batch.classes, strict=True)
    ]
    with mixed(batch.images.device):
        maps = network.backbone(batch.images)
    # RoIAlign wants features and boxes of one type.
    features = OrderedDict((name, level.float()) for name, level in maps.items())
    proposals, proposal_losses = network.rpn(images, features, targets)
    proposals, matched, labels, regression = heads.select_training_samples(proposals, targets)
    pooled = heads.box_roi_pool(features, proposals, images.image_sizes)
    logits, deltas = heads.box_predictor(heads.box_head(pooled))
    class_loss, box_loss = fastrcnn_loss(logits, deltas, labels, regression)
    losses = {
        "objectness_loss": proposal_losses["loss_objectness"],
        "proposal_box_loss": proposal_losses["loss_rpn_box_reg"],
        "class_loss": class_loss,
        "box_loss": box_loss,
    }
    if batch.masks is not None and heads.has_mask():
        chosen = [torch.where(label > 0)[0] for label in labels]
        rois = [boxes[keep] for boxes, keep in zip(proposals, chosen, strict=True)]
        instances = [indices[keep] for indices, keep in zip(matched, chosen, strict=True)]
        classes = torch.cat([label[keep] for label, keep in zip(labels, chosen, strict=True)])
        pooled = heads.mask_roi_pool(features, rois, images.image_sizes)
        masks = heads.mask_predictor(heads.mask_head(pooled))
        losses["mask_loss"] = _mask_loss(masks, classes, rois, instances, batch)
    return losses


def _mask_loss(masks: Tensor, classes: Tensor, rois: list[Tensor], instances: list[Tensor], batch: Batch) -> Tensor:
    """masks: logits [R, C+1, M, M] of all pictures' positive rois; instances: the one that each roi matched."""
    if masks.shape[0] == 0:
        return masks.sum() * 0
    assert batch.masks is not None
    shapes = torch.cat([m[index] for m, index in zip(batch.masks, instances, strict=True)])
    frames = torch.cat([b[index] for b, index in zip(batch.mask_boxes, instances, strict=True)])
    wanted = mask_targets(shapes, frames, torch.cat(rois), masks.shape[-1])
    rows = torch.arange(len(classes), device=masks.device)
    return functional.binary_cross_entropy_with_logits(masks[rows, classes], wanted.to(masks.dtype))
