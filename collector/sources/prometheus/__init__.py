"""Prometheus and what answers as it does: VictoriaMetrics, Thanos, Nightingale."""
