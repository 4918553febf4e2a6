"""Attacks on a real server. Each goes both ways: without its one defence it must succeed."""

MARK = "@@"  # begins each answer of the server's, among the log's lines
