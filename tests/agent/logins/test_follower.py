"""Rotations, copies, truncations, compression, partial lines: every line once."""

import bz2
import gzip
import lzma
import os
import shutil
import tempfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from login_logs import Life, combined, hashed

STAMP = "23/Nov/2026:11:00:00 +0000"


def line(user: str, number: int = 0) -> bytes:
    return f'10.0.0.1 - {user} [{STAMP}] "GET /{number} HTTP/1.1" 200 12 "-" "x"\n'.encode()


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "access.log"
    path.write_bytes(b"")
    return path


def add(path, *lines: bytes) -> None:
    with open(path, "ab") as file:
        file.write(b"".join(lines))


def life_of(path) -> Life:
    return Life(combined(path))


def test_lines_that_were_there_before_the_first_start_are_not_counted(log):
    add(log, line("old"), line("old", 1))
    life = life_of(log)
    add(log, line("new"))
    assert life.read() == hashed({"new": 1})


def test_a_last_line_without_end_waits_for_it(log):
    life = life_of(log)
    whole = line("ann")
    add(log, whole[:30])
    assert life.read() == Counter()
    add(log, whole[30:])
    assert life.read() == hashed({"ann": 1})


def test_a_renamed_file_is_read_to_its_end_and_the_new_one_from_its_begin(log):
    life = life_of(log)
    add(log, line("ann"))
    life.read()
    add(log, line("ben"))
    os.rename(log, f"{log}.1")
    add(f"{log}.1", line("cid"))
    add(log, line("dan"))
    assert life.read() == hashed({"ann": 1, "ben": 1, "cid": 1, "dan": 1})


def test_copytruncate_counts_no_line_twice(log):
    life = life_of(log)
    add(log, line("ann"))
    life.read()
    add(log, line("ben"))
    shutil.copy(log, f"{log}.1")
    life.look()  # a look between the copy and the truncation
    os.truncate(log, 0)
    add(log, line("cid"), line("cid", 1))
    assert life.read() == hashed({"ann": 1, "ben": 1, "cid": 2})
    assert not life.reader.look.lost


def test_lines_read_between_the_copy_and_the_truncation_are_counted_once(log):
    life = life_of(log)
    add(log, *(line("ann", number) for number in range(40)))
    life.read()
    shutil.copy(log, f"{log}.1")
    add(log, line("ben"))
    life.read()
    os.truncate(log, 0)
    add(log, line("cid"))
    assert life.read() == hashed({"ann": 40, "ben": 1, "cid": 1})


def test_half_a_copy_is_not_taken_for_a_new_file(log):
    life = life_of(log)
    add(log, *(line("ann", number) for number in range(40)))
    life.read()
    Path(f"{log}.1").write_bytes(log.read_bytes()[:1500])
    assert life.read() == hashed({"ann": 40})


def test_a_copy_and_its_file_that_are_both_new_are_read_once(log):
    """The reader was away while the log was rotated, and looks in the middle of the next rotation."""
    life = life_of(log)
    add(log, line("ann"))
    life.read()
    os.rename(log, f"{log}.1")
    add(log, *(line("ben", number) for number in range(40)))
    os.rename(f"{log}.1", f"{log}.2")
    shutil.copy(log, f"{log}.1")
    life.read()  # nobody has read the log or its copy before
    add(log, line("cid"))
    life.read()
    os.truncate(log, 0)
    add(log, line("dan"))
    # What was written between copy and truncation was read in time here.
    assert life.read() == hashed({"ann": 1, "ben": 40, "cid": 1, "dan": 1})
    assert not life.reader.look.lost


def test_a_file_and_its_compressed_form_that_are_both_new_are_read_once(log):
    life = life_of(log)
    add(log, line("ann"))
    life.read()
    os.rename(log, f"{log}.2")
    add(log, line("cid"))
    add(f"{log}.1", *(line("ben", number) for number in range(40)))
    Path(f"{log}.1.gz").write_bytes(gzip.compress(Path(f"{log}.1").read_bytes())[:-9])
    life.read()
    Path(f"{log}.1.gz").write_bytes(gzip.compress(Path(f"{log}.1").read_bytes()))
    life.read()
    os.unlink(f"{log}.1")
    assert life.read() == hashed({"ann": 1, "ben": 40, "cid": 1})


@pytest.mark.parametrize(
    ("ending", "pack"), [("gz", gzip.compress), ("xz", lzma.compress), ("bz2", bz2.compress)]
)
def test_a_rotated_and_compressed_file_is_read_to_its_end(log, ending, pack):
    life = life_of(log)
    add(log, *(line("ann", number) for number in range(40)))
    life.read()
    add(log, line("ben"))
    packed = Path(f"{log}.1.{ending}")
    packed.write_bytes(pack(log.read_bytes())[:-7])
    os.unlink(log)
    add(log, line("cid"))
    assert not life.look().complete  # the compression is under way
    packed.write_bytes(pack(b"".join((*(line("ann", number) for number in range(40)), line("ben")))))
    assert life.read() == hashed({"ann": 40, "ben": 1, "cid": 1})
    os.rename(packed, f"{log}.2.{ending}")
    life.crash()
    assert life.read() == hashed({"ann": 40, "ben": 1, "cid": 1})


