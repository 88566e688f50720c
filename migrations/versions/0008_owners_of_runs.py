"""Who executes a run, and its last sign of life.

Revision ID: 0008
Revises: 0007
"""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None


def upgrade():
    op.add_column('runs', sa.Column('owner', sa.Text(), comment='Who executes it: host:process:token'))
    op.add_column(
        'runs', sa.Column('heartbeat_at', sa.DateTime(timezone=True), comment='Last sign of life of its owner')
    )
    comment = 'How often it was claimed; only the last one to claim it may close it'
    op.add_column('runs', sa.Column('epoch', sa.Integer(), nullable=False, server_default='0', comment=comment))
    op.create_check_constraint('epoch_counted', 'runs', 'epoch >= 0')
    op.execute(
        "DO $$ BEGIN IF to_regclass('attic.runs_0008') IS NOT NULL THEN "
        'UPDATE runs r SET owner = a.owner, heartbeat_at = a.heartbeat_at, epoch = a.epoch '
        'FROM attic.runs_0008 a WHERE a.id = r.id; DROP TABLE attic.runs_0008; END IF; END $$'
    )


def downgrade():
    op.execute('CREATE SCHEMA IF NOT EXISTS attic')
    op.execute(
        'CREATE TABLE attic.runs_0008 AS SELECT id, owner, heartbeat_at, epoch FROM runs '
        'WHERE owner IS NOT NULL OR heartbeat_at IS NOT NULL OR epoch > 0'
    )
    for name in ('epoch', 'heartbeat_at', 'owner'):
        op.drop_column('runs', name)
