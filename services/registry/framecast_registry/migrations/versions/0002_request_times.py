"""Requests know when they were made, so that they can be forgotten."""

import time

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("registry_requests", sa.Column("create_time", sa.BigInteger(), nullable=False, server_default="0"))
    requests = sa.table("registry_requests", sa.column("create_time", sa.BigInteger()))
    op.execute(sa.update(requests).values(create_time=time.time_ns() // 1000))  # the last days of them still count
    op.create_index(op.f("ix_registry_requests_create_time"), "registry_requests", ["create_time"], unique=False)


def downgrade() -> None:
    op.drop_index(op.f("ix_registry_requests_create_time"), table_name="registry_requests")
    op.drop_column("registry_requests", "create_time")
