"""Metadata in SQLite or PostgreSQL."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import sqlalchemy as sa

from framecast_registry.sql_content import SqlAssets, SqlBlobs, SqlProjects, SqlRequests, SqlUploads
from framecast_registry.sql_datasets import SqlDatasets
from framecast_registry.sql_models import SqlModels
from framecast_registry.sql_predictions import SqlPredictions
from framecast_runtime.database import database_errors, migrate

_MIGRATIONS = Path(__file__).parent / "migrations"
VERSION_TABLE = "registry_alembic_version"


class SqlMetadataStore:
    """The tables are brought up to date when the store is opened."""

    def __init__(self, engine: sa.Engine) -> None:
        migrate(engine, _MIGRATIONS, version_table=VERSION_TABLE)
        self._engine = engine
        sqlite = engine.dialect.name == "sqlite"  # a SQLite transaction sees one state from its first read on
        isolation = {} if sqlite else {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        self._reader = engine.execution_options(read_only=True, **isolation)
        # SQLite has one writer: threads queue here, fairly and at once, instead of polling for its lock
        self._writing = threading.Lock() if sqlite else nullcontext()

    @contextmanager
    def transaction(self) -> Iterator["SqlTransaction"]:
        with database_errors(), self._writing, self._engine.begin() as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def snapshot(self) -> Iterator["SqlTransaction"]:
        with database_errors(), self._reader.connect() as connection:
            yield SqlTransaction(connection)

    def close(self) -> None:
        """Gives the connections back."""
        self._engine.dispose()


class SqlTransaction:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection
        self.projects = SqlProjects(connection)
        self.blobs = SqlBlobs(connection)
        self.uploads = SqlUploads(connection)
        self.assets = SqlAssets(connection)
        self.datasets = SqlDatasets(connection)
        self.models = SqlModels(connection)
        self.predictions = SqlPredictions(connection)
        self.requests = SqlRequests(connection)

    def lock(self, key: str) -> None:
        if self._connection.dialect.name == "postgresql":  # a SQLite transaction holds the only write lock already
            lock = sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(f"registry/{key}", 0))
            self._connection.execute(sa.select(lock))
