"""The processor lines of /proc/stat in the forms kernels have written them."""

import pytest

from agent.linux import processor
from agent.linux.clock import Instant
from agent.reading import ReadingError
from evidence.columns import MISSING


def test_all_ten_states_are_taken_as_the_kernel_writes_them():
    parsed = processor.parse("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1 2 3 4 5 6 7 8 9 10\nintr 5\n")
    assert parsed == ((1, 2, 3, 4, 5, 6, 7, 8, 9, 10), 1)


@pytest.mark.parametrize(("fields", "era"), [(9, "2.6.32"), (8, "2.6.18"), (7, "2.6.9")])
def test_states_that_an_old_kernel_does_not_know_hold_no_time(fields, era):
    line = " ".join(str(n + 1) for n in range(fields))
    parsed = processor.parse(f"cpu  {line}\ncpu0 {line}\n")
    assert parsed.ticks == (*range(1, fields + 1), *[0] * (10 - fields)), era


def test_fields_of_kernels_to_come_are_left_alone():
    assert processor.parse("cpu  1 2 3 4 5 6 7 8 9 10 11 12\ncpu0 1\n").ticks[-1] == 10


@pytest.mark.parametrize(
    "text",
    [
        "",
        "intr 1\n",
        "cpu  1 2 3 4\ncpu0 1 2 3 4\n",
        "cpu  1 2 3 4 5 6 7 8 9 10\nintr 4\n",
        "cpu0 1 2 3 4 5 6 7\n",
    ],
)
def test_damaged_processor_lines_are_refused(text):
    with pytest.raises(ReadingError, match="no processor lines"):
        processor.parse(text)


def test_an_underflowed_state_is_missing_and_not_a_giant():
    ticks = processor.parse("cpu  1 2 3 4 5 6 7 18446744073709551615 9 10\ncpu0 1\n").ticks
    assert ticks[7] == MISSING
    assert ticks[6] == 7


class Clocks:
    def __init__(self, events):
        self._events = events

    def now(self):
        self._events.append("clocks")
        return Instant(1, 2, 3)

    def state(self):
        return "unknown"


def test_a_machine_of_many_processors_is_read_to_the_last_of_them(tmp_path):
    lines = [f"cpu{n} 11111111 22222 3333333 444444444 55555 0 66666 0 0 0" for n in range(1024)]
    text = "\n".join(["cpu  9 8 7 6 5 4 3 2 1 0", *lines, "intr " + "0 " * 100_000, "ctxt 1"])
    (tmp_path / "stat").write_text(text, encoding="ascii")
    instant, read = processor.read(str(tmp_path), Clocks([]))
    assert read == ((9, 8, 7, 6, 5, 4, 3, 2, 1, 0), 1024)
    assert instant == (1, 2, 3)


def test_the_clocks_are_read_after_opening_and_just_before_reading(tmp_path, monkeypatch):
    (tmp_path / "stat").write_text("cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 1\n", encoding="ascii")
    events = []
    real_open, real_read = processor.os.open, processor.os.read
    monkeypatch.setattr(processor.os, "open", lambda *a: (events.append("open"), real_open(*a))[1])
    monkeypatch.setattr(processor.os, "read", lambda *a: (events.append("read"), real_read(*a))[1])
    processor.read(str(tmp_path), Clocks(events))
    assert events[:3] == ["open", "clocks", "read"]


def test_a_proc_that_is_not_there_is_an_error_that_names_the_file(tmp_path):
    with pytest.raises(ReadingError, match="stat cannot be read"):
        processor.read(str(tmp_path), Clocks([]))


def test_a_host_without_a_boot_id_cannot_be_read(top, host):
    place = top("vm-virtio")
    (place / "proc/sys/kernel/random/boot_id").unlink()
    with pytest.raises(ReadingError, match="boot_id"):
        host(place).read()


def test_a_new_boot_id_is_seen_at_the_next_reading(top, host):
    place = top("vm-virtio")
    reader = host(place)
    reader.read()
    (place / "proc/sys/kernel/random/boot_id").write_text("another\n", encoding="ascii")
    assert reader.read().boot_id == "another"
