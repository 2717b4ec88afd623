"""Whatever augmentation does to pixels, it does to boxes and masks."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from PIL import Image, ImageDraw

from framecast_bundle.input_tensor import InputTensor
from framecast_bundle.placement import place
from framecast_trainer.learning import batches as batch_module
from framecast_trainer.learning import input_rule, prepared_set
from framecast_trainer.learning.augment import AugmentRule
from framecast_trainer.learning.batches import Batch, Batches
from framecast_trainer.learning.data import Annotation, Sample
from framecast_trainer.learning.masks import SIDE, mask_targets
from framecast_trainer.learning.prepared_set import PreparedSet, prepare
from tests.unit.learning.scenes import outline, sample_of

LETTERBOX = input_rule.letterbox_center(128)
WILD = AugmentRule(flip=0.5, scale=0.4, shift=0.2, mosaic=0.5, brightness=0.2, saturation=0.2, hue=0.02)


def triangle_sample(seed: int, width: int = 160, height: int = 100) -> Sample:
    """A white triangle, asymmetric in both directions, on black."""
    rng = np.random.default_rng(seed)
    pixels = np.zeros((height, width, 3), np.uint8)
    x, y, radius = rng.uniform(30, width - 30), rng.uniform(30, height - 30), rng.uniform(18, 28)
    ring = outline(2, x, y, radius)
    ring[1, 0] -= radius * 0.8  # lean to one side, so that a wrong mirror shows
    image = Image.fromarray(pixels)
    ImageDraw.Draw(image).polygon([tuple(p - 0.5) for p in ring], fill=(255, 255, 255))
    low, high = ring.min(axis=0), ring.max(axis=0)
    annotation = Annotation(1, box=(*low.tolist(), *high.tolist()), polygons=[[ring]])
    return sample_of(np.asarray(image), [annotation])


def batches(views: AugmentRule, rule: input_rule.Input = LETTERBOX, count: int = 8, seed: int = 3) -> Batches:
    samples = [triangle_sample(i) for i in range(count)]
    return Batches(PreparedSet(samples, rule, with_masks=True), rule, views, batch_size=4, seed=seed)


def covered(image: torch.Tensor, rule: input_rule.Input) -> torch.Tensor:
    mean, std = (torch.tensor(tuple(v))[:, None, None] for v in (rule.mean, rule.std))
    return (image * std + mean).mean(dim=0) > 0.6


@pytest.mark.parametrize("views", [AugmentRule(), AugmentRule(flip=1.0), WILD], ids=["plain", "mirrored", "wild"])
@pytest.mark.parametrize("make_rule", [input_rule.letterbox_center, lambda s: input_rule.letterbox_top_left(s, 16)])
def test_boxes_and_masks_lie_on_the_pixels(views: AugmentRule, make_rule: Callable[[int], input_rule.Input]):
    rule = make_rule(128)
    seen = 0
    for batch in batches(views, rule).epoch(0):
        assert batch.images.shape == (4, 3, 128, 128)
        for i in range(4):
            white = covered(batch.images[i], rule)
            union = torch.zeros(128, 128, dtype=torch.bool)
            assert batch.masks is not None
            for box, shape, frame in zip(batch.boxes[i], batch.masks[i], batch.mask_boxes[i], strict=True):
                x0, y0, x1, y1 = box.round().int().tolist()
                union[y0:y1, x0:x1] = True
                if min(x1 - x0, y1 - y0) < 12:  # of a sliver, rounding to pixels is the greater part
                    continue
                # What the mask says of the visible box, sampled at about pixel size.
                side = 64
                said = mask_targets(shape[None], frame[None], box[None], side)[0] > 0.5
                rows = (y0 + (torch.arange(side) + 0.5) * (y1 - y0) / side).long().clamp(max=127)
                columns = (x0 + (torch.arange(side) + 0.5) * (x1 - x0) / side).long().clamp(max=127)
                shown = white[rows][:, columns]
                assert float((said == shown).float().mean()) > 0.85  # mirrored wrongly: about 0.6
                seen += 1
            if views.mosaic == 0:  # a mosaic may leave slivers, whose boxes are dropped
                assert float((white & ~union).sum()) <= 0.15 * max(1.0, float(white.sum()))
    assert seen >= 6


def as_list(epoch: Batches, index: int) -> list[Batch]:
    return list(epoch.epoch(index))


def test_the_seed_decides_everything():
    first, again, other = as_list(batches(WILD), 2), as_list(batches(WILD), 2), as_list(batches(WILD, seed=4), 2)
    for a, b in zip(first, again, strict=True):
        assert torch.equal(a.images, b.images)
        assert all(torch.equal(x, y) for x, y in zip(a.boxes, b.boxes, strict=True))
    assert not torch.equal(first[0].images, other[0].images)


def test_no_two_purposes_share_random_numbers():
    order, views = batch_module.ORDER, batch_module.VIEWS
    keys = [(3, order, 0), (3, views, 0, 0), (3, views, 0, 1), (3, order, 1), (0, views, 3, 0), (3 + 2**32, order, 0)]
    first = [int(batch_module.stream(*key).integers(2**62)) for key in keys]
    assert len(set(first)) == len(keys)
    assert int(batch_module.stream(*keys[0]).integers(2**62)) == first[0]


def test_every_picture_is_seen_and_the_last_batch_is_full():
    samples = [sample_of(np.full((32, 32, 3), i, np.uint8)) for i in range(6)]
    rule = input_rule.letterbox_center(32)
    epoch = list(Batches(PreparedSet(samples, rule, with_masks=False), rule, AugmentRule(), 4, seed=0).epoch(0))
    values = [round(float(image.mean()) * 255) for batch in epoch for image in batch.images]
    assert len(values) == 8
    assert set(values) == set(range(6))


def test_no_annotations_give_boxes_of_shape_0_4():
    samples = [sample_of(np.zeros((40, 50, 3), np.uint8))]
    for views in (AugmentRule(), WILD):
        batch = next(Batches(PreparedSet(samples, LETTERBOX, with_masks=True), LETTERBOX, views, 2, seed=0).epoch(0))
        assert [tuple(boxes.shape) for boxes in batch.boxes] == [(0, 4), (0, 4)]
        assert batch.masks is not None
        assert batch.masks[0].shape == (0, SIDE, SIDE)


def test_crowds_and_boxes_without_area_are_not_learnt():
    annotations = [
        Annotation(0, box=(0, 0, 20, 20), crowd=True),
        Annotation(1, box=(5, 5, 5, 20)),
        Annotation(2, box=(-10, -10, 20, 20)),
    ]
    prepared = prepare(sample_of(np.zeros((128, 128, 3), np.uint8), annotations), LETTERBOX, with_masks=False)
    assert prepared.classes.tolist() == [2]
    assert prepared.boxes.tolist() == [[0, 0, 20, 20]]


def test_padding_is_what_inference_pads_with():
    sample = sample_of(np.full((64, 128, 3), 255, np.uint8))
    for rule, outside in ((LETTERBOX, 114 / 255), (input_rule.letterbox_top_left(128, 16), 0.0)):
        batch = next(Batches(PreparedSet([sample], rule, with_masks=False), rule, AugmentRule(), 1, seed=0).epoch(0))
        assert batch.images[0, :, -1, :].flatten().tolist() == pytest.approx([outside] * 3 * 128, abs=1e-6)


@pytest.mark.parametrize("size", [(160, 107), (90, 64), (640, 427), (40, 300)])
@pytest.mark.parametrize(
    "rule",
    [
        input_rule.letterbox_center(96),
        input_rule.letterbox_top_left(96, 16),
        input_rule.shortest_side(64, 107),
        input_rule.center_crop(64),
    ],
    ids=["center", "top_left", "shortest_side", "crop"],
)
def test_plain_views_are_what_inference_prepares(rule: input_rule.Input, size: tuple[int, int]):
    width, height = size
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    pictures = PreparedSet([sample_of(pixels)], rule, with_masks=False)
    batch = next(Batches(pictures, rule, AugmentRule(), 1, seed=0).epoch(0))
    served = InputTensor(rule).fill([pixels], [place(rule, width=width, height=height)])
    # Rules that do not round to whole levels differ by what the cache of uint8 costs.
    levels = 0.0 if rule.round_to_uint8 else 0.5
    distance = np.abs(batch.images.numpy() - served) * np.array(rule.std)[:, None, None] * 255
    assert float(distance.max()) <= levels + 1e-3


@pytest.mark.parametrize("size", [(1000, 333), (1000, 33), (33, 1000), (640, 427), (427, 640), (501, 500), (97, 31)])
@pytest.mark.parametrize(
    "rule",
    [
        input_rule.letterbox_center(640),
        input_rule.letterbox_center(96),
        input_rule.letterbox_top_left(320, 16),
        input_rule.letterbox_top_left(112, 16),
        input_rule.shortest_side(800, 1333),
        input_rule.shortest_side(64, 107),
    ],
    ids=lambda rule: f"{input_rule.Input.Resize.Name(rule.resize)}_{rule.height}".lower(),
)
def test_labels_return_to_the_picture_by_servings_way_back(rule: input_rule.Input, size: tuple[int, int]):
    width, height = size
    boxes = np.array([(0, 0, width, height), (width * 0.02, 0, width * 0.95, height * 0.98)], np.float32)
    annotations = [Annotation(0, box=(float(a), float(b), float(c), float(d))) for a, b, c, d in boxes]
    picture = sample_of(np.zeros((height, width, 3), np.uint8), annotations)
    pictures = PreparedSet([picture], rule, with_masks=False)
    batch = next(Batches(pictures, rule, AugmentRule(), 1, seed=0).epoch(0))
    returned = place(rule, width=width, height=height).to_source(batch.boxes[0].numpy())
    np.testing.assert_allclose(returned, boxes, rtol=0, atol=1e-3)


def test_of_a_long_strip_only_the_middle_is_kept():
    pixels = np.random.default_rng(0).integers(0, 256, (4, 3000, 3), dtype=np.uint8)
    rule = input_rule.center_crop(32)
    prepared = prepare(sample_of(pixels, [Annotation(1)]), rule, with_masks=False)
    assert prepared.image.shape[2] <= 12 * 32
    assert prepared.label == 1
    batch = next(Batches(PreparedSet([sample_of(pixels)], rule, with_masks=False), rule, AugmentRule(), 1, 0).epoch(0))
    served = InputTensor(rule).fill([pixels], [place(rule, width=3000, height=4)])
    assert float(np.abs(batch.images.numpy() - served).max()) < 0.01


def test_a_small_cache_changes_nothing_but_memory():
    samples = [triangle_sample(i) for i in range(6)]

    def images(cache_bytes: int) -> torch.Tensor:
        pictures = PreparedSet(samples, LETTERBOX, with_masks=True, cache_bytes=cache_bytes)
        return torch.cat([b.images for b in Batches(pictures, LETTERBOX, WILD, 3, seed=0).epoch(1)])

    assert torch.equal(images(0), images(10**9))


def test_an_open_cache_is_as_large_as_memory_allows(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(prepared_set, "cache_budget", lambda most: 0)
    pictures = PreparedSet([triangle_sample(0)], LETTERBOX, with_masks=True)
    assert pictures[0] is not pictures[0]
    monkeypatch.undo()
    pictures = PreparedSet([triangle_sample(0)], LETTERBOX, with_masks=True, cache_bytes=10**9)
    assert pictures[0] is pictures[0]
