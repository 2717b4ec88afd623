"""What somebody may have meant."""

import difflib
from collections.abc import Sequence


def nearest_names(name: str, known: Sequence[str], count: int = 3) -> list[str]:
    """Up to `count` known names that look most like `name`, whatever the case; never empty unless `known` is."""
    by_folded = {other.casefold(): other for other in known}
    close = difflib.get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.0)
    return [by_folded[other] for other in close]
