"""Ten thousand real lines with a known answer."""

import lzma
import os
from collections import Counter
from pathlib import Path

import pytest
from login_logs import Life, combined

REAL = (
    Path(os.environ.get("STARPROOF_DATA", Path(__file__).resolve().parents[4] / "shared" / "data"))
    / "apache_logs.xz"
)

pytestmark = pytest.mark.skipif(not REAL.exists(), reason=f"the real log is not here: {REAL}")


@pytest.fixture
def log(tmp_path):
    path = tmp_path / "access.log"
    path.write_bytes(lzma.decompress(REAL.read_bytes()))
    return path


def test_may_2015_has_1753_addresses_and_every_day_its_known_number(log):
    head = 'timezone = "UTC"\nsince = "2015-05-01"'
    life = Life(combined(log, definition="client-address/1", head=head))
    found = life.read()
    assert len(found) == 1753
    assert sum(found.values()) == 10_000
    days = Counter(day for day, _ in life.total)
    assert [days[day] for day in sorted(days)] == [341, 627, 561, 505]


def test_the_compressed_log_gives_the_same(log):
    packed = log.with_name("access.log.1.xz")
    packed.write_bytes(REAL.read_bytes())
    log.write_bytes(b"")
    head = 'timezone = "UTC"\nsince = "2015-05-01"'
    assert len(Life(combined(log, definition="client-address/1", head=head)).read()) == 1753
