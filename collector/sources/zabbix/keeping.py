"""How long values are kept: by item, unless the housekeeper overrides all items."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collector.sources.errors import AnswerError, PermissionMissing
from collector.sources.zabbix.client import Client
from collector.sources.zabbix.intervals import seconds
from collector.sources.zabbix.items import Item
from collector.sources.zabbix.records import text

_METHOD = "housekeeping.get"
_OUTPUT = ["hk_history_global", "hk_history", "hk_trends_global", "hk_trends"]


@dataclass(frozen=True)
class Keeping:
    """What overrides the items, in seconds; ``None``: nothing does."""

    history_s: int | None = None
    trends_s: int | None = None

    def of_history(self, item: Item) -> int | None:
        """Return how long single values are kept, in seconds; 0 not at all, ``None`` unknown."""
        return self._overridden(item.history_s, self.history_s)

    def of_trends(self, item: Item) -> int | None:
        """Return the same of hours."""
        return self._overridden(item.trends_s, self.trends_s)

    @staticmethod
    def _overridden(own_s: int | None, all_s: int | None) -> int | None:
        return own_s if all_s is None or own_s == 0 else all_s


def load(client: Client) -> Keeping:
    """Return the housekeeper's settings; those of the items hold where the user may not see them.

    Raises:
        AnswerError: the answer is not what is documented.
        SourceError: what the client says.
    """
    try:
        found = client.call(_METHOD, {"output": _OUTPUT})
    except PermissionMissing:
        return Keeping()
    if not isinstance(found, dict):
        raise AnswerError(f"{_METHOD}: the result is not an object")
    history, trends = (
        seconds(text(found, f"hk_{kind}", where=_METHOD))
        if text(found, f"hk_{kind}_global", where=_METHOD) == "1"
        else None
        for kind in ("history", "trends")
    )
    return Keeping(history, trends)


def shortest_s(known: Iterable[int | None]) -> int | None:
    """Return the shortest of the known times."""
    return min((one for one in known if one is not None), default=None)
