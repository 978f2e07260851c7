"""Whether texts can stand in a Word file at all.

XML 1.0 has no way to write most control characters. Leaving them out would change what the applicant
wrote, so they are refused, with the place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass

from documents.form.errors import FormError

# XML 1.0 (fifth edition), production [2] Char: everything else is unwritable, even as a reference.
_UNWRITABLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def require_legible(value: object, place: str) -> None:
    """Refuse ``value`` if a text in it cannot be written into a Word file.

    Args:
        value: a text, or a dataclass, mapping, list or tuple of such; other values hold no text.
        place: where it stands, for the message: ``profile``.

    Raises:
        FormError: names the place and the character.
    """
    if isinstance(value, str):
        found = _UNWRITABLE.search(value)
        if found:
            raise FormError(
                f"{place} holds the character U+{ord(found[0]):04X} at position {found.start() + 1}, "
                "which a Word file cannot hold; take it out"
            )
    elif is_dataclass(value):
        for field in fields(value):
            require_legible(getattr(value, field.name), f"{place}.{field.name}")
    elif isinstance(value, Mapping):
        for key, item in value.items():
            require_legible(item, f"{place}.{key}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value, 1):
            require_legible(item, f"{place} number {number}")
