"""Files of weights in the formats of other software, each written here in small, and files that would run code."""

import io
import os
import pickle
import subprocess
import sys
import types
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from framecast.errors import DataLossError
from framecast_trainer.learning.architectures import ARCHITECTURES, BuildRequest
from framecast_trainer.learning.architectures.yolov5_network import YoloV5Network
from framecast_trainer.learning.weight_files import read_weights
from framecast_trainer.learning.weights import fit


def rows(count: int, *rest: int) -> np.ndarray:
    """Row i holds i."""
    return np.arange(count, dtype=np.float32).reshape(-1, *[1] * len(rest)) * np.ones((1, *rest), np.float32)


DETECTRON2 = {
    "pixel_mean": rows(3, 1, 1),
    "backbone.bottom_up.stem.conv1.weight": rows(2, 3, 7, 7),
    "backbone.bottom_up.stem.conv1.norm.running_var": rows(2),
    "backbone.bottom_up.res2.0.shortcut.weight": rows(2, 2, 1, 1),
    "backbone.bottom_up.res2.0.shortcut.norm.bias": rows(2),
    "backbone.bottom_up.res5.2.conv3.norm.weight": rows(2),
    "backbone.fpn_lateral2.weight": rows(2, 2, 1, 1),
    "backbone.fpn_output5.bias": rows(2),
    "proposal_generator.rpn_head.conv.weight": rows(2, 2, 3, 3),
    "proposal_generator.rpn_head.objectness_logits.bias": rows(3),
    "proposal_generator.rpn_head.anchor_deltas.bias": rows(12),
    "roi_heads.box_head.fc1.bias": rows(4),
    "roi_heads.box_predictor.cls_score.bias": rows(4),
    "roi_heads.box_predictor.bbox_pred.bias": rows(12),
    "roi_heads.mask_head.mask_fcn4.bias": rows(2),
    "roi_heads.mask_head.deconv.bias": rows(2),
    "roi_heads.mask_head.predictor.bias": rows(3) + 1,
}


@pytest.mark.parametrize("protocol", [2, 4, 5])
@pytest.mark.parametrize("form", ["zoo", "training"])
def test_detectron2s_names_and_classes_become_ours(protocol: int, form: str, tmp_path: Path):
    path = tmp_path / "model_final.pkl"
    if form == "zoo":
        path.write_bytes(pickle.dumps({"model": OrderedDict(DETECTRON2), "__author__": "zoo"}, protocol=protocol))
    else:
        tensors = {name: torch.from_numpy(value) for name, value in DETECTRON2.items()}
        torch.save({"model": tensors, "optimizer": {}, "iteration": 7}, path)
    state = read_weights(path).state
    assert set(state) == {
        "backbone.body.conv1.weight",
        "backbone.body.bn1.running_var",
        "backbone.body.layer1.0.downsample.0.weight",
        "backbone.body.layer1.0.downsample.1.bias",
        "backbone.body.layer4.2.bn3.weight",
        "backbone.fpn.inner_blocks.0.0.weight",
        "backbone.fpn.layer_blocks.3.0.bias",
        "rpn.head.conv.0.0.weight",
        "rpn.head.cls_logits.bias",
        "rpn.head.bbox_pred.bias",
        "roi_heads.box_head.fc6.bias",
        "roi_heads.box_predictor.cls_score.bias",
        "roi_heads.box_predictor.bbox_pred.bias",
        "roi_heads.mask_head.3.0.bias",
        "roi_heads.mask_predictor.conv5_mask.bias",
        "roi_heads.mask_predictor.mask_fcn_logits.bias",
    }
    # The background comes last there and first here; boxes and masks have none there.
    assert state["roi_heads.box_predictor.cls_score.bias"].tolist() == [3, 0, 1, 2]
    assert state["roi_heads.box_predictor.bbox_pred.bias"].tolist() == [0] * 4 + list(range(12))
    assert state["roi_heads.mask_predictor.mask_fcn_logits.bias"].tolist() == [0, 1, 2, 3]


def test_a_head_that_does_not_tell_classes_apart_is_refused(tmp_path: Path):
    path = tmp_path / "agnostic.pkl"
    path.write_bytes(pickle.dumps({"model": DETECTRON2 | {"roi_heads.box_predictor.bbox_pred.bias": rows(4)}}))
    with pytest.raises(DataLossError, match="4 rows for 3 classes"):
        read_weights(path)


