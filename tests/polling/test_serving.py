"""Nothing about the sources keeps the collector from serving agents."""

from __future__ import annotations

import os
import threading
import time

import pytest

from collector.polling.serving import polling

pytest.importorskip("apscheduler", reason="APScheduler (the extra 'polling') is not installed")

ENTRY = '[[sources]]\nalias = "{}"\nprovider = "fake"\ncredential = "env:NONE_SUCH"\n'


def wait_for(what, seconds=20):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = what()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(what)


def refuse(monkeypatch, path):
    """Root may read everything, so the refusal is made here."""
    real = type(path).open

    def opening(self, *arguments, **options):
        if self == path:
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments, **options)

    monkeypatch.setattr(type(path), "open", opening)


def test_a_file_that_cannot_be_read_is_told_and_looked_at_again(bench, tmp_path, monkeypatch):
    path = tmp_path / "sources.toml"
    path.write_text(ENTRY.format("main"))
    with monkeypatch.context() as refusing:
        refuse(refusing, path)
        with polling(bench.opened, path, log=bench.log, look_again_s=0.05):
            (told,) = bench.log.named("sources_unreadable")
            assert f"chown --reference={tmp_path} {path}" in told["message"]
            time.sleep(0.2)
            assert len(bench.log.named("sources_unreadable")) == 1, "said once"
            refusing.undo()
            wait_for(lambda: bench.log.named("polling"))
            wait_for(lambda: bench.log.named("source_failed"))
    assert not [one for one in threading.enumerate() if "try_again" in one.name]


def test_the_extra_may_be_missing_when_the_file_can_be_read_at_last(bench, tmp_path, monkeypatch):
    path = tmp_path / "sources.toml"
    path.write_text("not toml")
    monkeypatch.setattr("collector.polling.serving.find_spec", lambda _name: None)
    with polling(bench.opened, path, log=bench.log, look_again_s=0.05):
        path.write_text(ENTRY.format("main"))
        wait_for(lambda: [x for x in bench.log.named("sources_unreadable") if "extra" in x["message"]])


def test_a_broken_account_does_not_keep_another_one_from_being_polled(bench, tmp_path):
    path = tmp_path / "sources.toml"
    path.write_text(ENTRY.format("good") + ENTRY.format("bad") + "period_s = -5\n" + ENTRY.format("good"))
    with polling(bench.opened, path, log=bench.log):
        wait_for(lambda: bench.log.named("source_failed"))
    told = [line["message"] for line in bench.log.named("source_refused")]
    assert "source 2 (bad): period_s is a whole number" in told[0]
    assert "'good' stands twice" in told[1]
    assert bench.log.named("polling")[0]["sources"] == 1
    assert {line["alias"] for line in bench.log.named("source_failed")} == {"good"}


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_what_root_makes_in_the_services_directory_is_the_services(tmp_path):
    from collector.opening import open_store
    from collector.polling.accounts import Account
    from collector.polling.adding import add
    from collector.store.locks import alone

    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    os.chown(state, 61184, 61185)
    opened = open_store(f"sqlite:///{state / 's.db'}")
    try:
        opened.keyring.source_key("fake")
        add(state / "sources.toml", Account("a", "fake"))
        os.chown(state / "sources.toml", 0, 0)  # as an earlier version left it
        add(state / "sources.toml", Account("b", "fake"))
        with alone(opened.store, "polling-a", directory=state):
            pass
        assert {(one.stat().st_uid, one.stat().st_gid) for one in state.iterdir()} == {(61184, 61185)}
        assert len(list(state.iterdir())) >= 5
    finally:
        opened.store.close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_nothing_is_given_away_under_another_name(tmp_path):
    from collector.errors import StoreError
    from collector.ownership import adopt
    from collector.store.engine import open_engine
    from collector.store.locks import alone

    state = tmp_path / "state"
    state.mkdir()
    store = open_engine(f"sqlite:///{tmp_path / 's.db'}")
    os.chown(state, 61184, 61185)
    (tmp_path / "roots").write_text("")
    (state / "polling-a.lock").symlink_to(tmp_path / "roots")
    with (
        pytest.raises(StoreError, match="cannot use the lock file"),
        alone(store, "polling-a", directory=state),
    ):
        pass
    os.link(tmp_path / "roots", state / "linked")
    with (state / "linked").open("rb") as linked:
        adopt(linked.fileno(), state)
    store.close()
    assert (tmp_path / "roots").stat().st_uid == 0


def test_who_is_not_root_gives_nothing_away(tmp_path, monkeypatch):
    from collector import ownership

    monkeypatch.setattr(ownership.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(ownership.os, "fchown", lambda *_: pytest.fail("given away"))
    with (tmp_path / "a").open("wb") as file:
        ownership.adopt(file.fileno(), tmp_path)
    assert ownership.remedy(tmp_path, OSError(5, "Input/output error")) == ""
