"""The numbered steps of the check: which finding code belongs to which step.

The same numbers stand in docs/check.md, in ``verifier.check`` and in what the check prints. A step is
judged as a whole whatever the steps before it found; what cannot be judged is said (``NOT_RUN``), never
passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

PASSED = "pass"
NOT_RUN = "not_run"
"""A step that had nothing to judge, because what it rests on could not be read."""


@dataclass(frozen=True)
class Step:
    """One step of the check: its number, its name in Chinese and English, the codes of its findings."""

    number: int
    zh: str
    en: str
    codes: tuple[str, ...]


STEPS: tuple[Step, ...] = (
    Step(0, "文件", "the file and its entries", (
        "CONTAINER", "ENTRY_MISSING", "ENTRY_UNKNOWN", "ENTRY_CHANGED", "TAG_CHANGED",
    )),
    Step(1, "声明与日志密钥", "the statement and the log key", (
        "STATEMENT", "STATEMENT_SIGNATURE", "LOG_KEY", "LOG_KEY_NOT_GIVEN", "MADE_IN_FUTURE",
    )),
    Step(2, "申报内容", "what is declared", (
        "EDITION", "EDITION_DIFFERS", "EDITION_UNKNOWN", "SCOPE", "SCOPE_NOT_DECLARED", "SCOPES",
        "SCOPE_UNDECLARED", "SCOPE_CHANGED", "SCOPE_DECLARED_AFTER", "PROFILE", "LEDGER", "DOCUMENT",
        "DOCUMENT_EMPTY", "DOCUMENT_MISSING",
    )),
    Step(3, "登记", "enrolments", ("ENROLMENT", "KEY_TWICE", "KEY_BREAK", "HOSTS")),
    Step(4, "数据块与链条", "chunks and chains", (
        "CHUNK", "CHUNK_SIGNATURE", "CHUNK_MISPLACED", "CONFLICT", "CHAIN", "SEQ_MISSING", "CLOCK_BACK",
        "EMPTY", "SAME_MACHINE", "MADE_BEFORE", "ENROLLED_AFTER", "BRIDGED_LONG", "NOT_ATTESTED",
    )),
    Step(5, "日志", "the log", (
        "LOG_ABSENT", "LOG_FORMAT", "LOG_SIGNATURE", "LOG_ROOT", "LOG_ARRIVAL", "LOG_RECORD",
        "LOG_LEAF_MISSING", "EDITION_NOT_LOGGED", "LOG_DAY_MISSING", "LOG_DAY_LATE", "LOG_NOT_CLOSED", "LOG_AFTER_CLOSE", "LOG_CUT",
        "LOG_UNACCOUNTED", "SCOPE_OTHER", "SCOPE_NOT_BOUND", "MARKS_WITHOUT_SCOPE", "CHUNK_LATE",
    )),
    Step(6, "锚定", "anchors", (
        "ANCHOR_RECEIPT", "ANCHOR_NOT_JUDGED", "ANCHOR_REFUSED", "ANCHOR_FORK", "ANCHOR_TIME", "ANCHOR_CODE",
        "ANCHOR_CODE_MISTYPED", "ANCHOR_OBJECT", "ANCHOR_UNKNOWN", "ANCHOR_LEFT_OUT", "ANCHOR_NEWER", "ANCHOR_STALE", "DAY_NOT_ANCHORED",
        "DAY_ANCHORED_LATE", "CHUNKS_ANCHORED_LATE", "SCOPE_NOT_ANCHORED",
    )),
    Step(7, "矛盾", "contradictions between counters", (
        "TICKS_EXCEED", "TICKS_SHORT", "LINK_EXCEEDED", "LINK_NAME_EXCEEDED", "SECTORS_SHORT", "SECTORS_EXCEED", "UNITS_EXCEED", "UNITS_UNLIKE",
        "UPTIME_BACK", "BOOTS_OVERLAP", "BOOTS_OVERLAP_CLOCK",
    )),
    Step(8, "指标", "day sums, figures and verdict", (
        "DAY_SUMS", "FIGURES", "VERDICT", "SOURCES_DIFFER", "WINDOW_SHORT", "DAYS_EXCLUDED",
        "MOSTLY_LEFT_OUT", "PROVISIONAL",
    )),
    Step(9, "报告", "the report", ("REPORT", "READING_COPY")),
    Step(10, "提问与结论", "questions and outcome", ("INTERNAL",)),
)  # fmt: skip
"""In order of their numbers. Questions decide nothing and have no codes; ``INTERNAL`` is a step that broke off."""

AUDIT_ONLY = frozenset(
    {"DAY_SUM_DIFFERS", "DAY_SUM_MISSING", "DAY_SUM_EXTRA"}
    | {"ACTIVITY_DIFFERS", "ACTIVITY_MISSING", "ACTIVITY_EXTRA", "MONTH_DROPPED"}
)
"""Codes of ``starproof audit``, which looks into a store; a pack has nothing that they could be about."""

_STEP_OF = {code: step.number for step in STEPS for code in step.codes}
_AFTER_ALL = len(STEPS)


def step_of(code: str) -> int:
    """Return the number of the step that a finding's code belongs to; codes of the audit come after all."""
    return _STEP_OF.get(code, _AFTER_ALL)
