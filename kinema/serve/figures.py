"""Figures for Prometheus, read from the database when they are asked for: the same whichever process answers."""

from __future__ import annotations

import time
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from sqlalchemy import func, select

from kinema.serve.store import Store
from kinema.serve.tables import deliveries, jobs, ledger, refusals

RECENT = 100


class _Collector:
    def __init__(self, store: Store) -> None:
        self._store = store

    def collect(self) -> Iterator[Metric]:
        with self._store.read() as connection:
            by_status = connection.execute(select(jobs.c.status, func.count()).group_by(jobs.c.status))
            counts = {str(row[0]): int(row[1]) for row in by_status}
            oldest = connection.execute(select(func.min(jobs.c.created_at)).where(jobs.c.status == "queued")).scalar()
            sums = connection.execute(select(func.sum(ledger.c.film_seconds), func.sum(ledger.c.energy_wh))).one()
            made = select(jobs.c.created_at, jobs.c.started_at, jobs.c.completed_at, jobs.c.seconds)
            made = made.where(jobs.c.status == "completed").order_by(jobs.c.completed_at.desc()).limit(RECENT)
            recent = connection.execute(made).all()
            refused = connection.execute(select(refusals.c.category, refusals.c.count)).all()
            open_calls = connection.execute(
                select(func.count()).select_from(deliveries).where(deliveries.c.next_at.is_not(None))
            ).scalar_one()
        films = GaugeMetricFamily("kinema_films", "Films by status", labels=["status"])
        for status in ("queued", "in_progress", "completed", "failed", "cancelled"):
            films.add_metric([status], counts.get(status, 0))
        yield films
        waits = [row.started_at - row.created_at for row in recent]
        rates = [(row.completed_at - row.started_at) / float(row.seconds) for row in recent]
        about = f"of the last {RECENT} films"
        yield GaugeMetricFamily(
            "kinema_oldest_wait_seconds", "Age of the oldest queued film", time.time() - oldest if oldest else 0
        )
        yield GaugeMetricFamily(
            "kinema_wait_seconds_mean", f"Mean wait {about}", sum(waits) / len(waits) if waits else 0
        )
        yield GaugeMetricFamily(
            "kinema_seconds_per_film_second_mean", f"Mean making time {about}", sum(rates) / len(rates) if rates else 0
        )
        yield CounterMetricFamily("kinema_asked_film_seconds", "Seconds of film asked for", sums[0] or 0)
        yield CounterMetricFamily("kinema_energy_wh", "Watt-hours that films took", sums[1] or 0)
        yield GaugeMetricFamily("kinema_webhooks_due", "Webhook deliveries not yet taken", open_calls)
        refusal = CounterMetricFamily("kinema_refusals", "Refused prompts by category", labels=["category"])
        for category, count in refused:
            refusal.add_metric([category], count)
        yield refusal


def figures(store: Store) -> str:
    """All figures in Prometheus's text format."""
    registry = CollectorRegistry()
    registry.register(_Collector(store))
    return generate_latest(registry).decode()
