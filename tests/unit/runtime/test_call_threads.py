"""The threads that calls run in."""

import threading
from typing import Any

import pytest

from framecast_runtime.call_threads import CallThreads


def test_as_many_run_at_once_as_there_may_be_and_the_rest_in_order() -> None:
    threads = CallThreads(3)
    gate, started, done = threading.Event(), threading.Semaphore(0), []

    def work(number: int) -> None:
        started.release()
        assert gate.wait(30)
        done.append(number)

    for number in range(10):
        threads.submit(work, number)
    for _ in range(3):
        assert started.acquire(timeout=30)
    assert not started.acquire(timeout=0.1)
    assert (threads.running, threads.waiting) == (3, 7)
    gate.set()
    threads.shutdown()
    assert (threads.running, threads.waiting) == (0, 0)
    assert sorted(done) == list(range(10))
    with pytest.raises(RuntimeError):
        threads.submit(work, 11)


def test_a_thread_that_is_free_is_used_again() -> None:
    threads = CallThreads(8)
    used = set()

    def work(finished: threading.Event) -> None:
        used.add(threading.current_thread())
        finished.set()

    for _ in range(20):
        finished = threading.Event()
        threads.submit(work, finished)
        assert finished.wait(30)
        while not threads._idle:
            pass
    assert len(used) == 1


def test_each_callback_is_called_once_whenever_it_is_added() -> None:
    threads = CallThreads(4)
    called: list[Any] = []
    for _ in range(500):
        work = threads.submit(lambda: None)
        work.add_done_callback(called.append)
    threads.shutdown()
    assert len(called) == len(set(map(id, called))) == 500


def test_a_failure_is_logged_and_the_thread_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    threads = CallThreads(1)
    called: list[Any] = []
    threads.submit(lambda: 1 / 0).add_done_callback(called.append)
    threads.submit(lambda: None).add_done_callback(called.append)
    threads.shutdown()
    assert len(called) == 2
    assert "ZeroDivisionError" in caplog.text
