# Copyright (c) 2026 fleetops.argocd contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes wrong with a file, in the words of the collection."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from ansible_collections.fleetops.argocd.plugins.plugin_utils._yaml_text import NotEditable

__all__ = ("reported",)


@contextmanager
def reported(failure: Callable[[str, str], Exception], *, elsewhere: str) -> Iterator[None]:
    """Raise `failure(cause, remedy)` for what the file or its content does not allow; `elsewhere` is another place.

    Outside of any `except`, as an error of the file's text may quote it.
    """
    try:
        yield
    except NotEditable as refused:
        cause, remedy = str(refused), f"change that by hand, or set {elsewhere}"
    except TimeoutError as error:
        cause, remedy = str(error.strerror), "run again when the other run is done"
    except OSError as error:
        cause, remedy = str(error.strerror or type(error).__name__), "solve that and run again"
    else:
        return
    raise failure(cause, remedy) from None
