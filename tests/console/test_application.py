"""The application in the console: saved in parts, declared once, packed in the background, told what is missing."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
import time
from dataclasses import replace
from html import unescape

import pytest
import tomllib
from console_examples import MONTH
from console_world import NOW, PASSWORD, Browser, Clock, Events
from processes import starproof

from collector.opening import open_store
from collector.settings import Settings
from collector.store import log, profiles
from config import EDITIONS, EXAMPLES
from console.app import application, create_console
from console.reading.applying import edition_of, versions_of
from console.reading.archives import EnterpriseAlone
from console.reading.rules import rules_of
from console.work.jobs import DONE, FAILED, INTERRUPTED, Job, JobError, Jobs, TooManyJobsError
from declaring.profile_text import profile_text
from declaring.scope_text import ScopeDraft, host_lines, scope_text
from evidence import log_entry
from verifier.editions import load_edition
from verifier.errors import ScopeError
from verifier.profile_file import parse_profile
from verifier.scope import parse_scope
from verifier.toml_text import MAX_FILE_BYTES

EXAMPLE = EXAMPLES / "month" / "profile.toml"
FACTS = {
    "star": "4", "cloud_form": "public", "applicant.name": "江苏示例精密机械有限公司", "region": "苏州",
    "applicant.size.total": "320", "applicant.size.cloud_users": "260", "filled_on": "2026-11-03",
}  # fmt: skip


@pytest.fixture(scope="module")
def owned(seeded, tmp_path_factory, passwords):
    """A console over the example month whose administrator is signed in."""
    folder = tmp_path_factory.mktemp("owned")
    for file in seeded.iterdir():
        shutil.copy(file, folder)
    opened = open_store(f"sqlite:///{folder / 'starproof.db'}", now_ms=NOW)
    made = create_console(
        opened,
        settings=Settings(),
        url="http://console.test",
        clock=Clock(),
        log=Events(),
        passwords=passwords,
    )
    secret = made.accounts.offer_setup(now_ms=NOW)
    made.accounts.set_up(secret, name="owner", password=PASSWORD, now_ms=NOW)
    browser = Browser(application(made))
    assert browser.sign_in("owner").status_code == 303
    yield made, browser
    made.jobs.close()
    made.snapshots.close()
    opened.store.close()


def _newest(console):
    with console.store.reading() as connection:
        return profiles.newest(connection)


def _ended(console, *kinds, within_s=60):
    end = time.monotonic() + within_s
    while time.monotonic() < end:
        job = console.jobs.of(*kinds)[0]
        if not job.open:
            return job
        time.sleep(0.1)
    raise AssertionError(job)


def test_the_text_of_a_profile_is_read_back_as_the_same_profile():
    edition = load_edition()
    profile = parse_profile(EXAMPLE.read_bytes(), edition)
    again = parse_profile(profile_text(profile, edition), edition)
    assert replace(again, sha256="") == replace(profile, sha256="")


def test_a_profile_is_saved_in_parts_and_what_is_refused_changes_nothing(console, administrator):
    early = administrator.post("/apply/rows", page="/account", tick="compute")
    assert (early.status_code, "请先保存基本情况" in early.text) == (422, True)
    nothing = administrator.post(
        "/apply/profile", page="/account", star=FACTS["star"], cloud_form=FACTS["cloud_form"]
    )
    assert (nothing.status_code, "还什么都没有填写" in nothing.text, _newest(console)) == (422, True, None)
    assert administrator.post("/apply/profile", page="/account", **FACTS).status_code == 303
    document = [("file", ("合同 扫描.pdf", b"%PDF-1.7"))]
    data = {
        "csrf": administrator.token("/account"),
        "title": "云服务合同",
        "attachment": "public_cloud_contract",
    }
    assert administrator.http.post("/apply/documents", data=data, files=document).status_code == 303
    ticks = {"tick": ["compute", "storage"], "docs-compute": ["合同 扫描"]}
    assert administrator.post("/apply/rows", page="/account", **ticks).status_code == 303
    figure = {"value-cloud_investment": "62.5", "basis-cloud_investment": "发票合计"}
    assert administrator.post("/apply/figures", page="/account", **figure).status_code == 303
    saved = _newest(console)
    profile = parse_profile(saved.file, load_edition())
    assert profile.rows["compute"].documents == ("合同 扫描",)
    assert profile.documents[0].file == "documents/合同 扫描.pdf"
    assert profile.figures["cloud_investment"].value == "62.5"
    assert (profile.applicant.total, profile.region, saved.version) == (320, "苏州", 4)
    page = administrator.get("/apply").text
    assert "已勾选但无证明材料：存储资源" in page
    assert "未填写：注册地址" in page
    for wrong in (
        {**FACTS, "star": "9"},
        {**FACTS, "filled_on": "soon"},
        {**FACTS, "applicant.size.total": "x"},
    ):
        refused = administrator.post("/apply/profile", page="/account", **wrong)
        assert (refused.status_code, "没有保存" in refused.text) == (422, True)
    assert (
        administrator.post("/apply/figures", page="/account", **{"value-cloud_investment": "-1"}).status_code
        == 422
    )
    assert _newest(console) == saved
    assert administrator.post("/apply/documents/remove", page="/account", id="合同 扫描").status_code == 303
    assert parse_profile(_newest(console).file, load_edition()).rows["compute"].documents == ()
    assert tomllib.loads(administrator.get("/apply/profile.toml").text)["star"] == "4"


@pytest.mark.parametrize("name", ["", "..", "a\u202eb.pdf"])
def test_a_document_that_no_profile_can_name_is_refused(administrator, name):
    administrator.post("/apply/profile", page="/account", **FACTS)
    data = {"csrf": administrator.token("/account")}
    answer = administrator.http.post("/apply/documents", data=data, files=[("file", (name, b"x"))])
    assert answer.status_code in (400, 422)


def test_a_scope_is_looked_at_then_declared_once_and_noted(console, administrator):
    form = {
        "first_month": "2026-12", "last_month": "2026-12", "hosts": "web-1, 20, 3000\r\ndb-1，5\r\n",
        "total": "320", "cloud_users": "260", "head_count": "cloud_users", "items": "电费、人员",
        "before_first": "2024-01", "before_last": "2024-12", "counts": ["cloud_service"],
    }  # fmt: skip
    seen = administrator.post("/apply/scope/look", page="/account", **form)
    assert seen.status_code == 200
    assert versions_of(console.store) == ()
    text = re.search(r"<textarea[^>]*>(.*?)</textarea>", seen.text, re.DOTALL)[1].replace("&#34;", '"')
    assert (
        administrator.post("/apply/scope", page="/account", text=text.replace("\n", "\r\n")).status_code
        == 303
    )
    version = versions_of(console.store)[-1]
    assert (
        version.sha256 in seen.text
    )  # what was shown is what is declared, whatever line ends a browser sends
    assert [host.id for host in version.scope.hosts] == ["web-1", "db-1"]
    assert version.scope.it_cost.items == ("电费", "人员")
    again = administrator.post("/apply/scope", page="/account", text=text)
    assert (again.status_code, len(versions_of(console.store))) == (422, 1)
    page = administrator.get("/apply/scope").text
    assert "web-1, 20, 3000" in page
    changed = administrator.post("/apply/scope/look", page="/account", **{**form, "hosts": "web-1, 40"})
    assert "hosts web-1 capacity" in changed.text or "hosts web-1" in changed.text


@pytest.mark.parametrize("hosts", ["web-1, fast", "web-1, 1, 2, 3", ", 20", ""])
def test_hosts_that_cannot_be_declared_are_told_on_the_form_which_keeps_what_was_typed(administrator, hosts):
    form = {"first_month": "2026-12", "last_month": "2026-12", "hosts": hosts, "items": "电费"}
    refused = administrator.post("/apply/scope/look", page="/account", **form)
    assert refused.status_code == 422
    assert "没有声明" in refused.text


def test_the_form_of_a_scope_is_the_scope_that_it_says():
    draft = ScopeDraft(
        "甲公司", "Asia/Shanghai", "jiangsu-2018-trial", "2026-11", "2026-12", host_lines("a, 0.5\nb")
    )
    scope = parse_scope(scope_text(draft).encode())
    assert (scope.hosts[0].capacities[0].bps, scope.hosts[1].capacities) == (500_000, ())
    with pytest.raises(ScopeError, match="line 2"):
        host_lines("a\nb, x")


def test_the_order_of_sources_and_the_excluded_days_are_kept_by_the_form(console, administrator):
    form = {
        "first_month": "2026-12", "last_month": "2026-12", "hosts": "web-1, 20, , agent aliyun\r\ndb-1",
        "exclusions": "2026-12-07, 2026-12-08, 机房搬迁，经批准, 张三\r\n",
    }  # fmt: skip
    seen = administrator.post("/apply/scope/look", page="/account", **form)
    text = unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", seen.text, re.DOTALL)[1])
    assert administrator.post("/apply/scope", page="/account", text=text).status_code == 303
    scope = versions_of(console.store)[-1].scope
    assert [host.sources for host in scope.hosts] == [("agent", "aliyun"), ()]
    (out,) = scope.exclusions
    assert (out.last_day - out.first_day, out.reason, out.person) == (1, "机房搬迁，经批准", "张三")
    page = unescape(administrator.get("/apply/scope").text)
    assert "web-1, 20, , agent aliyun\ndb-1" in page
    assert "2026-12-07, 2026-12-08, 机房搬迁，经批准, 张三" in page
    for wrong in ("2026-12-07, 2026-12-08, x", "soon, 2026-12-08, x, y", "2027-01-01, 2027-01-02, x, y"):
        answer = administrator.post("/apply/scope/look", page="/account", **{**form, "exclusions": wrong})
        assert answer.status_code == 422, wrong


def test_an_edition_of_ones_own_is_added_once_and_measures_what_it_is_declared_for(console, administrator):
    file = (EDITIONS / "jiangsu-2018-trial.toml").read_bytes()
    own = file.replace(b'"jiangsu-2018-trial"', b'"jiangsu-2026"')

    def send(data):
        fields = {"csrf": administrator.token("/account")}
        return administrator.http.post("/apply/editions", data=fields, files={"file": ("e.toml", data)})

    own += b"#" * (300_000 - len(own))  # as large as the commands take it
    assert send(own).status_code == 303
    assert send(own).status_code == 303  # the same again changes nothing
    for wrong in (file, own + b"\n", own[:200], b"", b"x" * (MAX_FILE_BYTES + 1)):
        assert send(wrong).status_code in (413, 422)
    assert "<option>jiangsu-2026</option>" in administrator.get("/apply/scope").text
    form = {"first_month": "2026-12", "last_month": "2026-12", "hosts": "web-1", "edition": "jiangsu-2026"}
    seen = administrator.post("/apply/scope/look", page="/account", **form)
    text = unescape(re.search(r"<textarea[^>]*>(.*?)</textarea>", seen.text, re.DOTALL)[1])
    assert administrator.post("/apply/scope", page="/account", text=text).status_code == 303
    rules = rules_of(EnterpriseAlone(console.store), "2026-12")
    assert (rules.edition.id, rules.problem) == ("jiangsu-2026", "")
    assert edition_of(console.store).sha256 == hashlib.sha256(own).hexdigest()
    with console.store.reading() as connection:
        trail = connection.exec_driver_sql("select action from audit_trail").scalars().all()
        leaves = log.find_all(connection, [hashlib.sha256(own).hexdigest()], kind=log_entry.EDITION)
    assert (trail.count("EDITION_KEPT"), len(leaves)) == (1, 1)


def test_a_month_is_packed_in_the_background_and_the_pack_passes_its_check(owned, tmp_path):
    console, browser = owned
    with console.store.writing() as connection:
        profile = parse_profile(EXAMPLE.read_bytes(), load_edition())
        for one in profile.documents:
            profiles.keep_document(connection, (EXAMPLE.parent / one.file).read_bytes())
        profiles.save(connection, EXAMPLE.read_bytes(), by="owner", now_ms=NOW)
    assert browser.post("/apply/build", page="/account", month=MONTH, language="zh").status_code == 303
    job = _ended(console, "pack")
    assert job.state == DONE, job.message
    names = [file.name for file in job.files]
    assert f"申请表-{MONTH}.docx" in names
    assert names[-1] == f"证据包-{MONTH}.zip"
    shown = browser.get("/apply").text
    assert job.facts["sha256"] in shown
    pack, key = tmp_path / "pack.zip", tmp_path / "log.pub"
    pack.write_bytes(browser.get(f"/apply/files/{job.number}/证据包-{MONTH}.zip").content)
    key.write_bytes(browser.get("/apply/log.pub").content)
    # The store has no day marks of that month, so the check is incomplete; nothing fails.
    done = starproof("check", pack, "--log-key", key, code=None)
    assert done.returncode in (0, 2), done.stdout
    assert browser.get(f"/apply/files/{job.number}/../job.json").status_code == 404
    assert browser.get(f"/apply/files/{job.number}/job.json").status_code == 404
    assert browser.get(f"/settings/backup/{job.number}/证据包-{MONTH}.zip").status_code == 404


def test_what_the_pack_command_says_when_it_cannot_is_told_on_the_page(owned):
    console, browser = owned
    job = console.jobs.begin(
        "pack",
        "2001-01",
        actor="owner",
        task=lambda doing: (_ for _ in ()).throw(JobError("no <such> month")),
    )
    assert _ended(console, "pack").state == FAILED
    assert "no &lt;such&gt; month" in browser.get("/apply").text
    assert console.jobs.get(job.number).message == "no <such> month"
    for month in ("2999-01", "soon", ""):
        assert browser.post("/apply/build", page="/account", month=month, language="zh").status_code == 422


def test_jobs_are_remembered_and_what_a_stop_interrupted_is_told_so(tmp_path):
    jobs = Jobs(tmp_path / "jobs", clock=Clock(), log=Events())
    jobs.begin(
        "pack",
        "2026-10",
        actor="li",
        task=lambda doing: ((doing.folder / "a").write_text("a") and ("a",), {"x": 1}),
    )
    jobs.close()
    again = Jobs(tmp_path / "jobs", clock=Clock(), log=Events())
    job = again.of("pack")[0]
    assert (job.state, job.files[0].name, job.facts) == (DONE, "a", {"x": 1})
    assert again.file(job.number, "a").read_text() == "a"
    again._keep(replace(job, state="running"))
    again.close()
    (tmp_path / "jobs" / "junk").mkdir()
    (tmp_path / "jobs" / "junk" / "job.json").write_text("[")
    third = Jobs(tmp_path / "jobs", clock=Clock(), log=Events())
    assert [one.state for one in third.of("pack")] == [INTERRUPTED]
    third.close()


def test_a_fault_ends_the_job_and_not_the_others_and_too_many_are_refused(tmp_path):
    events, go = Events(), threading.Event()
    jobs = Jobs(tmp_path / "jobs", clock=Clock(), log=events)
    first = jobs.begin("pack", "a", actor="li", task=lambda _doing: 1 / 0)
    while jobs.get(first.number).open:
        time.sleep(0.005)
    for _ in range(8):
        jobs.begin("pack", "b", actor="li", task=lambda _doing: (go.wait(10) and (), {}))
    with pytest.raises(TooManyJobsError):
        jobs.begin("pack", "c", actor="li", task=lambda _doing: ((), {}))
    go.set()
    jobs.close()
    states = [job.state for job in jobs.of("pack")]
    assert states[-1] == FAILED
    assert "job_fault" in [line["event"] for line in events.lines]


def test_the_oldest_jobs_go_with_their_files(tmp_path):
    jobs = Jobs(tmp_path / "jobs", clock=Clock(), log=Events())
    for number in range(30):
        jobs.begin("pack", str(number), actor="li", task=lambda _doing: ((), {}))
        while jobs.get(number + 1).open:
            time.sleep(0.005)
    kept = jobs.of("pack")
    assert len(kept) == 24
    assert isinstance(kept[0], Job)
    assert len(list((tmp_path / "jobs").iterdir())) == 24
    jobs.close()