def test_a_new_file_with_the_old_inode_number_is_read_from_its_begin(log):
    life = life_of(log)
    add(log, line("ann"))
    life.read()
    with open(log, "r+b") as file:  # the same inode, another content, longer than before
        file.write(line("ben") + line("cid") + line("dan"))
    life.read()
    assert life.by_hash() == hashed({"ann": 1, "ben": 1, "cid": 1, "dan": 1})


def test_a_file_that_goes_away_unread_is_told_and_its_time_is_not_vouched_for(log):
    life = life_of(log)
    add(log, line("ann"))
    life.read()
    before = life.slots[-1][1]
    os.truncate(log, 0)
    for _ in range(3):
        look = life.look()
    assert look.lost == [f"web: {log}"]
    life.cut()
    life.look()
    life.cut()
    assert life.slots[-1][0] > before


def test_time_of_an_unreadable_log_is_vouched_for_only_when_it_was_read(log):
    life = life_of(log)
    life.read()
    until = life.slots[-1][1]
    moved = log.rename(log.with_name("elsewhere"))
    log.mkdir()
    assert not life.look().complete
    life.cut()
    assert life.slots[-1][1] == until
    log.rmdir()
    moved.rename(log)
    add(log, line("ann"))
    assert life.read() == hashed({"ann": 1})
    assert life.slots[-1][0] == until


def test_a_missing_log_says_what_to_do(tmp_path):
    life = life_of(tmp_path / "none" / "access.log")
    look = life.look()
    assert not look.complete
    assert "check the path" in look.problems[0]


def test_nuls_that_copytruncate_leaves_do_not_hide_the_first_line(log):
    life = life_of(log)
    add(log, bytes(100_000), line("ann"))
    assert life.read() == hashed({"ann": 1})


def test_an_overlong_line_is_passed_over_and_counted(log):
    life = life_of(log)
    add(log, line("ann"), b"x" * 3_000_000)
    life.read()
    life.crash()
    add(log, b"y" * 10 + b"\n", line("ben"))
    assert life.read() == hashed({"ann": 1, "ben": 1})
    assert life.batch.lines["web"].not_understood == 1


def test_utf_16_is_read(log):
    life = life_of(log)
    text = "".join(line(name).decode() for name in ("ann", "张三"))
    add(log, b"\xff\xfe" + text.encode("utf-16-le"))
    assert life.read() == hashed({"ann": 1, "张三": 1})
    add(log, line("ben").decode().encode("utf-16-le"))
    assert life.read() == hashed({"ann": 1, "张三": 1, "ben": 1})


def test_names_in_utf_8_gb18030_and_escaped_are_the_same_person(log):
    life = life_of(log)
    add(log, line("张三"), line("X").replace(b"X", "张三".encode("gb18030")))
    add(log, line("X").replace(b"X", b"\\xE5\\xBC\\xA0\\xe4\\xb8\\x89"))
    assert life.read() == hashed({"张三": 3})


ACTIONS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.integers(1, 30)),
        st.tuples(st.just("part"), st.integers(1, 60)),
        st.sampled_from(
            [
                (name,)
                for name in (
                    "rename",
                    "copytruncate",
                    "copy",
                    "pack",
                    "packing",
                    "look",
                    "cut",
                    "crash",
                    "sealed",
                )
            ]
        ),
    ),
    max_size=40,
)


@settings(max_examples=150, deadline=None)
@given(actions=ACTIONS)
def test_whatever_happens_every_line_is_counted_once(actions):
    with tempfile.TemporaryDirectory() as folder:
        world = _World(Path(folder) / "access.log")
        for name, *arguments in actions:
            getattr(world, name)(*arguments)
        world.finish_part()
        assert world.life.read() == hashed(world.written)


