"""The honest month, lived once; every attacker begins with a copy of its first 27 days."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent / "anchors")]

if TYPE_CHECKING:
    from fleet_simulator import Site
    from reviewer import Twin
    from witnesses import PostOffice, StampingAuthority


@pytest.fixture(scope="session")
def office() -> Iterator[PostOffice]:
    from witnesses import post_office

    with post_office() as office:
        yield office


@pytest.fixture(scope="session")
def tsa(tmp_path_factory: pytest.TempPathFactory) -> StampingAuthority:
    from witnesses import make_stamping_authority

    return make_stamping_authority(tmp_path_factory.mktemp("tsa"))


@pytest.fixture(scope="session")
def eve(
    tmp_path_factory: pytest.TempPathFactory, office: PostOffice, tsa: StampingAuthority
) -> Iterator[Site]:
    """A site that was honest up to the night before the attacks begin (day ``EVE``). Only to be forked."""
    from fleet_simulator import EVE, Site, Witnesses

    site = Site(tmp_path_factory.mktemp("eve") / "site", Witnesses(office, tsa)).begin()
    site.month(days=range(-2, EVE), closes=False)
    yield site
    site.close()


@pytest.fixture(scope="session")
def honest(eve: Site, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Twin]:
    """The honest twin: what the same site and reviewer are when nobody cheats."""
    from fleet_simulator import LAST_DAYS
    from reviewer import Twin

    site = eve.fork(tmp_path_factory.mktemp("honest") / "site").month(days=LAST_DAYS)
    data = site.pack()
    yield Twin(site, data, site.reviewed(data))
    site.close()


@pytest.fixture
def forked(eve: Site, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes copies of ``eve`` for an attacker to go on with."""
    made: list[Site] = []

    def fork(site: Site = eve, **more: object) -> Site:
        made.append(site.fork(tmp_path / f"fork-{len(made)}", **more))  # type: ignore[arg-type]
        return made[-1]

    yield fork
    for site in made:
        site.close()


@pytest.fixture
def founded(office: PostOffice, tsa: StampingAuthority, tmp_path: Path) -> Iterator[Callable[..., Site]]:
    """Makes new sites, by default with a mailbox and the time-stamping authority."""
    from fleet_simulator import Site, Witnesses

    made: list[Site] = []

    def found(*, stamped: bool = True, **more: object) -> Site:
        witnesses = Witnesses(office, tsa if stamped else None)
        made.append(Site(tmp_path / f"site-{len(made)}", witnesses, **more))  # type: ignore[arg-type]
        return made[-1]

    yield found
    for site in made:
        site.close()
