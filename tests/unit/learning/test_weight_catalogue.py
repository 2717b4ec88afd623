"""The catalogue of published weights: its ids, and that each is for networks that the library has."""

from pathlib import Path

import pytest
import torch

from framecast.errors import InvalidArgumentError
from framecast_trainer import fetch_weights
from framecast_trainer.learning import weight_download
from framecast_trainer.learning.architectures import ARCHITECTURES
from framecast_trainer.learning.config import TrainConfig, resolve_config
from framecast_trainer.learning.weight_catalogue import PUBLISHED, backbone_of, ids_for

IDS = """
    fast_ai yolov5x yolov5s
    faster_rcnn_R_50_C4_1x faster_rcnn_R_50_DC5_1x faster_rcnn_R_50_FPN_1x
    faster_rcnn_R_50_C4_3x faster_rcnn_R_50_DC5_3x faster_rcnn_R_50_FPN_3x
    faster_rcnn_R_101_C4_3x faster_rcnn_R_101_DC5_3x faster_rcnn_R_101_FPN_3x faster_rcnn_X_101_32x8d_FPN_3x
    mask_rcnn_X_101_32x8d_FPN_3x mask_rcnn_R_50_C4_1x mask_rcnn_R_50_C4_3x mask_rcnn_R_101_FPN_3x
"""


def test_the_ids_are_the_published_ones() -> None:
    assert sorted(PUBLISHED) == sorted(IDS.split())
    assert len({entry.url for entry in PUBLISHED.values()}) == len(PUBLISHED)
    assert len({entry.file_name for entry in PUBLISHED.values()}) == len(PUBLISHED)


@pytest.mark.parametrize("weights_id", sorted(PUBLISHED))
def test_each_is_for_networks_of_the_library(weights_id: str) -> None:
    for architecture, backbone in PUBLISHED[weights_id].networks:
        entry = ARCHITECTURES[architecture]
        assert backbone in (entry.backbones or ("",))
        assert backbone_of(weights_id, architecture, "") == backbone
        assert weights_id in ids_for(architecture, backbone)
        chosen = resolve_config(TrainConfig(architecture=architecture, weights=weights_id))
        assert chosen.backbone == backbone


def test_the_zoos_weights_are_the_default_of_its_networks() -> None:
    assert ARCHITECTURES["faster_rcnn"].pretrained["R_50_C4"] == "faster_rcnn_R_50_C4_3x"
    assert ARCHITECTURES["mask_rcnn"].pretrained["R_101_FPN"] == "mask_rcnn_R_101_FPN_3x"
    assert "R_50_DC5" not in ARCHITECTURES["mask_rcnn"].pretrained


def test_a_mismatch_names_what_fits() -> None:
    with pytest.raises(InvalidArgumentError, match="take faster_rcnn_R_50_C4_1x or faster_rcnn_R_50_C4_3x"):
        backbone_of("faster_rcnn_R_101_C4_3x", "faster_rcnn", "R_50_C4")
    with pytest.raises(InvalidArgumentError, match="take `random` or a file"):
        backbone_of("fast_ai", "resnet18", "")
    assert backbone_of("IMAGENET1K_V1", "resnet18", "") == ""


def test_the_command_lists_places_and_says_why_a_file_cannot_be_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(url: str, path: Path, expected: str) -> None:
        raise OSError("no network in this test")

    monkeypatch.setattr(weight_download, "_download", refuse)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    place = tmp_path / "checkpoints" / "faster_rcnn_R_50_C4_1x.pkl"
    assert fetch_weights.main([]) == 0
    listed = capsys.readouterr().out
    assert all(weights_id in listed for weights_id in PUBLISHED)
    assert f"away  {place}" in listed
    assert fetch_weights.main(["faster_rcnn_R_50_C4_1x"]) == 1
    assert f"put the file at {place}" in capsys.readouterr().err
    assert fetch_weights.main(["faster_rcnn_R50_C4_1x"]) == 2
    assert "did you mean faster_rcnn_R_50_C4_1x" in capsys.readouterr().err
