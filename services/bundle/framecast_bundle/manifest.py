"""`bundle.json`: reading, writing, and the files that it pins by digest."""

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from google.protobuf import json_format

from framecast.errors import DataLossError, InvalidArgumentError, NotFoundError
from framecast.v1.model_bundle_pb2 import ModelBundle
from framecast_bundle.manifest_rules import FORMAT_VERSION, check_manifest, check_path

MANIFEST_NAME = "bundle.json"


def digest(data: bytes) -> str:
    """SHA-256 of the bytes, 64 lowercase hexadecimal digits."""
    return hashlib.sha256(data).hexdigest()


def to_json(manifest: ModelBundle) -> bytes:
    """The manifest as protobuf JSON: proto field names, sorted keys, every plain field written; the same message
    always gives the same bytes, so that their digest names the bundle."""
    fields = json_format.MessageToDict(
        manifest, preserving_proto_field_name=True, always_print_fields_with_no_presence=True
    )
    return (json.dumps(fields, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


def from_json(data: bytes) -> ModelBundle:
    """Parses and checks a manifest.

    Raises InvalidArgumentError that names the field: not JSON, a field this version does not know, or a value that
    `check_manifest` refuses.
    """
    try:
        fields = json.loads(data)
    except (ValueError, RecursionError) as error:  # the latter where it is nested too deeply
        raise InvalidArgumentError(
            f"{MANIFEST_NAME} is not JSON: {error}", reason="MANIFEST_UNREADABLE", field=MANIFEST_NAME
        ) from error
    version = fields.get("format_version", fields.get("formatVersion")) if isinstance(fields, dict) else None
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise InvalidArgumentError(
            f"{MANIFEST_NAME} has layout version {version}, this framecast reads up to {FORMAT_VERSION}; update it",
            reason="MANIFEST_TOO_NEW",
            field="format_version",
            value=version,
        )
    try:
        manifest = json_format.Parse(data, ModelBundle())
    except (json_format.ParseError, RecursionError) as error:
        raise InvalidArgumentError(
            f"{MANIFEST_NAME} is not a model bundle: {error}", reason="MANIFEST_UNREADABLE", field=MANIFEST_NAME
        ) from error
    check_manifest(manifest)
    return manifest


def file_entry(path: str, data: bytes) -> ModelBundle.File:
    """The entry of a file with these bytes; `path` is relative to the bundle."""
    check_path("path", path)
    return ModelBundle.File(path=path, sha256=digest(data), size_bytes=len(data))


def file_entries(folder: Path) -> list[ModelBundle.File]:
    """Entries of all files below a folder but `bundle.json`, sorted by path. Symbolic links are refused."""
    entries = []
    for file in sorted(folder.rglob("*")):
        path = file.relative_to(folder).as_posix()
        if file.is_symlink():
            raise InvalidArgumentError(
                f"{path} is a symbolic link; a bundle holds plain files", field="files", path=path
            )
        if file.is_file() and path != MANIFEST_NAME:
            check_path("path", path)
            with file.open("rb") as stream:
                sha256 = hashlib.file_digest(stream, "sha256").hexdigest()
            entries.append(ModelBundle.File(path=path, sha256=sha256, size_bytes=file.stat().st_size))
    return entries


def write(folder: Path, manifest: ModelBundle) -> str:
    """Checks the manifest and the files it pins, then writes `bundle.json`; returns the digest of its bytes."""
    check_manifest(manifest)
    check_files(folder, manifest.files)
    data = to_json(manifest)
    (folder / MANIFEST_NAME).write_bytes(data)
    return digest(data)


def read(folder: Path) -> ModelBundle:
    """The checked manifest of a bundle in a folder; `check_files` looks at the files themselves."""
    path = folder / MANIFEST_NAME
    if not path.is_file():
        raise NotFoundError(f"{folder} holds no {MANIFEST_NAME}", reason="MANIFEST_NOT_FOUND", folder=folder)
    return from_json(path.read_bytes())


def check_files(folder: Path, files: Iterable[ModelBundle.File]) -> None:
    """Raises DataLossError for the first file that is missing, or whose size or digest is another."""
    for entry in files:
        check_path("files.path", entry.path)
        file = folder.joinpath(*PurePosixPath(entry.path).parts)
        if not file.is_file():
            raise DataLossError(
                f"file {entry.path!r} of the bundle is missing", reason="BUNDLE_FILE_MISSING", path=entry.path
            )
        check_bytes(entry, file.read_bytes())


def check_bytes(entry: ModelBundle.File, data: bytes) -> None:
    """Raises DataLossError unless the bytes are those that the entry pins."""
    actual = digest(data)
    if len(data) != entry.size_bytes or actual != entry.sha256:
        raise DataLossError(
            f"file {entry.path!r} of the bundle is damaged: its SHA-256 is {actual}, expected {entry.sha256}",
            reason="BUNDLE_FILE_DAMAGED",
            path=entry.path,
            sha256=actual,
            expected=entry.sha256,
        )
