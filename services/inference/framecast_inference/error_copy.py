"""One failure that several callers are told of."""

from framecast.errors import FramecastError, InvalidArgumentError


def copy_of(error: BaseException) -> BaseException:
    """To be raised in place of `error`: raised in several threads, one exception would gather all their tracebacks."""
    if not isinstance(error, FramecastError):
        return error
    again = type(error)(error.message, reason=error.reason)
    again.metadata = dict(error.metadata)
    if isinstance(again, InvalidArgumentError) and isinstance(error, InvalidArgumentError):
        again.field = error.field
    return again
