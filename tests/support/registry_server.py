"""A real registry in this process: SQLite and a folder, on a free port."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framecast_registry.settings import RegistrySettings
from framecast_registry.wiring import build
from framecast_runtime.server import GrpcServer


@dataclass(frozen=True)
class RegistryHandle:
    """Where a running registry is."""

    address: str
    object_store_url: str
    settings: RegistrySettings


@contextmanager
def registry(folder: Path, **overrides: Any) -> Iterator[RegistryHandle]:
    """Serves from `folder` until the block ends; `overrides` are fields of RegistrySettings."""
    fields = {
        "listen_address": "127.0.0.1:0",
        "database_url": f"sqlite:///{folder / 'registry.db'}",
        "object_store_url": f"file://{folder / 'objects'}",
        **overrides,
    }
    settings = RegistrySettings(**fields)
    parts = build(settings)
    parts.start()
    try:
        with GrpcServer(settings.listen_address, parts.register) as server:
            yield RegistryHandle(f"127.0.0.1:{server.port}", settings.object_store_url, settings)
    finally:
        parts.stop()
