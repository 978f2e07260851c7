"""Where a secret may come from, and what a secret never does."""

from __future__ import annotations

import copy
import os
import pickle

import pytest

from collector.sources.errors import CredentialError
from collector.sources.secrets import MAX_SECRET_BYTES, Secret, read_secret


def written(path, content, mode=0o600):
    path.write_bytes(content)
    path.chmod(mode)
    return f"file:{path}"


@pytest.mark.parametrize(
    "content",
    [
        b"k3y-of-mine",
        b"k3y-of-mine\n",
        b"k3y-of-mine\r\n",
        b"k3y-of-mine\n\n",
        b"\xef\xbb\xbfk3y-of-mine\r\n",
    ],
    ids=["bare", "LF", "CRLF", "two line ends", "BOM and CRLF"],
)
def test_line_ends_and_byte_order_marks_are_not_part_of_a_secret(tmp_path, content):
    assert read_secret(written(tmp_path / "key", content)).reveal() == "k3y-of-mine"


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"id\nsecret\n", "several lines"),
        (b"k3y\x00", "several lines or control"),
        (b" k3y-of-mine\n", "blanks"),
        (b"k3y-of-mine \n", "blanks"),
        ("k3y-of-mine".encode("utf-16"), "UTF-16"),
        (b"k3y\xff\xfe", "not UTF-8"),
        (b"k" * (MAX_SECRET_BYTES + 1), "more than"),
    ],
)
def test_what_is_no_secret_is_refused_without_repeating_it(tmp_path, content, hint):
    with pytest.raises(CredentialError, match=hint) as raised:
        read_secret(written(tmp_path / "key", content))
    assert "k3y" not in str(raised.value)
    assert str(tmp_path / "key") in str(raised.value)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o620, 0o660, 0o601])
def test_a_file_that_others_may_read_is_refused_with_the_remedy(tmp_path, mode):
    with pytest.raises(CredentialError, match="chmod 600"):
        read_secret(written(tmp_path / "key", b"k3y", mode))


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_file_of_ones_own_is_read(tmp_path, mode):
    assert read_secret(written(tmp_path / "key", b"k3y", mode)) == Secret("k3y")


def test_a_link_to_a_private_file_is_followed_and_the_files_mode_counts(tmp_path):
    reference = written(tmp_path / "key", b"k3y", 0o644)
    (tmp_path / "link").symlink_to(tmp_path / "key")
    with pytest.raises(CredentialError, match="chmod"):
        read_secret(f"file:{tmp_path / 'link'}")
    (tmp_path / "key").chmod(0o600)
    assert read_secret(f"file:{tmp_path / 'link'}") == read_secret(reference)


def test_folders_pipes_and_missing_files_are_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(CredentialError, match="not a regular file"):
        read_secret(f"file:{tmp_path / 'pipe'}")
    with pytest.raises(CredentialError):
        read_secret(f"file:{tmp_path}")
    with pytest.raises(CredentialError, match="No such file"):
        read_secret(f"file:{tmp_path / 'none'}")


def test_an_environment_variable_is_read():
    assert read_secret("env:KEY", environ={"KEY": "k3y\n"}) == Secret("k3y")


@pytest.mark.parametrize(("value", "hint"), [(None, "no environment variable"), ("", "is empty")])
def test_a_variable_that_is_not_set_is_an_error(value, hint):
    with pytest.raises(CredentialError, match=hint):
        read_secret("env:KEY", environ={} if value is None else {"KEY": value})


def test_bytes_in_a_variable_that_are_not_utf8_are_refused():
    with pytest.raises(CredentialError, match="not UTF-8"):
        read_secret("env:KEY", environ={"KEY": "k\udcff"})


def test_a_systemd_credential_is_read_whatever_mask_its_access_list_shows(tmp_path):
    written(tmp_path / "aliyun", b"k3y\n", 0o440)
    environ = {"CREDENTIALS_DIRECTORY": str(tmp_path)}
    assert read_secret("systemd:aliyun", environ=environ) == Secret("k3y")


@pytest.mark.parametrize("name", ["../aliyun", "a/b", ".", ".."])
def test_a_systemd_credential_stays_in_its_directory(tmp_path, name):
    with pytest.raises(CredentialError, match="without a directory"):
        read_secret(f"systemd:{name}", environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})


def test_without_systemd_the_remedy_is_named():
    with pytest.raises(CredentialError, match="LoadCredential=aliyun"):
        read_secret("systemd:aliyun", environ={})


@pytest.mark.parametrize("text", ["LTAI5tPlantedSecret", "secret:LTAI5tPlantedSecret", "file:", ":x", ""])
def test_a_secret_in_place_of_a_reference_is_refused_and_not_repeated(text):
    with pytest.raises(CredentialError) as raised:
        read_secret(text, environ={})
    assert "LTAI5t" not in str(raised.value)


def test_a_secret_does_not_show_itself():
    secret = Secret("k3y-of-mine")
    shown = [
        repr(secret),
        str(secret),
        f"{secret}",
        f"{secret:>40}",
        f"{secret!r}",
        "%s" % secret,  # noqa: UP031 - every way of writing is tried
        repr([secret]),
    ]
    assert not [text for text in shown if "k3y" in text]
    assert not hasattr(secret, "__dict__")


def test_a_secret_is_not_pickled_or_copied():
    for keep in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled"):
            keep(Secret("k3y"))


def test_secrets_are_equal_if_their_texts_are():
    assert Secret("a") == Secret("a")
    assert len({Secret("a"), Secret("a"), Secret("b")}) == 2
    assert Secret("a") != "a"
