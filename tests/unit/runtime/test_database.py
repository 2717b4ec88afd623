"""SQLite as the services use it."""

import threading
from typing import Any

import pytest
import sqlalchemy as sa

from framecast_runtime.database import connect


@pytest.fixture
def engine(tmp_path):
    engine = connect(f"sqlite:///{tmp_path / 'new folder' / 'd.db'}")
    with engine.begin() as connection:
        connection.execute(sa.text("CREATE TABLE t (n INTEGER)"))
        connection.execute(sa.text("INSERT INTO t VALUES (0)"))
    return engine


def count(connection: Any) -> Any:
    return connection.execute(sa.text("SELECT n FROM t")).scalar_one()


def test_a_reader_waits_for_no_writer(engine):
    reader = engine.execution_options(read_only=True)
    with engine.begin() as writing:
        writing.execute(sa.text("UPDATE t SET n = 1"))
        with reader.connect() as reading:
            assert count(reading) == 0
    with reader.connect() as reading:
        assert count(reading) == 1


def test_sixteen_writers_lose_nothing(engine):
    def add() -> None:
        for _ in range(10):
            with engine.begin() as connection:
                connection.execute(sa.text("UPDATE t SET n = :n"), {"n": count(connection) + 1})

    threads = [threading.Thread(target=add) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        assert count(connection) == 160


def test_foreign_keys_are_on(engine):
    with engine.connect() as connection:
        assert connection.execute(sa.text("PRAGMA foreign_keys")).scalar_one() == 1
        assert connection.execute(sa.text("PRAGMA journal_mode")).scalar_one() == "wal"
