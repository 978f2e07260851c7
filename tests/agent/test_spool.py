"""The spool on a real disk: opening, damage, limits, thinning, kill -9."""

import os
import random
import resource
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from machine_double import CHAIN, IDENTITY, Machine, make_key

from agent import spool as spools
from agent.errors import SpoolBusyError, SpoolError, SpoolFullError
from agent.run import last_of
from agent.sealing import ClockEstimate, Sealer
from agent.shelf import UNKNOWN_PREV
from agent.spool import Spool
from agent.thinning import keep_rows, thinned
from evidence.calendar import LocalCalendar
from evidence.chunk import open_chunk, read_frame
from evidence.day_sum import claims, day_sums, merge

KEY = make_key()


class Writer:
    """A spool with a machine that fills it."""

    def __init__(self, folder, *, max_bytes=1 << 30, machine=None):
        self.folder = Path(folder)
        self.max_bytes = max_bytes
        self.machine = machine or Machine()
        self.open()

    def open(self):
        self.notes = []
        self.spool = Spool(
            str(self.folder),
            chain=CHAIN,
            key=KEY.public,
            note=lambda event, fields: self.notes.append((event, fields)),
            max_bytes=self.max_bytes,
        )
        self.sealer = Sealer(identity=IDENTITY, key=KEY, last=last_of(self.spool.head))
        return self

    def seal(self, chunks=1, readings=3):
        for _ in range(chunks):
            for _ in range(readings):
                self.sealer.add(self.machine.tick().read())
            self.sealer.close()
            self.spool.seal(lambda place: self.sealer.draft(place, ClockEstimate()))
            self.sealer.sealed()
        return self

    def chunks(self):
        return [open_chunk(self.spool.read(seq)[0], KEY.public) for seq in self.spool.pending()]

    def file(self, seq, ending="chunk"):
        return self.folder / f"{seq:012d}.{ending}"

    def damage(self, seq, ending="chunk"):
        data = bytearray(self.file(seq, ending).read_bytes())
        data[len(data) // 2] ^= 1
        self.file(seq, ending).write_bytes(bytes(data))


@pytest.fixture
def writer(tmp_path):
    return Writer(tmp_path / "spool")


def require_chain(chunks):
    for before, after in zip(chunks, chunks[1:]):
        assert after.header.seq == before.header.seq + 1
        assert after.header.prev == before.hash
        assert after.header.prev_end_ms == before.header.end_ms


def totals(chunks):
    calendar, total, taken = LocalCalendar("Asia/Shanghai"), {}, []
    for chunk in chunks:
        total = merge([total, day_sums(chunk, calendar, taken)])
        taken += claims(chunk)
    result = {}
    for (metric, _), part in total.items():
        result[metric] = result[metric] + part if metric in result else part
    return {
        metric: (part.amount, part.whole, part.covered_ms, part.downtime_ms)
        for metric, part in result.items()
    }


def test_sealed_chunks_are_files_and_survive_reopening(writer):
    writer.seal(3)
    assert sorted(path.name for path in writer.folder.glob("*.chunk")) == [
        f"{n:012d}.chunk" for n in range(3)
    ]
    writer.open().seal(2)
    assert writer.spool.pending() == [0, 1, 2, 3, 4]
    require_chain(writer.chunks())
    assert writer.chunks()[0].header.prev == CHAIN
    assert writer.chunks()[3].header.first == "repeat"
    assert writer.spool.size_bytes == sum(path.stat().st_size for path in writer.folder.glob("*.chunk"))


def test_nothing_to_seal_writes_nothing(writer):
    assert writer.spool.seal(lambda _: None) is None
    assert writer.spool.pending() == []
    assert writer.spool.oldest_ms() is None


def test_the_newest_chunk_stays_as_sent_until_the_next_is_sealed(writer):
    writer.seal(2)
    for seq in (0, 1, 1, 7):
        writer.spool.acknowledge(seq)
    assert [path.name for path in writer.folder.glob("*.[cs][he]*")] == ["000000000001.sent"]
    writer.open()
    assert writer.spool.pending() == []
    writer.seal()
    assert writer.chunks()[0].header.prev_end_ms == writer.chunks()[0].header.start_ms
    assert writer.spool.pending() == [2]
    assert not list(writer.folder.glob("*.sent"))


def test_acknowledgements_may_come_out_of_order(writer):
    writer.seal(3)
    writer.spool.acknowledge(2)
    writer.spool.acknowledge(0)
    assert writer.open().spool.pending() == [1]
    writer.seal()
    assert writer.spool.pending() == [1, 3]


def test_unfinished_files_are_removed_at_open(writer):
    writer.seal(1)
    (writer.folder / "000000000001.chunk.tmp").write_bytes(b"half")
    writer.open()
    assert writer.spool.pending() == [0]
    assert not list(writer.folder.glob("*.tmp"))


@pytest.mark.parametrize("content", [b"", b"SPC1", bytes(500)])
def test_a_torn_chunk_is_moved_aside_and_its_number_is_never_used_again(writer, content):
    writer.seal(3)
    writer.file(1).write_bytes(content)
    assert writer.spool.read(1) is None
    assert writer.spool.pending() == [0, 2]
    assert writer.spool.damaged == 1
    assert writer.notes[0][0] == "chunk_damaged"
    assert (writer.folder / "damaged" / "000000000001.chunk").read_bytes() == content
    writer.open().seal()
    assert writer.spool.pending() == [0, 2, 3]
    assert writer.spool.damaged == 1


def test_a_damaged_head_is_replaced_by_what_was_noted_of_it(writer):
    writer.seal(3)
    link = writer.chunks()[2]
    writer.damage(2)
    writer.open()
    assert writer.spool.head.hash == link.hash
    assert writer.spool.head.chunk is None
    assert writer.spool.damaged == 1
    writer.seal()
    chunk = writer.chunks()[-1]
    assert (chunk.header.seq, chunk.header.prev, chunk.header.first) == (3, link.hash, "reading")
    assert chunk.header.prev_end_ms == link.header.end_ms


@pytest.mark.parametrize("note", ["", "{}", "[1]", '{"seq": 1, "hash": "aa", "end_ms": 5, "boot": "b"}'])
def test_a_head_that_is_lost_altogether_leaves_a_visible_break(writer, note):
    writer.seal(3)
    writer.damage(2)
    (writer.folder / "head").write_text(note)
    writer.open().seal()
    header = writer.chunks()[-1].header
    assert (header.seq, header.prev, header.prev_end_ms, header.first) == (3, UNKNOWN_PREV, 0, "reading")
    assert "head_unknown" in [event for event, _ in writer.notes]


def test_a_damaged_sent_head_is_replaced_by_what_was_noted_of_it(writer):
    writer.seal(2)
    link = writer.chunks()[1]
    for seq in (0, 1):
        writer.spool.acknowledge(seq)
    writer.damage(1, "sent")
    writer.open().seal()
    assert writer.chunks()[0].header.prev == link.hash
    assert writer.chunks()[0].header.seq == 2


def test_a_chunk_under_another_number_is_not_believed(writer):
    writer.seal(3)
    os.replace(writer.file(2), writer.file(5))
    writer.open()
    assert writer.spool.pending() == [0, 1]
    assert writer.spool.damaged == 1
    writer.seal()
    assert writer.spool.pending() == [0, 1, 6]


def test_a_chunk_of_another_key_is_not_sent(writer, tmp_path):
    other = Writer(tmp_path / "other")
    other.seal(2)
    writer.seal(1)
    frame = other.file(1).read_bytes()
    writer.file(1).write_bytes(frame[:4] + bytes(32) + frame[36:])
    writer.open()
    assert writer.spool.pending() == [0]


def test_a_chunk_that_somebody_removed_is_reported_once(writer):
    writer.seal(2)
    writer.file(0).unlink()
    assert writer.spool.read(0) is None
    assert writer.spool.read(0) is None
    assert [event for event, _ in writer.notes] == ["chunk_vanished"]
    assert writer.spool.pending() == [1]


def test_a_chunk_that_cannot_be_read_now_stays_pending(writer, monkeypatch):
    writer.seal(2)
    monkeypatch.setattr(writer.spool._files, "read", lambda _: (_ for _ in ()).throw(OSError(5, "I/O error")))
    assert writer.spool.read(0) is None
    assert writer.spool.oldest_ms() is None
    monkeypatch.undo()
    assert writer.spool.pending() == [0, 1]
    assert writer.spool.oldest_ms() == writer.chunks()[0].header.start_ms


def test_a_damaged_chunk_that_cannot_be_moved_is_not_sent(writer, monkeypatch):
    writer.seal(2)
    writer.damage(0)
    monkeypatch.setattr(
        writer.spool._files, "rename", lambda *_: (_ for _ in ()).throw(OSError(30, "Read-only"))
    )
    assert writer.spool.read(0) is None
    assert writer.spool.pending() == [1]
    assert "cannot be moved aside" in writer.notes[-1][1]["reason"]


def test_refused_chunks_are_kept_apart_and_the_chain_goes_on_from_them(writer):
    writer.seal(2)
    link = writer.chunks()[1]
    writer.spool.mark_tried(1)
    writer.spool.refuse(1)
    writer.spool.refuse(1)
    assert (writer.spool.refused, writer.spool.pending()) == (1, [0])
    writer.open().seal()
    assert writer.chunks()[-1].header.prev == link.hash
    assert writer.chunks()[-1].header.first == "repeat"
    assert writer.open().spool.refused == 1


def test_files_moved_aside_never_replace_one_another(writer):
    writer.seal(1)
    (writer.folder / "refused" / "000000000000.chunk").write_bytes(b"before")
    writer.spool.refuse(0)
    names = sorted(path.name for path in (writer.folder / "refused").iterdir())
    assert names == ["000000000000.chunk", "000000000000.chunk.1"]
    assert writer.open().spool.head.seq == 0


def test_a_number_that_was_on_the_wire_is_never_used_again(writer):
    writer.seal(2)
    writer.spool.mark_tried(1)
    for path in [writer.file(0), writer.file(1)]:
        path.unlink()
    writer.open().seal()
    assert writer.spool.pending() == [2]


def test_a_damaged_mark_freezes_everything_that_is_there(writer):
    writer.seal(3)
    (writer.folder / "tried").write_text("??")
    writer.open()
    assert writer.spool.tail() == []
    assert ("mark_damaged", {"file": "tried"}) in writer.notes
    writer.seal(2)
    assert writer.spool.tail() == [3, 4]


def test_another_chain_gets_a_fresh_folder_and_the_old_one_is_kept(writer, tmp_path):
    writer.seal(2)
    fresh = Spool(str(writer.folder), chain="d" * 64, epoch=1, key=make_key(2).public, note=lambda *_: None)
    assert fresh.pending() == []
    assert fresh.head is None
    assert len(list((tmp_path / "spool.epoch0").glob("*.chunk"))) == 2


def test_at_the_limit_nothing_is_thrown_away_and_sealing_waits(tmp_path):
    writer = Writer(tmp_path / "spool", max_bytes=4_000)
    with pytest.raises(SpoolFullError, match="max_mib"):
        writer.seal(20)
    count = len(writer.spool.pending())
    assert count > 2
    assert writer.sealer.waiting_rows == 4
    writer.spool.mark_tried(0)
    writer.spool.acknowledge(0)
    writer.sealer.reopen()
    writer.seal()
    assert len(writer.spool.pending()) == count


def test_thinning_keeps_every_total_and_the_chain(tmp_path):
    writer = Writer(tmp_path / "spool")
    writer.seal(20, readings=10)
    writer.machine.nics["eth1"] = "mac-1"
    writer.seal(20, readings=10)
    writer.machine.reboot(off_ms=600_000, up_ms=30_000)
    writer.seal(20, readings=10)
    writer.spool.mark_tried(4)
    before = totals(writer.chunks())
    frozen = [chunk.hash for chunk in writer.chunks()[:5]]
    size = writer.spool.size_bytes
    assert writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY)) == size - writer.spool.size_bytes
    assert writer.spool.size_bytes < size / 3
    assert totals(writer.chunks()) == before
    require_chain(writer.chunks())
    assert [chunk.hash for chunk in writer.chunks()[:5]] == frozen
    assert [chunk.header.first for chunk in writer.chunks()[5:]] == ["repeat", "repeat", "boot"]
    writer.seal(2)
    require_chain(writer.chunks())
    assert writer.open().spool.head.hash == writer.chunks()[-1].hash


