"""The company's seal, made and judged with the real openssl."""

from __future__ import annotations

import base64
import json
import os
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from evidence import canonical
from evidence.dsse import pae
from evidence.seal import SEAL_TYPE, parse
from starproof import cli
from starproof.commands.check import exit_status
from starproof.commands.check import main as check
from starproof.seals import openssl as tools
from starproof.seals import pem
from starproof.seals.errors import ToolError
from starproof.seals.openssl import DISTINGUISHED_ID

ALGORITHMS = ("ed25519", "sm2-sm3")
WHO = "江苏示例精密机械有限公司"


def openssl_fits() -> bool:
    try:
        tools.find()
    except ToolError:
        return False
    return True


pytestmark = pytest.mark.skipif(not openssl_fits(), reason="there is no OpenSSL 3 with SM2 here")


def openssl(*arguments: object, data: bytes = b"") -> bytes:
    command = ["openssl", *(str(argument) for argument in arguments)]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


def run(capsys, *arguments: object) -> tuple[int, str, str]:
    status = cli.main(["seal", *(str(argument) for argument in arguments)])
    told = capsys.readouterr()
    return status, told.out, told.err


def verified(capsys, file: Path, **options: object) -> tuple[int, dict]:
    named = [part for name, value in options.items() for part in (f"--{name.replace('_', '-')}", value)]
    status, out, err = run(capsys, file, "--verify", "--json", *named)
    assert err == ""
    return status, json.loads(out)


def codes(document: dict) -> list[str]:
    return [finding["code"] for finding in document["findings"]]


@pytest.fixture(scope="module")
def keys(tmp_path_factory) -> SimpleNamespace:
    """A key of each algorithm with its public half, and a company CA that certified the SM2 key."""
    folder = tmp_path_factory.mktemp("keys")
    for algorithm in (*ALGORITHMS, "other"):
        from starproof.commands.seal import new_key

        kind = "sm2-sm3" if algorithm == "other" else algorithm
        public = new_key(folder / f"{algorithm}.key", algorithm=kind, tool=tools.find)
        (folder / f"{algorithm}.pub").write_bytes(public)
    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "3650")
    for name in ("root", "stranger"):
        out = ("-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem")
        openssl("req", "-x509", *curve, *out, "-subj", f"/CN={name}")
    request = folder / "request.pem"
    asked = (
        "-new",
        "-key",
        folder / "sm2-sm3.key",
        "-sm3",
        "-sigopt",
        f"distid:{DISTINGUISHED_ID}",
        "-out",
        request,
    )
    openssl("req", *asked, "-utf8", "-subj", f"/CN={WHO}")
    signing = (
        "-CA",
        folder / "root.pem",
        "-CAkey",
        folder / "root.key",
        "-vfyopt",
        f"distid:{DISTINGUISHED_ID}",
    )
    openssl(
        "x509",
        "-req",
        "-in",
        request,
        *signing,
        "-CAcreateserial",
        "-days",
        "365",
        "-out",
        folder / "own.pem",
    )
    made_by_an_sm2_authority(folder)
    names = ("root", "stranger", "own", "sm2_root", "sm2_chain", "forged_chain")
    return SimpleNamespace(folder=folder, **{name: folder / f"{name}.pem" for name in names})


def made_by_an_sm2_authority(folder: Path) -> None:
    """An SM2 root, below it an SM2 authority, which certified the other SM2 key."""
    identity = f"distid:{DISTINGUISHED_ID}"
    for name in ("sm2_root", "below"):
        openssl(
            "genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:SM2", "-out", folder / f"{name}.key"
        )
    root = ("-key", folder / "sm2_root.key", "-out", folder / "sm2_root.pem")
    openssl("req", "-x509", "-new", "-sm3", *root, "-days", "3650", "-subj", "/CN=sm2 root")
    for name, key in (("below", "below.key"), ("leaf", "other.key")):
        asked = ("-key", folder / key, "-sm3", "-sigopt", identity, "-out", folder / f"{name}.req")
        openssl("req", "-new", *asked, "-subj", f"/CN={name}")
    for name, allowed in (("authority", "TRUE"), ("company", "FALSE")):
        (folder / f"{name}.txt").write_text(f"basicConstraints=critical,CA:{allowed}\n")
    signed = ("-sm3", "-sigopt", identity, "-vfyopt", identity, "-CAcreateserial", "-days", "365")
    for name, request, above, kind in (
        ("below", "below", "sm2_root", "authority"),
        ("leaf", "leaf", "below", "company"),
        ("no_authority", "below", "below", "company"),
        ("forged", "leaf", "no_authority", "company"),
    ):
        above_key = folder / ("sm2_root.key" if above == "sm2_root" else "below.key")
        files = (
            "-in",
            folder / f"{request}.req",
            "-out",
            folder / f"{name}.pem",
            "-extfile",
            folder / f"{kind}.txt",
        )
        openssl("x509", "-req", *files, "-CA", folder / f"{above}.pem", "-CAkey", above_key, *signed)
    parts = [(folder / f"{name}.pem").read_bytes() for name in ("forged", "no_authority", "below")]
    (folder / "forged_chain.pem").write_bytes(b"".join(parts))
    chain = (folder / "leaf.pem").read_bytes() + (folder / "below.pem").read_bytes()
    (folder / "sm2_chain.pem").write_bytes(chain)


