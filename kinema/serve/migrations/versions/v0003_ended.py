"""How long films took lately is found without looking at all of them: every look at a film asks for it."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_index("jobs_ended", "jobs", ["status", "completed_at"], unique=False)
