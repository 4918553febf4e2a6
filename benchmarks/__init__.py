"""What the docs report as measured, each to be measured again."""