@pytest.fixture
def report(tmp_path) -> Path:
    path = tmp_path / "report.pdf"
    path.write_bytes(b"%PDF a report" * 1000)
    return path


@pytest.fixture
def sealed(report, keys, capsys):
    """Return a function that seals the report with a key and returns the seal."""

    def seal(name: str, *more: object) -> Path:
        status, out, err = run(capsys, report, "--key", keys.folder / f"{name}.key", "--who", WHO, *more)
        assert (status, err) == (0, "")
        return Path(out.strip())

    return seal


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_seal_holds_for_the_key_that_the_reviewer_was_given(algorithm, report, keys, sealed, capsys):
    place = sealed(algorithm)
    assert place == report.with_name("report.pdf.seal")
    status, found = verified(capsys, report, seal_cert=keys.folder / f"{algorithm}.pub")
    assert (status, found["outcome"], found["findings"]) == (0, "pass", [])
    assert (found["who"], found["vouched_by"], found["algorithm"]) == (WHO, "key", algorithm)
    assert (found["sm3"] is None) == (algorithm == "ed25519")
    status, out, _ = run(capsys, report, "--verify", "--seal-cert", keys.folder / f"{algorithm}.pub")
    assert status == 0
    assert "单位印章 company seal: 成立 HOLDS" in out
    assert WHO in out


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_without_a_key_from_outside_nobody_says_whose_seal_it_is(algorithm, report, sealed, capsys):
    sealed(algorithm)
    status, found = verified(capsys, report)
    assert (status, found["outcome"], codes(found)) == (2, "incomplete", ["SEAL_UNTRUSTED"])
    status, out, _ = run(capsys, report, "--verify")
    assert (status, "不完整 INCOMPLETE" in out, "成立 HOLDS" in out) == (2, True, False)


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_an_altered_byte_a_longer_file_and_another_key_are_found(algorithm, report, keys, sealed, capsys):
    sealed(algorithm)
    trust = keys.folder / f"{algorithm}.pub"
    whole = report.read_bytes()
    for altered in (whole[:700] + b"X" + whole[701:], whole + b"\n", b""):
        report.write_bytes(altered)
        status, found = verified(capsys, report, seal_cert=trust)
        assert (status, codes(found)) == (1, ["SEAL_FILE"])
    report.write_bytes(whole)
    status, found = verified(capsys, report, seal_cert=keys.folder / "other.pub")
    assert (status, codes(found)) == (1, ["SEAL_KEY"])


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_signature_that_is_cut_longer_or_of_another_statement_does_not_hold(
    algorithm, report, sealed, capsys
):
    place = sealed(algorithm)
    document = json.loads(place.read_bytes())
    good = base64.b64decode(document["signature"])
    other = bytearray(good)
    other[-1] ^= 1
    for signature in (good[:-1], good[:20], good + b"\0", bytes(other), b"\x30\x00"):
        bad = {**document, "signature": base64.b64encode(signature).decode()}
        place.write_bytes(canonical.encode(bad))
        status, found = verified(capsys, report)
        assert (status, codes(found)) == (1, ["SEAL_SIGNATURE", "SEAL_UNTRUSTED"])
    statement = canonical.decode(base64.b64decode(document["statement"]), limit=9999)
    renamed = canonical.encode({**statement, "who": "别的单位"})
    place.write_bytes(canonical.encode({**document, "statement": base64.b64encode(renamed).decode()}))
    assert codes(verified(capsys, report)[1])[0] == "SEAL_SIGNATURE"


