"""The registry as it began: projects, blobs, uploads, assets, datasets, models, requests."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "registry_projects",
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("project_id"),
    )
    op.create_table(
        "registry_requests",
        sa.Column("scope", sa.String(length=256), nullable=False),
        sa.Column("method", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column(
            "fingerprint",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("result", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("scope", "method", "request_id"),
    )
    op.create_table(
        "registry_blobs",
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "sha256",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["registry_projects.project_id"],
        ),
        sa.PrimaryKeyConstraint("project_id", "sha256"),
    )
    op.create_table(
        "registry_datasets",
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "dataset_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["registry_projects.project_id"],
        ),
        sa.PrimaryKeyConstraint("project_id", "dataset_id"),
    )
    op.create_table(
        "registry_models",
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "model_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["registry_projects.project_id"],
        ),
        sa.PrimaryKeyConstraint("project_id", "model_id"),
    )
    op.create_table(
        "registry_uploads",
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "upload_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "sha256",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("expire_time", sa.BigInteger(), nullable=False),
        sa.Column("finished", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id"],
            ["registry_projects.project_id"],
        ),
        sa.PrimaryKeyConstraint("project_id", "upload_id"),
    )
    op.create_index(op.f("ix_registry_uploads_expire_time"), "registry_uploads", ["expire_time"], unique=False)
    op.create_table(
        "registry_assets",
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "sha256",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("display_name", sa.Text(), nullable=False),
        sa.Column("media_type", sa.String(length=64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("width", sa.Integer(), nullable=False),
        sa.Column("height", sa.Integer(), nullable=False),
        sa.Column("frame_count", sa.BigInteger(), nullable=True),
        sa.Column("duration_us", sa.BigInteger(), nullable=True),
        sa.Column("codec", sa.String(length=64), nullable=True),
        sa.Column("rotation_degrees", sa.Integer(), nullable=True),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "sha256"],
            ["registry_blobs.project_id", "registry_blobs.sha256"],
        ),
        sa.PrimaryKeyConstraint("project_id", "sha256"),
    )
    op.create_table(
        "registry_dataset_versions",
        sa.Column("version_key", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "dataset_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("categories", sa.JSON(), nullable=False),
        sa.Column("subsets", sa.JSON(), nullable=False),
        sa.Column(
            "digest",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "dataset_id"],
            ["registry_datasets.project_id", "registry_datasets.dataset_id"],
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("version_key"),
        sa.UniqueConstraint("project_id", "dataset_id", "number"),
    )
    op.create_table(
        "registry_dataset_items",
        sa.Column("version_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column(
            "asset_sha256",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("subset", sa.SmallInteger(), nullable=False),
        sa.Column("file_name", sa.Text(), nullable=False),
        sa.Column("source_id", sa.BigInteger(), nullable=False),
        sa.Column("annotation_count", sa.Integer(), nullable=False),
        sa.Column("labels", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["version_key"], ["registry_dataset_versions.version_key"], ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("version_key", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_registry_dataset_items_asset", "registry_dataset_items", ["asset_sha256"], unique=False)
    op.create_index(
        "ix_registry_dataset_items_subset",
        "registry_dataset_items",
        ["version_key", "subset", "position"],
        unique=False,
    )
    op.create_table(
        "registry_model_versions",
        sa.Column(
            "project_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "model_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("state", sa.SmallInteger(), nullable=False),
        sa.Column("architecture", sa.Text(), nullable=False),
        sa.Column("task", sa.SmallInteger(), nullable=False),
        sa.Column(
            "training_job_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column(
            "dataset_id",
            sa.String(length=128).with_variant(sa.String(length=128, collation="C"), "postgresql"),
            nullable=True,
        ),
        sa.Column("dataset_version", sa.Integer(), nullable=True),
        sa.Column(
            "bundle_sha256",
            sa.String(length=64).with_variant(sa.String(length=64, collation="C"), "postgresql"),
            nullable=False,
        ),
        sa.Column("metrics", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("failure", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.Column("end_time", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(
            ["project_id", "dataset_id", "dataset_version"],
            [
                "registry_dataset_versions.project_id",
                "registry_dataset_versions.dataset_id",
                "registry_dataset_versions.number",
            ],
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "model_id"], ["registry_models.project_id", "registry_models.model_id"], ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", "model_id", "number"),
    )
    op.create_index(
        "ix_registry_model_versions_dataset", "registry_model_versions", ["project_id", "dataset_id"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_registry_model_versions_dataset", table_name="registry_model_versions")
    op.drop_table("registry_model_versions")
    op.drop_index("ix_registry_dataset_items_subset", table_name="registry_dataset_items")
    op.drop_index("ix_registry_dataset_items_asset", table_name="registry_dataset_items")
    op.drop_table("registry_dataset_items")
    op.drop_table("registry_dataset_versions")
    op.drop_table("registry_assets")
    op.drop_index(op.f("ix_registry_uploads_expire_time"), table_name="registry_uploads")
    op.drop_table("registry_uploads")
    op.drop_table("registry_models")
    op.drop_table("registry_datasets")
    op.drop_table("registry_blobs")
    op.drop_table("registry_requests")
    op.drop_table("registry_projects")
