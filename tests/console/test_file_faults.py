"""Every fault that the rules find in the file of a scope or of an edition has words in Chinese."""

import ast
import functools
import itertools

from console.pages.apply.faults import said_in
from tests.processes import ROOT
from verifier.edition_file import parse_edition
from verifier.errors import EditionError

RULES = ("toml_table", "toml_text", "edition_file", "edition_checks", "scope", "definitions")
SAMPLES = ("x", "'x'", "7")
"""What stands in a message for a name, a value and a number."""
KNOWN = {
    "what": "edition",
    "hint": "",
    "rule": "months must be a list of integers from 1 to 12, each once and in order",
    "cause": "'x' is not a plain decimal such as 30 or 2.5",
    "place": "edition: [[criteria]] x",
    "where": "edition: [indicators.x]: thresholds",
}


def faults():
    """Yield where a message is raised, and its texts with ``None`` for what varies."""
    for name in RULES:
        for node in ast.walk(ast.parse((ROOT / "verifier" / f"{name}.py").read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Raise) or not isinstance(node.exc, ast.Call):
                continue
            if isinstance(node.exc.func, ast.Name) and node.exc.func.id == "ValueError":
                continue  # a cause that another message holds
            for found in wordings(node.exc.args[0]):
                if found != [None]:  # the words of another library
                    yield f"{name}:{node.lineno}", found


@functools.singledispatch
def wordings(node):
    """Return the messages that an expression may be."""
    return [[None]]


@wordings.register
def _(node: ast.Constant):
    return [[node.value]]


@wordings.register
def _(node: ast.JoinedStr):
    return [[part for value in node.values for part in wordings(value)[0]]]


@wordings.register
def _(node: ast.FormattedValue):
    return wordings(node.value)


@wordings.register
def _(node: ast.BinOp):
    return [left + right for left in wordings(node.left) for right in wordings(node.right)]


@wordings.register
def _(node: ast.IfExp):
    return wordings(node.body) + wordings(node.orelse)


@wordings.register
def _(node: ast.Name):
    return [[KNOWN.get(node.id)]]


@wordings.register
def _(node: ast.Call):
    near = isinstance(node.func, ast.Name) and node.func.id == "nearest"
    return [[" (did you mean x?)" if near else None]]


def told(message):
    """Return a message in Chinese, with samples for what varies; as it is if there are no words for it."""
    varying = sum(part is None for part in message)
    for samples in itertools.product(SAMPLES, repeat=varying):
        rest = iter(samples)
        text = "".join(next(rest) if part is None else part for part in message)
        text = text if text.startswith(("edition", "scope")) else f"edition: [[rows]] number 3: {text}"
        said = said_in(text, "zh")
        assert said_in(text, "en") == text
        if "：" in said:  # stands between the place and the words
            break
    return said


def test_every_fault_of_a_file_has_words_in_chinese():
    found = {place: told(message) for place, message in faults()}
    assert len(found) > 60
    assert [f"{place}: {text}" for place, text in found.items() if "：" not in text] == []
    assert [text for text in found.values() if "did you mean" in text or " number " in text] == []


def test_a_faulty_edition_is_told_with_its_place_and_what_to_write():
    try:
        parse_edition(b'schema = "starproof/edition/2"\nplaec = "x"\n')
    except EditionError as error:
        said = said_in(str(error), "zh")
    assert said == "评定版本文件：不认识的键 'plaec'（是否想写 place）"
