"""Every adapter of the registry's metadata port, each empty when it is opened."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import sqlalchemy as sa

from framecast_registry.memory_metadata_store import MemoryMetadataStore
from framecast_registry.ports import MetadataStore
from framecast_registry.sql_metadata_store import VERSION_TABLE, SqlMetadataStore
from framecast_registry.sql_tables import METADATA
from framecast_runtime.database import connect

POSTGRES_VARIABLE = "FRAMECAST_TEST_POSTGRES_URL"


@contextmanager
def memory_store(folder: Path) -> Iterator[MetadataStore]:
    """Nothing but dictionaries."""
    yield MemoryMetadataStore()


@contextmanager
def sqlite_store(folder: Path) -> Iterator[MetadataStore]:
    """A new file in `folder`."""
    store = SqlMetadataStore(connect(f"sqlite:///{folder / 'metadata.db'}"))
    yield store
    store.close()


@contextmanager
def postgres_store(folder: Path) -> Iterator[MetadataStore]:
    """The database at FRAMECAST_TEST_POSTGRES_URL, its registry tables dropped first; skips without one."""
    store = SqlMetadataStore(empty_postgres())
    yield store
    store.close()


def empty_postgres() -> sa.Engine:
    """Connected, with none of the registry's tables; skips the test where no server is named."""
    url = os.environ.get(POSTGRES_VARIABLE)
    if not url:
        pytest.skip(f"no PostgreSQL: set {POSTGRES_VARIABLE} to postgresql+psycopg://user@host:port/database")
    engine = connect(url)
    with engine.begin() as connection:
        METADATA.drop_all(connection)
        connection.execute(sa.text(f"DROP TABLE IF EXISTS {VERSION_TABLE}"))
    return engine


ALL = [
    pytest.param(memory_store, id="memory"),
    pytest.param(sqlite_store, id="sqlite"),
    pytest.param(postgres_store, id="postgres"),
]
