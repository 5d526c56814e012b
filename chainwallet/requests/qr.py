"""QR codes (ISO/IEC 18004) of links, as images."""

import io
from typing import Literal

import segno

Format = Literal["svg", "png"]

ERROR_CORRECTION = "m"  # ISO/IEC 18004: about 15 % of it may be unreadable
PIXELS = 8  # of one module, on each side
QUIET_MODULES = 4  # ISO/IEC 18004: as much is left free around it


def draw(text: str, kind: Format) -> bytes:
    """The image of ``text``, black on white; the same bytes for the same text."""
    code = segno.make_qr(text, error=ERROR_CORRECTION)
    image = io.BytesIO()
    if kind == "svg":
        code.save(image, kind="svg", scale=PIXELS, border=QUIET_MODULES, dark="#000", light="#fff")
    else:
        code.save(image, kind="png", scale=PIXELS, border=QUIET_MODULES, dark="#000", light="#fff")
    return image.getvalue()
