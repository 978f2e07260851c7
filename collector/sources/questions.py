"""What was asked, and how points become the series that answers it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from collector.sources.errors import RangeError
from collector.sources.interface import Point, Series, Span
from collector.sources.points import ordered


@dataclass(frozen=True)
class Question:
    """One metric over one span, and the statistic and scope of what answers it."""

    metric: str
    statistic: str
    scope: str
    span: Span
    period_ms: int

    def series(
        self,
        instance: str,
        points: Iterable[Point],
        request_ids: Iterable[str] = (),
        *,
        answered: Span | None = None,
    ) -> Series:
        """Return the series of one instance; ``answered`` only where the provider shortened the span.

        Points outside of what was answered are left out: they belong to another question.

        Raises:
            ConflictingPoints: one instant has two values, or points overlap.
        """
        answered = answered or self.span
        where = f"{instance} {self.metric}"
        inside = (
            point
            for point in points
            if answered.start_ms <= point.start_ms and point.end_ms <= answered.end_ms
        )
        return Series(
            instance=instance,
            metric=self.metric,
            statistic=self.statistic,
            scope=self.scope,
            period_ms=self.period_ms,
            points=ordered(inside, where=where),
            request_ids=tuple(dict.fromkeys(request_ids)),
            asked=self.span,
            answered=answered,
        )


def require_known(metric: str, known: Iterable[str], *, where: str) -> None:
    """Check that a source answers a metric.

    Raises:
        RangeError: it does not.
    """
    names = tuple(known)
    if metric not in names:
        raise RangeError(f"{where}: {metric!r} is not among its metrics: {', '.join(names)}")