def test_thinning_keeps_what_a_day_sum_must_be_able_to_see(tmp_path):
    writer = Writer(tmp_path / "spool")
    machine = writer.machine
    writer.seal(2, readings=5)
    machine.sessions = None
    writer.seal(1, readings=5)
    machine.suspend(50_000)
    writer.seal(2, readings=5)
    machine.mono_ms -= 0
    before = totals(writer.chunks())
    writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY))
    assert totals(writer.chunks()) == before
    assert len(writer.chunks()) == 1
    assert before["cpu"][3] == 50_000


def test_a_counter_that_goes_back_stays_visible_after_thinning():
    manifest = Machine().manifest()
    column = [c.name for c in manifest.columns].index("net.rx")
    rows = [
        [1_000_000 + 1_000 * row, row * 1_000, row * 1_000, *[row] * (len(manifest.columns) - 3)]
        for row in range(9)
    ]
    rows[5][column] = 0
    assert keep_rows(manifest, rows) == [0, 4, 5, 8]


def test_thinning_that_saves_nothing_changes_nothing(writer):
    writer.seal(1, readings=2)
    before = writer.file(0).read_bytes()
    assert writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY)) == 0
    assert writer.file(0).read_bytes() == before
    writer.spool.mark_tried(0)
    assert writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY)) == 0


