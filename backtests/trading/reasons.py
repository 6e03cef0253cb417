"""Why an order was not filled: numbers for compiled code, words for people."""

from __future__ import annotations

from backtests.trading.instruments import Instrument

(
    NONE,
    CALLED,
    FELL_BEFORE,
    KIND,
    SERIES,
    ODD_LOT,
    NO_OPEN,
    NO_CLOSE,
    OVERSIZED,
    SPLIT_AWAY,
    NO_VOLUME,
    LIMIT,
    NO_ROOM,
    NO_PRICE,
    BELOW_A_LOT,
) = range(15)

_WORDS = (
    "",
    "the position is closed on a margin call",
    "the order before it on the same row was rejected",
    "only orders at the market and at the close fill here",
    "a series cannot be traded",
    "not in whole lots of {lot}",
    "no print at the open",
    "no print at the close",
    "more than the {most} that one order may have",
    "a split left less than one lot of it",
    "no volume within volume_share",
    "the fill lies beyond the price limit",
    "margin or notional plus fee exceeds the equity",
    "no print yet to size it by",
    "the target is less than one lot",
)


def words(reason: int, i: Instrument | None = None) -> str:
    """Return a reason in words, about an order of an instrument."""
    return _WORDS[reason].format(lot=i.lot if i else 0, most=i.most if i else 0)
