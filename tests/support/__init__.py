"""What the tests share: one idea per file."""