def test_thinning_is_wanted_near_the_limit_and_not_again_in_vain(tmp_path):
    writer = Writer(tmp_path / "spool", max_bytes=20_000)
    assert not writer.spool.wants_thinning()
    with pytest.raises(SpoolFullError):
        writer.seal(100)
    assert writer.spool.wants_thinning()
    assert writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY)) > 10_000
    assert not writer.spool.wants_thinning()
    writer.sealer.reopen()
    writer.seal(3)
    require_chain(writer.chunks())


def test_a_damaged_chunk_in_the_tail_stops_this_thinning_only(writer):
    writer.seal(10)
    writer.damage(3)
    with pytest.raises(SpoolError, match="chunk 3 is damaged"):
        writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY))
    assert writer.spool.tail() == [4, 5, 6, 7, 8, 9]
    assert writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY)) > 0
    assert writer.spool.pending() == [0, 1, 2, 4]


def test_a_thinned_tail_that_is_damaged_is_moved_aside_and_reported(writer):
    writer.seal(3)
    (writer.folder / "thin").write_bytes(b"rubbish")
    writer.open()
    assert writer.spool.pending() == [0, 1, 2]
    assert writer.spool.damaged == 1
    assert "thinned_tail_damaged" in [event for event, _ in writer.notes]


