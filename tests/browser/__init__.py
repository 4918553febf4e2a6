"""Tests that drive the system's Chromium. A package, so that the browser lives as long as it."""
