"""Work that needs much memory once, in a thread that takes it along when it ends."""

import contextvars
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_own_thread(work: Callable[[], T], *, name: str) -> T:
    """What `work` returns, or raises, in a thread that is gone then.

    Kernels keep their working memory for each thread, and glibc an arena: of the threads that serve calls, each one
    that ever loaded a model would hold some megabytes for good.
    """
    outcome: Future[T] = Future()
    context = contextvars.copy_context()

    def run() -> None:
        try:
            outcome.set_result(context.run(work))
        except BaseException as error:
            outcome.set_exception(error)

    thread = threading.Thread(target=run, name=name)
    thread.start()
    thread.join()
    return outcome.result()
