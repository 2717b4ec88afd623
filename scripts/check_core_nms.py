"""Compares framecast_core.nms with a plain float32 reference on random cases: rows kept and their order.

    python scripts/check_core_nms.py --cases 10000

A case is made of its number alone, so a finding is repeated with --first NUMBER --cases 1.
"""

import argparse
import collections
import sys
import time
from pathlib import Path

import framecast_core

sys.path.insert(0, str(Path(__file__).parents[1]))
from tests.unit.core.nms_reference import by_framecast, random_case, reference


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    options = parser.parse_args()
    start = time.monotonic()
    boxes, kept, kinds, different = 0, 0, collections.Counter[str](), 0
    for number in range(options.first, options.first + options.cases):
        request = random_case(number)
        expected = reference(request)
        boxes += len(request.boxes)
        kept += len(expected)
        kinds[str(request.notes["kind"])] += 1
        if by_framecast(request) != expected:
            different += 1
            print(f"case {number} differs: {request.notes}, IoU > {request.iou}")
    print(
        f"{options.cases} cases, {boxes} boxes, {kept} kept, {different} differ; {framecast_core.isa()}; "
        f"{time.monotonic() - start:.0f} s; {dict(sorted(kinds.items()))}"
    )
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
