"""Pages as every `List` gives them."""

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from framecast.errors import InvalidArgumentError

T = TypeVar("T")

DEFAULT_PAGE_SIZE = 50
MAX_PAGE_SIZE = 1000


@dataclass(frozen=True)
class Page:
    """What a `List` asks for: `size` rows after the row whose sort key is `after` (None: from the start)."""

    size: int
    after: str | None

    def after_number(self) -> int | None:
        """`after`, of lists that are sorted by a number. Raises InvalidArgumentError for another list's token."""
        if self.after is None:
            return None
        if not self.after.isascii() or not self.after.isdigit() or len(self.after) > 18:
            raise _foreign_token()
        return int(self.after)


def read_page(page_size: int, page_token: str) -> Page:
    """Checks a request's paging fields: 0 → 50, above 1000 → 1000, negative → InvalidArgumentError."""
    if page_size < 0:
        raise InvalidArgumentError(
            f"page_size must not be negative, got {page_size}; 0 means {DEFAULT_PAGE_SIZE}",
            reason="PAGE_SIZE_INVALID",
            field="page_size",
            value=page_size,
        )
    return Page(size=min(page_size or DEFAULT_PAGE_SIZE, MAX_PAGE_SIZE), after=_decode(page_token))


def page_token(after: str) -> str:
    """The opaque token with which a list goes on after the row with this sort key."""
    return base64.urlsafe_b64encode(json.dumps([after]).encode()).decode()


def cut_page(rows: list[T], page: Page, key: Callable[[T], object]) -> tuple[list[T], str]:
    """The page out of `page.size + 1` rows, and the token of the next page; empty where no row is left over."""
    if len(rows) <= page.size:
        return rows, ""
    return rows[: page.size], page_token(str(key(rows[page.size - 1])))


def _decode(token: str) -> str | None:
    if not token:
        return None
    try:
        (after,) = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (ValueError, TypeError):  # not base64, not JSON or not one element
        raise _foreign_token() from None
    if not isinstance(after, str):
        raise _foreign_token()
    return after


def _foreign_token() -> InvalidArgumentError:
    return InvalidArgumentError(
        "page_token is not one that this list gave out; start again without it",
        reason="PAGE_TOKEN_INVALID",
        field="page_token",
    )
