"""How large a WebP is, before anything is allocated for it."""

import struct


def webp_size(data: bytes) -> tuple[int, int] | None:
    """Width and height out of the first chunk; None where it is none that has a size.

    By the WebP container specification, "Extended File Format", and RFC 6386 and RFC 9649 for the other two.
    """
    if len(data) < 30 or data[:4] != b"RIFF" or data[8:12] != b"WEBP":
        return None
    chunk = data[12:16]
    if chunk == b"VP8X":
        return int.from_bytes(data[24:27], "little") + 1, int.from_bytes(data[27:30], "little") + 1
    if chunk == b"VP8L":
        bits = int.from_bytes(data[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8 ":
        width, height = struct.unpack("<HH", data[26:30])
        return width & 0x3FFF, height & 0x3FFF
    return None
