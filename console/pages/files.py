"""Answering with files: what a job made, or bytes that were made now. Always saved, never shown."""

from __future__ import annotations

from urllib.parse import quote

from starlette.responses import FileResponse, Response

from console.visit import NotFoundError, Visit

BINARY = "application/octet-stream"


def job_file(visit: Visit, *kinds: str) -> Response:
    """Return a file that a job of these kinds made; the path names ``job`` and ``file``.

    Raises:
        NotFoundError: there is none.
    """
    number = visit.number("job")
    job = visit.console.jobs.get(number)
    name = str(visit.request.path_params["file"])
    path = visit.console.jobs.file(number, name) if job is not None and job.kind in kinds else None
    if path is None:
        raise NotFoundError
    return FileResponse(path, media_type=BINARY, headers=_saved(name))


def data_file(data: bytes, name: str) -> Response:
    """Return bytes as a file of this name."""
    return Response(data, media_type=BINARY, headers=_saved(name))


def _saved(name: str) -> dict[str, str]:
    return {"Content-Disposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}"}
