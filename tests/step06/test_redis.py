"""What the step asks of a real Redis, and how often."""

import pytest

from .conftest import shell

COUNT = """
import json
from django.core.cache import cache
from realtime import limits
redis = cache._cache.get_client()
redis.config_resetstat()
for _ in range(5):
    limits.count("things", 7, 100)
asked = {name: stat["calls"] for name, stat in redis.info("commandstats").items()}
[key] = redis.keys("*limits.things.7.*")
number, seconds = int(redis.get(key)), redis.ttl(key)
several = limits.count_each("things", [7, 8, 7], 6)
print(json.dumps([asked, number, seconds, [str(one or "") for one in several]]))
"""


@pytest.mark.needs("redis")
def test_a_counter_is_one_question_and_runs_out(project, redis):  # noqa: F811
    asked, number, seconds, several = shell(project, COUNT, REDIS_URL=redis, REDIS_PREFIX="count")
    assert (asked["cmdstat_incrby"], asked["cmdstat_expire"]) == (5, 5)
    assert not asked.keys() & {"cmdstat_exists", "cmdstat_get"}
    assert number == 5
    assert 120 <= seconds <= 300
    assert several == ["", "", "no more than 6 things a minute"]


PLACES = """
import json
from django.core.cache import cache
from realtime import limits
redis, sent = cache._cache.get_client(), []
redis.ping()  # the handshake of the connection is not counted
connection = redis.connection_pool.connection_class
send = connection.send_packed_command
connection.send_packed_command = lambda *args, **more: sent.append(1) or send(*args, **more)
taken = [limits.take_slot(user_id) for user_id in (7, 8, 9)]
limits.free_slots(taken)
print(json.dumps([len(sent), redis.keys("*limits.slot.*")]))
"""


@pytest.mark.needs("redis")
def test_a_place_is_one_question_and_several_are_given_back_in_one(project, redis):  # noqa: F811
    sent, left = shell(project, PLACES, REDIS_URL=redis, REDIS_PREFIX="places")
    assert (sent, left) == (3 + 1, [])
