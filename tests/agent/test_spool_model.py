"""The spool over a disk that crashes at any call and keeps any subset of what was not synced."""

from __future__ import annotations

import pytest
from disk_model import CrashError, DiskModel
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from machine_double import CHAIN, IDENTITY, Machine, make_key

from agent.errors import SpoolError
from agent.run import last_of
from agent.sealing import ClockEstimate, Sealer
from agent.spool import Spool
from agent.thinning import thinned
from evidence.chunk import open_chunk, read_frame

KEY = make_key()
FOLDER = "/state/spool"
CRASHES = st.integers(0, 30)


class SpoolMachine(RuleBasedStateMachine):
    """What was sealed and not acknowledged is there, once, in order, whatever happens."""

    def __init__(self):
        super().__init__()
        self.disk = DiskModel()
        self.disk.names_now["/state"] = self.disk.safe["/state"] = None
        self.machine = Machine()
        self.sealed: dict[int, str] = {}  # returned by seal, not acknowledged
        self.known: dict[int, set[str]] = {}  # every frame that was ever handed to the disk
        self.on_wire: dict[int, str] = {}
        self.gone: set[int] = set()  # acknowledgements that returned
        self.maybe_gone: set[int] = set()  # and those that did not
        self.span: tuple[int, int] | None = None
        self.notes: list[str] = []

    def open(self):
        self.spool = Spool(
            FOLDER,
            chain=CHAIN,
            key=KEY.public,
            note=lambda event, fields: self.notes.append(event),
            files=self.disk,
        )
        self.sealer = Sealer(identity=IDENTITY, key=KEY, last=last_of(self.spool.head))

    @initialize()
    def begin(self):
        self.open()

    def recover(self, data, *, crash_again):
        self.disk.crash(lambda number: data.draw(st.booleans(), label=f"kept {number}"))
        if crash_again:
            self.disk.fuse = data.draw(CRASHES, label="crash while opening")
            try:
                self.open()
            except CrashError:
                self.disk.crash(lambda number: data.draw(st.booleans(), label=f"kept {number}"))
        self.disk.fuse = -1
        self.open()
        self.learn()

    def learn(self):
        """After a crash an action that did not return may or may not have happened; both are fine."""
        pending = {seq: self.spool.read(seq)[0].hash for seq in self.spool.pending()}
        for seq, digest in pending.items():
            assert digest in self.known[seq], "an invented chunk"
        missing = self.sealed.keys() - pending.keys() - self.maybe_gone - self.gone
        assert not missing, f"lost {missing}"
        for seq, digest in self.on_wire.items():
            assert pending.get(seq, digest) == digest, "a chunk that was on the wire has changed"
        self.sealed = pending
        self.maybe_gone = set()

    @rule(data=st.data(), fuse=st.one_of(st.just(-1), CRASHES), readings=st.integers(1, 3))
    def seal(self, data, fuse, readings):
        for _ in range(readings):
            self.sealer.add(self.machine.tick().read())
        self.sealer.close()
        self.disk.fuse = fuse
        self.disk.torn = lambda whole: data.draw(
            st.sampled_from([whole, whole[: len(whole) // 2], b"", bytes(len(whole))])
        )

        def build(place):
            frame = self.sealer.draft(place, ClockEstimate())
            if frame:
                self.known.setdefault(place.seq, set()).add(read_frame(frame).hash)
            return frame

        try:
            head = self.spool.seal(build)
        except CrashError:
            self.recover(data, crash_again=data.draw(st.booleans()))
            return
        self.disk.fuse = -1
        self.disk.torn = lambda whole: whole
        if head:
            self.sealer.sealed()
            self.sealed[head.seq] = head.hash

    @precondition(lambda self: self.sealed)
    @rule(data=st.data(), fuse=st.one_of(st.just(-1), st.integers(0, 6)))
    def send(self, data, fuse):
        seqs = sorted(self.sealed)[: data.draw(st.integers(1, 3))]
        self.disk.fuse = fuse
        try:
            self.spool.mark_tried(seqs[-1])
        except CrashError:
            self.recover(data, crash_again=False)
            return
        self.disk.fuse = -1
        for seq in range(seqs[-1] + 1):
            if seq in self.sealed:
                assert self.on_wire.setdefault(seq, self.sealed[seq]) == self.sealed[seq]

    @precondition(lambda self: self.on_wire.keys() & self.sealed.keys())
    @rule(data=st.data(), fuse=st.one_of(st.just(-1), st.integers(0, 3)))
    def acknowledge(self, data, fuse):
        seq = data.draw(st.sampled_from(sorted(self.on_wire.keys() & self.sealed.keys())))
        self.disk.fuse = fuse
        self.maybe_gone.add(seq)
        try:
            self.spool.acknowledge(seq)
        except CrashError:
            self.recover(data, crash_again=data.draw(st.booleans()))
            return
        self.disk.fuse = -1
        self.gone.add(seq)
        del self.sealed[seq]

    @precondition(lambda self: len(self.sealed) > 2)
    @rule(data=st.data(), fuse=st.one_of(st.just(-1), st.integers(0, 25)))
    def thin(self, data, fuse):
        tail = self.spool.tail()
        before = [open_chunk(self.spool.read(seq)[0], KEY.public) for seq in tail]

        def build(chunks):

            for number, frame in enumerate(thinned(chunks, KEY)):
                self.known.setdefault(tail[0] + number, set()).add(read_frame(frame).hash)
                yield frame

        self.disk.fuse = fuse
        try:
            self.spool.replace_tail(build)
        except CrashError:
            self.disk.crash(lambda number: data.draw(st.booleans(), label=f"kept {number}"))
        self.disk.fuse = -1
        self.open()
        # Both outcomes hold the same span of time, so the totals are the same.
        after = [
            open_chunk(self.spool.read(seq)[0], KEY.public) for seq in self.spool.pending() if seq in tail
        ]
        if tail:
            assert after[0].header.start_ms == before[0].header.start_ms
            assert after[0].header.prev == before[0].header.prev
            assert [column[-1] for column in after[-1].values] == [column[-1] for column in before[-1].values]
        for seq in tail:
            self.sealed.pop(seq, None)
        self.learn()

    @rule(data=st.data(), kill=st.booleans())
    def restart(self, data, kill):
        if not kill:  # the machine goes down too
            self.disk.crash(lambda number: data.draw(st.booleans(), label=f"kept {number}"))
        self.open()
        self.maybe_gone |= self.gone
        self.learn()

    @invariant()
    def the_chain_is_whole(self):
        if not hasattr(self, "spool"):
            return
        pending = self.spool.pending()
        assert pending == sorted(set(pending))
        assert set(pending) >= self.sealed.keys()
        assert self.spool.size_bytes == sum(self.spool.size(seq) for seq in pending)
        frames = {seq: open_chunk(self.spool.read(seq)[0], KEY.public) for seq in pending}
        for seq, chunk in frames.items():
            if seq == 0:
                assert chunk.header.prev == CHAIN
            elif seq - 1 in frames:
                assert chunk.header.prev == frames[seq - 1].hash
                assert chunk.header.prev_end_ms == frames[seq - 1].header.end_ms
        if self.spool.head:
            assert self.spool.head.chunk is not None
            if pending:
                assert self.spool.head.seq >= pending[-1]
        assert self.spool.damaged == 0
        assert "chunk_damaged" not in self.notes


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(
    max_examples=120, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)


def test_a_failed_seal_leaves_nothing_behind_and_is_tried_again():
    disk = DiskModel()
    disk.names_now["/state"] = None
    spool = Spool(FOLDER, chain=CHAIN, key=KEY.public, note=lambda *_: None, files=disk)
    sealer, machine = Sealer(identity=IDENTITY, key=KEY), Machine()
    for _ in range(3):
        sealer.add(machine.tick().read())
    sealer.close()
    disk.capacity = disk.used() + 100
    for _ in range(2):
        with pytest.raises(SpoolError, match="No space left"):
            spool.seal(lambda place: sealer.draft(place, ClockEstimate()))
        assert spool.pending() == []
        assert not [name for name in disk.names(FOLDER) if name.endswith((".tmp", ".chunk"))]
    disk.capacity = None
    assert spool.seal(lambda place: sealer.draft(place, ClockEstimate())).seq == 0
    assert spool.pending() == [0]


def test_a_chunk_that_was_sealed_is_there_after_a_crash_that_loses_all_that_was_not_synced():
    disk = DiskModel()
    disk.names_now["/state"] = disk.safe["/state"] = None
    notes: list[str] = []

    def opened():
        return Spool(
            FOLDER, chain=CHAIN, key=KEY.public, note=lambda event, fields: notes.append(event), files=disk
        )

    spool, sealer, machine = opened(), Sealer(identity=IDENTITY, key=KEY), Machine()
    for seq in range(3):
        for _ in range(3):
            sealer.add(machine.tick().read())
        sealer.close()
        head = spool.seal(lambda place: sealer.draft(place, ClockEstimate()))
        sealer.sealed()
        disk.crash(lambda number: False)
        spool = opened()
        assert spool.pending() == list(range(seq + 1))
        assert spool.head.hash == head.hash
    assert notes == []
