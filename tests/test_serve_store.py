"""Jobs, leases and keys in a real database: what holds whoever dies, and whoever asks twice."""

import multiprocessing
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import func, select, text, update

from kinema.errors import ServeError
from kinema.serve import jobs, keys, leases
from kinema.serve.jobs import Job, Promise
from kinema.serve.keys import Key
from kinema.serve.store import Store, open_store
from kinema.serve.tables import events, ledger, metadata
from kinema.serve.tables import jobs as table
from kinema.serve.tables import keys as key_table
from kinema.settings import Settings
from kinema.wire import WireError
from runs.serve_kill import postgres


@pytest.fixture(scope="module")
def cluster() -> Iterator[str]:
    """The URL of a PostgreSQL of our own."""
    if not list(Path("/usr/lib/postgresql").glob("*/bin/initdb")):
        pytest.skip("PostgreSQL is not installed")
    with postgres() as cluster:
        yield cluster.url


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, database: str) -> str:
    if request.param == "sqlite":
        return database
    url: str = request.getfixturevalue("cluster")
    store = open_store(Settings(database=url))
    with store.write() as connection:
        connection.execute(text("DROP SCHEMA public CASCADE"))
        connection.execute(text("CREATE SCHEMA public"))
    store.close()
    return url


def queued(key: Key, **parts: object) -> Job:
    now = time.time()
    job = Job(jobs.new_id("video"), key.id, "queued", key.priority, now, time.time_ns(), {}, "native", "a dog", "48x32",
              "4", "generate", False, "digest")  # fmt: skip
    return replace(job, **parts)  # type: ignore[arg-type]


def add(store: Store, key: Key, count: int = 1, promise: Promise | None = None) -> list[Job]:
    made = [replace(job, place=job.place + number) for number, job in enumerate([queued(key)] * count)]
    made = [replace(job, id=jobs.new_id("video")) for job in made]
    return jobs.add(store, key, made, promise or Promise("", "digest"), [])


def test_migrations_make_the_tables_that_the_code_knows(store: Store):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with store.write() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    store.migrate()


def test_a_database_that_cannot_be_used_is_named(tmp_path: Path):
    (tmp_path / "text.db").write_text("no database at all, but long enough to be looked at " * 40)
    with pytest.raises(ServeError, match=r"cannot be used: .*set KINEMA_DATABASE"):
        open_store(Settings(database=f"sqlite:///{tmp_path / 'text.db'}")).migrate()
    for url in ("nonsense", "mysql://a/b", "sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ServeError):
            open_store(Settings(database=url))


def test_every_job_is_leased_once_however_many_ask(store: Store, key: Key):
    made = {job.id for job in add(store, key, 40)}
    with ThreadPoolExecutor(8) as pool:
        leased = [job for job in pool.map(lambda number: leases.lease(store, f"w{number}"), range(60)) if job]
    assert len(leased) == 40 and {job.id for job in leased} == made


def test_only_the_holder_of_the_lease_ends_a_job(store: Store, key: Key):
    add(store, key)
    first = leases.lease(store, "first")
    assert first and leases.beat(store, first, 50, None) == leases.Heard(stop=False, is_watched=False)
    assert leases.bury(store, "first") == 1 and leases.bury(store, "first") == 0
    second = leases.lease(store, "second")
    assert second and second.id == first.id and second.attempt == 2
    assert leases.beat(store, first, 60, None) is None
    assert not leases.finish(store, first, "completed", {})
    assert leases.finish(store, second, "completed", {})
    assert not leases.finish(store, second, "completed", {})
    with store.read() as connection:
        ends = select(func.count()).where(events.c.job_id == first.id, events.c.kind == "completed")
        assert connection.execute(ends).scalar_one() == 1


def test_a_silent_worker_loses_its_job(store: Store, key: Key):
    add(store, key)
    job = leases.lease(store, "silent")
    assert job and leases.lease(store, "other") is None
    with store.write() as connection:
        connection.execute(update(table).values(lease_until=time.time() - 1))
    again = leases.lease(store, "other")
    assert again and again.id == job.id and jobs.get(store, key, job.id).deaths == 1


def test_three_deaths_end_a_job_with_a_reason(store: Store, key: Key):
    job = add(store, key)[0]
    for number in range(3):
        assert leases.lease(store, f"w{number}")
        leases.bury(store, f"w{number}")
    dead = jobs.get(store, key, job.id)
    assert (dead.status, dead.error_code) == ("failed", "worker_died") and "3 times" in str(dead.error_message)
    assert leases.lease(store, "w") is None


def test_giving_back_is_no_death(store: Store, key: Key):
    add(store, key)
    for _ in range(5):
        job = leases.lease(store, "w")
        assert job
        leases.give_back(store, job)
    assert jobs.get(store, key, job.id).deaths == 0


def test_keys_take_turns_and_priority_goes_first(store: Store):
    busy, quiet = keys.create(store, "busy")[0], keys.create(store, "quiet")[0]
    first = keys.create(store, "first", priority=1)[0]
    add(store, busy, 4)
    add(store, quiet, 2)
    add(store, first, 1)
    order = [leases.lease(store, "w").key_id for _ in range(7)]  # type: ignore[union-attr]
    assert order[0] == first.id and set(order[1:3]) == set(order[3:5]) == {busy.id, quiet.id}


def test_a_cancelled_job_of_a_dead_worker_is_not_made_again(store: Store, key: Key):
    job = add(store, key)[0]
    leases.lease(store, "w")
    assert jobs.cancel(store, key, job.id).status == "in_progress"
    leases.bury(store, "w")
    assert jobs.get(store, key, job.id).status == "cancelled"


def test_one_idempotency_key_makes_one_job_even_at_once(store: Store, key: Key):
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: add(store, key, promise=Promise("once", "same"))[0].id, range(16)))
    assert len(set(made)) == 1
    with pytest.raises(WireError) as raised:
        add(store, key, promise=Promise("once", "other"))
    assert raised.value.status == 409
    assert add(store, keys.create(store, "another")[0], promise=Promise("once", "other"))


