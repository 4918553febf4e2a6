"""PostgreSQL through Django's pool: threads share a few connections, and give them back."""

import json

import pytest

from .conftest import manage

pytestmark = pytest.mark.needs("postgresql")

# Forty questions, ten threads, as consumers and views ask; ten are held at the same time.
ASK = """
import asyncio, json, threading
from channels.db import database_sync_to_async as in_thread
from django.db import connection, connections
if {without}:
    del connections.settings["default"]["OPTIONS"]["pool"]
together = threading.Barrier(10)
def ask(number):
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        together.wait({seconds})
        return cursor.fetchone()[0]
async def all_of_them():
    from concurrent.futures import ThreadPoolExecutor
    with ThreadPoolExecutor(10) as threads:
        asked = [in_thread(ask, thread_sensitive=False, executor=threads)(n) for n in range(40)]
        return await asyncio.gather(*asked)
pids = asyncio.run(all_of_them())
print(json.dumps([len(pids), len(set(pids))]))
"""


@pytest.fixture
def database(project, new_postgres) -> dict[str, str]:
    return {"DATABASE_URL": new_postgres()}


def connections_used(project, database: dict[str, str], without_pool: bool) -> int:
    code = ASK.format(without=without_pool, seconds=30)
    done = manage(project, "shell", "--verbosity", "0", "--command", code, **database)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # nothing that nobody closed
    asked, used = json.loads(done.stdout)
    assert asked == 40
    return used


def test_forty_queries_of_ten_threads_use_ten_connections(project, database):
    """None waits for another. Without the pool each of them opens one and closes it again."""
    assert connections_used(project, database, without_pool=False) == 10
    assert connections_used(project, database, without_pool=True) == 40


def test_a_pool_of_four_would_let_the_fifth_wait(project, database):
    """What DB_POOL is for: the pool's own default, and ten who ask at once."""
    code = ASK.format(without=False, seconds=1)
    small = {**database, "DB_POOL": "4"}
    done = manage(project, "shell", "--verbosity", "0", "--command", code, **small)
    assert done.returncode != 0 and "BrokenBarrierError" in done.stderr


def test_a_server_ends_without_a_word_about_its_connections(project, database, daphne):
    import httpx
    import psycopg

    done = manage(project, "migrate", "--verbosity", "0", **database)
    assert (done.returncode, done.stderr) == (0, "")
    server = daphne(project, env=database)
    form = {"username": "nobody", "password": "x"}
    for _ in range(30):
        assert httpx.post(server.http("/api/token/"), json=form).status_code == 401
    with psycopg.connect(database["DATABASE_URL"]) as connection:
        query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        assert connection.execute(query).fetchone()[0] <= 1 + 4
    server.stop()
    told = "\n".join(server.lines)
    assert "Traceback" not in told and "Warning" not in told and "pool" not in told
