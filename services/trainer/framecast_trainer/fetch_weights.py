"""Published weights on the machine that trains: `python -m framecast_trainer.fetch_weights [ID ...]`.

Without ids it lists the catalogue, and which files are there; with ids it brings their files to their places.
"""

import sys
from collections.abc import Sequence

from framecast.errors import FramecastError
from framecast_trainer.learning.weight_catalogue import PUBLISHED, nearest_ids
from framecast_trainer.learning.weight_download import fetch_published, place


def main(ids: Sequence[str]) -> int:
    """Returns 2 for an id that the catalogue does not have, 1 where a file could not be had."""
    unknown = [weights_id for weights_id in ids if weights_id not in PUBLISHED]
    if unknown:
        near = nearest_ids(unknown[0])
        hint = f"did you mean {' or '.join(near)}?" if near else "without ids, the catalogue is listed"
        print(f"there are no weights {unknown[0]!r}; {hint}", file=sys.stderr)
        return 2
    if not ids:
        for entry in PUBLISHED.values():
            path = place(entry.file_name)
            print(f"{entry.id:34} {entry.license:14} {'here' if path.is_file() else 'away':5} {path}")
            print(f"{'':34} {entry.url}")
            print(f"{'':34} {entry.trained_on}; {entry.input_rule}")
    for weights_id in ids:
        try:
            fetch_published(PUBLISHED[weights_id])
        except FramecastError as error:
            print(error.message, file=sys.stderr)
            return 1
        print(f"{weights_id}: {place(PUBLISHED[weights_id].file_name)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