@pytest.mark.parametrize("limits", [{"at_once": 2}, {"per_minute": 2}, {"seconds_a_day": 8.0}])
def test_limits_of_a_key_hold(store: Store, limits: dict[str, float]):
    key = keys.create(store, "limited", **limits)[0]
    add(store, key, 2)
    with pytest.raises(WireError) as raised:
        add(store, key)
    assert raised.value.status == 429 and raised.value.retry_after


def test_watt_hours_of_a_key_are_counted_by_receipts_and_outlive_the_film(store: Store):
    key = keys.create(store, "limited", wh_a_day=1.0)[0]
    add(store, key)
    job = leases.lease(store, "w")
    assert job and leases.finish(store, job, "completed", {"receipt": {"energy_wh": 1.5}})
    jobs.forget(store, jobs.get(store, key, job.id))
    with pytest.raises(WireError, match="watt-hours"):
        add(store, key)
    with store.read() as connection:
        assert (
            "prompt" not in ledger.c and connection.execute(select(func.count()).select_from(table)).scalar_one() == 0
        )


def test_anothers_film_is_not_there(store: Store, key: Key):
    job, other = add(store, key)[0], keys.create(store, "other")[0]
    for ask in (jobs.get, jobs.cancel):
        with pytest.raises(WireError) as raised:
            ask(store, other, job.id)
        assert raised.value.status == 404
    assert jobs.listed(store, other, None, 10, True) == ([], False)


def test_keys_are_kept_as_hashes_and_revoked_for_good(store: Store):
    key, secret = keys.create(store, "mine", scopes=["read"])
    assert keys.find(store, secret) == key and keys.find(store, secret + "x") is None
    with store.read() as connection:
        kept = repr(connection.execute(select(key_table)).all())
    assert key.id in kept and secret.removeprefix("sk-kinema-") not in kept
    keys.revoke(store, key.id)
    assert keys.find(store, secret) is None
    for gone in (key.id, "key_none", keys.LOCAL):
        with pytest.raises(ServeError):
            keys.revoke(store, gone)
    with pytest.raises(ServeError, match="no scope 'all'"):
        keys.create(store, "mine", scopes=["all"])


def _migrate(url: str) -> int:
    open_store(Settings(database=url)).migrate()
    return 1


def test_processes_may_begin_at_once(tmp_path: Path):
    url = f"sqlite:///{tmp_path / 'new.db'}"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert pool.map(_migrate, [url] * 2, chunksize=1) == [1, 1]
