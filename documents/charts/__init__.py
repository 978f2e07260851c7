"""Charts: pure functions make Vega-Lite specifications, ``render`` makes SVG. For PDF, HTML, console (``draw``).

Nothing is fetched: the data stand in the specification and no address is allowed.
"""

from __future__ import annotations

from documents.charts.coverage import coverage_calendar, coverage_calendars
from documents.charts.daily import daily_chart, daily_charts
from documents.charts.drawing import render
from documents.charts.plain import draw

__all__ = ["coverage_calendar", "coverage_calendars", "daily_chart", "daily_charts", "draw", "render"]
