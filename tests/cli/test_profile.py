"""``starproof profile``: the template can be filled, the check says what is missing, hash prints entries."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace

import pytest

from config import EDITIONS
from starproof import cli, profiles
from starproof.profile_check import missing
from starproof.profile_hash import entries
from starproof.profile_template import template
from starproof.profiles import read_documents, read_profile
from verifier.editions import load_edition
from verifier.errors import ProfileError
from verifier.profile_file import parse_profile

EDITION = load_edition()
PAPER = b"%PDF-1.7 a contract"
SHA = hashlib.sha256(PAPER).hexdigest()
VALUES = {
    "star": "4",
    "region": "苏州",
    "cloud_form": "hybrid",
    "planned_evaluation": "2026-12",
    "sha256": SHA,
    "value": "62.5",
}


def filled(text: str, **values: str) -> str:
    """A clerk fills everything in: every entry without its #, every empty text with something."""
    known = VALUES | values
    lines = [re.sub(r"^#(?=\S)", "", line) for line in text.splitlines()]
    text = "\n".join(
        re.sub(r'^(\w+) = ""$', lambda m: f'{m[1]} = "{known.get(m[1], "某")}"', line) for line in lines
    )
    return text.replace("documents = []", 'documents = ["business_licence"]').replace(
        '"""\n"""', '"""\n某\n"""'
    )


@pytest.fixture
def folder(tmp_path):
    """A whole profile with its documents."""
    (tmp_path / "documents").mkdir()
    for attachment in EDITION.attachments:
        (tmp_path / "documents" / f"{attachment.id}.pdf").write_bytes(PAPER)
    (tmp_path / "profile.toml").write_text(filled(template(EDITION)), encoding="utf-8")
    return tmp_path


def run(*arguments, capsys):
    status = cli.main(["profile", *map(str, arguments)])
    captured = capsys.readouterr()
    return status, captured.out, captured.err


def change(folder, old: str, new: str) -> None:
    path = folder / "profile.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_template_filled_in_is_a_whole_profile(capsys):
    status, text, _ = run("template", capsys=capsys)
    assert status == 0
    profile = parse_profile(filled(text).encode(), EDITION)
    assert list(profile.rows) == [row.id for row in EDITION.rows if row.kind != "figure"]
    assert list(profile.figures) == ["it_cost_reduction", "monthly_user_rate", "cloud_investment"]
    assert [document.id for document in profile.documents] == [entry.id for entry in EDITION.attachments]
    assert (profile.applicant.total, profile.applicant.cloud_users) == (320, 260)
    assert (profile.cloud_start, profile.filled_on) == ("2024-03-01", "2026-12-03")
    assert profile.scope_summary == profile.performance_summary == "某"


def test_the_template_shows_the_words_of_the_form():
    text = template(EDITION)
    for words in (
        "申请评定星级", "单位性质", "注册号", "法人代表", "传真", "使用云服务人员数量", "上云合作机构", "填报日期",
        "安全 / 内容安全", "行政管理 / 安保管理", "IT开发（注1：只适用于信息技术服务企业。）", "营业执照副本复印件",
        "上云投入（万元）", "业务主机平均CPU利用率", "由主机测量", "连云港",
    ):  # fmt: skip
        assert words in text


def test_only_what_must_be_said_keeps_the_unfilled_template_from_being_read():
    text = template(EDITION)
    with pytest.raises(ProfileError, match="name must be a text"):
        parse_profile(text.encode(), EDITION)
    for key, value in (("star", "3"), ("cloud_form", "public"), ("name", "示例企业")):
        text = text.replace(f'{key} = ""', f'{key} = "{value}"', 1)
    assert parse_profile(text.encode(), EDITION).rows == {}


def test_a_template_for_an_edition_of_ones_own(tmp_path, capsys):
    text = (EDITIONS / "jiangsu-2018-trial.toml").read_text(encoding="utf-8")
    own = tmp_path / "own.toml"
    own.write_text(text.replace('id = "jiangsu-2018-trial"', 'id = "suzhou-2030"'), encoding="utf-8")
    status, out, _ = run("template", "--edition-file", own, capsys=capsys)
    assert status == 0
    assert 'edition = "suzhou-2030"' in out
    (tmp_path / "profile.toml").write_text(filled(out), encoding="utf-8")
    status, _, err = run("check", tmp_path / "profile.toml", capsys=capsys)
    assert status == 1
    assert "'suzhou-2030' does not ship" in err
    status, out, _ = run("check", tmp_path / "profile.toml", "--edition-file", own, capsys=capsys)
    assert status == 1
    assert "there is no such file" in out


