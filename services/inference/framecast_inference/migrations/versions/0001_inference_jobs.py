"""Inference jobs and the parts of their results."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "inference_jobs",
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("project", sa.String(128), nullable=False),
        sa.Column("id", sa.String(128), nullable=False),
        sa.Column("request_id", sa.String(64), nullable=True),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("spec", sa.LargeBinary, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.UniqueConstraint("project", "id", name="uq_inference_jobs_name"),
        sa.UniqueConstraint("project", "request_id", name="uq_inference_jobs_request"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_inference_jobs_state", "inference_jobs", ["state"])
    op.create_table(
        "inference_job_parts",
        sa.Column("job", sa.Integer, sa.ForeignKey("inference_jobs.sequence", ondelete="CASCADE"), primary_key=True),
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("position", sa.BigInteger, nullable=False),
        sa.Column("result_count", sa.Integer, nullable=False),
        sa.Column("failed", sa.Integer, nullable=False),
        sa.Column("size_bytes", sa.BigInteger, nullable=False),
        sa.Column("sha256", sa.String(64), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("inference_job_parts")
    op.drop_table("inference_jobs")
