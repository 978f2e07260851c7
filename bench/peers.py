"""The peers: Debian's VictoriaMetrics and Prometheus on free ports of loopback, fed by remote write.

The remote-write message (prompb.WriteRequest in a snappy block) is written here: labels and samples, and a block of
literals, which every decoder takes and which costs it less than one that is compressed.
"""

from __future__ import annotations

import struct
import subprocess
import urllib.request
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from measuring import answering, free_port, program, running

LITERAL_BYTES = 65_536
"""Of one literal of a snappy block (format_description.txt): two bytes of length."""
_BITS, _MORE, _LOW = 7, 0x80, 0x7F
_TWO_BYTES = 61 << 2

Sample = tuple[dict[str, str], Sequence[int], Sequence[int]]


@dataclass(frozen=True)
class Peer:
    """A store that runs: how to write to it, and where its files are."""

    name: str
    version: str
    url: str
    write_url: str
    folder: Path
    process: subprocess.Popen[bytes]


def remote_write(samples: Iterable[Sample]) -> bytes:
    """Return the body of a remote-write request: labels, instants in ms, values."""
    series = []
    for labels, instants, values in samples:
        parts = [
            _field(1, _field(1, name.encode()) + _field(2, labels[name].encode())) for name in sorted(labels)
        ]
        for instant, value in zip(instants, values, strict=True):
            parts.append(_field(2, b"\x09" + struct.pack("<d", value) + b"\x10" + _varint(instant)))
        series.append(_field(1, b"".join(parts)))
    return _snappy(b"".join(series))


def post(url: str, body: bytes, **headers: str) -> None:
    """Send a body and insist that it is taken."""
    request = urllib.request.Request(
        url, body, {name.replace("_", "-"): text for name, text in headers.items()}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        answer.read()


def write(peer: Peer, body: bytes) -> None:
    """Send a remote-write request."""
    post(
        peer.write_url, body, Content_Encoding="snappy", Content_Type="application/x-protobuf",
        X_Prometheus_Remote_Write_Version="0.1.0",
    )  # fmt: skip


@contextmanager
def victoria_metrics(folder: Path, flags: Sequence[str] = ()) -> Iterator[Peer | None]:
    """Give VictoriaMetrics while it runs, ``None`` if it is not installed."""
    path = program("victoria-metrics", "victoria-metrics-prod")
    if path is None:
        yield None
        return
    port, log, data = free_port(), folder / "victoria.log", folder / "victoria"
    command = [
        path, f"-storageDataPath={data}", f"-httpListenAddr=127.0.0.1:{port}", "-retentionPeriod=100y",
        "-search.latencyOffset=0s", "-search.maxUniqueTimeseries=3000000", "-search.maxSamplesPerQuery=10000000000",
        "-search.maxMemoryPerQuery=0", "-search.disableCache",
    ]  # fmt: skip
    usable = [*_usable(command[:4], command[4:], path), *flags]
    with running(usable, log) as process:
        url = f"{'https' if flags else 'http'}://127.0.0.1:{port}"
        answering(f"{url}/health", process, log)
        yield Peer("VictoriaMetrics", _version(path), url, f"{url}/api/v1/write", data, process)


@contextmanager
def prometheus(folder: Path) -> Iterator[Peer | None]:
    """Give Prometheus while it runs, ``None`` if it is not installed."""
    path = program("prometheus")
    if path is None:
        yield None
        return
    port, log, data = free_port(), folder / "prometheus.log", folder / "prometheus"
    settings = folder / "prometheus.yml"
    settings.write_text("global: {}\n")
    command = [
        path, f"--config.file={settings}", f"--storage.tsdb.path={data}", f"--web.listen-address=127.0.0.1:{port}",
        "--storage.tsdb.retention.time=100y", "--web.enable-remote-write-receiver", "--web.enable-admin-api",
        "--query.max-samples=2000000000",
    ]  # fmt: skip
    with running(command, log) as process:
        url = f"http://127.0.0.1:{port}"
        answering(f"{url}/-/ready", process, log)
        yield Peer("Prometheus", _version(path), url, f"{url}/api/v1/write", data, process)


def _usable(needed: list[str], wished: list[str], path: str) -> list[str]:
    """Return the command with those of the wished flags that this version knows."""
    known = subprocess.run([path, "-help"], capture_output=True, text=True, check=False)
    text = known.stdout + known.stderr
    return needed + [flag for flag in wished if flag.partition("=")[0] + " " in text.replace("\n", " ")]


def _version(path: str) -> str:
    run = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
    words = (run.stdout or run.stderr).split()
    named = next((word for word in words if any(digit.isdigit() for digit in word)), "").rstrip(",")
    return named or _packaged(path)


def _packaged(path: str) -> str:
    """Return the version that Debian gives the package of a program; Debian's VictoriaMetrics does not tell its own."""
    asked = ["dpkg-query", "--show", "--showformat=${Version}", Path(path).name]
    run = subprocess.run(asked, capture_output=True, text=True, check=False)
    return run.stdout.partition("+")[0] or "?"


def _field(number: int, body: bytes) -> bytes:
    return bytes((number << 3 | 2,)) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > _LOW:
        out.append(number & _LOW | _MORE)
        number >>= _BITS
    out.append(number)
    return bytes(out)


def _snappy(data: bytes) -> bytes:
    parts = [_varint(len(data))]
    for at in range(0, len(data), LITERAL_BYTES):
        piece = data[at : at + LITERAL_BYTES]
        parts.append(bytes((_TWO_BYTES,)) + struct.pack("<H", len(piece) - 1) + piece)
    return b"".join(parts)