def test_a_full_disk_in_the_middle_of_thinning_is_made_good_later(writer, monkeypatch):
    writer.seal(10)
    before = totals(writer.chunks())
    real, calls = writer.spool._files.remove, []

    def remove(path):
        calls.append(path)
        if len(calls) == 3:
            raise OSError(5, "Input/output error")
        real(path)

    monkeypatch.setattr(writer.spool._files, "remove", remove)
    with pytest.raises(SpoolError, match="thinning"):
        writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY))
    calls.append("again")
    calls.append("and later")
    assert totals(writer.chunks()) == before
    assert len(writer.spool.pending()) == 1


def test_while_thinning_cannot_be_finished_nothing_is_handed_out(writer, monkeypatch):
    writer.seal(10)
    monkeypatch.setattr(writer.spool._files, "remove", lambda _: (_ for _ in ()).throw(OSError(5, "broken")))
    with pytest.raises(SpoolError):
        writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY))
    assert writer.spool.pending() == []
    assert writer.notes[-1][0] == "thinning_unfinished"
    with pytest.raises(SpoolError, match="sealing failed"):
        writer.spool.seal(lambda _: None)
    monkeypatch.undo()
    assert len(writer.spool.pending()) == 1


def test_sealing_does_not_wait_for_a_long_thinning(writer, monkeypatch):
    monkeypatch.setattr(spools, "BUSY_WAIT_S", 0.01)
    writer.seal(5)
    oldest_ms = writer.spool.oldest_ms()
    entered, leave = threading.Event(), threading.Event()

    def build(chunks):
        entered.set()
        assert leave.wait(10)
        return thinned(chunks, KEY)

    thread = threading.Thread(target=writer.spool.replace_tail, args=(build,))
    thread.start()
    assert entered.wait(10)
    with pytest.raises(SpoolBusyError):
        writer.spool.seal(lambda _: None)
    assert writer.spool.oldest_ms() == oldest_ms
    assert writer.spool.count == 5
    leave.set()
    thread.join()
    assert writer.spool.count == 1


