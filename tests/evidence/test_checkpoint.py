"""Notes and checkpoints against the examples of their specifications, and against damage."""

from __future__ import annotations

import base64

import pytest

from evidence import checkpoint, signed_note
from evidence.checkpoint import Checkpoint
from evidence.errors import BadSignatureError, LimitExceededError, MalformedError, OutOfRangeError
from evidence.keys import PrivateKey, PublicKey

KEY = PrivateKey.from_seed(b"\x07" * 32)
ROOT = bytes(range(32))

# C2SP tlog-checkpoint's example.
SOFA = """example.com/behind-the-sofa
20852163
CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=

— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=
"""
# C2SP signed-note's example: a text with an empty line in it.
QUASIMODO = """Ognuno sta solo sul cuor della terra
trafitto da un raggio di sole:

ed è subito sera.

— quasimodo.example/salvatore NnugSzTjtVAewIS+Z/iJhUPeFDkO/5QQ2i5ddnGITLlC+EhfLW9oJKONrMouFSQU0xMcXxj99ihAQwaqP3ZekRwNtIc=
"""
# The example of Go's note package: key and note together.
NEUMANN_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
NEUMANN = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
)


def a_note(size: int = 3) -> bytes:
    return checkpoint.sign(size, ROOT, key=KEY)


def changed(old: str, new: str) -> bytes:
    text = a_note().decode()
    assert old in text
    return text.replace(old, new, 1).encode()


def test_a_note_of_another_implementation_verifies():
    name, hash_, encoded = NEUMANN_KEY.split("+")
    key = PublicKey(base64.b64decode(encoded)[1:])
    assert signed_note.key_hash(name, key).hex() == hash_
    assert (
        signed_note.verify(NEUMANN.encode(), name=name, key=key)
        == NEUMANN.split("\n\n", maxsplit=1)[0] + "\n"
    )
    with pytest.raises(BadSignatureError):
        signed_note.verify(NEUMANN.replace("answer", "cause").encode(), name=name, key=key)


def test_the_specifications_checkpoint_is_read():
    found = checkpoint.parse(SOFA.split("\n\n", maxsplit=1)[0] + "\n")
    assert found == Checkpoint(
        "example.com/behind-the-sofa",
        20852163,
        base64.b64decode("CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I="),
    )
    assert SOFA.startswith(found.text)


@pytest.mark.parametrize("note", [SOFA, QUASIMODO])
def test_a_note_by_another_key_is_read_and_not_believed(note):
    with pytest.raises(BadSignatureError, match="not signed by"):
        checkpoint.verify(note.encode(), KEY.public)


def test_a_text_may_have_empty_lines_in_a_note_of_its_own():
    text = QUASIMODO.rpartition("\n\n")[0] + "\n"
    note = signed_note.sign(text, name="a", key=KEY)
    assert signed_note.verify(note, name="a", key=KEY.public) == text


def test_a_checkpoint_verifies_and_says_what_was_signed():
    origin = "starproof/" + KEY.public.id[:16]
    assert checkpoint.verify(a_note(5), KEY.public) == Checkpoint(origin, 5, ROOT)
    assert a_note(5).decode().startswith(f"{origin}\n5\n{base64.b64encode(ROOT).decode()}\n\n— {origin} ")


def test_signatures_by_others_are_ignored():
    by_witness = signed_note.sign(
        checkpoint.parse(a_note().decode().split("\n\n")[0] + "\n").text,
        name="witness.example",
        key=PrivateKey.from_seed(b"\x08" * 32),
    )
    both = a_note() + by_witness.split(b"\n\n")[1]
    assert checkpoint.verify(both, KEY.public).size == 3
    same_name = signed_note.sign(
        "x\n", name=checkpoint.origin_of(KEY.public), key=PrivateKey.from_seed(b"\x08" * 32)
    )
    assert checkpoint.verify(a_note() + same_name.split(b"\n\n")[1], KEY.public).size == 3


def test_one_wrong_signature_by_our_key_spoils_the_note():
    wrong = a_note(4).split(b"\n\n")[1]
    with pytest.raises(BadSignatureError):
        checkpoint.verify(a_note(3) + wrong, KEY.public)


def test_too_many_signatures_are_refused_and_sixteen_are_not():
    line = "— other.example " + base64.b64encode(b"12345").decode() + "\n"
    assert checkpoint.verify(a_note() + (line * 15).encode(), KEY.public).size == 3
    with pytest.raises(LimitExceededError, match="17 signatures"):
        checkpoint.verify(a_note() + (line * 16).encode(), KEY.public)


