"""What pyfolio is drawn on: one style, one random state, no print, and a layout of our own.

matplotlib and pyfolio are imported inside the functions.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

#: Size of a picture: inches wide, inches of a row of panels, of the space around them; dots per inch.
_WIDTH, _ROW, _ABOVE, _BELOW, _LEFT, _RIGHT, _DPI = 10.0, 2.2, 0.40, 0.50, 0.90, 0.25, 96

#: Functions of pyfolio that draw sums or quantiles of returns.
_SUMMED = (
    "plot_monthly_returns_heatmap",
    "plot_annual_returns",
    "plot_monthly_returns_dist",
    "plot_return_quantiles",
)

#: Left and right end of each panel in a row of one, two or three.
_SPANS = {1: ((0.0, 1.0),), 2: ((0.0, 0.45), (0.55, 1.0)), 3: ((0.0, 0.44), (0.52, 0.70), (0.78, 0.98))}


def remove(figure: Figure, titles: tuple[str, ...]) -> None:
    """Take the panels out whose title begins with one of `titles`."""
    for panel in list(figure.axes):
        if panel.get_title().startswith(titles):
            figure.delaxes(panel)


def rescale(figure: Figure, factor: float) -> None:
    """Multiply the curves of the yearly rolling panels; both grow with the root of the sessions in a year."""
    for panel in figure.axes:
        if panel.get_title().startswith(("Rolling volatility", "Rolling Sharpe")):
            for line in panel.lines:
                line.set_ydata(np.ma.masked_invalid(np.asarray(line.get_ydata(), dtype=np.float64)) * factor)
            panel.relim()
            panel.autoscale_view(scalex=False)


def relabel(figure: Figure, words: dict[str, str]) -> None:
    """Replace axis labels."""
    for panel in figure.axes:
        panel.set_xlabel(words.get(panel.get_xlabel(), panel.get_xlabel()))
        panel.set_ylabel(words.get(panel.get_ylabel(), panel.get_ylabel()))


def name_curves(figure: Figure, words: dict[str, str]) -> None:
    """Replace the names of curves in the legends."""
    for panel in figure.axes:
        legend = panel.get_legend()
        for entry in legend.get_texts() if legend else ():
            entry.set_text(words.get(entry.get_text(), entry.get_text()))


def month_days(figure: Figure) -> None:
    """Write a few dates under each panel, month and day only, so that they do not run into each other."""
    from matplotlib import dates

    for panel in figure.axes:
        panel.xaxis.set_major_locator(dates.AutoDateLocator(minticks=3, maxticks=6))
        panel.xaxis.set_major_formatter(dates.DateFormatter("%m-%d"))
        for label in panel.get_xticklabels():
            label.set(rotation=0, horizontalalignment="center")


def _rows(figure: Figure) -> list[list[Axes]]:
    """Return the panels row by row from the top, each row from the left."""
    rows: dict[float, list[Axes]] = {}
    for panel in figure.axes:
        rows.setdefault(round(panel.get_position().y0, 2), []).append(panel)
    return [sorted(rows[height], key=lambda panel: panel.get_position().x0) for height in sorted(rows, reverse=True)]


def _lay_out(figure: Figure) -> None:
    """Stack the rows without the gaps that removed panels and pyfolio's grid leave.

    The first row and those of three panels (the monthly heat map) are taller than the others.
    """
    rows = _rows(figure)
    tall = [_ROW * (1.6 if i == 0 or len(row) == 3 else 1.0) for i, row in enumerate(rows)]
    total = sum(tall) + len(rows) * (_ABOVE + _BELOW)
    figure.set_size_inches(_WIDTH, total)
    inner, top = _WIDTH - _LEFT - _RIGHT, total
    for row, height in zip(rows, tall, strict=True):
        top -= _ABOVE + height
        for panel, (start, end) in zip(row, _SPANS[len(row)], strict=True):
            box = ((_LEFT + start * inner) / _WIDTH, top / total, (end - start) * inner / _WIDTH, height / total)
            panel.set_position(box)
        top -= _BELOW


def png(figure: Figure) -> bytes:
    """Return a figure as PNG bytes without a date or a program name, and close it."""
    import matplotlib.pyplot as plt

    _lay_out(figure)
    out = io.BytesIO()
    figure.savefig(out, format="png", dpi=_DPI, metadata={"Software": None})
    plt.close(figure)
    return out.getvalue()


@contextmanager
def surroundings() -> Iterator[None]:
    """Draw off screen, in one style, from one random state, without print; restore everything after."""
    import matplotlib
    import matplotlib.pyplot as plt

    backend = matplotlib.get_backend(auto_select=False)
    state = np.random.get_state()  # noqa: NPY002 - pyfolio uses the global state
    with ExitStack() as stack:
        stack.enter_context(warnings.catch_warnings())
        _silence()
        plt.switch_backend("agg")
        if backend is not None:
            stack.callback(plt.switch_backend, backend)
        stack.callback(np.random.set_state, state)
        np.random.seed(0)  # noqa: NPY002
        stack.enter_context(plt.style.context("default"))
        stack.enter_context(_style())
        stack.enter_context(_replaced())
        # Without this, pandas counts business days on a regular index, and panels sharing an axis disagree.
        stack.enter_context(pd.plotting.plot_params.use("x_compat", True))  # type: ignore[attr-defined]
        yield


def _silence() -> None:
    """Ignore the warnings known to come from these libraries, by module and category."""
    known: tuple[tuple[str, type[Warning]], ...] = (
        (r"pyfolio\.", DeprecationWarning),
        (r"pyfolio\.", UserWarning),
        (r"pyfolio\.", RuntimeWarning),
        (r"empyrical\.", DeprecationWarning),
        (r"empyrical\.", RuntimeWarning),
        (r"seaborn\.", DeprecationWarning),
        (r"seaborn\.", PendingDeprecationWarning),
        (r"pandas\.plotting\.", UserWarning),
    )
    for module, category in known:
        warnings.filterwarnings("ignore", category=category, module=module)


@contextmanager
def _style() -> Iterator[None]:
    """Use one quiet seaborn style."""
    import seaborn as sns

    with sns.axes_style("whitegrid", {"axes.edgecolor": "0.8"}), sns.plotting_context("notebook", font_scale=0.85):
        yield


@contextmanager
def _replaced() -> Iterator[None]:
    """Keep pyfolio from printing, give it a rolling beta that takes no seconds, and draw each figure once.

    What sums returns up by the month or the year gets the sessions alone: the starting day before them lies mostly in
    another month or year, which would stand there with a return of zero. seaborn draws the whole figure before each
    heat map, to see whether its labels run into each other.
    """
    from pyfolio import plotting, timeseries, utils
    from seaborn import matrix

    summed = {name: getattr(plotting, name) for name in _SUMMED}
    before: tuple[Any, Callable[..., Any], Any] = (utils.display, timeseries.rolling_beta, matrix._draw_figure)
    utils.display = matrix._draw_figure = lambda *_: None
    timeseries.rolling_beta = rolling_beta
    for name, drawn in summed.items():
        setattr(plotting, name, _of_sessions(drawn))
    try:
        yield
    finally:
        for name, drawn in summed.items():
            setattr(plotting, name, drawn)
        utils.display, timeseries.rolling_beta, matrix._draw_figure = before


def _of_sessions(drawn: Callable[..., Axes]) -> Callable[..., Axes]:
    """Return a function of pyfolio that draws returns without their starting day, and no month the run has not."""

    def drawing(returns: pd.Series, *args: Any, **how: Any) -> Axes:
        panel = drawn(returns.iloc[1:], *args, **how)
        _blank_months(panel, pd.DatetimeIndex(returns.index[1:]))
        return panel

    return drawing


def _blank_months(panel: Axes, days: pd.DatetimeIndex) -> None:
    """Empty the cells of a monthly heat map that the run does not reach: pyfolio fills them with zeros."""
    if not panel.get_title().startswith("Monthly returns"):
        return
    cells = panel.collections[0]
    years, months = sorted(set(days.year)), sorted(set(days.month))
    known = set(zip(days.year, days.month, strict=True))
    absent = [[(year, month) not in known for month in months] for year in years]
    cells.set_array(np.ma.array(cells.get_array(), mask=absent))
    for text, gone in zip(panel.texts, np.ravel(absent), strict=True):
        text.set_visible(not gone)


def rolling_beta(returns: pd.Series, factor_returns: pd.Series, rolling_window: int = 126) -> pd.Series:
    """Return the covariance with a factor over its variance, over `rolling_window` + 1 sessions.

    The same numbers as ``pyfolio.timeseries.rolling_beta`` (whose windows hold both of their ends),
    which takes five seconds for twenty years.

    Parameters
    ----------
    returns, factor_returns : Series of shape (n_sessions,)
        Fractions, on one index.
    rolling_window : int
        Sessions from the first to the last of a window.
    """
    variance = factor_returns.rolling(rolling_window + 1).var()
    return returns.rolling(rolling_window + 1).cov(factor_returns) / variance
