"""Which sources there are: entry points of the group ``starproof.sources``, ours and third parties'.

An entry point names a function ``open_source(settings, tools)`` that returns a ``Source``. One that
cannot be loaded is reported with its reason and does not stop the others. A name belongs to us if
we have it, else to nobody if two want it: a source must not be replaced unnoticed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint, entry_points
from typing import Any, cast

from collector.errors import CollectorError
from collector.names import nearest
from collector.sources.calling import Caller, Clocks, Patience
from collector.sources.errors import PluginError
from collector.sources.interface import Source
from collector.sources.redaction import Redactor
from collector.sources.secrets import Secret

GROUP = "starproof.sources"
OURS = "starproof"


@dataclass(frozen=True)
class Tools:
    """What a source is opened with: clocks, patience, and the way to secrets."""

    clocks: Clocks
    secret: Callable[[str], Secret]
    """Reads a reference such as ``file:/etc/starproof/aliyun.key``."""
    patience: Patience = field(default_factory=Patience)

    def caller(self, *secrets: Secret) -> Caller:
        """Return a calling layer that lets none of these secrets out."""
        return Caller(self.clocks, patience=self.patience, redactor=Redactor(secrets))


Factory = Callable[[Mapping[str, Any], Tools], Source]
"""Opens a source from its settings (strings, numbers, lists and tables, as TOML has them)."""


@dataclass(frozen=True)
class Broken:
    """A plug-in that cannot be used, and why."""

    name: str
    distribution: str
    reason: str


@dataclass(frozen=True)
class Plugins:
    """What was found: factories by name, and what is broken."""

    factories: Mapping[str, Factory]
    broken: tuple[Broken, ...]

    def open(self, name: str, settings: Mapping[str, Any], tools: Tools) -> Source:
        """Return the source ``name`` opened with its settings.

        Raises:
            PluginError: there is none of this name, it is broken, or it does not return a source.
            SettingsError: what the source itself says of its settings.
            CredentialError: what it says of its credentials.
        """
        factory = self.factories.get(name)
        if factory is None:
            reasons = [f"{bad.distribution}: {bad.reason}" for bad in self.broken if bad.name == name]
            if reasons:
                raise PluginError(f"the source {name} cannot be used: {'; '.join(reasons)}")
            raise PluginError(f"there is no source {name!r}{nearest(name, self.factories)}")
        source = _opened(name, factory, settings, tools)
        if not isinstance(source, Source):
            raise PluginError(f"the plug-in {name} does not return a source; it needs a newer version")
        return source


def _opened(name: str, factory: Factory, settings: Mapping[str, Any], tools: Tools) -> object:
    try:
        return factory(settings, tools)
    except CollectorError:
        raise
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a third party's code may raise anything
        detail = Redactor().text(f"{type(error).__name__}: {error}")
        raise PluginError(f"the plug-in {name} failed when it was opened: {detail}") from None


def load(found: Iterable[EntryPoint] | None = None) -> Plugins:
    """Return the plug-ins of ``found``, by default of everything that is installed."""
    points = list(entry_points(group=GROUP) if found is None else found)
    unique = {(point.name, point.value, _distribution(point)): point for point in points}
    named: dict[str, list[EntryPoint]] = {}
    for _, point in sorted(unique.items()):
        named.setdefault(point.name, []).append(point)
    factories: dict[str, Factory] = {}
    broken: list[Broken] = []
    for name, rivals in named.items():
        chosen, refused = _chosen(rivals)
        broken.extend(refused)
        loaded = [_loaded(point) for point in chosen]
        factories.update((name, result) for result in loaded if not isinstance(result, Broken))
        broken.extend(result for result in loaded if isinstance(result, Broken))
    return Plugins(factories, tuple(broken))


def _chosen(rivals: list[EntryPoint]) -> tuple[list[EntryPoint], list[Broken]]:
    chosen = [point for point in rivals if _distribution(point) == OURS] or rivals
    chosen = chosen if len(chosen) == 1 else []
    owners = ", ".join(sorted({_distribution(point) for point in rivals}))
    refused = [
        Broken(point.name, _distribution(point), f"the name is claimed by several: {owners}; remove one")
        for point in rivals
        if point not in chosen
    ]
    return chosen, refused


def _loaded(point: EntryPoint) -> Factory | Broken:
    distribution = _distribution(point)
    try:
        factory = point.load()
    except ModuleNotFoundError as error:
        extra = f"run: pip install 'starproof[{point.name}]'" if distribution == OURS else "install it"
        return Broken(point.name, distribution, f"the package {error.name} is not installed; {extra}")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a third party's module may raise anything
        return Broken(
            point.name, distribution, f"cannot be loaded from {point.value}: {type(error).__name__}: {error}"
        )
    if not callable(factory):
        return Broken(point.name, distribution, f"{point.value} is not a function that opens a source")
    return cast("Factory", factory)


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else "unknown"
