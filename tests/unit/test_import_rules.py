"""Who may import whom (docs/architecture.md), read from the sources with `ast`."""

import ast
from collections.abc import Callable, Iterator
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
    "framecast_inference": ("torch", "cv2"),
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
    return sorted(path for path in SOURCES[package].rglob("*.py") if "_pb2" not in path.name)


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


SERVICES = ("framecast_registry", "framecast_trainer", "framecast_inference")

# Files that fill in ports, and what else of their service each may import: its own parts, and the domain's.
ADAPTERS = {
    "framecast_registry": {
        "memory_metadata_store": (),
        "sql_metadata_store": ("sql_content", "sql_datasets", "sql_models", "sql_predictions"),
        "media_probe": ("image_probe", "video_probe"),
    },
    "framecast_trainer": {
        "memory_job_store": (),
        "sql_job_store": ("job_document",),
        "registry_client": ("dataset_facts", "library", "wire_values"),
        "local_launcher": ("launcher", "run_event", "run_folder", "run_spec"),
        "torch_cuda": (),
    },
    "framecast_inference": {
        "adapters.bundle_loader": (
            "batching",
            "engine_clock",
            "loaded_model",
            "model_meter",
            "own_thread",
            "process_memory",
            "warm_up",
        ),
        "adapters.grpc_registry": (),
        "adapters.memory_job_store": ("jobs",),
        "adapters.spool_folder": (),
        "adapters.sql_job_store": ("jobs",),
        "adapters.stored_blobs": (),
    },
}
INNERMOST = ("ports", "domain", "job")  # the trainer's domain is its job

DEPARTURES = {
    ("framecast_inference.convert_live", "framecast_inference.convert"): "the other half of it",
    ("framecast_registry.convert_predictions", "framecast_registry.convert"): "the other half of it",
    ("framecast_trainer.worker", "framecast_trainer.registry_client"): "a process of its own, which wires itself",
    ("framecast_registry.wiring", "framecast_registry.convert"): "gives the bundle's parser to a use case as a value",
}


def module_of(package: str, path: Path) -> str:
    return ".".join((package, *path.relative_to(SOURCES[package]).with_suffix("").parts))


def violations(package: str, outer: set[str], by: Callable[[str], bool]) -> list[str]:
    """Imports of modules in `outer` by files that `by` does not let; departures are excused."""
    return [
        f"{module} imports {name}"
        for path in python_files(package)
        if not by(module := module_of(package, path))
        for name in dict.fromkeys(imports(path))
        if name in outer and (module, name) not in DEPARTURES and module != name
    ]


def is_wiring(module: str) -> bool:
    return module.endswith((".wiring", ".__main__"))


def is_servicer(module: str) -> bool:
    return module.endswith("servicer")


@pytest.mark.parametrize("package", SERVICES)
def test_wiring_alone_names_servicers_and_adapters(package: str) -> None:
    servicers = {module_of(package, path) for path in python_files(package) if is_servicer(path.stem)}
    adapters = {f"{package}.{name}" for name in ADAPTERS[package]}
    assert servicers
    assert not violations(package, {*servicers, *adapters, f"{package}.wiring"}, is_wiring)


@pytest.mark.parametrize("package", SERVICES)
def test_servicers_alone_convert_and_know_grpc_contexts(package: str) -> None:
    assert not violations(package, {f"{package}.convert"}, is_servicer)
    faults = [
        module_of(package, path)
        for path in python_files(package)
        if "ServicerContext" in path.read_text() and not is_servicer(path.stem)
    ]
    assert not faults


@pytest.mark.parametrize(
    ("package", "adapter"), [(package, name) for package in SERVICES for name in ADAPTERS[package]]
)
def test_adapters_see_ports_domain_and_runtime(package: str, adapter: str) -> None:
    path = SOURCES[package] / (adapter.replace(".", "/") + ".py")
    allowed = tuple(f"{package}.{name}" for name in (*INNERMOST, *ADAPTERS[package][adapter]))
    ours = [name for name in imports(path) if within(name, (package,)) and name != f"{package}.adapters"]
    # `from x.sources import y` is seen as `x.sources` and as `x.sources.y`
    faults = [name for name in ours if not within(name, allowed) and not any(a.startswith(name + ".") for a in allowed)]
    assert not faults


def test_every_departure_is_real() -> None:
    for module, name in DEPARTURES:
        package, _, stem = module.partition(".")
        assert name in set(imports(SOURCES[package] / f"{stem}.py")), f"{module} no longer imports {name}"


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
