"""Attacks on a real server. Each goes both ways: without its one defence it must succeed."""
