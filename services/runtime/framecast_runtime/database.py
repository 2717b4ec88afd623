"""SQL databases: SQLite by default, PostgreSQL by URL; schemas are brought up to date by Alembic at start."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import event

from framecast.errors import InvalidArgumentError, ResourceExhaustedError, UnavailableError

log = logging.getLogger(__name__)


def connect(url: str) -> sa.Engine:
    """Opens `sqlite:////folder/file.db` or `postgresql+psycopg://…`.

    SQLite runs in WAL mode with foreign keys on, so that readers never wait for the writer, and a transaction takes
    the write lock when it begins, so that none fails half-way for want of it. Transactions that only read say so by
    `engine.execution_options(read_only=True)` and take no lock.
    """
    if sa.make_url(url).get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True, pool_size=8, max_overflow=24)
    database = sa.make_url(url).database
    if database and database != ":memory:":
        Path(database).parent.mkdir(parents=True, exist_ok=True)
    engine = sa.create_engine(url, connect_args={"timeout": 30}, pool_size=8, max_overflow=24)

    @event.listens_for(engine, "connect")
    def _on_connect(connection: Any, _: Any) -> None:
        connection.isolation_level = None  # SQLAlchemy's own BEGIN below, not sqlite3's late one
        for pragma in ("journal_mode=WAL", "foreign_keys=ON", "busy_timeout=30000", "synchronous=NORMAL"):
            connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _on_begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql(
            "BEGIN" if connection.get_execution_options().get("read_only") else "BEGIN IMMEDIATE"
        )

    return engine


def migrate(engine: sa.Engine, migrations: Path, *, version_table: str) -> None:
    """Runs the Alembic migrations of a folder up to the newest.

    Several services may share one database; replicas that start together take turns.
    """
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations))
    with engine.begin() as connection:
        if engine.dialect.name == "postgresql":  # SQLite's BEGIN IMMEDIATE holds others off already
            connection.execute(sa.text("SELECT pg_advisory_xact_lock(hashtext(:key))"), {"key": version_table})
        config.attributes["connection"] = connection
        config.attributes["version_table"] = version_table
        command.upgrade(config, "head")


@contextmanager
def database_errors() -> Iterator[None]:
    """Turns what a driver raises into framecast's errors: a database that is away is UnavailableError."""
    try:
        yield
    except sa.exc.DataError as error:  # PostgreSQL holds no NUL in a text; every other value was checked before
        raise InvalidArgumentError(
            "a text of the request has a character that cannot be stored, such as NUL; remove it",
            reason="TEXT_INVALID",
        ) from error
    except (sa.exc.OperationalError, sa.exc.TimeoutError) as error:
        if "disk is full" in str(error.orig if isinstance(error, sa.exc.DBAPIError) else error):
            raise ResourceExhaustedError(
                "the disk of the database is full; make room on it", reason="DATABASE_FULL"
            ) from error
        log.exception("database_failed")
        raise UnavailableError("the database cannot be reached; try again", reason="DATABASE_UNAVAILABLE") from error
