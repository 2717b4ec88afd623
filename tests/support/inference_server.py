"""A real inference service in this process, on a free port."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framecast_inference.settings import InferenceSettings
from framecast_inference.wiring import InferenceService, build


@dataclass(frozen=True)
class InferenceHandle:
    """Where a running inference service is."""

    address: str
    settings: InferenceSettings
    service: InferenceService


@contextmanager
def inference(
    folder: Path, *, registry_address: str, object_store_url: str, **overrides: Any
) -> Iterator[InferenceHandle]:
    """Serves until the block ends; `overrides` are fields of InferenceSettings."""
    fields = {
        "listen_address": "127.0.0.1:0",
        "registry_address": registry_address,
        "object_store_url": object_store_url,
        "spool_folder": str(folder / "spool"),
        "device": "cpu",
        **overrides,
    }
    settings = InferenceSettings(**fields)
    service = build(settings)
    service.jobs.start()
    try:
        with service.server:
            yield InferenceHandle(f"127.0.0.1:{service.server.port}", settings, service)
    finally:
        service.close()
