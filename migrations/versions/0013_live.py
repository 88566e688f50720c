"""Permissions to trade real money, what speaks for them, and trial orders.

Revision ID: 0013
Revises: 0012
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import make_append_only, make_changeable, move_to_attic, restore_from_attic

revision = '0013'
down_revision = '0012'
branch_labels = None
depends_on = None

NEW = ('live_permits', 'parity_checks', 'trial_orders')


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def moment(name, comment, **options):
    return column(name, sa.DateTime(timezone=True), comment, **options)


def numbered():
    return sa.Column(
        'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
    )


def upgrade():
    if not restore_from_attic(*NEW):
        make_live_permits()
        make_parity_checks()
        make_trial_orders()
    make_append_only(*NEW)


def make_live_permits():
    op.create_table(
        'live_permits',
        numbered(),
        column('account', sa.Text(), 'Name of the account, which may be opened later'),
        column('account_number', sa.Text(), 'Number of the account at the broker'),
        column('action', sa.Text(), 'permit, or revoke for what ends a permission before its time'),
        moment('until', 'When the permission ends; empty for revoke', nullable=True),
        column('reason', sa.Text(), 'Why, in words'),
        column('actor', sa.Text(), 'Who: user@host'),
        moment('at', 'When'),
        sa.CheckConstraint("action IN ('permit', 'revoke')", name=op.f('ck_live_permits_action_known')),
        sa.CheckConstraint("(action = 'permit') = (until IS NOT NULL)", name=op.f('ck_live_permits_permit_has_an_end')),
        sa.CheckConstraint("until > at AND until <= at + interval '32 days'", name=op.f('ck_live_permits_term_short')),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_live_permits_reason_given')),
        sa.CheckConstraint(
            "actor NOT IN ('engine', 'restore') AND actor ~ '[^[:space:]]'", name=op.f('ck_live_permits_by_a_person')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_live_permits')),
        comment='Permissions to trade real money, each with an end; rows are only added',
    )
    op.create_index(op.f('ix_live_permits_account'), 'live_permits', ['account', 'account_number'])


def make_parity_checks():
    op.create_table(
        'parity_checks',
        numbered(),
        column('account', sa.Text(), 'The account that was replayed'),
        column('strategy', sa.Text(), 'Hash of the settings that make the strategy'),
        column('code', sa.Text(), 'Hash of the code that was compared'),
        column('version', sa.Text(), 'Commit or version of that code; empty for neither'),
        column('sessions', sa.Integer(), 'Sessions that were compared'),
        column('fills', sa.Integer(), 'Fills that were compared'),
        column('equal', sa.Boolean(), 'Whether ledger and backtest agree'),
        column('differences', sa.Text(), 'The first difference of each kind, in words; empty for none'),
        column('actor', sa.Text(), 'Who compared: user@host'),
        moment('at', 'When'),
        sa.CheckConstraint("equal = (differences = '')", name=op.f('ck_parity_checks_equal_without_differences')),
        sa.CheckConstraint('sessions >= 0 AND fills >= 0', name=op.f('ck_parity_checks_counted')),
        sa.ForeignKeyConstraint(['account'], ['accounts.name'], name=op.f('fk_parity_checks_account_accounts')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_parity_checks')),
        comment='Replayed accounts beside their backtests; rows are only added',
    )


def make_trial_orders():
    op.create_table(
        'trial_orders',
        numbered(),
        column('account', sa.Text(), 'Name of the account, which is opened later'),
        column('account_number', sa.Text(), 'Number of the account at the broker'),
        column('client_order_id', sa.Text(), 'Name of the order at the broker'),
        column('step', sa.Text(), 'intent: before it is sent; filled; ended: not or only partly filled; unknown'),
        column('symbol', sa.Text(), 'Ticker'),
        column('side', sa.Text(), 'buy or sell'),
        column('limit_price', sa.Numeric(), 'Worst price, a share'),
        column('filled', sa.Numeric(), 'Shares filled'),
        column('price', sa.Numeric(), 'Average price of the fills, a share', nullable=True),
        column('raw', JSONB, 'What the broker said last', nullable=True),
        column('actor', sa.Text(), 'Who: user@host'),
        moment('at', 'When'),
        sa.CheckConstraint("step IN ('intent', 'filled', 'ended', 'unknown')", name=op.f('ck_trial_orders_step_known')),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f('ck_trial_orders_side_known')),
        sa.CheckConstraint('filled >= 0 AND filled < 1e6', name=op.f('ck_trial_orders_filled_counted')),
        sa.CheckConstraint(
            'least(limit_price, price) > 0 AND greatest(limit_price, price) < 1e9',
            name=op.f('ck_trial_orders_prices_positive'),
        ),
        sa.UniqueConstraint('client_order_id', 'step', name=op.f('uq_trial_orders_client_order_id_step')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_trial_orders')),
        comment='One share bought and sold to try the way to the broker; rows are only added',
    )


def downgrade():
    make_changeable(*NEW)
    move_to_attic(*NEW)
