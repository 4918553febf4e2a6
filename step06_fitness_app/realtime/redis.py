"""How the cache talks to Redis: with one client and its connections, and in JSON."""

import json
from functools import cache

from django.core.cache.backends.redis import RedisCache, RedisCacheClient


class Cache(RedisCache):
    """Django makes a cache object for each request and each socket, with connections of its own:
    60 open sockets kept 60 of them, of 10,000 that Redis has for all. This one's are shared.
    """

    @property
    def _cache(self) -> RedisCacheClient:
        return client_of(self._servers[0])

    def count(self, keys: list[str], place: str | None, seconds: int) -> list[int]:
        """One more on each key, in one question, from 0 and for as long as this cache's default
        says; `incr` asks twice for each, and wants it to be there. In the same question `add` a
        place for so many seconds, if there is one: whether it was free comes last.
        """
        with self._cache.get_client().pipeline(transaction=False) as asked:
            for key in map(self.make_and_validate_key, keys):
                asked.incr(key)
                asked.expire(key, self.default_timeout)
            if place:
                asked.set(self.make_and_validate_key(place), 1, ex=seconds, nx=True)
            return asked.execute()[::2]


@cache
def client_of(url: str) -> RedisCacheClient:
    """The process's one client of this Redis; threads may share it."""
    client = RedisCacheClient([url], serializer=JSONSerializer)
    redis = client.get_client()
    # Else there would be a new one for each question, which takes longer than to ask it.
    client.get_client = lambda key=None, *, write=False: redis
    return client


class JSONSerializer:
    """Django would pickle: who can write to that Redis could then run code here."""

    def dumps(self, value) -> bytes | int:
        """A whole number as it is: Redis counts with it."""
        return value if type(value) is int else json.dumps(value).encode()

    def loads(self, data: bytes):
        return json.loads(data)