def test_an_edition_cannot_break_out_of_a_comment_of_the_template():
    row = replace(EDITION.rows[0], domain="计算\nstar = 9")
    text = template(replace(EDITION, rows=(row, *EDITION.rows[1:]), regions=(), form=None))
    assert "\nstar = 9" not in text
    assert "注1" not in text


def test_an_unknown_edition_is_an_error(capsys):
    status, out, err = run("template", "--edition", "jiangsu-2031", capsys=capsys)
    assert (status, out) == (1, "")
    assert "jiangsu-2031" in err


def test_a_whole_profile_lacks_nothing(folder, capsys):
    status, out, err = run("check", folder / "profile.toml", capsys=capsys)
    assert (status, err) == (0, "")
    assert "申报资料齐全 nothing is missing" in out
    assert "四星" in out


@pytest.mark.parametrize(
    ("old", "new", "gap"),
    [
        ('website = "某"', 'website = ""', ("field", "applicant.website")),
        ('fax = "某"', 'fax = ""', ("field", "applicant.contact.fax")),
        ("total = 320", "", ("field", "applicant.size.total")),
        ("cloud_start = 2024-03-01", "", ("field", "cloud_start")),
        ('region = "苏州"', "", ("field", "region")),
        ('[rows.erp]\ndocuments = ["business_licence"]', "[rows.erp]", ("row", "erp")),
        (
            '[figures.cloud_investment]\nvalue = "62.5"\nbasis = "某"\ndocuments = ["business_licence"]',
            '[figures.cloud_investment]\nvalue = "62.5"',
            ("figure", "cloud_investment"),
        ),
        (
            '[figures.cloud_investment]\nvalue = "62.5"\nbasis = "某"\ndocuments = ["business_licence"]',
            "",
            ("figure", "cloud_investment"),
        ),
        (
            'attachment = "private_platform_documents"',
            "",
            ("attachment", "private_platform_documents"),
        ),
        ('file = "documents/business_licence.pdf"', 'file = "licence.pdf"', ("document", "business_licence")),
    ],
)
def test_what_is_missing_is_listed(folder, capsys, old, new, gap):
    change(folder, old, new)
    status, out, _ = run("check", folder / "profile.toml", "--json", capsys=capsys)
    document = json.loads(out)
    assert status == 1
    assert [(entry["kind"], entry["id"]) for entry in document["missing"]] == [gap]
    status, out, _ = run("check", folder / "profile.toml", capsys=capsys)
    assert (status, "缺 1 项 missing: 1" in out) == (1, True)


