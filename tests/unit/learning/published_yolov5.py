"""Reads a checkpoint in YOLOv5's own format without running anything it contains."""

from pathlib import Path
from typing import Any

import torch
from torch import Tensor


def _shell(module: str, name: str) -> type:
    return type(name, (), {"__module__": module})


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of the pickled module by dotted name, as float32; other classes than those known are refused."""
    names = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    shells: list[Any] = []
    for full in names:
        module, _, name = full.rpartition(".")
        if not module.startswith(("models.", "torch.nn.modules.")):
            raise ValueError(f"{path} refers to {full}")
        shells.append((_shell(module, name), full))
    with torch.serialization.safe_globals(shells):
        checkpoint = torch.load(path, map_location="cpu", weights_only=True)
    state: dict[str, Tensor] = {}
    _collect(checkpoint.get("ema") or checkpoint["model"], "", state)
    return state


def _collect(module: object, prefix: str, state: dict[str, Tensor]) -> None:
    for kind in ("_parameters", "_buffers"):
        for name, tensor in vars(module).get(kind, {}).items():
            if tensor is not None:
                state[prefix + name] = tensor.detach().float() if tensor.is_floating_point() else tensor
    for name, child in vars(module).get("_modules", {}).items():
        _collect(child, f"{prefix}{name}.", state)
