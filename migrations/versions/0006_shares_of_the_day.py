"""Splits within a trade, and comments that say which shares a price is for.

Revision ID: 0006
Revises: 0005
"""

import sqlalchemy as sa
from alembic import op

revision = '0006'
down_revision = '0005'
branch_labels = None
depends_on = None

COMMENTS = {  # (table, column) → comment from this revision on, comment before
    ('trades', 'entry_price'): (
        'Average price of the entry as traded, slippage included',
        'Average price of the entry, slippage included',
    ),
    ('trades', 'exit_price'): (
        'Average price of the exit as traded, slippage included; while open the last close',
        'Average price of the exit, slippage included; while open the last close',
    ),
    ('trades', 'quantity'): ('Shares entered, counted in shares of the entry', 'Shares'),
    ('decisions', 'close'): ('Close of the session as traded', 'Close of the session, adjusted for splits'),
    ('decisions', 'target_quantity'): (
        'Shares wanted after the order, in shares of the session',
        'Shares wanted after the order',
    ),
    ('models', 'artifact'): (
        'Weights, scalers and all else that is needed to forecast; no pickle',
        'Weights, scalers and all else that is needed to forecast, as 16_artifact writes it; no pickle',
    ),
}


def upgrade():
    op.add_column(
        'trades',
        sa.Column(
            'split',
            sa.Double(),
            nullable=False,
            server_default='1',
            comment='Shares at the exit for one share at the entry; 1 without a split in between',
        ),
    )
    op.execute(
        "DO $$ BEGIN IF to_regclass('attic.trades_0006') IS NOT NULL THEN UPDATE trades t SET split = a.split "
        'FROM attic.trades_0006 a WHERE a.run_id = t.run_id AND a.number = t.number; DROP TABLE attic.trades_0006; '
        'END IF; END $$'
    )
    for (table, name), (now, _) in COMMENTS.items():
        op.alter_column(table, name, comment=now)


def downgrade():
    op.execute('CREATE SCHEMA IF NOT EXISTS attic')
    op.execute('CREATE TABLE attic.trades_0006 AS SELECT run_id, number, split FROM trades WHERE split <> 1')
    op.drop_column('trades', 'split')
    for (table, name), (_, before) in COMMENTS.items():
        op.alter_column(table, name, comment=before)
