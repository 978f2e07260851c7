"""A copy of the running store, made in the background and downloaded by administrators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from starlette.responses import Response

from collector.store.backup import backup as back_up
from collector.store.engine import sqlite_path
from collector.store.faults import hidden
from console.pages.files import job_file
from console.visit import REFUSED, Visit
from console.work.jobs import Doing, TooManyJobsError

KIND = "backup"
COPYING = "copying"


def backup(visit: Visit) -> Response:
    """Show the copies that were made, and how one is put back."""
    return _page(visit)


def make(visit: Visit) -> Response:
    """Begin a copy."""
    url = _url(visit)
    stamp = datetime.fromtimestamp(visit.now_ms // 1000, ZoneInfo(visit.console.zone))
    name = f"starproof-{stamp:%Y%m%d-%H%M%S}.{'db' if sqlite_path(url) else 'dump'}"

    def task(doing: Doing) -> tuple[Sequence[str], Mapping[str, Any]]:
        return _copy(url, name, doing)

    try:
        visit.console.jobs.begin(KIND, name, actor=visit.actor, task=task)
    except TooManyJobsError:
        return _page(visit, problem="work.too_many")
    with visit.console.store.writing() as connection:
        visit.note(connection, "BACKUP_BEGUN", name)
    return visit.back_to("/settings/backup", said="backup.begun_done")


def download(visit: Visit) -> Response:
    """Answer with a copy, and note who took it."""
    answer = job_file(visit, KIND)
    with visit.console.store.writing() as connection:
        visit.note(connection, "BACKUP_TAKEN", str(visit.request.path_params["file"]))
    return answer


def _copy(url: str, name: str, doing: Doing) -> tuple[Sequence[str], Mapping[str, Any]]:
    def progress(done: int, total: int) -> None:
        doing.tell(COPYING, done, total)

    back_up(url, doing.folder / name, progress=progress)
    return (name,), {}


def _url(visit: Visit) -> str:
    return visit.console.store.engine.url.render_as_string(hide_password=False)


def _page(visit: Visit, *, problem: str = "") -> Response:
    return visit.render(
        "settings/backup.html",
        status=REFUSED if problem else 200,
        problem=problem,
        jobs=visit.console.jobs.of(KIND),
        file=sqlite_path(_url(visit)),
        where=hidden(visit.console.store.engine.url),
        keys=visit.console.opened.keyring.directory,
    )
