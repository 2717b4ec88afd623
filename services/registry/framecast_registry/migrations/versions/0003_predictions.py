"""Predictions of dataset versions."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def _text(length: int) -> sa.types.TypeEngine[str]:
    return sa.String(length).with_variant(sa.String(length, collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "registry_prediction_sets",
        sa.Column("set_key", sa.Integer(), autoincrement=True, nullable=False),
        sa.Column("project_id", _text(128), nullable=False),
        sa.Column("dataset_id", _text(128), nullable=False),
        sa.Column("dataset_version", sa.Integer(), nullable=False),
        sa.Column("set_id", _text(128), nullable=False),
        sa.Column("model_id", _text(128), nullable=False),
        sa.Column("model_version", sa.Integer(), nullable=False),
        sa.Column("bundle_sha256", _text(64), nullable=False),
        sa.Column("subset", sa.SmallInteger(), nullable=True),
        sa.Column("settings", sa.LargeBinary(), nullable=False),
        sa.Column("inference_job_id", _text(128), nullable=False),
        sa.Column("result_count", sa.BigInteger(), nullable=False),
        sa.Column("failed_count", sa.BigInteger(), nullable=False),
        sa.Column("instance_count", sa.BigInteger(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("create_time", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["project_id", "dataset_id", "dataset_version"],
            [
                "registry_dataset_versions.project_id",
                "registry_dataset_versions.dataset_id",
                "registry_dataset_versions.number",
            ],
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["project_id", "model_id", "model_version"],
            [
                "registry_model_versions.project_id",
                "registry_model_versions.model_id",
                "registry_model_versions.number",
            ],
        ),
        sa.PrimaryKeyConstraint("set_key"),
        sa.UniqueConstraint("project_id", "dataset_id", "dataset_version", "set_id"),
    )
    op.create_index(
        "ix_registry_prediction_sets_model", "registry_prediction_sets", ["project_id", "model_id", "model_version"]
    )
    op.create_table(
        "registry_prediction_parts",
        sa.Column("set_key", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("position", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("project_id", _text(128), nullable=False),
        sa.Column("sha256", _text(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("result_count", sa.Integer(), nullable=False),
        sa.Column("failed_count", sa.Integer(), nullable=False),
        sa.Column("instance_count", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["set_key"], ["registry_prediction_sets.set_key"], ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["project_id", "sha256"], ["registry_blobs.project_id", "registry_blobs.sha256"]),
        sa.PrimaryKeyConstraint("set_key", "position"),
    )
    op.create_index("ix_registry_prediction_parts_blob", "registry_prediction_parts", ["project_id", "sha256"])


def downgrade() -> None:
    op.drop_table("registry_prediction_parts")
    op.drop_table("registry_prediction_sets")
