"""Files that a caller names."""

from pathlib import Path

from framecast.errors import NotFoundError


def missing_file(path: Path) -> NotFoundError:
    """The error for a path that is no file."""
    why = "this is a folder; name the files in it" if path.is_dir() else "there is no such file"
    return NotFoundError(f"{path}: {why}", reason="FILE_MISSING", file=path)