@pytest.mark.parametrize("action", ["mark_tried", "acknowledge", "refuse"])
def test_a_disk_that_fails_is_a_spool_error_and_nothing_is_forgotten(writer, monkeypatch, action):
    writer.seal(2)

    def broken(*_):
        raise OSError(30, "Read-only file system")

    for name in ("write", "rename", "remove"):
        monkeypatch.setattr(writer.spool._files, name, broken)
    with pytest.raises(SpoolError, match="Read-only"):
        getattr(writer.spool, action)(0)
    assert writer.spool.pending() == [0, 1]


def test_a_folder_that_cannot_be_used_is_a_clear_error(tmp_path):
    (tmp_path / "spool").write_text("a file")
    with pytest.raises(SpoolError, match="cannot be opened"):
        Writer(tmp_path / "spool")


def test_a_file_size_limit_of_the_process_is_a_spool_error_and_is_survived(writer):
    """A real write that the kernel refuses part of, in a child with RLIMIT_FSIZE."""
    writer.seal(1)
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (300, limit[1]))
        with pytest.raises(SpoolError, match="sealing failed"):
            writer.seal(1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert sorted(path.name for path in writer.folder.glob("*.chunk*")) == ["000000000000.chunk"]
    writer.sealer.reopen()
    writer.seal(1)
    require_chain(writer.chunks())
    assert totals(writer.chunks())["cpu"][2] == 8 * 60_000


CHILD = """
import sys
sys.path.insert(0, {tests!r})
from test_spool import Writer
from machine_double import Machine
from agent.thinning import keep_rows, thinned
from test_spool import KEY
writer = Writer({folder!r}, machine=Machine(wall_ms=int(sys.argv[1]), boot_ms=int(sys.argv[2])))
print("open", flush=True)
count = 0
while True:
    writer.seal()
    count += 1
    print("sealed", writer.spool.head.seq, writer.spool.head.hash, writer.machine.wall_ms, flush=True)
    if count % 7 == 0:
        seq = writer.spool.pending()[0]
        writer.spool.mark_tried(seq)
        print("acked", seq, flush=True)
        writer.spool.acknowledge(seq)
    if count % 25 == 0:
        print("thin", flush=True)
        writer.spool.replace_tail(lambda chunks: thinned(chunks, KEY))
        for seq in writer.spool.pending():
            print("sealed", seq, writer.spool.read(seq)[0].hash, writer.machine.wall_ms, flush=True)
        print("thinned", flush=True)
"""


@pytest.mark.no_cover
def test_kill_9_at_any_moment_loses_no_sealed_chunk(tmp_path):
    folder = tmp_path / "spool"
    program = CHILD.format(tests=str(Path(__file__).parent), folder=str(folder))
    chance = random.Random(7)
    wall_ms, boot_ms, rounds = 1_767_585_600_000, 3_600_000, 30
    sealed: dict[int, str] = {}
    for _ in range(rounds):
        child = subprocess.Popen(
            [sys.executable, "-c", program, str(wall_ms), str(boot_ms)], stdout=subprocess.PIPE, text=True
        )
        assert child.stdout.readline() == "open\n"
        time.sleep(chance.uniform(0.0, 0.12))
        child.kill()
        lines = child.stdout.read().splitlines()
        child.wait()
        child.stdout.close()
        thinning = False
        acked: set[int] = set()
        for line in lines:
            word, *rest = line.split(" ")
            if word == "sealed" and len(rest) == 3:
                sealed[int(rest[0])] = rest[1]
            elif word == "acked":
                sealed.pop(int(rest[0]), None)
                acked.add(int(rest[0]))
            elif word == "thin":
                thinning, sealed = True, {}
            elif word == "thinned":
                thinning = False
        writer = Writer(folder)
        assert writer.spool.damaged == 0
        assert not writer.notes
        pending = {seq: writer.spool.read(seq)[0].hash for seq in writer.spool.pending()}
        if not thinning:
            assert sealed.items() <= pending.items()
            assert len(pending) <= len(sealed) + 1 + len(acked)
        require_links(writer)
        sealed = pending
        last = writer.spool.head.chunk if writer.spool.head else None
        wall_ms = (last.header.end_ms if last else wall_ms) + 60_000
        boot_ms = (last.values[1][-1] if last else boot_ms) + 60_000
    assert writer.spool.head.seq > rounds


def require_links(writer):
    chunks = {chunk.header.seq: chunk for chunk in writer.chunks()}
    for seq, chunk in chunks.items():
        if seq - 1 in chunks:
            assert chunk.header.prev == chunks[seq - 1].hash
        assert read_frame(writer.file(seq).read_bytes()).hash == chunk.hash
