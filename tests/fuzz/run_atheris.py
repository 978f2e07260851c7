"""Coverage-guided fuzzing of one target, for as many executions as are asked for.

    python tests/fuzz/run_atheris.py TARGET CORPUS_FOLDER [-runs=N] [-max_total_time=S] …

Needs ``pip install atheris`` (Linux; it is not among the project's own requirements). The corpus folder is
begun with the honest examples of ``seeds.py``. Ends with the first input that makes a target fail.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import atheris

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [
    str(ROOT),
    str(ROOT / "tests"),
    str(ROOT / "tests" / "fuzz"),
    str(ROOT / "tests" / "documents"),
]

with atheris.instrument_imports(
    include=[
        "evidence",
        "verifier",
        "agent",
        "collector",
        "declaring",
        "python_multipart",
        "starlette.formparsers",
    ]
):
    import standalone
    import targets
    from seeds import seeds
    from wire_seeds import wire_seeds
    from wire_targets import WIRE_TARGETS

EXAMPLES = 60


def authority_target(folder: Path) -> tuple[targets.Stamps, list[bytes]]:
    """Return the target of time stamps and its seeds, from files that ``authority_files.py`` wrote."""
    tokens = sorted(folder.glob("*.tsr"))
    message, root = (folder / "message").read_bytes(), (folder / "root.pem").read_bytes()
    return targets.Stamps(tokens[0].read_bytes(), message, root), [path.read_bytes() for path in tokens]


def main(argv: list[str]) -> None:
    """Fuzz one target."""
    name, corpus = argv[1], Path(argv[2])
    corpus.mkdir(parents=True, exist_ok=True)
    for function in vars(standalone.alone).values():
        if callable(function) and getattr(function, "__module__", "") == "starproof_check":
            _instrument(function)
    if name in ("stamps", "certificate"):
        stamps, examples = authority_target(corpus.parent / "authority")
        target = stamps if name == "stamps" else targets.certificate
        if name == "certificate":
            examples = [(corpus.parent / "authority" / "root.pem").read_bytes()]
    elif name in WIRE_TARGETS:
        target, examples = WIRE_TARGETS[name], wire_seeds()[name]
    else:
        target, examples = targets.TARGETS[name], seeds()[name]
    for data in examples[:EXAMPLES]:
        (corpus / hashlib.sha256(data).hexdigest()[:16]).write_bytes(data)
    atheris.Setup([argv[0], *argv[3:], str(corpus)], target)
    atheris.Fuzz()


def _instrument(item: object) -> None:
    """Instrument the functions of the one-file verifier, and the methods of its classes."""
    if isinstance(item, type):
        for name, method in list(vars(item).items()):
            if callable(method) and hasattr(method, "__code__"):
                setattr(item, name, atheris.instrument_func(method))
    elif hasattr(item, "__code__"):
        atheris.instrument_func(item)


if __name__ == "__main__":
    main(sys.argv)
