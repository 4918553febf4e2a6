"""Tests of step 06 that need a redis-server, several processes, or another database."""
