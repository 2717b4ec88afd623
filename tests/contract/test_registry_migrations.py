"""The migrations build exactly the tables that the adapter uses."""

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from framecast_registry.sql_metadata_store import VERSION_TABLE, SqlMetadataStore
from framecast_registry.sql_tables import METADATA
from framecast_runtime.database import connect
from tests.support.metadata_stores import empty_postgres


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request, tmp_path):
    return connect(f"sqlite:///{tmp_path / 'r.db'}") if request.param == "sqlite" else empty_postgres()


def test_migrated_schema_equals_the_tables(engine):
    SqlMetadataStore(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "version_table": VERSION_TABLE,
                "compare_type": True,
                "include_name": lambda name, kind, _: kind != "table" or name in METADATA.tables,
            },
        )
        assert compare_metadata(context, METADATA) == []


def test_opening_twice_changes_nothing(engine):
    SqlMetadataStore(engine)
    SqlMetadataStore(engine)
