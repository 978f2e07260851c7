"""The hash of running code, and the optional field that carries it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

import pytest
from drafts import Draft

from evidence import canonical, chunk, enrolment
from evidence.code_hash import UNKNOWN, code_hash
from evidence.errors import MalformedError
from evidence.keys import PrivateKey

FILES = [("agent/b.py", b"two"), ("agent/a/c.py", b"one"), ("agent/notes.txt", b"no code")]
KEY = PrivateKey.from_seed(bytes(32))
CODE = "c0" * 32


def test_the_hash_is_that_of_the_list_that_sha256sum_prints():
    listed = "".join(
        f"{hashlib.sha256(content).hexdigest()}  {path}\n"
        for path, content in (("agent/a/c.py", b"one"), ("agent/b.py", b"two"))
    )
    assert code_hash(FILES) == code_hash(reversed(FILES)) == hashlib.sha256(listed.encode()).hexdigest()


@pytest.mark.parametrize(
    "other",
    [
        [("agent/b.py", b"two"), ("agent/a/d.py", b"one")],
        [("agent/b.py", b"twO"), ("agent/a/c.py", b"one")],
        [*FILES, ("agent/added.py", b"")],
        FILES[:1],
    ],
)
def test_a_renamed_edited_added_or_missing_file_changes_the_hash(other):
    assert code_hash(other) != code_hash(FILES)


def test_no_files_have_no_hash_and_a_path_that_reads_as_two_is_refused():
    assert code_hash([("agent/notes.txt", b"")]) == UNKNOWN
    for path in ("agent/b.py", "agent/\nx.py"):
        with pytest.raises(MalformedError, match="stands twice or has a line break"):
            code_hash([*FILES, (path, b"")])


def test_a_chunk_carries_the_code_or_is_byte_for_byte_the_chunk_of_before():
    draft = Draft()
    without = draft.header
    known = replace(without, code=CODE)
    assert b'"code"' not in without.encode()
    assert json.loads(known.encode())["code"] == CODE
    named = replace(known, key=CODE, prev=CODE, digest=CODE, manifest=CODE, columns=1)
    assert chunk.parse_header(named.encode()) == named
    assert chunk.parse_header(replace(named, code="").encode()).code == UNKNOWN


@pytest.mark.parametrize("value", ["", "C0" * 32, "c0" * 31, 7])
def test_a_code_that_is_no_hash_is_refused_in_chunk_and_enrolment(value):
    header = replace(Draft().header, key=CODE, prev=CODE, digest=CODE, manifest=CODE, columns=1)
    record = enrolment.Enrolment(
        "企业", "web-1", "agent", KEY.public.raw.hex(), 0, "", CODE, 0, "1", {}, CODE
    )
    assert enrolment.parse(record.encode()) == record
    assert b'"code"' not in replace(record, code="").encode()
    for encoded, parse in ((header.encode(), chunk.parse_header), (record.encode(), enrolment.parse)):
        spoilt = canonical.encode({**json.loads(encoded), "code": value})
        with pytest.raises(MalformedError, match="code is not"):
            parse(spoilt)
