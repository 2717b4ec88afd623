"""A real registry in this process, on a free port: SQLite and a folder, or PostgreSQL and S3."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from framecast_registry.settings import RegistrySettings
from framecast_registry.wiring import build
from framecast_runtime.server import GrpcServer
from tests.support.metadata_stores import POSTGRES_VARIABLE, empty_postgres


@dataclass(frozen=True)
class RegistryHandle:
    """Where a running registry is."""

    address: str
    object_store_url: str
    settings: RegistrySettings


@contextmanager
def registry(folder: Path, **overrides: Any) -> Iterator[RegistryHandle]:
    """Serves from `folder` until the block ends; `overrides` are fields of RegistrySettings.

    With FRAMECAST_TEST_SERVERS=1 it serves from the PostgreSQL and S3 servers that the contract tests name, instead:
    an emptied database and a prefix of its own.
    """
    fields = {
        "listen_address": "127.0.0.1:0",
        "database_url": f"sqlite:///{folder / 'registry.db'}",
        "object_store_url": f"file://{folder / 'objects'}",
        **(_servers() if os.environ.get("FRAMECAST_TEST_SERVERS") == "1" else {}),
        **overrides,
    }
    settings = RegistrySettings(**fields)
    parts = build(settings)
    parts.start()
    try:
        with GrpcServer(settings.listen_address, parts.register, max_workers=parts.max_workers) as server:
            yield RegistryHandle(f"127.0.0.1:{server.port}", settings.object_store_url, settings)
    finally:
        parts.stop()


def _servers() -> dict[str, str]:
    empty_postgres().dispose()
    bucket = os.environ["FRAMECAST_TEST_S3_URL"].rstrip("/")
    return {
        "database_url": os.environ[POSTGRES_VARIABLE],
        "object_store_url": f"{bucket}/{uuid.uuid4().hex}",
    }
