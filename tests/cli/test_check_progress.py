"""Progress of a check: shown to who watches, and to nobody else."""

from __future__ import annotations

import io

import pytest
from golden.judging import GOOD, stored
from packs import LOG_KEY

from starproof.check_progress import Progress
from starproof.commands.check import main


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_sees_one_line_that_ends_empty() -> None:
    out = Terminal()
    progress = Progress(out, always=False)
    progress.show(1, 2, "web-1\x1b[31m")
    progress.show(2, 2, "web-2")
    assert out.getvalue() == "\r\x1b[2K核验 checking 1/2 50 % web-1\\x1b[31m\r\x1b[2K"


def test_a_file_sees_nothing_unless_it_was_asked_for() -> None:
    out = io.StringIO()
    Progress(out, always=False).show(1, 2, "web-1")
    assert not out.getvalue()
    Progress(out, always=True).show(1, 2, "web-1")
    assert out.getvalue() == "核验 checking 1/2 50 % web-1\n"


def test_the_command_takes_workers_and_shows_progress_and_steps(tmp_path, capsys) -> None:
    pack, key = tmp_path / "pack.zip", tmp_path / "log.pub"
    pack.write_bytes(stored(GOOD))
    key.write_text(LOG_KEY.public.raw.hex() + "\n")
    arguments = [str(pack), "--log-key", str(key), "--every-signature", "--workers", "1", "--progress"]
    assert main(arguments) == 2
    shown = capsys.readouterr()
    assert "checking 2/2 100 % web-1" in shown.err
    assert "  4 数据块与链条 chunks and chains: 通过 pass" in shown.out
    assert "  6 锚定 anchors: 不完整 incomplete" in shown.out
    for odd in ("0", "65", "two"):
        with pytest.raises(SystemExit):
            main([str(pack), "--workers", odd])
        assert "is not a number from 1 to 64" in capsys.readouterr().err
