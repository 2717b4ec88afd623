"""Published weights by id: whose network they are, where they come from, what they are under. Needs no torch.

The ids of Detectron2's model zoo and of YOLOv5 are their configurations' names; `1x` and `3x` are the zoo's schedules,
about 12 and 37 epochs of COCO. `fast_ai` is what a fastai learner starts from: a ResNet-34 that knows ImageNet.
"""

import difflib
from collections.abc import Mapping
from dataclasses import dataclass

from framecast.errors import InvalidArgumentError

COCO = "COCO train2017, 80 classes"


@dataclass(frozen=True, kw_only=True)
class PublishedWeights:
    """An entry of the catalogue."""

    id: str
    networks: tuple[tuple[str, str], ...]
    """Architecture and backbone of each network of the library that they fit."""
    url: str
    file_name: str
    """How it is called in the folder of downloads, where it is looked for first."""
    license: str
    """SPDX identifier."""
    trained_on: str
    input_rule: str
    """How pictures are prepared, in words; bundles hold the rule itself."""
    sha256: str = ""
    """How the published file's digest begins; empty where its publisher does not say."""


_ZOO = "https://dl.fbaipublicfiles.com/detectron2"
_ZOO_INPUT = "BGR, shortest side 800, longest 1333, mean 103.53 116.28 123.675"


def _zoo(weights_id: str, suffix: str) -> PublishedWeights:
    architecture, backbone, _ = _zoo_parts(weights_id)
    group = "COCO-InstanceSegmentation" if architecture == "mask_rcnn" else "COCO-Detection"
    return PublishedWeights(
        id=weights_id,
        networks=((architecture, backbone),),
        url=f"{_ZOO}/{group}/{weights_id}/{suffix}",
        file_name=f"{weights_id}.pkl",
        license="CC-BY-SA-3.0",
        trained_on=COCO,
        input_rule=_ZOO_INPUT + (", std 57.375 57.12 58.395" if backbone.startswith("X_") else ""),
    )


def _zoo_parts(weights_id: str) -> tuple[str, str, str]:
    """`faster_rcnn_R_50_C4_1x` → `faster_rcnn`, `R_50_C4`, `1x`."""
    network, _, schedule = weights_id.rpartition("_")
    kind, _, backbone = network.partition("_rcnn_")
    return f"{kind}_rcnn", backbone, schedule


def _yolov5(size: str) -> PublishedWeights:
    return PublishedWeights(
        id=f"yolov5{size}",
        networks=(("yolov5", size), (f"yolov5{size}", "")),
        url=f"https://github.com/ultralytics/yolov5/releases/download/v7.0/yolov5{size}.pt",
        file_name=f"yolov5{size}.pt",
        license="AGPL-3.0-only",
        trained_on=COCO,
        input_rule="RGB in 0..1, letterbox to 640 x 640, padded with 114",
    )


PUBLISHED: Mapping[str, PublishedWeights] = {
    entry.id: entry
    for entry in (
        PublishedWeights(
            id="fast_ai",
            networks=(("fast_ai", ""),),
            url="https://download.pytorch.org/models/resnet34-b627a593.pth",
            file_name="fast_ai.pth",
            license="BSD-3-Clause",
            trained_on="ImageNet-1K; the head starts from random values",
            input_rule="RGB, centre crop of the shorter side to 224 x 224, ImageNet mean and std",
            sha256="b627a593",
        ),
        _yolov5("x"),
        _yolov5("s"),
        _zoo("faster_rcnn_R_50_C4_1x", "137257644/model_final_721ade.pkl"),
        _zoo("faster_rcnn_R_50_DC5_1x", "137847829/model_final_51d356.pkl"),
        _zoo("faster_rcnn_R_50_FPN_1x", "137257794/model_final_b275ba.pkl"),
        _zoo("faster_rcnn_R_50_C4_3x", "137849393/model_final_f97cb7.pkl"),
        _zoo("faster_rcnn_R_50_DC5_3x", "137849425/model_final_68d202.pkl"),
        _zoo("faster_rcnn_R_50_FPN_3x", "137849458/model_final_280758.pkl"),
        _zoo("faster_rcnn_R_101_C4_3x", "138204752/model_final_298dad.pkl"),
        _zoo("faster_rcnn_R_101_DC5_3x", "138204841/model_final_3e0943.pkl"),
        _zoo("faster_rcnn_R_101_FPN_3x", "137851257/model_final_f6e8b1.pkl"),
        _zoo("faster_rcnn_X_101_32x8d_FPN_3x", "139173657/model_final_68b088.pkl"),
        _zoo("mask_rcnn_X_101_32x8d_FPN_3x", "139653917/model_final_2d9806.pkl"),
        _zoo("mask_rcnn_R_50_C4_1x", "137259246/model_final_9243eb.pkl"),
        _zoo("mask_rcnn_R_50_C4_3x", "137849525/model_final_4ce675.pkl"),
        _zoo("mask_rcnn_R_101_FPN_3x", "138205316/model_final_a3ec72.pkl"),
    )
}


def zoo_defaults(architecture: str) -> dict[str, str]:
    """Backbone → the zoo's weights for it, of the longest schedule that was published."""
    ids = sorted(weights_id for weights_id in PUBLISHED if weights_id.startswith(f"{architecture}_"))
    return {_zoo_parts(weights_id)[1]: weights_id for weights_id in ids}


def backbone_of(weights: str, architecture: str, backbone: str, *, field: str = "weights") -> str:
    """The backbone that a network gets for these weights: the given one, or, where it is open, the one they are for.

    Raises InvalidArgumentError (`WEIGHTS_MISMATCH`) for published weights of another network. Others say nothing.
    """
    published = PUBLISHED.get(weights)
    if published is None:
        return backbone
    fitting = [each for name, each in published.networks if name == architecture]
    if fitting and backbone in ("", fitting[0]):
        return fitting[0]
    wanted = " or ".join(f"{name} with backbone {each}" if each else name for name, each in published.networks)
    given = f"{architecture} with backbone {backbone}" if backbone else architecture
    raise InvalidArgumentError(
        f"weights {weights} are for {wanted}, not for {given}; {_advice(architecture, backbone)}",
        reason="WEIGHTS_MISMATCH",
        field=field,
        weights=weights,
    )


def ids_for(architecture: str, backbone: str) -> list[str]:
    """The published weights that fit a network; an empty backbone stands for all of them."""
    return [
        weights_id
        for weights_id, entry in PUBLISHED.items()
        if any(name == architecture and backbone in ("", each) for name, each in entry.networks)
    ]


def nearest_ids(name: str) -> list[str]:
    """Ids that may have been meant."""
    return difflib.get_close_matches(name, PUBLISHED, n=2, cutoff=0.7)


def _advice(architecture: str, backbone: str) -> str:
    ids = ids_for(architecture, backbone) or ids_for(architecture, "")
    return f"take {' or '.join(ids)}" if ids else "take `random` or a file"
