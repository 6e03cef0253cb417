"""The grid of strategy A in vectorbt, as a user who knows it would write it; run by the Python of .venv-peers.

``python vectorbt_sweep.py INPUTS FIGURES [--trials N] [--jobs J] [--serve]``: sweeps the first N trials, writes the
figures of each to FIGURES and leaves. With ``--serve`` it stays, and sweeps again for every line it reads, answering
with a line of JSON (`seconds`), so that ours and the peer can be timed in turn, both warm.

INPUTS is an ``.npz`` of float64: `open`, `close` (the fund, yen), `trend`, `vi` (known at the decision; NaN: unknown),
one row per session, and the axes `sma`, `low`, `high`, `weights` (calm, normal, stressed), `cash`, `fee`. Trials are
numbered with the last axis fastest.

What makes it fast: the compiled engine (``vectorbt[rust]``; "rust" instead of "auto" fails rather than falls back),
signals in numpy once per length and per pair of bounds, an order only where the target changes, records of the needed
length, no wrapping in frames with dates, the value computed once for three figures, and no benchmark, which
``Portfolio.sharpe_ratio`` computes though nobody asks. A chunk's arrays are freed before the next (a portfolio
refers to itself), or memory grows to gigabytes.
"""

from __future__ import annotations

import argparse
import gc
import json
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from itertools import product
from multiprocessing import get_context
from typing import Any

import numpy as np

#: Columns of one portfolio.
CHUNK = 100

#: Decisions and inputs, found here by forked workers.
_SHARED: dict[str, Any] = {}


def share(inputs: dict[str, np.ndarray]) -> None:
    """Compute what many trials have in common: the trend of each length, the weight of each pair of bounds."""
    calm, normal, stressed = inputs["weights"]
    trend, vi = inputs["trend"], inputs["vi"]
    pairs = list(product(inputs["low"], inputs["high"]))
    bands = [np.where(vi < low, calm, np.where(vi < high, normal, stressed)) for low, high in pairs]
    _SHARED.update(inputs)
    _SHARED["up"] = np.column_stack([above_average(trend, int(length)) for length in inputs["sma"]])
    _SHARED["band"] = np.where(np.isnan(vi)[:, None], 0.0, np.column_stack(bands))


def above_average(values: np.ndarray, window: int) -> np.ndarray:
    """Return where a value stands above the mean of the last `window`, its own included; False before that."""
    above = np.zeros(len(values), dtype=bool)
    means = np.lib.stride_tricks.sliding_window_view(values, window).mean(axis=1)
    above[window - 1 :] = values[window - 1 :] > means
    return above


def orders(start: int, stop: int) -> tuple[np.ndarray, int]:
    """Return the sizes asked for at each open (NaN: no order), shape (sessions, trials), and how many there are."""
    band, up = _SHARED["band"], _SHARED["up"]
    length, pair = np.divmod(np.arange(start, stop), band.shape[1])
    # Decided at a close, filled at the next open: everything stands one row further down.
    targets = np.zeros((len(band), stop - start))
    np.multiply(band[:-1, pair], up[:-1, length], out=targets[1:])
    changes = targets[1:] != targets[:-1]
    sizes = np.full(targets.shape, np.nan)
    np.copyto(sizes[1:], targets[1:], where=changes)
    return sizes, int(changes.sum())


def sweep_chunk(start: int, count: int) -> dict[str, np.ndarray]:
    """Return the figures of the trials from `start` up to, at most, `count`."""
    import vectorbt as vbt
    from vectorbt.returns import dispatch

    sizes, most = orders(start, min(start + CHUNK, count))
    cash = float(_SHARED["cash"])
    portfolio = vbt.Portfolio.from_orders(
        np.ascontiguousarray(np.broadcast_to(_SHARED["close"][:, None], sizes.shape)),
        sizes,
        size_type="targetpercent",
        price=_SHARED["open"][:, None],
        fees=float(_SHARED["fee"]),
        init_cash=cash,
        max_orders=max(most, 1),
        freq="1D",
        fillna_close=False,
    )
    value, returns = portfolio.value().to_numpy(), portfolio.returns().to_numpy()
    figures = {
        "total_return": value[-1] / cash - 1.0,
        # Per session: whoever compares chooses the year.
        "sharpe": dispatch.sharpe_ratio(returns, 1.0, 0.0, 1),
        "max_drawdown": dispatch.max_drawdown(returns),
        "n_trades": portfolio.trades.count().to_numpy(),
        "n_orders": portfolio.orders.count().to_numpy(),
    }
    del portfolio
    gc.collect()
    return figures


def sweep(count: int, run: Callable[[Callable[..., Any], Iterable[int]], Any]) -> dict[str, np.ndarray]:
    """Return the figures of the first `count` trials, each of shape (count,)."""
    parts = list(run(partial(sweep_chunk, count=count), range(0, count, CHUNK)))
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def serve(again: Callable[[], object]) -> None:
    """Sweep once more for every line read and say how long it took."""
    print(json.dumps({"ready": True}), flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        again()
        print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)


def main() -> None:
    """Sweep in this process or, for more jobs, in forked ones."""
    parser = argparse.ArgumentParser()
    parser.add_argument("inputs")
    parser.add_argument("figures")
    parser.add_argument("--trials", type=int, default=1_300)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--serve", action="store_true")
    asked = parser.parse_args()
    import vectorbt as vbt

    vbt.settings["engine"] = "rust"
    # The hundred thousand objects of the imports are not looked through again after every chunk.
    gc.freeze()
    share(dict(np.load(asked.inputs)))
    pool = ProcessPoolExecutor(asked.jobs, get_context("fork")) if asked.jobs > 1 else None
    again = partial(sweep, asked.trials, pool.map if pool else map)
    np.savez(asked.figures, **again())
    if asked.serve:
        serve(again)
    if pool:
        pool.shutdown()


if __name__ == "__main__":
    main()
