"""What the consumers of every app here share: typed messages, and living through bad ones."""