def test_a_form_without_a_tick_is_not_filled_in(folder, capsys):
    path = folder / "profile.toml"
    text = re.sub(r"\[rows\.\w+\]\n(text = .*\n)?documents = .*\n", "", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")
    _, out, _ = run("check", path, capsys=capsys)
    assert "附表一项也未勾选" in out


def test_the_attachments_of_other_forms_of_cloud_are_not_asked_for(folder, capsys):
    change(folder, 'cloud_form = "hybrid"', 'cloud_form = "public"')
    change(folder, 'attachment = "private_platform_documents"', "")
    assert run("check", folder / "profile.toml", capsys=capsys)[0] == 0


def test_an_edition_without_regions_asks_for_none(folder):
    edition = replace(EDITION, regions=())
    change(folder, 'region = "苏州"', "")
    profile, _ = read_profile(folder / "profile.toml", edition)
    assert missing(profile, edition, folder) == ()


def test_a_changed_document_is_named_with_its_true_hash(folder, capsys):
    (folder / "documents" / "public_cloud_contract.pdf").write_bytes(b"another")
    _, out, _ = run("check", folder / "profile.toml", capsys=capsys)
    assert hashlib.sha256(b"another").hexdigest() in out
    assert "public_cloud_contract" in out


def test_documents_that_are_too_large_together_are_missing_something(folder, capsys, monkeypatch):
    monkeypatch.setattr("starproof.profile_check.MAX_ALL_BYTES", 3)
    _, out, _ = run("check", folder / "profile.toml", capsys=capsys)
    assert "全部文件过大" in out


def test_a_profile_that_cannot_be_read_is_one_line(tmp_path, capsys):
    status, out, err = run("check", tmp_path / "nothing.toml", capsys=capsys)
    assert (status, out) == (1, "")
    assert err.startswith("starproof profile: the profile ")
    assert "cannot be read" in err
    (tmp_path / "bad.toml").write_text('edition = "jiangsu-2018-trial"\n"\\u001b[31m" = 1', encoding="utf-8")
    status, _, err = run("check", tmp_path / "bad.toml", capsys=capsys)
    assert status == 1
    assert "\x1b" not in err


def test_a_profile_and_its_documents_are_read_with_their_bytes(folder):
    profile, data = read_profile(folder / "profile.toml", EDITION)
    assert hashlib.sha256(data).hexdigest() == profile.sha256
    assert read_documents(profile, folder) == {SHA: PAPER}


def test_a_profile_that_is_too_long_is_not_read(tmp_path, monkeypatch):
    monkeypatch.setattr(profiles, "MAX_FILE_BYTES", 10)
    (tmp_path / "profile.toml").write_text("# a comment")
    with pytest.raises(ProfileError, match="larger than 0 MiB"):
        read_profile(tmp_path / "profile.toml", EDITION)


def with_document(folder, file: str, data: bytes = PAPER):
    text = (
        'schema = "starproof/profile/1"\nedition = "jiangsu-2018-trial"\nstar = "3"\ncloud_form = "public"\n'
        'it_service_enterprise = false\n[applicant]\nname = "示例企业"\n[[documents]]\nid = "contract"\n'
        f'title = "合同"\nfile = "{file}"\nsha256 = "{hashlib.sha256(data).hexdigest()}"\n'
    )
    return parse_profile(text.encode(), EDITION)


def refusal(profile, folder) -> str:
    with pytest.raises(ProfileError) as caught:
        read_documents(profile, folder)
    return str(caught.value)


def test_a_missing_document_is_named(tmp_path):
    message = refusal(with_document(tmp_path, "contract.pdf"), tmp_path)
    assert message.startswith("document 'contract' (contract.pdf): there is no such file in ")


def test_a_link_out_of_the_folder_is_not_followed(tmp_path):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "contract.pdf").write_bytes(PAPER)
    (inner / "contract.pdf").symlink_to(tmp_path / "contract.pdf")
    assert "it is a link out of" in refusal(with_document(inner, "contract.pdf"), inner)


def test_a_folder_that_is_a_link_out_is_not_followed(tmp_path):
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.mkdir()
    outer.mkdir()
    (outer / "contract.pdf").write_bytes(PAPER)
    (inner / "documents").symlink_to(outer)
    assert "it is a link out of" in refusal(with_document(inner, "documents/contract.pdf"), inner)


def test_a_link_inside_the_folder_is_followed(tmp_path):
    (tmp_path / "scan.pdf").write_bytes(PAPER)
    (tmp_path / "contract.pdf").symlink_to(tmp_path / "scan.pdf")
    assert read_documents(with_document(tmp_path, "contract.pdf"), tmp_path) == {SHA: PAPER}


