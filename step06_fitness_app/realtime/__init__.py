"""What every live feature here stands on: a person's connection, frames, groups, limits."""
