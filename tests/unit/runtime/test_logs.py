"""Log lines: one JSON object each, written behind the callers' backs, none lost."""

import enum
import io
import json
import logging
import os
import pathlib
import subprocess
import sys
import threading
import time
from typing import Any

import pytest

from framecast_runtime.logs import DeferredHandler, JsonFormatter


class Kind(enum.StrEnum):
    ONE = "one"


def logger_of(handler: logging.Handler) -> logging.Logger:
    logger = logging.Logger("test")
    handler.setFormatter(JsonFormatter("inference"))
    logger.addHandler(handler)
    return logger


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_line_has_the_event_and_its_fields() -> None:
    stream = io.StringIO()
    handler = DeferredHandler(stream)
    logger = logger_of(handler)
    logger.info("request %s", "one", extra={"code": "OK", "path": os.sep})
    try:
        raise ValueError("broken")
    except ValueError:
        logger.exception("call_failed")
    first, second = lines(stream.getvalue())  # an error is written at once, and what came before it
    assert (first["event"], first["code"], first["level"], first["service"]) == (
        "request one",
        "OK",
        "INFO",
        "inference",
    )
    assert abs(time.mktime(time.strptime(first["time"][:19], "%Y-%m-%dT%H:%M:%S")) - time.timezone - time.time()) < 3700
    assert "ValueError: broken" in second["exception"]


def test_whatever_a_field_holds_the_line_is_json() -> None:
    stream = io.StringIO()
    handler = DeferredHandler(stream)
    logger = logging.Logger('a "logger"')
    handler.setFormatter(JsonFormatter('the "inference" service'))
    logger.addHandler(handler)
    fields = {
        "text": '"quoted" \\ \n é ☃',
        "none": None,
        "yes": True,
        "number": 1.5,
        "list": ["a", {"b": 2}],
        'k"ey': "",
    }
    logger.warning('an "event"', extra={**fields, "path": pathlib.PurePosixPath("/a"), "kind": Kind.ONE})
    (line,) = lines(stream.getvalue())
    assert line == {
        "time": line["time"],
        "level": "WARNING",
        "service": 'the "inference" service',
        "logger": 'a "logger"',
        "event": 'an "event"',
        **fields,
        "path": "/a",
        "kind": "one",
    }


def test_lines_of_many_threads_come_by_themselves_in_order() -> None:
    stream = io.StringIO()
    logger = logger_of(DeferredHandler(stream, delay_s=0.01))

    def work(worker: int) -> None:
        for number in range(200):
            logger.info("request", extra={"worker": worker, "number": number})

    threads = [threading.Thread(target=work, args=(worker,)) for worker in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    until = time.monotonic() + 10
    while stream.getvalue().count("\n") < 1600 and time.monotonic() < until:
        time.sleep(0.01)
    found = lines(stream.getvalue())
    for worker in range(8):
        assert [line["number"] for line in found if line["worker"] == worker] == list(range(200))


def test_a_caller_that_is_too_far_ahead_writes_itself() -> None:
    stream = io.StringIO()
    logger = logger_of(DeferredHandler(stream, delay_s=60, max_waiting=10))
    for _ in range(11):
        logger.info("request")
    assert len(lines(stream.getvalue())) == 11


def test_a_line_that_cannot_be_written_does_not_stop_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    stream = io.StringIO()
    logger = logger_of(DeferredHandler(stream))
    logger.info("bad %d", "text")
    logger.warning("good")
    assert [line["event"] for line in lines(stream.getvalue())] == ["good"]
    assert "TypeError" in capsys.readouterr().err


def test_a_closed_stream_harms_nobody() -> None:
    stream = io.StringIO()
    logger = logger_of(DeferredHandler(stream))
    stream.close()
    logger.error("nobody reads this")


@pytest.mark.parametrize(
    "end", ["", "os.kill(os.getpid(), 15)", "raise SystemExit(3)", "pid = os.fork(); pid and os.wait()"]
)
def test_the_last_lines_are_written_however_a_process_ends_in_order(end: str) -> None:
    code = f"""
import logging, os, signal, sys
from framecast_runtime.logs import configure_logging
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
configure_logging("test")
for number in range(100):
    logging.info("line", extra={{"number": number}})
{end}
"""
    done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert [line["number"] for line in lines(done.stderr)] == list(range(100))
