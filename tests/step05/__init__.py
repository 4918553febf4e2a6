"""Tests of step 05 that need another server, several processes, or another database."""