class _World:
    """A log, its writer and its rotations, and a reader that may die at any time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        path.write_bytes(b"")
        self.life = life_of(path)
        self.written: Counter = Counter()
        self.number = 0
        self.rest = b""
        self.copied = False
        self.packed: list[Path] = []

    def _next(self) -> bytes:
        self.number += 1
        user = f"user{self.number % 7}"
        self.written[user] += 1
        return line(user, self.number)

    def finish_part(self) -> None:
        """End what is under way: nobody writes between a copy and the truncation."""
        add(self.path, self.rest)
        self.rest = b""
        if self.copied:
            os.truncate(self.path, 0)
        self.copied = False
        for path in self.packed:
            path.unlink()
        self.packed = []

    def write(self, count: int) -> None:
        self.finish_part()
        add(self.path, *(self._next() for _ in range(count)))

    def part(self, cut: int) -> None:
        self.finish_part()
        whole = self._next()
        add(self.path, whole[:cut])
        self.rest = whole[cut:]

    def _shift(self) -> None:
        self.finish_part()
        rotated = sorted(
            self.path.parent.glob("access.log.*"), key=lambda path: -int(path.name.split(".")[2])
        )
        for path in rotated:
            parts = path.name.split(".")
            parts[2] = str(int(parts[2]) + 1)
            path.rename(path.with_name(".".join(parts)))

    def rename(self) -> None:
        self._shift()
        self.path.rename(f"{self.path}.1")
        self.path.write_bytes(b"")

    def copy(self) -> None:
        """The copy is there, the log is not truncated yet."""
        self._shift()
        shutil.copy(self.path, f"{self.path}.1")
        self.copied = True

    def copytruncate(self) -> None:
        self.copy()
        self.finish_part()

    def packing(self) -> None:
        """The compressed files are there, and what they were made of is, too."""
        self.finish_part()
        for path in self.path.parent.glob("access.log.*[0-9]"):
            Path(f"{path}.gz").write_bytes(gzip.compress(path.read_bytes()))
            self.packed.append(path)

    def pack(self) -> None:
        self.packing()
        self.finish_part()

    def look(self) -> None:
        self.life.look()

    def cut(self) -> None:
        self.life.cut()

    def sealed(self) -> None:
        self.life.look()
        self.life.cut()

    def crash(self) -> None:
        self.life.crash()


def test_the_last_half_line_of_a_rotated_file_counts_when_nobody_writes_any_more(log):
    life = life_of(log)
    add(log, line("ann"), line("ben")[:-1])
    life.read()
    assert life.by_hash() == hashed({"ann": 1})
    os.rename(log, f"{log}.1")
    os.utime(f"{log}.1", (0, 0))
    log.write_bytes(b"")
    assert life.read() == hashed({"ann": 1, "ben": 1})


def test_a_file_that_may_not_be_read_says_what_to_do(log, monkeypatch):
    life = life_of(log)
    add(log, line("ann"))
    really = os.open

    def refuse(path, *arguments):
        if path == str(log):
            raise PermissionError(13, "Permission denied")
        return really(path, *arguments)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        look = life.look()
        assert not look.complete
        assert "SupplementaryGroups=adm" in look.problems[0]
    assert life.read() == hashed({"ann": 1})


def test_a_backlog_of_many_accounts_is_cut_into_batches_and_vouched_for_at_its_end(log, monkeypatch):
    monkeypatch.setattr("agent.logins.blocks.blocks.__kwdefaults__", {"size": 4096})
    life = life_of(log)
    add(log, *(line(f"user{number}") for number in range(500)))
    begun = life.batch.cursor_ms
    rounds = 0
    while not life.reader.poll(life.now_ms, lambda: False, most_pairs=60).complete:
        life.cut()
        assert life.slots == []
        rounds += 1
        if rounds % 3 == 0:
            life.crash()
    life.now_ms += 1000
    life.cut()
    assert rounds > 3
    assert life.by_hash() == hashed({f"user{number}": 1 for number in range(500)})
    assert life.slots == [(begun, life.now_ms)]


@pytest.mark.parametrize("late", ["20/Nov/2026", "22/Nov/2026"])
def test_logs_vouch_from_their_first_line_or_from_since(log, late):
    add(log, line("ann").replace(b"23/Nov/2026", late.encode()), line("ben"))
    life = Life(combined(log, head='since = "2026-11-21"\ntimezone = "UTC"'))
    day_ms = 86_400_000
    since_ms = life.now_ms // day_ms * day_ms - 2 * day_ms
    expected = since_ms if late.startswith("20") else since_ms + day_ms + 11 * 3_600_000
    assert life.batch.cursor_ms == expected
    life.read()
    assert life.slots[0][0] == expected
    assert life.batch.lines["web"].too_early == int(late.startswith("20"))


def test_a_log_that_is_named_later_begins_at_its_end(log, tmp_path):
    life = life_of(log)
    other = tmp_path / "other.log"
    add(other, line("old"))
    life.chosen = combined(
        log,
        more=f'[[logs]]\nname = "o"\nformat = "common"\ndefinition = "client-address/1"\npaths = ["{other}"]\n',
    )
    life.cut()
    life.crash()
    add(other, line("x"))
    add(log, line("ann"))
    assert life.read() == hashed({"ann": 1, "10.0.0.1": 1})
    assert {piece.definition for piece in life.batch.pieces} == {
        "authenticated-request/1",
        "client-address/1",
    }