def test_an_sm2_signature_under_another_identity_does_not_hold(report, keys, sealed, capsys, tmp_path):
    place = sealed("sm2-sm3")
    document = json.loads(place.read_bytes())
    (tmp_path / "message").write_bytes(pae(SEAL_TYPE, base64.b64decode(document["statement"])))
    for identity, outcome in (("8765432187654321", ["SEAL_SIGNATURE"]), (DISTINGUISHED_ID, [])):
        options = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{identity}")
        asked = ("-inkey", keys.folder / "sm2-sm3.key", "-in", tmp_path / "message")
        signature = openssl("pkeyutl", "-sign", *options, *asked)
        made = {**document, "signature": base64.b64encode(signature).decode()}
        place.write_bytes(canonical.encode(made))
        assert codes(verified(capsys, report, seal_cert=keys.folder / "sm2-sm3.pub")[1]) == outcome


def test_anybody_can_verify_a_seal_with_openssl_alone(report, sealed, keys, tmp_path):
    seal = parse(sealed("sm2-sm3").read_bytes())
    (tmp_path / "message").write_bytes(pae(SEAL_TYPE, seal.body))
    (tmp_path / "signature").write_bytes(seal.signature)
    options = ("-rawin", "-digest", "sm3", "-pkeyopt", f"distid:{DISTINGUISHED_ID}")
    asked = ("-pubin", "-inkey", keys.folder / "sm2-sm3.pub", "-sigfile", tmp_path / "signature")
    told = openssl("pkeyutl", "-verify", *options, *asked, "-in", tmp_path / "message")
    assert b"Verified Successfully" in told
    assert seal.statement.sm3 == openssl("dgst", "-sm3", "-r", report).decode().split()[0]


def test_a_certificate_leads_to_the_root_that_the_reviewer_brings_and_to_no_other(
    report, keys, sealed, capsys
):
    place = sealed("sm2-sm3", "--cert", keys.own)
    status, found = verified(capsys, report, seal_cert=keys.root)
    assert (status, found["vouched_by"], found["subject"]) == (0, "chain", f"CN={WHO}")
    status, found = verified(capsys, report, seal_cert=keys.own)
    assert (status, found["vouched_by"]) == (0, "certificate")
    status, found = verified(capsys, report, seal_cert=keys.stranger)
    assert (status, codes(found)) == (1, ["SEAL_CERTIFICATE"])
    assert codes(verified(capsys, report)[1]) == ["SEAL_UNTRUSTED"]
    document = json.loads(place.read_bytes())
    swapped = base64.b64encode(pem.certificates(keys.stranger)[0]).decode()
    for certificate in (swapped, "AAAA"):
        place.write_bytes(canonical.encode({**document, "certificates": [certificate]}))
        status, found = verified(capsys, report, seal_cert=keys.root)
        assert (status, codes(found)) == (1, ["SEAL_CERTIFICATE"])


def test_a_certificate_that_was_not_valid_at_the_stated_time_does_not_vouch(
    report, keys, sealed, capsys, monkeypatch
):
    year_ms = 365 * 86_400_000
    now_ms = tools_now() + 2 * year_ms
    monkeypatch.setattr("starproof.commands.seal.time.time_ns", lambda: now_ms * 1_000_000)
    sealed("sm2-sm3", "--cert", keys.own)
    status, found = verified(capsys, report, seal_cert=keys.root)
    assert (status, codes(found)) == (1, ["SEAL_CERTIFICATE"])
    assert "expired" in found["findings"][0]["got"]
    shown = run(capsys, report, "--verify", "--seal-cert", keys.root)[1]
    assert f"证书 certificate: CN={WHO}" in shown
    assert "SEAL_CERTIFICATE 证书与密钥或根证书不符" in shown
    monkeypatch.undo()
    assert codes(verified(capsys, report)[1]) == ["SEAL_UNTRUSTED", "SEAL_TIME"]


def tools_now() -> int:
    import time

    return time.time_ns() // 1_000_000


def test_a_chain_of_sm2_authorities_leads_to_its_root(report, keys, sealed, capsys):
    place = sealed("other", "--cert", keys.sm2_chain)
    status, found = verified(capsys, report, seal_cert=keys.sm2_root)
    assert (status, found["vouched_by"], found["subject"]) == (0, "chain", "CN=leaf")
    document = json.loads(place.read_bytes())
    place.write_bytes(canonical.encode({**document, "certificates": document["certificates"][:1]}))
    assert codes(verified(capsys, report, seal_cert=keys.sm2_root)[1]) == ["SEAL_CERTIFICATE"]


