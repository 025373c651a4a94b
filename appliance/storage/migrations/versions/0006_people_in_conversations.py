"""Who speaks in a conversation beside the assistant: operators by name, and what visitors tell.

Owns this one step of the schema; a step that was released is never changed.
"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("display_name", sa.String(length=100), nullable=True))
    op.add_column("conversations", sa.Column("human_name", sa.String(length=200), nullable=True))
    op.add_column("conversations", sa.Column("visitor", sa.JSON(none_as_null=True), nullable=True))
    op.add_column("messages", sa.Column("author_name", sa.String(length=200), nullable=True))


def downgrade() -> None:
    op.drop_column("messages", "author_name")
    op.drop_column("conversations", "visitor")
    op.drop_column("conversations", "human_name")
    op.drop_column("users", "display_name")
