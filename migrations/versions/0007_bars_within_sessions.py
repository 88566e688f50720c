"""Moments of bars within sessions: the bar of a decision, the time of entry and exit of a trade.

Revision ID: 0007
Revises: 0006
"""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

KEY = ('run_id', 'mode', 'strategy', 'symbol', 'session')
MOMENTS = {  # (table, column) → comment
    ('decisions', 'at'): 'When the bar began, on the clock of the exchange; empty for daily bars',
    ('trades', 'entry_at'): 'When the bar of the first fill began, on the clock of the exchange; empty for daily bars',
    (
        'trades',
        'exit_at',
    ): 'When the bar of the last fill began, on the clock of the exchange; empty for daily bars and while open',
}


def upgrade():
    comment = 'Number of the bar within the session, from 0; 0 for daily bars'
    op.add_column('decisions', sa.Column('bar', sa.SmallInteger(), nullable=False, server_default='0', comment=comment))
    for (table, name), comment in MOMENTS.items():
        op.add_column(table, sa.Column(name, sa.DateTime(), comment=comment))
    op.create_check_constraint('bar_counted', 'decisions', 'bar >= 0')
    _key(*KEY, 'bar')
    op.execute(
        "DO $$ BEGIN IF to_regclass('attic.decisions_0007') IS NOT NULL THEN "
        'INSERT INTO decisions SELECT (jsonb_populate_record(NULL::decisions, to_jsonb(a))).* '
        'FROM attic.decisions_0007 a; DROP TABLE attic.decisions_0007; '
        'UPDATE trades t SET entry_at = a.entry_at, exit_at = a.exit_at '
        'FROM attic.trades_0007 a WHERE a.run_id = t.run_id AND a.number = t.number; DROP TABLE attic.trades_0007; '
        'END IF; END $$'
    )


def downgrade():
    op.execute('CREATE SCHEMA IF NOT EXISTS attic')
    op.execute('CREATE TABLE attic.decisions_0007 AS SELECT * FROM decisions WHERE at IS NOT NULL')
    op.execute('DELETE FROM decisions WHERE at IS NOT NULL')
    op.execute(
        'CREATE TABLE attic.trades_0007 AS SELECT run_id, number, entry_at, exit_at FROM trades '
        'WHERE entry_at IS NOT NULL'
    )
    _key(*KEY)
    for table, name in [*MOMENTS, ('decisions', 'bar')]:
        op.drop_column(table, name)


def _key(*columns):
    "Make `columns` the key of the journal"
    op.drop_constraint('pk_decisions', 'decisions')
    op.create_primary_key('pk_decisions', 'decisions', columns)
