"""The configuration of the reader, and passwords that never show."""

import re
from pathlib import Path

import pytest
import tomllib

from agent.databases import passwords, settings
from agent.databases.commands import check, databases_of, show, show_text
from agent.databases.registry import PRODUCTS
from agent.databases.settings import COUNTS, KEYS, parse
from agent.errors import ConfigError

ROOT = Path(__file__).parents[2]
ONE = '[[databases]]\nname = "a"\nproduct = "mysql"\n'


def test_the_example_the_document_and_the_code_name_the_same_keys():
    text = (ROOT / "config/examples/database.toml").read_text("utf-8")
    uncommented = "\n".join(re.sub(r"^#(\w+ = )", r"\1", line) for line in text.splitlines())
    [database] = tomllib.loads(uncommented)["databases"]
    assert set(database) == set(KEYS)
    [parsed] = parse(text, where="example").databases
    assert (parsed.name, parsed.product, parsed.counts, parsed.port) == (
        "orders",
        "mysql",
        "statements",
        3306,
    )
    for document in ("docs/databases.md", "docs/databases.zh-CN.md"):
        said = (ROOT / document).read_text("utf-8")
        assert [key for key in KEYS if f"`{key}`" not in said] == []
        assert [product for product in COUNTS if f'"{product}"' not in said] == []


def test_every_product_has_a_module_and_a_driver():
    assert set(PRODUCTS) == set(COUNTS) == set(settings.PORTS)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    for product, (_, driver) in PRODUCTS.items():
        assert any(driver in requirement.lower() for requirement in extras[product])


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[[databases]]\nproduct = "mysql"', "name is missing"),
        ('[[databases]]\nname = "a"', "product is missing"),
        ('[[databases]]\nname = "a"\nproduct = "db2"', "product is 'db2'; write one of mysql"),
        (ONE + 'counts = "commits"', "of mysql write statements"),
        (ONE + 'password = "secret"', "a password does not stand in this file"),
        (ONE + "prot = 1", "unknown key prot; did you mean port"),
        (ONE + "zzz = 1", "unknown key zzz; known keys: name"),
        (ONE + "port = 0", "port is 0; write a TCP port from 1 to 65535"),
        (ONE + 'port = "3306"', "port must be a TCP port"),
        (ONE + "port = true", "port must be a TCP port"),
        (ONE + 'host = ""', "host must be an address"),
        (ONE + 'user = "a\\nb"', "user must be"),
        (ONE + "host = 1", "host must be"),
        (ONE + 'password_env = "A"\npassword_file = "/b"', "write only one of"),
        (ONE + ONE, "two databases are named 'a'"),
        (ONE.replace("mysql", "oracle"), "database is missing"),
        (ONE.replace("mysql", "oracle") + 'database = "s"\nca_file = "/c"', "ca_file is not for oracle"),
        (ONE * 40, "40 databases, at most 32"),
        ("databases = 3", "write each database as a table"),
        ("databases = [3]", "write each database as a table"),
        ("[devices]\n", "[devices] belongs to the agent"),
        ("interval_s = 0", "interval_s is 0"),
        ("a b", "not TOML"),
    ],
)  # fmt: skip
def test_a_mistake_is_named_with_its_place(text, said):
    with pytest.raises(ConfigError, match=re.escape(said)) as refused:
        parse(text, where="x.toml")
    assert "x.toml" in str(refused.value)
    assert "secret" not in str(refused.value)


def test_a_password_is_read_from_a_file_that_others_cannot_read(tmp_path):
    path = tmp_path / "p"
    path.write_text("geheim\n")
    path.chmod(0o600)
    [one] = parse(f'{ONE}password_file = "{path}"', where="x").databases
    assert one.password({}) == "geheim"
    path.chmod(0o640)
    with pytest.raises(ConfigError, match="run chmod 600"):
        one.password({})
    path.unlink()
    with pytest.raises(ConfigError, match="cannot be read"):
        one.password({})


@pytest.mark.parametrize(
    ("data", "said"), [(b"\n", "is empty"), (b"\xff", "not UTF-8"), (b"x" * 5000, "longer than")]
)
def test_a_file_that_holds_no_password_is_refused_without_showing_it(tmp_path, data, said):
    path = tmp_path / "p"
    path.write_bytes(data)
    path.chmod(0o600)
    with pytest.raises(ConfigError, match=said):
        passwords.of_file(str(path), where="database a")


def test_a_password_may_come_from_the_environment_or_systemd(tmp_path):
    [one] = parse(f'{ONE}password_env = "P"', where="x").databases
    assert one.password({"P": "geheim"}) == "geheim"
    with pytest.raises(ConfigError, match="the variable P is not set"):
        one.password({})
    (tmp_path / "orders").write_text("geheim\n")
    [one] = parse(f'{ONE}password_credential = "orders"', where="x").databases
    assert one.password({"CREDENTIALS_DIRECTORY": str(tmp_path)}) == "geheim"
    with pytest.raises(ConfigError, match="LoadCredential=orders"):
        one.password({})
    (tmp_path / "orders").unlink()
    with pytest.raises(ConfigError, match="LoadCredential=orders"):
        one.password({"CREDENTIALS_DIRECTORY": str(tmp_path)})
    [one] = parse(ONE, where="x").databases
    assert one.password({}) is None


def test_a_driver_that_quotes_the_password_is_not_repeated():
    assert (
        passwords.reason(ValueError("login with\n geheim failed"), "geheim")
        == "ValueError: login with *** failed"
    )


def test_a_missing_driver_says_which_extra_to_install(monkeypatch):
    import sys

    monkeypatch.delitem(sys.modules, "agent.databases.mongodb", raising=False)
    monkeypatch.setitem(sys.modules, "pymongo", None)
    found = parse(ONE.replace("mysql", "mongodb"), where="x")
    with pytest.raises(ConfigError, match=re.escape("pip install 'starproof[mongodb]'")):
        databases_of(found, {})


def test_without_databases_there_is_nothing_to_check(tmp_path):
    path = tmp_path / "empty.toml"
    path.write_text("")
    with pytest.raises(ConfigError, match="no database is named"):
        check(str(path), {})


def test_showing_names_where_a_password_is_and_never_what_it_is(tmp_path):
    path = tmp_path / "p"
    path.write_text("geheim\n")
    document = show(parse(f'state = "/s"\n{ONE}password_file = "{path}"', where="x"))
    text = show_text(document)
    assert f"password_file = {path}" in text
    assert "geheim" not in text
    assert document["databases"][0]["timeout_s"] == 10
