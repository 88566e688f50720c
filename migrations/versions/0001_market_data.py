"""Market data: instruments, daily bars, corporate actions, and their replaced rows.

Revision ID: 0001
Revises: none
"""

import sqlalchemy as sa
from alembic import op

from tradelab.utils.database import move_to_attic, restore_from_attic

revision = '0001'
down_revision = None
branch_labels = None
depends_on = None

TABLES = ('instruments', 'daily_bars', 'daily_bar_revisions', 'corporate_actions', 'corporate_action_revisions')


def upgrade():
    if restore_from_attic(*TABLES):
        return
    op.create_table(
        'instruments',
        sa.Column(
            'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number used by the other tables'
        ),
        sa.Column('provider', sa.Text(), nullable=False, comment='Module in tradelab/providers that delivers it'),
        sa.Column('symbol', sa.Text(), nullable=False, comment='Ticker as the provider spells it'),
        sa.Column('name', sa.Text(), comment='Name in words'),
        sa.Column('currency', sa.Text(), nullable=False, comment='Currency of the prices, ISO 4217'),
        sa.Column('calendar', sa.Text(), nullable=False, comment='Exchange calendar of the sessions, ISO 10383'),
        sa.Column(
            'convention', sa.Text(), nullable=False, comment='How the provider adjusts for dividends: yahoo or crsp'
        ),
        sa.Column('created_at', sa.DateTime(timezone=True), nullable=False, comment='When it was first stored'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_instruments')),
        sa.UniqueConstraint('provider', 'symbol', name=op.f('uq_instruments_provider_symbol')),
        comment='What a provider calls by a symbol',
    )
    op.create_table(
        'daily_bars',
        sa.Column('instrument_id', sa.BigInteger(), nullable=False, comment='The instrument'),
        sa.Column('session', sa.Date(), nullable=False, comment='Session date of the exchange'),
        sa.Column('open', sa.Double(), nullable=False, comment='First price, as delivered'),
        sa.Column('high', sa.Double(), nullable=False, comment='Highest price, as delivered'),
        sa.Column('low', sa.Double(), nullable=False, comment='Lowest price, as delivered'),
        sa.Column('close', sa.Double(), nullable=False, comment='Last price, as delivered'),
        sa.Column('volume', sa.Double(), nullable=False, comment='Shares traded, as delivered'),
        sa.Column(
            'fetched_at', sa.DateTime(timezone=True), nullable=False, comment='When the provider delivered this row'
        ),
        sa.CheckConstraint(
            "open < 'Infinity' AND high < 'Infinity' AND low < 'Infinity' AND close < 'Infinity'",
            name=op.f('ck_daily_bars_prices_finite'),
        ),
        sa.CheckConstraint("volume >= 0 AND volume < 'Infinity'", name=op.f('ck_daily_bars_volume_not_negative')),
        sa.CheckConstraint('high >= low', name=op.f('ck_daily_bars_high_not_below_low')),
        sa.CheckConstraint(
            'open > 0 AND high > 0 AND low > 0 AND close > 0', name=op.f('ck_daily_bars_prices_positive')
        ),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_daily_bars_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint('instrument_id', 'session', name=op.f('pk_daily_bars')),
        comment='Daily bars as last delivered, not adjusted by TradeLab',
    )
    op.create_table(
        'daily_bar_revisions',
        sa.Column('instrument_id', sa.BigInteger(), nullable=False, comment='The instrument'),
        sa.Column('session', sa.Date(), nullable=False, comment='Session date of the exchange'),
        sa.Column('open', sa.Double(), nullable=False, comment='First price, as delivered'),
        sa.Column('high', sa.Double(), nullable=False, comment='Highest price, as delivered'),
        sa.Column('low', sa.Double(), nullable=False, comment='Lowest price, as delivered'),
        sa.Column('close', sa.Double(), nullable=False, comment='Last price, as delivered'),
        sa.Column('volume', sa.Double(), nullable=False, comment='Shares traded, as delivered'),
        sa.Column(
            'fetched_at', sa.DateTime(timezone=True), nullable=False, comment='When the provider delivered this row'
        ),
        sa.Column('superseded_at', sa.DateTime(timezone=True), nullable=False, comment='When the row was replaced'),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_daily_bar_revisions_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint('instrument_id', 'session', 'superseded_at', name=op.f('pk_daily_bar_revisions')),
        comment='Daily bars that a later delivery replaced: history as it was known before',
    )
    op.create_table(
        'corporate_actions',
        sa.Column('instrument_id', sa.BigInteger(), nullable=False, comment='The instrument'),
        sa.Column('ex_date', sa.Date(), nullable=False, comment='First session on which the share trades without it'),
        sa.Column('kind', sa.Text(), nullable=False, comment='split or dividend'),
        sa.Column(
            'value',
            sa.Double(),
            nullable=False,
            comment='Split: new shares for an old one; dividend: currency units a share as traded on that day',
        ),
        sa.Column(
            'fetched_at', sa.DateTime(timezone=True), nullable=False, comment='When the provider delivered this row'
        ),
        sa.CheckConstraint("kind IN ('split', 'dividend')", name=op.f('ck_corporate_actions_kind_known')),
        sa.CheckConstraint("value > 0 AND value < 'Infinity'", name=op.f('ck_corporate_actions_value_positive')),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_corporate_actions_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint('instrument_id', 'ex_date', 'kind', name=op.f('pk_corporate_actions')),
        comment='Splits and dividends as last delivered',
    )
    op.create_table(
        'corporate_action_revisions',
        sa.Column('instrument_id', sa.BigInteger(), nullable=False, comment='The instrument'),
        sa.Column('ex_date', sa.Date(), nullable=False, comment='First session on which the share trades without it'),
        sa.Column('kind', sa.Text(), nullable=False, comment='split or dividend'),
        sa.Column(
            'value',
            sa.Double(),
            nullable=False,
            comment='Split: new shares for an old one; dividend: currency units a share as traded on that day',
        ),
        sa.Column(
            'fetched_at', sa.DateTime(timezone=True), nullable=False, comment='When the provider delivered this row'
        ),
        sa.Column('superseded_at', sa.DateTime(timezone=True), nullable=False, comment='When the row was replaced'),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_corporate_action_revisions_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint(
            'instrument_id', 'ex_date', 'kind', 'superseded_at', name=op.f('pk_corporate_action_revisions')
        ),
        comment='Splits and dividends that a later delivery replaced',
    )


def downgrade():
    move_to_attic(*TABLES)
