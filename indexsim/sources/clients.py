"""Other people's clients: packages of the extra ``fetch``, imported when a source needs them."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from indexsim.sources.answers import SourceError


@contextmanager
def unwarned() -> Iterator[None]:
    """Let a client run without what pandas warns its authors of."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def package(name: str, of: str = "") -> Any:
    """Import a package of the extra ``fetch``.

    Parameters
    ----------
    name : str
        To import.
    of : str
        As pip knows it; default: the same.

    Raises
    ------
    SourceError
        It is not installed.
    """
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if error.name not in (name, name.partition(".")[0]):
            raise
        raise SourceError(
            asked="fetch from this source",
            found=f"the package {of or name} is not installed",
            rule="what fetches is an extra of the project",
            todo='`pip install -c constraints.txt -e ".[fetch]"`',
        ) from None
