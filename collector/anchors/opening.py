"""From settings to anchors: one line for each kind."""

from __future__ import annotations

from collections.abc import Callable

from collector.anchors import log_book, mail, object, timestamp  # noqa: A004 - named after what they reach
from collector.anchors.interface import MAIL, OBJECT, PRINT, Anchor
from collector.anchors.settings import AnchorSettings
from collector.sources.secrets import Secret


def open_anchor(
    settings: AnchorSettings, *, secret: Callable[[str], Secret], wall_ms: Callable[[], int]
) -> Anchor:
    """Return the anchor that a table of ``anchors.toml`` describes; nothing is reached or read yet.

    Raises:
        SettingsError: a key is unknown, missing or wrong.
    """
    if settings.kind == MAIL:
        return mail.open_anchor(settings, secret=secret, wall_ms=wall_ms)
    if settings.kind == PRINT:
        return log_book.open_anchor(settings)
    if settings.kind == OBJECT:
        return object.open_anchor(settings, secret=secret, wall_ms=wall_ms)
    return timestamp.open_anchor(settings, secret=secret)