def test_a_company_that_certifies_another_is_no_authority(report, keys, sealed, capsys):
    sealed("other", "--cert", keys.forged_chain)
    status, found = verified(capsys, report, seal_cert=keys.sm2_root)
    assert (status, codes(found)) == (1, ["SEAL_CERTIFICATE"])


def test_a_certificate_vouches_for_a_seal_that_carries_none(report, keys, sealed, capsys):
    sealed("sm2-sm3")
    assert verified(capsys, report, seal_cert=keys.own)[1]["vouched_by"] == "certificate"
    status, found = verified(capsys, report, seal_cert=keys.stranger)
    assert (status, codes(found)) == (1, ["SEAL_KEY"])


def test_a_certificate_of_another_key_is_not_sealed_with(report, keys, capsys, tmp_path):
    for certificate, words in (
        (keys.stranger, "another key"),
        (keys.folder / "sm2-sm3.pub", "no certificate"),
    ):
        status, _, err = run(capsys, report, "--key", keys.folder / "sm2-sm3.key", "--cert", certificate)
        assert status == 3
        assert words in err
    (tmp_path / "odd.pem").write_bytes(pem.write(pem.CERTIFICATE, b"no certificate"))
    status, _, err = run(capsys, report, "--key", keys.folder / "sm2-sm3.key", "--cert", tmp_path / "odd.pem")
    assert (status, "cannot be read" in err) == (3, True)
    assert not report.with_name("report.pdf.seal").exists()


def test_without_openssl_a_clear_sentence_and_ed25519_still_holds(report, keys, sealed, capsys, monkeypatch):
    sealed("sm2-sm3")
    sealed("ed25519", "--seal", report.with_name("plain.seal"))
    monkeypatch.setenv("PATH", os.fspath(report.parent))
    status, found = verified(capsys, report, seal_cert=keys.folder / "sm2-sm3.pub")
    assert (status, codes(found)) == (2, ["SEAL_NOT_CHECKED"])
    assert "install OpenSSL 3.0 or later" in found["findings"][0]["got"]
    plain = {"seal": report.with_name("plain.seal"), "seal_cert": keys.folder / "ed25519.pub"}
    assert verified(capsys, report, **plain)[0] == 0
    status, _, err = run(capsys, report, "--key", keys.folder / "sm2-sm3.key")
    assert (status, "需要 openssl 程序" in err) == (3, True)


@pytest.mark.parametrize(
    ("script", "words"),
    [
        ("echo OpenSSL 1.1.1w", "OpenSSL 3.0 or later is needed"),
        ("echo OpenSSL 3.5.0; echo Signature Verified Successfully", "does not verify SM2 as it must"),
        ("[ $1 = version ] && echo OpenSSL 3.0.0", "does not verify SM2 as it must"),
        ("echo broken >&2; exit 3", "openssl version failed: broken"),
    ],
)
def test_an_openssl_that_cannot_or_says_yes_to_everything_is_found_out(script, words, tmp_path):
    program = tmp_path / "openssl"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    with pytest.raises(ToolError, match=words):
        tools.find({"PATH": str(tmp_path)})
    program.write_text("no program")
    with pytest.raises(ToolError, match="does not run"):
        tools.find({"PATH": str(tmp_path)})


def test_keys_are_kept_from_others_and_never_overwritten(tmp_path, capsys, report):
    key = tmp_path / "company.key"
    status, public, _ = run(capsys, "--new-key", key)
    assert status == 0
    assert public == openssl("pkey", "-in", key, "-pubout").decode()
    assert key.stat().st_mode & 0o777 == 0o600
    status, _, err = run(capsys, "--new-key", key)
    assert (status, "never overwritten" in err) == (3, True)
    key.chmod(0o640)
    status, _, err = run(capsys, report, "--key", key)
    assert (status, "chmod 600" in err) == (3, True)


def test_a_key_under_a_passphrase_opens_with_its_file_alone(tmp_path, report, keys, capsys):
    (tmp_path / "words").write_text("correct horse\n")
    for algorithm in ALGORITHMS:
        locked = tmp_path / f"{algorithm}.locked"
        asked = (
            "-in",
            keys.folder / f"{algorithm}.key",
            "-aes256",
            "-passout",
            "pass:correct horse",
            "-out",
            locked,
        )
        openssl("pkey", *asked)
        locked.chmod(0o600)
        status, _, err = run(capsys, report, "--key", locked, "--seal", tmp_path / "no.seal")
        assert (status, "openssl pkey failed" in err) == (3, True)
        place = tmp_path / f"{algorithm}.seal"
        opened = ("--passphrase-file", tmp_path / "words", "--seal", place)
        assert run(capsys, report, "--key", locked, *opened)[0] == 0
        assert verified(capsys, report, seal=place, seal_cert=keys.folder / f"{algorithm}.pub")[0] == 0


