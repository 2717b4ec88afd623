"""The registry's tables. `migrations/` builds them; a test holds the two together."""

from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

METADATA = sa.MetaData()

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UtcTime(sa.TypeDecorator[datetime]):
    """Microseconds since 1970: exact, sortable, and the same in SQLite and PostgreSQL."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Any) -> int | None:
        return None if value is None else (value - _EPOCH) // timedelta(microseconds=1)

    def process_result_value(self, value: int | None, dialect: Any) -> datetime | None:
        return None if value is None else _EPOCH + timedelta(microseconds=value)


# Ids sort by code point everywhere, as pages need it; PostgreSQL would sort by the database's locale.
_ID = sa.String(128).with_variant(sa.String(128, collation="C"), "postgresql")
_DIGEST = sa.String(64).with_variant(sa.String(64, collation="C"), "postgresql")


def _owned(*, primary: bool = True) -> sa.Column[str]:
    return sa.Column("project_id", _ID, sa.ForeignKey("registry_projects.project_id"), primary_key=primary)


PROJECTS = sa.Table(
    "registry_projects",
    METADATA,
    sa.Column("project_id", _ID, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False),
)

BLOBS = sa.Table(
    "registry_blobs",
    METADATA,
    _owned(),
    sa.Column("sha256", _DIGEST, primary_key=True),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False),
)

UPLOADS = sa.Table(
    "registry_uploads",
    METADATA,
    _owned(),
    sa.Column("upload_id", _ID, primary_key=True),
    sa.Column("sha256", _DIGEST, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False),
    sa.Column("expire_time", UtcTime, nullable=False, index=True),
    sa.Column("finished", sa.Boolean, nullable=False),
)

ASSETS = sa.Table(
    "registry_assets",
    METADATA,
    sa.Column("project_id", _ID, primary_key=True),
    sa.Column("sha256", _DIGEST, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("media_type", sa.String(64), nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("width", sa.Integer, nullable=False),
    sa.Column("height", sa.Integer, nullable=False),
    # of videos only
    sa.Column("frame_count", sa.BigInteger),
    sa.Column("duration_us", sa.BigInteger),
    sa.Column("codec", sa.String(64)),
    sa.Column("rotation_degrees", sa.Integer),
    sa.Column("create_time", UtcTime, nullable=False),
    # an asset never points at bytes that the project has no blob for
    sa.ForeignKeyConstraint(["project_id", "sha256"], ["registry_blobs.project_id", "registry_blobs.sha256"]),
)

DATASETS = sa.Table(
    "registry_datasets",
    METADATA,
    _owned(),
    sa.Column("dataset_id", _ID, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False),
)

DATASET_VERSIONS = sa.Table(
    "registry_dataset_versions",
    METADATA,
    sa.Column("version_key", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("project_id", _ID, nullable=False),
    sa.Column("dataset_id", _ID, nullable=False),
    sa.Column("number", sa.Integer, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("categories", sa.JSON, nullable=False),
    sa.Column("subsets", sa.JSON, nullable=False),
    sa.Column("digest", _DIGEST, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False),
    sa.UniqueConstraint("project_id", "dataset_id", "number"),
    sa.ForeignKeyConstraint(
        ["project_id", "dataset_id"],
        ["registry_datasets.project_id", "registry_datasets.dataset_id"],
        ondelete="CASCADE",
    ),
)

# `version_key` stands for the long name: the items are most of the database.
DATASET_ITEMS = sa.Table(
    "registry_dataset_items",
    METADATA,
    sa.Column(
        "version_key",
        sa.Integer,
        sa.ForeignKey("registry_dataset_versions.version_key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("position", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("asset_sha256", _DIGEST, nullable=False),
    sa.Column("subset", sa.SmallInteger, nullable=False),
    sa.Column("file_name", sa.Text, nullable=False),
    sa.Column("source_id", sa.BigInteger, nullable=False),
    sa.Column("annotation_count", sa.Integer, nullable=False),
    sa.Column("labels", sa.LargeBinary, nullable=False),
    sa.Index("ix_registry_dataset_items_subset", "version_key", "subset", "position"),
    sa.Index("ix_registry_dataset_items_asset", "asset_sha256"),
    sqlite_with_rowid=False,
)

MODELS = sa.Table(
    "registry_models",
    METADATA,
    _owned(),
    sa.Column("model_id", _ID, primary_key=True),
    sa.Column("display_name", sa.Text, nullable=False),
    sa.Column("description", sa.Text, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False),
)

MODEL_VERSIONS = sa.Table(
    "registry_model_versions",
    METADATA,
    sa.Column("project_id", _ID, primary_key=True),
    sa.Column("model_id", _ID, primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("state", sa.SmallInteger, nullable=False),
    sa.Column("architecture", sa.Text, nullable=False),
    sa.Column("task", sa.SmallInteger, nullable=False),
    sa.Column("training_job_id", _ID, nullable=False),
    sa.Column("dataset_id", _ID),
    sa.Column("dataset_version", sa.Integer),
    sa.Column("bundle_sha256", _DIGEST, nullable=False),
    sa.Column("metrics", sa.JSON(none_as_null=True)),
    sa.Column("failure", sa.JSON(none_as_null=True)),
    sa.Column("create_time", UtcTime, nullable=False),
    sa.Column("end_time", UtcTime),
    sa.ForeignKeyConstraint(
        ["project_id", "model_id"], ["registry_models.project_id", "registry_models.model_id"], ondelete="CASCADE"
    ),
    # lineage outlives nothing: a dataset version stays as long as a model version refers to it
    sa.ForeignKeyConstraint(
        ["project_id", "dataset_id", "dataset_version"],
        [
            "registry_dataset_versions.project_id",
            "registry_dataset_versions.dataset_id",
            "registry_dataset_versions.number",
        ],
    ),
    sa.Index("ix_registry_model_versions_dataset", "project_id", "dataset_id"),
)

PREDICTION_SETS = sa.Table(
    "registry_prediction_sets",
    METADATA,
    sa.Column("set_key", sa.Integer, primary_key=True, autoincrement=True),
    sa.Column("project_id", _ID, nullable=False),
    sa.Column("dataset_id", _ID, nullable=False),
    sa.Column("dataset_version", sa.Integer, nullable=False),
    sa.Column("set_id", _ID, nullable=False),
    sa.Column("model_id", _ID, nullable=False),
    sa.Column("model_version", sa.Integer, nullable=False),
    sa.Column("bundle_sha256", _DIGEST, nullable=False),
    sa.Column("subset", sa.SmallInteger),
    sa.Column("settings", sa.LargeBinary, nullable=False),
    sa.Column("inference_job_id", _ID, nullable=False),
    sa.Column("result_count", sa.BigInteger, nullable=False),
    sa.Column("failed_count", sa.BigInteger, nullable=False),
    sa.Column("instance_count", sa.BigInteger, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False),
    sa.UniqueConstraint("project_id", "dataset_id", "dataset_version", "set_id"),
    sa.ForeignKeyConstraint(
        ["project_id", "dataset_id", "dataset_version"],
        [
            "registry_dataset_versions.project_id",
            "registry_dataset_versions.dataset_id",
            "registry_dataset_versions.number",
        ],
        ondelete="CASCADE",
    ),
    # who answered stays known as long as the answers are
    sa.ForeignKeyConstraint(
        ["project_id", "model_id", "model_version"],
        [
            "registry_model_versions.project_id",
            "registry_model_versions.model_id",
            "registry_model_versions.number",
        ],
    ),
    sa.Index("ix_registry_prediction_sets_model", "project_id", "model_id", "model_version"),
)

PREDICTION_PARTS = sa.Table(
    "registry_prediction_parts",
    METADATA,
    sa.Column(
        "set_key",
        sa.Integer,
        sa.ForeignKey("registry_prediction_sets.set_key", ondelete="CASCADE"),
        primary_key=True,
        autoincrement=False,
    ),
    sa.Column("position", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("project_id", _ID, nullable=False),
    sa.Column("sha256", _DIGEST, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("result_count", sa.Integer, nullable=False),
    sa.Column("failed_count", sa.Integer, nullable=False),
    sa.Column("instance_count", sa.BigInteger, nullable=False),
    # a part never points at bytes that the project has no blob for
    sa.ForeignKeyConstraint(["project_id", "sha256"], ["registry_blobs.project_id", "registry_blobs.sha256"]),
    sa.Index("ix_registry_prediction_parts_blob", "project_id", "sha256"),
)

REQUESTS = sa.Table(
    "registry_requests",
    METADATA,
    sa.Column("scope", sa.String(256), primary_key=True),
    sa.Column("method", sa.String(64), primary_key=True),
    sa.Column("request_id", sa.String(64), primary_key=True),
    sa.Column("fingerprint", _DIGEST, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Column("create_time", UtcTime, nullable=False, index=True, server_default="0"),
)
