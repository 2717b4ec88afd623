"""Detectron2's networks are taught by the losses of the other R-CNNs."""

from typing import Any

import torch

from framecast_trainer.learning import untrained
from framecast_trainer.learning.architectures import ARCHITECTURES, BuildRequest
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batches
from framecast_trainer.learning.prepared_set import PreparedSet
from tests.unit.learning.scenes import scene


def test_a_step_moves_what_is_not_frozen() -> None:
    torch.manual_seed(0)
    learner = ARCHITECTURES["mask_rcnn"].build(BuildRequest(class_count=3, image_size=96, backbone="R_50_C4"))
    network: Any = learner.network
    network.roi_heads.fg_bg_sampler.batch_size_per_image = 8  # its last stage runs on every region
    network.rpn._pre_nms_top_n["training"] = 50
    untrained._calibrate(network, learner.input)
    learner.start_from_pretrained()
    pictures = PreparedSet([scene(i, 96, 120) for i in range(2)], learner.input, with_masks=True)
    batch = next(Batches(pictures, learner.input, AugmentRule(), 2, seed=0).epoch(0))
    # Blue first, the mean taken off, in 0..255.
    first = pictures[0].image[2, 0, 0].item() - learner.input.mean[0]
    assert min(abs(batch.images[i, 0, 0, 0].item() - first) for i in range(2)) < 1e-3
    network.train()
    losses = learner.loss(batch)
    assert set(losses) == {"objectness_loss", "proposal_box_loss", "class_loss", "box_loss", "mask_loss"}
    total: Any = torch.stack(list(losses.values())).sum()
    total.backward()
    moved = {name for name, parameter in network.named_parameters() if parameter.grad is not None}
    assert {"rpn.head.conv.0.0.weight", "roi_heads.box_predictor.cls_score.weight"} <= moved
    assert "roi_heads.mask_predictor.conv5_mask.weight" in moved
    assert "roi_heads.box_head.res5.0.conv1.weight" in moved
    assert "backbone.body.layer3.0.conv1.weight" in moved
    assert "backbone.body.layer1.0.conv1.weight" not in moved
    assert all(torch.isfinite(p.grad).all() for p in network.parameters() if p.grad is not None)
