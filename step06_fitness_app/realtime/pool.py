"""One pool of connections to the cache's Redis, for all sockets of a process."""

from functools import cache

from redis import ConnectionPool


class SharedPool(ConnectionPool):
    """Django makes a cache object, and so a pool, for each request and each socket: 60 open
    sockets kept 60 connections to Redis, which takes 10,000 from all its clients.
    """

    from_url = classmethod(cache(ConnectionPool.from_url.__func__))
