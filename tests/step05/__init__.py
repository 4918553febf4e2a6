"""Tests of step 05 that need a redis-server, several processes, or another database."""
