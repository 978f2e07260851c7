"""Which units are measured: the choice, and when it is made anew."""

from __future__ import annotations

from agent.units import OFF, PERIOD_MS, Listing, NoUnits, Unit, Units
from evidence.columns import MISSING
from evidence.manifest import UNIT_ALL

S = 1_000_000


class Source:
    """Units whose times a test sets."""

    kind = "cgroup2"

    def __init__(self, whole="/", **seconds):
        self.whole = whole
        self.times = {name: s * S for name, s in seconds.items()}
        self.born = {}
        self.asked = 0

    def _unit(self, name):
        return Unit(name, self.born.get(name, "1"), name)

    def listing(self):
        self.asked += 1
        return Listing({self._unit(name): used for name, used in self.times.items()})

    def used_us(self, native, identity):
        if native == self.whole:
            return sum(self.times.values())
        known = native in self.times and self._unit(native).identity == identity
        return self.times[native] if known else MISSING

    def work(self, **seconds):
        for name, s in seconds.items():
            self.times[name] = self.times.get(name, 0) + s * S


def names(chosen):
    return [unit.name for unit in chosen.units]


def next_choice(units, period):
    """Two readings of a period: the choice is made at the second."""
    units.chosen((period - 1) * PERIOD_MS)
    return units.chosen(period * PERIOD_MS)


def test_at_first_those_that_used_most_since_they_began_are_chosen():
    units = Units(Source(a=1, b=5, c=3, idle=0), count=2)
    assert names(units.chosen(None)) == ["b", "c"]


def test_a_unit_that_never_used_anything_is_not_chosen():
    assert names(Units(Source(a=1, idle=0), count=8).chosen(None)) == ["a"]


def test_within_a_period_nothing_is_looked_for():
    source = Source(a=1)
    units = Units(source)
    units.chosen(None)
    for second in range(0, 600, 60):
        units.chosen(PERIOD_MS + second * 1_000)
    assert source.asked == 1


def test_the_choice_changes_at_the_reading_after_the_first_of_a_period():
    source = Source(a=1)
    units = Units(source)
    units.chosen(None)
    units.chosen(2 * PERIOD_MS - 60_000)
    source.work(b=100)
    assert names(units.chosen(2 * PERIOD_MS)) == ["a", "b"]


def test_a_unit_that_did_little_does_not_come_in():
    source = Source(a=1)
    units = Units(source)
    units.chosen(None)
    source.work(b=1)
    assert names(next_choice(units, 2)) == ["a"]


def test_two_units_of_one_weight_do_not_take_turns():
    source = Source(a=10, b=9)
    units = Units(source, count=1)
    units.chosen(None)
    source.work(a=10, b=19)
    assert names(next_choice(units, 2)) == ["a"]
    source.work(a=10, b=21)
    assert names(next_choice(units, 3)) == ["b"]


def test_a_unit_that_is_gone_stays_missing_until_the_next_choice():
    source = Source(a=10, b=9)
    units = Units(source)
    units.chosen(None)
    del source.times["a"]
    assert units.values() == {"a": MISSING, "b": 9 * S, UNIT_ALL: 9 * S}
    assert names(next_choice(units, 2)) == ["b"]


def test_a_unit_that_began_anew_is_another_one_from_the_next_choice_on():
    source = Source(a=10)
    units = Units(source)
    units.chosen(None)
    source.born["a"] = "2"
    source.times["a"] = 5 * S
    assert units.values()["a"] == MISSING
    chosen = next_choice(units, 2)
    assert [(unit.name, unit.identity) for unit in chosen.units] == [("a", "2")]
    assert units.values()["a"] == 5 * S


def test_a_system_without_a_sum_over_all_has_no_such_device():
    units = Units(Source(whole="", a=1))
    units.chosen(None)
    assert list(units.values()) == ["a"]
    assert [device.name for device in units.devices()] == ["a"]


def test_of_two_units_with_one_name_the_first_is_measured():
    source = Source()
    source.listing = lambda: Listing({Unit("a", "1", "x"): 5 * S, Unit("a", "2", "y"): 4 * S})
    assert [u.native for u in Units(source).chosen(None).units] == ["x"]


def test_no_count_means_no_units_and_says_so():
    source = Source(a=1)
    units = Units(source, count=0)
    assert units.chosen(None) == ((), OFF)
    assert (units.values(), units.devices(), units.kind, source.asked) == ({}, [], "none", 0)


def test_a_system_without_units_gives_its_reason():
    source = NoUnits("why")
    units = Units(source)
    assert units.chosen(None).reason == units.reason == "why"
    assert source.used_us("", "") == MISSING
