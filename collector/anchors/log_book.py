"""The company's log book: every day a page with the short code and the QR code, ready to print.

Files ``DAY-SIZE.txt`` and ``.svg`` in a folder; ``starproof anchor print`` makes one PDF page of them. The
receipt is the text of the page. What it proves depends on who keeps the book (docs/anchors.md).
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from collector.anchors.interface import Got, Head
from collector.anchors.page import page_text, qr_svg
from collector.anchors.settings import AnchorSettings, Values
from collector.errors import AnchorUnreachableError

KEYS = ("directory",)


@dataclass(frozen=True)
class PrintAnchor:
    """Lays the pages of a log book into ``directory``."""

    directory: Path

    def send(self, head: Head) -> Got:
        """Write the page's two files.

        Raises:
            AnchorUnreachableError: they cannot be written.
            MissingPackageError: QR codes cannot be made.
        """
        page, name = page_text(head).encode(), f"{head.day or 'size'}-{head.size}"
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
            for suffix, data in ((".svg", qr_svg(head)), (".txt", page)):
                temporary = self.directory / f".{name}{suffix}.new"
                temporary.write_bytes(data)
                temporary.replace(self.directory / f"{name}{suffix}")
        except OSError as error:
            raise AnchorUnreachableError(f"cannot write to {self.directory}: {error.strerror}") from None
        return Got(page)

    def probe(self) -> str:
        """Say whether pages can be written.

        Raises:
            AnchorUnreachableError: they cannot.
        """
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise AnchorUnreachableError(f"cannot make {self.directory}: {error.strerror}") from None
        if not os.access(self.directory, os.W_OK | os.X_OK):
            raise AnchorUnreachableError(f"cannot write to {self.directory}; change its owner or mode")
        return f"{self.directory} 可写 can be written"


def open_anchor(settings: AnchorSettings) -> PrintAnchor:
    """Return the anchor that a table of the file describes.

    Raises:
        SettingsError: a key is unknown, missing or wrong.
    """
    return PrintAnchor(Path(Values(settings, KEYS).text("directory")))