@pytest.mark.parametrize("backbone", ["R_50_C4", "R_101_DC5", "X_101_32x8d_FPN"])
def test_c4_dc5_and_fpn_have_the_zoos_layers(backbone: str):
    with torch.device("meta"):
        request = BuildRequest(class_count=80, image_size=64, backbone=backbone)
        network = ARCHITECTURES["mask_rcnn"].build(request).network
    shapes = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    modules: dict[str, Any] = dict(network.named_modules())
    assert shapes["roi_heads.box_predictor.cls_score.weight"] == (81, 2048 if "C4" in backbone else 1024)
    second = modules["backbone.body.layer2.0.conv1"], modules["backbone.body.layer2.0.conv2"]
    assert [conv.stride[0] for conv in second] == ([1, 2] if backbone.startswith("X") else [2, 1])
    assert second[1].groups == (32 if backbone.startswith("X") else 1)
    if "C4" in backbone:
        assert shapes["rpn.head.conv.0.0.weight"] == (1024, 1024, 3, 3)
        assert "roi_heads.box_head.res5.2.conv3.weight" in shapes
        assert "backbone.body.layer4.0.conv1.weight" not in shapes
    elif "DC5" in backbone:
        assert shapes["rpn.head.cls_logits.weight"] == (15, 2048, 1, 1)
        blocks = [modules[f"backbone.body.layer4.{i}.conv2"] for i in range(3)]
        assert [(conv.dilation, conv.stride) for conv in blocks] == [((2, 2), (1, 1))] * 3
    else:
        assert shapes["rpn.head.cls_logits.weight"] == (3, 256, 1, 1)


def pickled_modules(network: nn.Module, path: Path, **attributes: object) -> None:
    """Saves the network as YOLOv5 does: modules of classes that whoever reads the file does not have."""
    package, yolo, common = (types.ModuleType(name) for name in ("models", "models.yolo", "models.common"))
    made: dict[type, type] = {}

    def foreign(module: nn.Module) -> nn.Module:
        kind = type(module)
        if kind.__module__.startswith("torch."):
            copy = nn.Module.__new__(kind)
        else:
            home = yolo if kind.__name__ in ("YoloV5Network", "Detect") else common
            made.setdefault(kind, type(kind.__name__, (nn.Module,), {"__module__": home.__name__}))
            setattr(home, kind.__name__, made[kind])
            copy = nn.Module.__new__(made[kind])
        copy.__dict__ = dict(vars(module))
        copy.__dict__["_modules"] = {name: foreign(child) for name, child in module.named_children()}
        return copy

    top = foreign(network)
    top.__dict__.update(attributes)
    content = {"epoch": -1, "model": top.half(), "ema": None, "optimizer": None, "date": "2026-11-20"}
    for name, module in (("models", package), ("models.yolo", yolo), ("models.common", common)):
        sys.modules[name] = module
    try:
        torch.save(content, path)
    finally:
        for name in ("models", "models.yolo", "models.common"):
            del sys.modules[name]


def test_yolov5s_pickled_modules_are_read_without_their_classes(tmp_path: Path):
    torch.manual_seed(0)
    source = YoloV5Network("n", class_count=2)
    expected = {name: tensor.clone() for name, tensor in source.state_dict().items()}
    path = tmp_path / "best.pt"
    pickled_modules(source, path, names={1: "dog", 0: "cat"}, stride=torch.tensor([8.0, 16.0, 32.0]))
    read = read_weights(path)
    assert read.class_names == ("cat", "dog")
    entry = ARCHITECTURES["yolov5n"]
    target = entry.build(BuildRequest(class_count=2, image_size=64))
    fit(target, entry, read.state, path.name, pytest.fail)
    for name, tensor in target.network.state_dict().items():
        torch.testing.assert_close(tensor, expected[name], rtol=1e-3, atol=1e-3)  # they are saved in half precision
    pickled_modules(YoloV5Network("n", class_count=2), path, stride=torch.tensor([8.0, 16.0, 32.0, 64.0]))
    with pytest.raises(DataLossError, match="strides"):
        read_weights(path)


def test_a_fastai_learner_is_read_with_its_head(tmp_path: Path):
    entry = ARCHITECTURES["fast_ai"]
    source = entry.build(BuildRequest(class_count=3, image_size=64))
    target = entry.build(BuildRequest(class_count=3, image_size=64))
    source.network.eval()
    with torch.no_grad():
        for name in ("1.4.bias", "1.8.bias"):
            source.network.get_parameter(name).zero_()  # fastai has none
    state = {k: v for k, v in source.network.state_dict().items() if k not in ("1.4.bias", "1.8.bias")}
    path = tmp_path / "stage-1.pth"
    torch.save({"model": state, "opt": {"state": [{}], "hypers": [{"lr": 1e-3}]}}, path)
    fit(target, entry, read_weights(path).state, path.name, pytest.fail)
    picture = torch.rand(2, 3, 64, 64)
    with torch.no_grad():
        logits, features = target.stages()[0].module.eval()(picture)
        pooled = source.network[0](picture)  # type: ignore[index]
        expected = source.network(picture)
    torch.testing.assert_close(logits, expected)
    assert features.shape == (2, 512)
    maxima = source.network[1][0](pooled)[:, :512, 0, 0]  # type: ignore[index]
    torch.testing.assert_close(maxima, pooled.amax(dim=(2, 3)))


