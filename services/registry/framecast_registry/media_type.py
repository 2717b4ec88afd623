"""What a file is, by its first bytes and never by its name."""

HEADER_BYTES = 64

_IMAGES = ((b"\xff\xd8\xff", "image/jpeg"), (b"\x89PNG\r\n\x1a\n", "image/png"))
_TIFF_STARTS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")
_BMP_HEADER_LENGTHS = {12, 40, 52, 56, 64, 108, 124}
_STILL_BRANDS = {b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1", b"crx "}
_OLD_QUICKTIME_BOXES = {b"moov", b"mdat", b"wide", b"free", b"skip", b"pnot"}

SUPPORTED = "JPEG, PNG, WebP, BMP, GIF and TIFF pictures, MP4, MOV, WebM, MKV and AVI videos"


def sniff(header: bytes) -> str | None:
    """The media type of a file that starts with these bytes (64 suffice); None for what is not supported."""
    for start, media_type in _IMAGES:
        if header.startswith(start):
            return media_type
    if header[:6] in (b"GIF87a", b"GIF89a"):
        return "image/gif"
    if header[:4] in _TIFF_STARTS:
        return "image/tiff"
    if header[:2] == b"BM" and int.from_bytes(header[14:18], "little") in _BMP_HEADER_LENGTHS:
        return "image/bmp"
    if header[:4] == b"RIFF":
        return {b"WEBP": "image/webp", b"AVI ": "video/x-msvideo"}.get(header[8:12])
    if header[:4] == b"\x1aE\xdf\xa3":
        return "video/webm" if b"webm" in header else "video/x-matroska"
    return _iso_media(header)


def _iso_media(header: bytes) -> str | None:
    box, brand = header[4:8], header[8:12]
    if box == b"ftyp":
        if brand in _STILL_BRANDS:
            return None
        return "video/quicktime" if brand == b"qt  " else "video/mp4"
    return "video/quicktime" if box in _OLD_QUICKTIME_BOXES else None
