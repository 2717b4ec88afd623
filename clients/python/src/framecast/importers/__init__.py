"""Readers of labelled data: files in, frozen dataclasses out. Nothing is sent anywhere from here."""
