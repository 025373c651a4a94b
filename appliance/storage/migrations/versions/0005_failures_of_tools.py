"""Why an executed tool has no result.

Owns this one step of the schema; a step that was released is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tool_executions", sa.Column("failure", sa.String(length=20), nullable=True))


def downgrade() -> None:
    op.drop_column("tool_executions", "failure")