def test_an_endless_note_is_refused():
    with pytest.raises(LimitExceededError, match="the limit is"):
        checkpoint.verify(b"x" * (signed_note.MAX_NOTE_BYTES + 1), KEY.public)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("\n3\n", "\n4\n"),
        ("AAEC", "AAED"),
        ("starproof/", "starproof\\"),
    ],
)
def test_a_changed_text_is_not_signed(old, new):
    with pytest.raises(BadSignatureError):
        checkpoint.verify(changed(old, new), KEY.public)


@pytest.mark.parametrize(
    "note",
    [
        b"",
        b"\xff\n\n\xff\n",
        a_note()[:-1],
        a_note().replace(b"\n\n", b"\n"),
        a_note().replace(b"\n\n", b"\n\r\n"),
        a_note() + b"\n",
        changed("— ", "- "),
        changed("— starproof/", "— star+proof/"),
        changed("— starproof/", "— star\u2003proof/"),
        a_note().rpartition(b" ")[0] + b"\n",
        a_note()[:-2] + b"\n",
        a_note()[:-1] + b"A\n",
        a_note().rpartition(b" ")[0] + " ä\n".encode(),
        a_note().rpartition(b" ")[0] + b" " + base64.b64encode(b"1234") + b"\n",
        b"DSSEv1 1 x\n\n" + a_note().split(b"\n\n")[1],
    ],
)
def test_what_is_no_note_is_refused(note):
    with pytest.raises(MalformedError):
        checkpoint.verify(note, KEY.public)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a\n1\n",
        "\n1\n" + base64.b64encode(ROOT).decode() + "\n",
        "a\n01\n" + base64.b64encode(ROOT).decode() + "\n",
        "a\n+1\n" + base64.b64encode(ROOT).decode() + "\n",
        "a\n\u0661\n" + base64.b64encode(ROOT).decode() + "\n",
        "a\n9007199254740992\n" + base64.b64encode(ROOT).decode() + "\n",
        "a\n1\n" + base64.b64encode(ROOT[1:]).decode() + "\n",
        "a\n1\n" + base64.b64encode(ROOT).decode().rstrip("=") + "\n",
        "a\n1\n" + base64.b64encode(ROOT).decode() + "\nextension\n",
        "a\n1\n" + base64.b64encode(ROOT).decode() + "\n\n",
    ],
)
def test_a_text_that_is_no_checkpoint_is_refused(text):
    with pytest.raises(MalformedError):
        checkpoint.parse(text)


def test_a_checkpoint_of_another_log_is_refused_even_if_our_key_signed_it():
    origin = checkpoint.origin_of(KEY.public)
    note = signed_note.sign(Checkpoint("starproof/other", 1, ROOT).text, name=origin, key=KEY)
    with pytest.raises(MalformedError, match="starproof/other"):
        checkpoint.verify(note, KEY.public)


@pytest.mark.parametrize("text", ["no newline", "bell\a\n", "DSSEv1 1\n"])
def test_a_text_that_cannot_stand_in_a_note_is_not_signed(text):
    with pytest.raises(OutOfRangeError):
        signed_note.sign(text, name="a", key=KEY)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b", "a\x01"])
def test_a_name_that_cannot_stand_in_a_note_does_not_sign(name):
    with pytest.raises(OutOfRangeError):
        signed_note.sign("x\n", name=name, key=KEY)


@pytest.mark.parametrize(("size", "root"), [(-1, ROOT), (2**53, ROOT), (1, b"")])
def test_a_checkpoint_that_no_log_has_is_not_signed(size, root):
    with pytest.raises(OutOfRangeError):
        checkpoint.sign(size, root, key=KEY)


@pytest.mark.parametrize("count", range(4))
def test_notes_in_one_file_come_back_byte_for_byte(count):
    notes = tuple(a_note(size) for size in range(count))
    assert checkpoint.separate(checkpoint.join(notes)) == notes


@pytest.mark.parametrize("data", [b"x", b"\n", a_note()[:-1], a_note() + b"\n", a_note() + b"\ntext\n"])
def test_a_file_that_is_not_made_of_notes_is_refused(data):
    with pytest.raises(MalformedError):
        [checkpoint.verify(note, KEY.public) for note in checkpoint.separate(data)]
