"""Knows what exists: projects, assets, datasets, models, blobs."""
