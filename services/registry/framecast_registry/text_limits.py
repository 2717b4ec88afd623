"""How long a text may be, so that a page of them fits into a message."""

from framecast.errors import InvalidArgumentError

NAME_BYTES = 1024
"""Display names, and the names of categories and their keypoints."""
FILE_NAME_BYTES = 4 * 1024
DESCRIPTION_BYTES = 64 * 1024


def check_text(text: str, limit_bytes: int, *, field: str) -> str:
    """The text. Raises InvalidArgumentError where it takes more than `limit_bytes` in UTF-8."""
    size = len(text.encode())
    if size > limit_bytes:
        raise InvalidArgumentError(
            f"{field} may have at most {limit_bytes} bytes in UTF-8, got {size}; shorten it",
            reason="TEXT_TOO_LONG",
            field=field,
            size_bytes=size,
            limit_bytes=limit_bytes,
        )
    return text
