"""The threads that calls run in."""

import logging
import threading
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import Any

log = logging.getLogger(__name__)


class _Work:
    """What gRPC gets for a call that it hands over; of a future it uses `add_done_callback` alone."""

    __slots__ = ("_arguments", "_callbacks", "_done", "_function")

    def __init__(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
        self._function = function
        self._arguments = arguments
        self._callbacks: deque[Callable[[Any], Any]] = deque()
        self._done = False

    def run(self) -> None:
        try:
            self._function(*self._arguments)
        except BaseException:  # gRPC catches what a handler raises; this is for what it does not
            log.exception("call_thread_failed")
        self._arguments = ()  # whoever still holds the work does not hold the request
        self._done = True
        self._call_back()

    def add_done_callback(self, callback: Callable[[Any], Any]) -> None:
        self._callbacks.append(callback)
        if self._done:
            self._call_back()

    def _call_back(self) -> None:
        # Two threads may be here; each callback is taken by one of them.
        while self._callbacks:
            try:
                callback = self._callbacks.popleft()
            except IndexError:
                return
            callback(self)


class CallThreads(ThreadPoolExecutor):
    """Up to `max_workers` threads, started as they are needed, for work that nobody waits for by a future.

    `ThreadPoolExecutor` spends several times as long on handing a call over, mostly on the future's lock and condition.
    This is one by name alone: gRPC takes nothing else for a method's own threads.
    """

    def __init__(self, max_workers: int, name: str = "grpc") -> None:
        self._max_workers = max_workers
        self._name = name
        self._work: SimpleQueue[_Work | None] = SimpleQueue()
        self._idle: deque[None] = deque()
        """One entry for each thread that waits for work, or is about to."""
        self._busy: set[int] = set()
        """The threads that work now."""
        self._started: list[threading.Thread] = []
        self._lock = threading.Lock()
        self._closed = False

    @property
    def running(self) -> int:
        """Calls that have a thread now."""
        return len(self._busy)

    @property
    def waiting(self) -> int:
        """Calls that wait for one."""
        return self._work.qsize()

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Any:
        """Runs `fn(*args)` as soon as a thread is free. What it returns is lost, what it raises is logged."""
        assert not kwargs, "gRPC gives none"
        if self._closed:
            raise RuntimeError("cannot run calls after shutdown")
        work = _Work(fn, args)
        try:
            self._idle.pop()
        except IndexError:
            self._start_thread()
        self._work.put(work)
        return work

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Lets threads end once the work that is there is done; the work of a stopped server has ended by itself."""
        with self._lock:
            self._closed = True
            threads = list(self._started)
        for _ in threads:
            self._work.put(None)
        if wait:
            for thread in threads:
                thread.join()

    def _start_thread(self) -> None:
        with self._lock:
            if len(self._started) < self._max_workers:
                name = f"{self._name}_{len(self._started)}"
                thread = threading.Thread(target=self._run, name=name, daemon=True)
                self._started.append(thread)
                thread.start()

    def _run(self) -> None:
        me = threading.get_ident()
        while True:
            work = self._work.get()
            if work is None:
                return
            self._busy.add(me)
            work.run()
            self._busy.discard(me)
            del work  # while this thread waits, the call's request may be freed
            if self._work.empty():
                self._idle.append(None)
