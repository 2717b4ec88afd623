"""One JSON object per log line on stderr; events are named, values are fields (`extra=`)."""

import json
import logging
import os
import sys
import threading
import time
from collections import deque
from typing import TextIO

_PLAIN = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
_quoted = json.encoder.encode_basestring_ascii
_DELAY_S = 0.05
_MAX_WAITING = 10_000


class JsonFormatter(logging.Formatter):
    """`{"time": …, "level": …, "logger": …, "event": …, <extra fields>}`."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._service = _quoted(service)
        self._encode = json.JSONEncoder(default=str).encode
        self._second: tuple[int, str] = (-1, "")

    def format(self, record: logging.LogRecord) -> str:
        # By hand: a service under load spends more on its log than on all else that it adds to gRPC.
        second = int(record.created)
        if self._second[0] != second:
            self._second = (second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)))
        line = [
            f'{{"time": "{self._second[1]}.{int(record.msecs):03d}Z", "level": "{record.levelname}", '
            f'"service": {self._service}, "logger": {_quoted(record.name)}, "event": {_quoted(record.getMessage())}'
        ]
        for key, value in record.__dict__.items():
            if key not in _PLAIN:
                line.append(f", {_quoted(key)}: {_quoted(value) if type(value) is str else self._encode(value)}")
        if record.exc_info:
            line.append(f', "exception": {_quoted(self.formatException(record.exc_info))}')
        line.append("}")
        return "".join(line)


class DeferredHandler(logging.Handler):
    """Writes from a thread of its own, some hundredths of a second later, many lines at once.

    Whoever logs only appends to a list: writing would hold every call up, and lines of other threads with it. Warnings
    and worse are written at once, and with them what was logged before. A process that is killed loses the last
    moment's lines below that.
    """

    def __init__(self, stream: TextIO, *, delay_s: float = _DELAY_S, max_waiting: int = _MAX_WAITING) -> None:
        """Beyond `max_waiting` lines callers write them themselves: a slow reader of the log slows them down."""
        super().__init__()
        self._stream = stream
        self._delay_s = delay_s
        self._max_waiting = max_waiting
        self._thread: threading.Thread | None = None
        self._start_anew()
        os.register_at_fork(after_in_child=self._start_anew)

    def handle(self, record: logging.LogRecord) -> bool:
        """Takes a record; unlike other handlers', without a lock."""
        self._records.append(record)
        if record.levelno >= logging.WARNING or len(self._records) > self._max_waiting:
            self.flush()
        elif not self._work.is_set():
            self._wake()
        return True

    def flush(self) -> None:
        """Writes all that is waiting. Called at the process's end, too."""
        with self._writing:
            lines = []
            while self._records:
                record = self._records.popleft()
                try:
                    lines.append(self.format(record) + "\n")
                except Exception:  # a field that cannot be written must not stop the service
                    self.handleError(record)
            try:
                if lines:
                    self._stream.write("".join(lines))
                    self._stream.flush()
            except (OSError, ValueError):  # nobody reads the log any more
                return

    def _wake(self) -> None:
        self._work.set()
        with self._starting:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="framecast-log", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        while True:
            self._work.wait()
            time.sleep(self._delay_s)
            self._work.clear()  # before the lines are taken, so that none is left lying
            self.flush()

    def _start_anew(self) -> None:
        # A forked process has no thread yet, and its parent writes what was waiting.
        self._records: deque[logging.LogRecord] = deque()
        self._writing = threading.Lock()
        self._starting = threading.Lock()
        self._work = threading.Event()
        self._thread = None


def configure_logging(service: str, level: str = "INFO") -> None:
    """Sends the root logger to stderr as JSON. Called by `__main__` alone."""
    # Lines name events, not places in the code: what nobody reads need not be found out for each of them.
    logging._srcfile = None  # "Optimization" in Python's logging HOWTO
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    handler = DeferredHandler(sys.stderr)
    handler.setFormatter(JsonFormatter(service))
    logging.basicConfig(level=level.upper(), handlers=[handler], force=True)
