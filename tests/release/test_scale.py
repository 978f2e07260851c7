"""docs/scale.md holds what its simulation computes, and the simulation does its sums right."""

import importlib
import math
from dataclasses import replace
from pathlib import Path

import pytest

BENCH = Path(__file__).resolve().parents[2] / "bench"


@pytest.fixture
def scale(monkeypatch):
    monkeypatch.syspath_prepend(BENCH)
    return importlib.import_module("scale_simulation")


def test_both_documents_hold_the_numbers_that_the_simulation_computes(scale):
    for language, page in scale.PAGES.items():
        assert scale.MARKED.findall(page.read_text(encoding="utf-8")) == [scale.numbers(language)], (
            f"{page.name}: run python bench/scale_simulation.py --write"
        )


def test_simulated_waiting_is_that_of_the_theory_of_queues(scale):
    # M/D/1, the busiest that is planned: half of all wait, and 99 % are done within the bound of Kingman's exponent.
    busiest = int(scale.BUSY / scale.UNITS.delivery_s) - 1
    place = scale.Place("", "", busiest * 600, 600, "SQLite")
    assert scale.processors(place) == 1
    alone = scale.UNITS.delivery_s + 1 / scale.UNITS.flushes_per_s
    decay = 2 * (1 - scale.BUSY) / scale.BUSY / scale.UNITS.delivery_s
    assert scale.wait_s(place, share=0.25) == pytest.approx(alone)
    assert alone < scale.wait_s(place, share=0.5) < scale.wait_s(place)
    assert scale.wait_s(place) - alone == pytest.approx(math.log(100 * scale.BUSY) / decay, rel=0.35)


def test_what_waited_is_caught_up_with_what_the_new_leaves_free(scale):
    place = scale.PLACES[1]
    free = scale.processors(place) - place.hosts / place.seal_s * scale.UNITS.delivery_s
    chunks = place.hosts * scale.DAY_S / place.seal_s
    assert scale.caught_up_s(place, scale.DAY_S) == pytest.approx(chunks * scale.UNITS.chunk_s / free, abs=1)


def test_bytes_processors_and_money_follow_the_number_of_hosts(scale):
    large = scale.PLACES[2]
    small = replace(large, hosts=large.hosts // 10)
    assert scale.stored_gb(large) == pytest.approx(10 * scale.stored_gb(small))
    # 100,000 hosts, a chunk an hour, 30 days, two months kept.
    assert scale.stored_gb(large) == pytest.approx(
        100_000 * 720 * 2 * scale.UNITS.postgresql_bytes_hour / 1e9
    )
    assert scale.yuan(large) > scale.processors(large) * scale.PRICES.core
