"""Turns a picture as its EXIF says, however broken the rest of that is."""

from PIL import Image

_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image) -> Image.Image:
    """A copy as predictions see it; as it is stored where the orientation cannot be read.

    Pillow's `exif_transpose` writes the EXIF anew and fails where a value of it is damaged.
    """
    image.load()
    try:
        orientation = image.getexif().get(_ORIENTATION)
    except Exception:  # Pillow's reader lets anything through
        orientation = None
    turn = _TURNS.get(orientation) if isinstance(orientation, int) else None
    return image.copy() if turn is None else image.transpose(turn)
