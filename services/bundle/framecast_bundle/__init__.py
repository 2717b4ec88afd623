"""The model bundle: what is in it, and how pictures become predictions by it."""