def test_a_learner_starts_from_torchvisions_body(tmp_path: Path):
    entry = ARCHITECTURES["fast_ai"]
    source, target = (
        ARCHITECTURES[name].build(BuildRequest(class_count=3, image_size=64)) for name in ("resnet34", "fast_ai")
    )
    said: list[str] = []
    fit(target, entry, source.network.state_dict(), "resnet34", said.append)
    assert "have no last layers" in said[0]
    given = source.network.state_dict()["layer4.2.conv2.weight"]
    assert torch.equal(target.network.state_dict()["0.7.2.conv2.weight"], given)


class Reduced:
    """Pickles as a call."""

    def __init__(self, call: Callable[..., object], *arguments: object) -> None:
        self._made_by = (call, arguments)

    def __reduce__(self) -> Any:
        return self._made_by


def attacks(mark: Path) -> dict[str, object]:
    """What would leave a file behind if it were run."""
    touch = f"touch {mark}"
    return {
        "os.system": Reduced(os.system, touch),
        "eval": Reduced(eval, f"open({str(mark)!r}, 'w')"),
        "exec": Reduced(exec, f"open({str(mark)!r}, 'w')"),
        "getattr": Reduced(getattr, "text", "upper"),
        "subprocess": Reduced(subprocess.check_output, ["touch", str(mark)]),
        "open": Reduced(open, str(mark), "w"),
        "nested": {"model": {"weight": Reduced(os.system, touch)}},
        "load": Reduced(np.load, str(mark)),
        "fromfile": Reduced(np.fromfile, str(mark)),
        "object array": {"model": {"weight": np.array([Reduced(os.system, touch)], dtype=object)}},
        "ndarray": Reduced(np.ndarray, (1 << 40,)),
    }


@pytest.mark.parametrize("form", ["pkl", "pt", "old pt"])
@pytest.mark.parametrize("name", sorted(attacks(Path())))
def test_nothing_that_a_file_names_is_run(name: str, form: str, tmp_path: Path):
    mark, path = tmp_path / "was_run", tmp_path / f"weights.{form[-3:].strip()}"
    attack = attacks(mark)[name]
    if form == "pkl":
        path.write_bytes(pickle.dumps(attack))
    else:
        torch.save(attack, path, _use_new_zipfile_serialization=form == "pt")
    with pytest.raises(DataLossError) as refused:
        read_weights(path)
    assert refused.value.reason == "WEIGHTS_UNREADABLE"
    assert not mark.exists()


def test_a_shell_has_nothing_of_the_class_that_it_stands_for(tmp_path: Path):
    """Names that are let through are never looked up: here one whose module would leave a file behind."""
    home = tmp_path / "models"
    home.mkdir()
    (home / "__init__.py").write_text(f"open({str(tmp_path / 'was_imported')!r}, 'w')")
    stream = io.BytesIO()
    module = types.ModuleType("models.yolo")
    kind = type("Detect", (), {"__module__": "models.yolo"})
    module.Detect = kind  # type: ignore[attr-defined]
    sys.modules |= {"models": types.ModuleType("models"), "models.yolo": module}
    try:
        torch.save({"model": kind()}, stream)
    finally:
        del sys.modules["models"], sys.modules["models.yolo"]
    path = tmp_path / "weights.pt"
    path.write_bytes(stream.getvalue())
    sys.path.insert(0, str(tmp_path))
    try:
        assert read_weights(path).state == {}
    finally:
        sys.path.remove(str(tmp_path))
    assert not (tmp_path / "was_imported").exists()


@pytest.mark.parametrize("content", [b"", b"\x80", b"\x80\x04}.", pickle.dumps({"model": 3}), pickle.dumps([1, 2])])
def test_other_content_is_refused(content: bytes, tmp_path: Path):
    path = tmp_path / "weights.pkl"
    path.write_bytes(content)
    with pytest.raises(DataLossError, match=r"weights\.pkl"):
        read_weights(path)