def test_what_is_no_key_no_seal_or_no_file_is_told_in_words(report, keys, capsys, tmp_path):
    key = tmp_path / "odd.key"
    key.write_text("nothing")
    key.chmod(0o600)
    assert "holds no private key" in run(capsys, report, "--key", key)[2]
    key.write_text("-----BEGIN PRIVATE KEY-----\nA\n-----END PRIVATE KEY-----\n")
    assert "not base64" in run(capsys, report, "--key", key)[2]
    key.write_bytes(b"x" * (pem.MAX_PEM_BYTES + 1))
    assert "larger than any key" in run(capsys, report, "--key", key)[2]
    (keys.folder / "root.key").chmod(0o600)
    assert "neither of ed25519 nor of sm2-sm3" in run(capsys, report, "--key", keys.folder / "root.key")[2]
    assert "cannot open" in run(capsys, report, "--verify")[2]
    seal = report.with_name("report.pdf.seal")
    seal.write_bytes(b"{}")
    status, found = verified(capsys, report)
    assert (status, codes(found), found["who"]) == (1, ["SEAL_FORMAT"], None)
    assert run(capsys, report, "--verify")[0] == 1
    status, _, err = run(capsys, report, "--key", keys.folder / "ed25519.key")
    assert (status, "is there already" in err) == (3, True)
    (tmp_path / "odd.pem").write_bytes(pem.write(pem.CERTIFICATE, b"no certificate"))
    run(capsys, report, "--key", keys.folder / "ed25519.key", "--seal", tmp_path / "good.seal")
    status, found = verified(capsys, report, seal=tmp_path / "good.seal", seal_cert=tmp_path / "odd.pem")
    assert (status, codes(found)) == (2, ["SEAL_NOT_CHECKED"])
    for trust in (seal, both(keys, tmp_path)):
        assert "one public key, or certificates" in run(capsys, report, "--verify", "--seal-cert", trust)[2]
    for arguments in ([], [report]):
        with pytest.raises(SystemExit) as ended:
            run(capsys, *arguments)
        assert ended.value.code == 3


def both(keys, folder: Path) -> Path:
    path = folder / "both.pem"
    path.write_bytes((keys.folder / "ed25519.pub").read_bytes() + keys.root.read_bytes())
    return path


@pytest.mark.parametrize(
    ("pack", "seal", "status"),
    [
        ("pass", "pass", 0),
        ("pass", "incomplete", 2),
        ("incomplete", "pass", 2),
        ("pass", "fail", 1),
        ("fail", "pass", 1),
    ],
)
def test_the_worse_of_pack_and_seal_is_the_exit_status(pack, seal, status):
    assert exit_status(pack, seal) == status


def test_an_sm3_that_is_not_the_files_is_found_under_a_signature_that_holds(report, keys, capsys):
    from evidence.seal import SealStatement, seal
    from starproof.seals.keys import signer_of
    from starproof.seals.making import hashes_of

    signer = signer_of(keys.folder / "sm2-sm3.key", passphrase=None, tool=tools.find)
    plain = hashes_of(report, tool=None)
    stated = SealStatement("", "", report.name, plain.size, plain.sha256, WHO, 0, "ab" * 32)
    report.with_name("report.pdf.seal").write_bytes(seal(stated, signer))
    found = verified(capsys, report, seal_cert=keys.folder / "sm2-sm3.pub")[1]
    assert codes(found) == ["SEAL_FILE"]


def test_check_judges_the_seal_of_a_pack_and_fails_with_it(report, keys, sealed, capsys):
    sealed("ed25519")
    arguments = [str(report), "--seal-cert", str(keys.folder / "ed25519.pub"), "--json"]
    assert check(arguments) == 1  # a seal that holds makes no pack of a report
    told = json.loads(capsys.readouterr().out)
    assert (told["verdict"], told["seal"]["outcome"]) == ("fail", "pass")
    assert check(arguments[:-1]) == 1
    assert "单位印章 company seal: 成立 HOLDS" in capsys.readouterr().out
    assert check([str(report), "--json"]) == 1
    assert "seal" not in json.loads(capsys.readouterr().out)
    assert check([str(report), "--seal-cert", str(report)]) == 3
    assert "one public key, or certificates" in capsys.readouterr().err
