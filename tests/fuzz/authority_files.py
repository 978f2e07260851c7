"""Write what the targets ``stamps`` and ``certificate`` begin with: python tests/fuzz/authority_files.py FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests" / "anchors")]

from authority import make_authority  # noqa: E402 - the path is set first


def main(folder: Path) -> None:
    """Make an authority with openssl, and three tokens over one message."""
    work = folder / "work"
    work.mkdir(parents=True, exist_ok=True)
    made = make_authority(work)
    message = b"what is stamped\n"
    (folder / "message").write_bytes(message)
    (folder / "root.pem").write_bytes(made.root)
    for digest in ("sha256", "sha384", "sha512"):
        (folder / f"{digest}.tsr").write_bytes(made.stamp(message, digest=digest))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
