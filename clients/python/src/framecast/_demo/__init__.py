"""Data that the demo makes for itself: moving shapes with exact outlines."""
