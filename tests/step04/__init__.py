"""Tests of step 04 that need a redis-server, several processes, or another database."""