def test_links_in_a_circle_are_no_file(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    assert "there is no such file" in refusal(with_document(tmp_path, "a"), tmp_path)


def test_a_folder_is_no_document(tmp_path):
    (tmp_path / "contract.pdf").mkdir()
    assert "it is not a file" in refusal(with_document(tmp_path, "contract.pdf"), tmp_path)


def test_documents_are_bounded_one_by_one_and_together(tmp_path, monkeypatch):
    (tmp_path / "contract.pdf").write_bytes(PAPER)
    profile = with_document(tmp_path, "contract.pdf")
    monkeypatch.setattr(profiles, "MAX_ALL_BYTES", len(PAPER) - 1)
    assert "larger than 0 MiB together" in refusal(profile, tmp_path)
    monkeypatch.setattr(profiles, "MAX_DOCUMENT_BYTES", len(PAPER) - 1)
    assert refusal(profile, tmp_path) == "document 'contract' (contract.pdf): it is larger than 0 MiB"


def test_hash_prints_entries_that_a_profile_can_hold(folder, capsys):
    (folder / "合同.pdf").write_bytes(b"one")
    (folder / "documents" / "合同.pdf").write_bytes(b"two")
    status, out, _ = run(
        "hash", folder / "合同.pdf", folder / "documents" / "合同.pdf", "--folder", folder, capsys=capsys
    )
    assert status == 0
    path = folder / "profile.toml"
    path.write_text(path.read_text(encoding="utf-8") + "\n" + out, encoding="utf-8")
    profile, _ = read_profile(path, EDITION)
    assert [(d.id, d.title, d.file) for d in profile.documents[-2:]] == [
        ("合同", "合同", "合同.pdf"),
        ("合同-2", "合同", "documents/合同.pdf"),
    ]
    assert set(read_documents(profile, folder).values()) == {PAPER, b"one", b"two"}


def test_hash_refuses_what_a_profile_cannot_hold(tmp_path, capsys):
    inner = tmp_path / "inner"
    inner.mkdir()
    (tmp_path / "contract.pdf").write_bytes(PAPER)
    status, _, err = run("hash", tmp_path / "contract.pdf", "--folder", inner, capsys=capsys)
    assert (status, "does not lie in the profile's folder" in err) == (1, True)
    (inner / "a:b.pdf").write_bytes(PAPER)
    status, _, err = run("hash", inner / "a:b.pdf", "--folder", inner, capsys=capsys)
    assert (status, "cannot stand in a profile" in err) == (1, True)
    status, _, err = run("hash", inner / "none.pdf", capsys=capsys)
    assert (status, "cannot be read" in err) == (1, True)


def test_long_names_become_ids_that_differ(tmp_path):
    names = ["长" * 70, "长" * 69 + "一"]
    for name in names:
        (tmp_path / f"{name}.pdf").write_bytes(PAPER)
    text = entries([tmp_path / f"{name}.pdf" for name in names], tmp_path)
    ids = re.findall(r'^id = "(.*)"$', text, re.MULTILINE)
    assert ids == ["长" * 64, "长" * 62 + "-2"]


def test_a_pipe_that_closes_is_no_failure_to_report(monkeypatch, capsys):
    def closed(_edition):
        raise BrokenPipeError

    monkeypatch.setattr("starproof.commands.profile.template", closed)
    assert run("template", capsys=capsys) == (1, "", "")


def test_figures_that_a_ledger_or_accounts_give_are_not_missing(folder, capsys):
    path, db = folder / "profile.toml", ("--db", f"sqlite:///{folder / 'state' / 'starproof.db'}")
    declared = {"cloud_investment", "it_cost_reduction", "monthly_user_rate"}
    text = re.sub(r"\[figures\.\w+\]\n(?:(?!\[).+\n?)+", "", path.read_text(encoding="utf-8"))
    path.write_text(text, encoding="utf-8")

    def figures(*more):
        status, out, err = run("check", path, "--json", *more, capsys=capsys)
        answer = json.loads(out)
        assert status == (1 if answer["missing"] else 0), err
        return {entry["id"] for entry in answer["missing"]}, answer["computed"]

    assert figures() == (declared, [])
    assert "--db" in run("check", path, capsys=capsys)[1].splitlines()[-1]
    paid = ("--day", "2026-03-01", "--kind", "payment", "--amount", "5", "--payee", "云")
    assert cli.main(["ledger", "add", *paid, "--purpose", "private_cloud", *db]) == 0
    capsys.readouterr()
    assert figures(*db) == (declared - {"cloud_investment"}, ["cloud_investment"])
    assert cli.main(["ledger", "add", *paid, "--purpose", "operations_before", "--item", "电费", *db]) == 0
    (folder / "a.csv").write_text("account,day\na,2026-11-02\n")
    assert cli.main(["account-key", "--out", str(folder / "key")]) == 0
    days = ("--from", "2026-11-01", "--to", "2026-11-30", "--alias", "oa", "--key", f"file:{folder / 'key'}")
    assert cli.main(["accounts", "import", str(folder / "a.csv"), *days, *db]) == 0
    capsys.readouterr()
    assert figures(*db) == (set(), sorted(declared))
    status, out, _ = run("check", path, *db, capsys=capsys)
    assert (status, "computed from ledger and accounts: 3" in out) == (0, True)
    status, _, err = run("check", path, "--db", "nonsense", capsys=capsys)
    assert (status, err.count("\n")) == (1, 1)
