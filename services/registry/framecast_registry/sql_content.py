"""Rows of projects, blobs, uploads, assets and requests."""

from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from framecast_registry.domain import (
    Asset,
    Blob,
    ImageProperties,
    Project,
    RequestRecord,
    Upload,
    VideoProperties,
)
from framecast_registry.sql_tables import ASSETS, BLOBS, PROJECTS, REQUESTS, UPLOADS

_LOOKUP = 500  # values within one IN


class SqlRows:
    """Rows seen through one connection."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def one(self, select: sa.Select[Any]) -> Any:
        return self._connection.execute(select).one_or_none()

    def all(self, select: sa.Select[Any]) -> list[Any]:
        return list(self._connection.execute(select))

    def run(self, statement: sa.Executable) -> None:
        self._connection.execute(statement)


class SqlProjects(SqlRows):
    def get(self, project_id: str) -> Project | None:
        row = self.one(sa.select(PROJECTS).where(PROJECTS.c.project_id == project_id))
        return row and Project(*row)

    def add(self, project: Project) -> None:
        self.run(
            sa.insert(PROJECTS).values(
                project_id=project.project_id, display_name=project.display_name, create_time=project.create_time
            )
        )

    def page(self, after: str | None, limit: int) -> list[Project]:
        select = sa.select(PROJECTS).order_by(PROJECTS.c.project_id).limit(limit)
        if after is not None:
            select = select.where(PROJECTS.c.project_id > after)
        return [Project(*row) for row in self.all(select)]


class SqlBlobs(SqlRows):
    def get(self, project_id: str, sha256: str) -> Blob | None:
        row = self.one(sa.select(BLOBS).where(BLOBS.c.project_id == project_id, BLOBS.c.sha256 == sha256))
        return row and Blob(*row)

    def add(self, blob: Blob) -> None:
        dialect = postgresql if self._connection.dialect.name == "postgresql" else sqlite
        self.run(
            dialect.insert(BLOBS)
            .values(
                project_id=blob.project_id,
                sha256=blob.sha256,
                size_bytes=blob.size_bytes,
                create_time=blob.create_time,
            )
            .on_conflict_do_nothing()
        )

    def sizes(self, project_id: str, sha256s: Collection[str]) -> Mapping[str, int]:
        return {
            row.sha256: row.size_bytes
            for some in _portions(sha256s)
            for row in self.all(
                sa.select(BLOBS.c.sha256, BLOBS.c.size_bytes).where(
                    BLOBS.c.project_id == project_id, BLOBS.c.sha256.in_(some)
                )
            )
        }


class SqlUploads(SqlRows):
    def get(self, project_id: str, upload_id: str) -> Upload | None:
        row = self.one(sa.select(UPLOADS).where(*_upload(project_id, upload_id)))
        return row and Upload(**row._asdict())

    def add(self, upload: Upload) -> None:
        self.run(
            sa.insert(UPLOADS).values(
                project_id=upload.project_id,
                upload_id=upload.upload_id,
                sha256=upload.sha256,
                size_bytes=upload.size_bytes,
                create_time=upload.create_time,
                expire_time=upload.expire_time,
                finished=upload.finished,
            )
        )

    def finish(self, project_id: str, upload_id: str) -> None:
        self.run(sa.update(UPLOADS).where(*_upload(project_id, upload_id)).values(finished=True))

    def remove(self, project_id: str, upload_id: str) -> None:
        self.run(sa.delete(UPLOADS).where(*_upload(project_id, upload_id)))

    def remove_expired(self, now: datetime) -> list[tuple[str, str]]:
        expired = UPLOADS.c.expire_time <= now
        rows = self.all(sa.select(UPLOADS.c.project_id, UPLOADS.c.upload_id).where(expired))
        self.run(sa.delete(UPLOADS).where(expired))
        return [(row.project_id, row.upload_id) for row in rows]

    def ids(self) -> set[str]:
        return {row.upload_id for row in self.all(sa.select(UPLOADS.c.upload_id))}


class SqlAssets(SqlRows):
    def get(self, project_id: str, sha256: str) -> Asset | None:
        row = self.one(sa.select(ASSETS).where(ASSETS.c.project_id == project_id, ASSETS.c.sha256 == sha256))
        return row and _asset(row)

    def add(self, asset: Asset) -> None:
        properties = asset.properties
        video = (
            {
                "frame_count": properties.frame_count,
                "duration_us": properties.duration_us,
                "codec": properties.codec,
                "rotation_degrees": properties.rotation_degrees,
            }
            if isinstance(properties, VideoProperties)
            else {}
        )
        self.run(
            sa.insert(ASSETS).values(
                project_id=asset.project_id,
                sha256=asset.sha256,
                display_name=asset.display_name,
                media_type=asset.media_type,
                size_bytes=asset.size_bytes,
                width=properties.width,
                height=properties.height,
                create_time=asset.create_time,
                **video,
            )
        )

    def page(self, project_id: str, after: str | None, limit: int) -> list[Asset]:
        select = sa.select(ASSETS).where(ASSETS.c.project_id == project_id).order_by(ASSETS.c.sha256).limit(limit)
        if after is not None:
            select = select.where(ASSETS.c.sha256 > after)
        return [_asset(row) for row in self.all(select)]

    def find(self, project_id: str, sha256s: Collection[str]) -> Mapping[str, Asset]:
        return {
            row.sha256: _asset(row)
            for some in _portions(sha256s)
            for row in self.all(sa.select(ASSETS).where(ASSETS.c.project_id == project_id, ASSETS.c.sha256.in_(some)))
        }


class SqlRequests(SqlRows):
    def get(self, scope: str, method: str, request_id: str) -> RequestRecord | None:
        row = self.one(
            sa.select(REQUESTS.c.fingerprint, REQUESTS.c.result, REQUESTS.c.create_time).where(
                REQUESTS.c.scope == scope, REQUESTS.c.method == method, REQUESTS.c.request_id == request_id
            )
        )
        return row and RequestRecord(*row)

    def add(self, scope: str, method: str, request_id: str, record: RequestRecord) -> None:
        self.run(
            sa.insert(REQUESTS).values(
                scope=scope,
                method=method,
                request_id=request_id,
                fingerprint=record.fingerprint,
                result=record.result,
                create_time=record.create_time,
            )
        )

    def remove(self, scope: str, method: str, result: str) -> None:
        columns = REQUESTS.c
        self.run(sa.delete(REQUESTS).where(columns.scope == scope, columns.method == method, columns.result == result))

    def remove_scope(self, scope: str) -> None:
        self.run(sa.delete(REQUESTS).where(REQUESTS.c.scope == scope))

    def remove_older(self, time: datetime) -> None:
        self.run(sa.delete(REQUESTS).where(REQUESTS.c.create_time < time))


def _upload(project_id: str, upload_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return UPLOADS.c.project_id == project_id, UPLOADS.c.upload_id == upload_id


def _asset(row: Any) -> Asset:
    video = row.media_type.startswith("video/")
    return Asset(
        project_id=row.project_id,
        sha256=row.sha256,
        display_name=row.display_name,
        media_type=row.media_type,
        size_bytes=row.size_bytes,
        properties=(
            VideoProperties(row.width, row.height, row.frame_count, row.duration_us, row.codec, row.rotation_degrees)
            if video
            else ImageProperties(row.width, row.height)
        ),
        create_time=row.create_time,
    )


def _portions(values: Collection[str]) -> Iterator[list[str]]:
    ordered = sorted(values)
    for start in range(0, len(ordered), _LOOKUP):
        yield ordered[start : start + _LOOKUP]
