"""Which characters the fonts of this machine have."""

from __future__ import annotations

from functools import cache

#: What every font has, or nobody sees.
_COMMON = frozenset(range(0x80))


@cache
def _known() -> frozenset[int]:
    """Return the characters that some font of this machine has."""
    from matplotlib.font_manager import findSystemFonts
    from matplotlib.ft2font import FT2Font

    found = set(_COMMON)
    for path in sorted(findSystemFonts()):
        try:
            found.update(FT2Font(path).get_charmap())
        except RuntimeError:  # a font of a kind that FreeType does not read is not drawn with either
            continue
    return frozenset(found)


def lacking(text: str) -> str:
    """Return the characters of a text that no font of this machine has, each once, in order.

    Examples
    --------
    >>> lacking("Nikkei")
    ''
    """
    return "".join(sorted(one for one in set(text) if ord(one) not in _known() and one.isprintable()))
