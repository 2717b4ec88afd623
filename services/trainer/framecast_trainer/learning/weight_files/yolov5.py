"""YOLOv5's checkpoints: a pickled tree of modules, whose tensors have the names of our own network."""

from torch import Tensor

from framecast_trainer.learning.weight_files.torch_archive import Shell

_DEEPEST = 32
_STRIDES = (8, 16, 32)


def modules_of(content: object) -> Shell | None:
    """The averaged network where there is one, else the network; None where the file holds no pickled modules."""
    if not isinstance(content, dict):
        return content if isinstance(content, Shell) else None
    for key in ("ema", "model"):
        if isinstance(content.get(key), Shell):
            return content[key]  # type: ignore[no-any-return]  # just checked
    return None


def tensors_of(network: Shell) -> dict[str, Tensor]:
    """Tensors by dotted name, float32. Raises ValueError for a tree that is none, or of other strides."""
    state: dict[str, Tensor] = {}
    _collect(network, "", state, _DEEPEST)
    strides = next((s for s in _attributes(network, "stride") if isinstance(s, Tensor) and s.numel() > 1), None)
    if strides is not None and tuple(strides.tolist()) != _STRIDES:
        raise ValueError(f"it has the strides {strides.tolist()}, and only {list(_STRIDES)} is supported")
    # Older releases keep the anchors a second time, in pixels.
    return {name: tensor for name, tensor in state.items() if not name.endswith("anchor_grid")}


def class_names_of(network: Shell) -> tuple[str, ...]:
    """The names that it was trained for; empty where it has none."""
    names = vars(network).get("names")
    if isinstance(names, dict):
        names = [names[key] for key in sorted(names)]
    return tuple(map(str, names)) if isinstance(names, list) else ()


def _collect(module: object, prefix: str, state: dict[str, Tensor], depth: int) -> None:
    if not isinstance(module, Shell) or depth == 0:
        raise ValueError(f"{prefix.rstrip('.') or 'the model'} is no module")
    for kind in ("_parameters", "_buffers"):
        for name, tensor in dict(vars(module).get(kind, {})).items():
            if isinstance(tensor, Tensor):
                state[prefix + name] = tensor.detach().float() if tensor.is_floating_point() else tensor.detach()
    for name, child in dict(vars(module).get("_modules", {})).items():
        if child is not None:
            _collect(child, f"{prefix}{name}.", state, depth - 1)


def _attributes(module: Shell, name: str) -> list[object]:
    found = [vars(module)[name]] if name in vars(module) else []
    for child in dict(vars(module).get("_modules", {})).values():
        if isinstance(child, Shell):
            found += _attributes(child, name)
    return found
