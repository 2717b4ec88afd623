"""Predicts: pictures and videos in, frame results out."""
