"""COCO's run-length masks: the compressed string form, read as plain run lengths."""

from collections.abc import Sequence

from framecast.errors import InvalidArgumentError


def decode_counts(text: str) -> list[int]:
    """Run lengths of a compressed mask: 5 bits and a continuation bit per character, from the third run on as the
    difference to the run before the previous one (pycocotools `rleFrString`).

    Raises InvalidArgumentError where the text is no such string.
    """
    counts: list[int] = []
    position = 0
    while position < len(text):
        value, shift, more = 0, 0, True
        while more:
            if position >= len(text):
                raise _malformed("it ends within a number")
            code = ord(text[position]) - 48
            if not 0 <= code < 64:
                raise _malformed(f"character {text[position]!r} does not belong there")
            value |= (code & 0x1F) << shift
            more = bool(code & 0x20)
            position += 1
            shift += 5
            if not more and code & 0x10:
                value -= 1 << shift
        if len(counts) > 2:
            value += counts[-2]
        counts.append(value)
    return counts


def check_counts(counts: Sequence[int], *, width: int, height: int) -> tuple[int, ...]:
    """The run lengths of a mask of `width` x `height`. Raises InvalidArgumentError where they do not cover it."""
    if any(not isinstance(count, int) or isinstance(count, bool) or count < 0 for count in counts):
        raise _malformed("a run length is not a whole number of at least 0")
    if sum(counts) != width * height:
        raise _malformed(f"its runs cover {sum(counts)} pixels, the picture has {width} x {height}")
    return tuple(counts)


def bounding_box(counts: Sequence[int], *, height: int) -> tuple[float, float, float, float] | None:
    """x_min, y_min, x_max, y_max (exclusive) of the ones of a column-major mask; None where there are none."""
    columns: list[int] = []
    top, bottom = height, 0
    position = 0
    for index, count in enumerate(counts):
        if index % 2 and count:
            first, last = position, position + count - 1
            columns += [first // height, last // height]
            if first // height != last // height:
                top, bottom = 0, height
            else:
                top, bottom = min(top, first % height), max(bottom, last % height + 1)
        position += count
    return (float(min(columns)), float(top), float(max(columns) + 1), float(bottom)) if columns else None


def _malformed(why: str) -> InvalidArgumentError:
    return InvalidArgumentError(f"the run-length mask is malformed: {why}", reason="RUN_LENGTH_INVALID")
