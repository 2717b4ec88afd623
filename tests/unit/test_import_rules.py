"""Who may import whom (docs/architecture.md), read from the sources with `ast`."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = (
    "framecast",
    "framecast_core",
    "framecast_runtime",
    "framecast_bundle",
    "framecast_registry",
    "framecast_trainer",
    "framecast_inference",
)

SOURCES = {
    "framecast": ROOT / "clients/python/src/framecast",
    "framecast_core": ROOT / "core",
    "framecast_runtime": ROOT / "services/runtime/framecast_runtime",
    "framecast_bundle": ROOT / "services/bundle/framecast_bundle",
    "framecast_registry": ROOT / "services/registry/framecast_registry",
    "framecast_trainer": ROOT / "services/trainer/framecast_trainer",
    "framecast_inference": ROOT / "services/inference/framecast_inference",
}

# Prefixes of module names that a package may import besides itself, the standard library and third parties.
ALLOWED = {
    "framecast": (),
    "framecast_core": (),
    "framecast_runtime": (
        "framecast.v1",
        "framecast.errors",
        "framecast.names",
        "framecast.status",
        "framecast.transport",
    ),
    "framecast_bundle": ("framecast.v1", "framecast.errors", "framecast_core"),
    "framecast_registry": ("framecast.", "framecast_runtime"),
    "framecast_trainer": ("framecast.", "framecast_runtime", "framecast_bundle", "framecast_core"),
    "framecast_inference": ("framecast.", "framecast_runtime", "framecast_bundle", "framecast_core"),
}

# Third parties that would make a package heavy, or drag a concern where it does not belong.
FORBIDDEN = {
    "framecast": ("torch", "onnxruntime", "sqlalchemy", "obstore", "cv2"),
    "framecast_core": ("torch", "grpc", "onnxruntime", "cv2", "PIL"),
    "framecast_runtime": ("torch", "onnxruntime", "av", "cv2"),
    "framecast_bundle": ("torch", "grpc", "sqlalchemy", "obstore", "av", "cv2"),
    "framecast_registry": ("torch", "onnxruntime", "cv2"),
    "framecast_trainer": ("cv2", "av"),
    "framecast_inference": ("torch", "sqlalchemy", "cv2"),
}

# Within a service, from the outermost file to the innermost: each may import only what stands after it.
LAYERS = ("__main__", "wiring", "servicer", "convert", "ports", "domain")


def imports(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def python_files(package: str) -> list[Path]:
    return sorted(path for path in SOURCES[package].rglob("*.py") if "/v1/" not in str(path))


def within(module: str, prefixes: tuple[str, ...]) -> bool:
    return any(module == prefix.rstrip(".") or module.startswith(prefix.rstrip(".") + ".") for prefix in prefixes)


@pytest.mark.parametrize("package", SOURCES)
def test_packages_import_only_what_they_may(package: str) -> None:
    faults = []
    for path in python_files(package):
        for module in imports(path):
            top = module.split(".")[0]
            # `from framecast import errors` names its target in the second of the two forms.
            halfway = any(prefix.startswith(module + ".") for prefix in ALLOWED[package])
            if top in OURS and top != package and not within(module, ALLOWED[package]) and not halfway:
                faults.append(f"{path.relative_to(ROOT)} imports {module}")
            if within(module, FORBIDDEN[package]):
                faults.append(f"{path.relative_to(ROOT)} imports {module}")
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("package", ["framecast_registry", "framecast_trainer", "framecast_inference"])
def test_files_of_a_service_import_only_inwards(package: str) -> None:
    faults = []
    for position, layer in enumerate(LAYERS):
        path = SOURCES[package] / f"{layer}.py"
        if not path.exists():
            continue
        outer = tuple(f"{package}.{name}" for name in LAYERS[:position])
        faults += [f"{path.relative_to(ROOT)} imports {name}" for name in imports(path) if within(name, outer)]
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("package", ["framecast_registry", "framecast_trainer", "framecast_inference"])
def test_only_wiring_names_the_servicers_and_only_servicers_know_grpc_contexts(package: str) -> None:
    faults = []
    for path in python_files(package):
        if path.stem in ("wiring", "__main__"):
            continue
        faults += [
            f"{path.relative_to(ROOT)} imports {module}"
            for module in imports(path)
            if within(module, (f"{package}.servicer", f"{package}.wiring"))
        ]
    assert not faults, "\n".join(faults)


def test_the_learning_library_knows_no_service() -> None:
    learning = SOURCES["framecast_trainer"] / "learning"
    outside = ("grpc", "sqlalchemy", "obstore", "framecast_runtime", "framecast.transport", "framecast.names")
    faults = [
        f"{path.relative_to(ROOT)} imports {module}"
        for path in sorted(learning.rglob("*.py"))
        for module in imports(path)
        if within(module, outside)
    ]
    assert not faults, "\n".join(faults)
