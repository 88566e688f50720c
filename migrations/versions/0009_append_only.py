"""Tables to which rows are only added.

The guard is a trigger that refuses UPDATE, DELETE and TRUNCATE to everyone, the owner included. The grants of the roles
follow from it and are given at the end of each migration.

Revision ID: 0009
Revises: 0008
"""

from alembic import op

from tradelab.utils.database import make_append_only, make_changeable

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None

TABLES = (
    'corporate_action_revisions',
    'daily_bar_revisions',
    'decisions',
    'equity',
    'events',
    'fetches',
    'folds',
    'minute_bar_revisions',
    'model_evaluations',
    'predictions',
    'promotions',
    'sweep_results',
    'trades',
)


def upgrade():
    make_append_only(*TABLES)


def downgrade():
    make_changeable(*TABLES)
    op.execute('DROP FUNCTION public.refuse_change()')
