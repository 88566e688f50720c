"""Listings of instruments, bars as delivered, minute bars, fetches and verdicts.

Revision ID: 0003
Revises: 0002
"""

import sqlalchemy as sa
from alembic import op

from tradelab.utils.database import move_to_attic, restore_from_attic

revision = '0003'
down_revision = '0002'
branch_labels = None
depends_on = None

NEW = ('listings', 'minute_bars', 'minute_bar_revisions', 'fetches', 'verdicts', 'findings')
EXTRA = 'identity', 'basis', 'version'  # columns of instruments; a downgrade keeps them in attic.instruments_0003
CHECKS = {
    'prices_finite': "open < 'Infinity' AND high < 'Infinity' AND low < 'Infinity' AND close < 'Infinity'",
    'volume_not_negative': "volume >= 0 AND volume < 'Infinity'",
    'high_not_below_low': 'high >= low',
    'prices_positive': 'open > 0 AND high > 0 AND low > 0 AND close > 0',
}
PRICES = dict(open='First price', high='Highest price', low='Lowest price', close='Last price', volume='Shares traded')
ACTION_VALUE = 'Split: new shares for an old one; dividend: currency units a share'


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def upgrade():
    op.execute('LOCK TABLE instruments, daily_bars, corporate_actions IN ACCESS EXCLUSIVE MODE')
    change_instruments()
    free_bars()
    if not restore_from_attic(*NEW):
        make_tables()
    op.execute(
        'INSERT INTO listings (provider, symbol, valid_from, instrument_id) SELECT provider, symbol, '
        "'1900-01-01', id FROM instruments i "
        'WHERE NOT EXISTS (SELECT FROM listings l WHERE l.instrument_id = i.id)'
    )
    op.drop_constraint(op.f('uq_instruments_provider_symbol'), 'instruments', type_='unique')
    op.drop_column('instruments', 'symbol')


def change_instruments():
    op.add_column(
        'instruments',
        column(
            'identity',
            sa.Text(),
            'What the provider calls it for good, whatever its symbol; empty when it does not say',
            nullable=True,
        ),
    )
    op.add_column(
        'instruments',
        column(
            'basis',
            sa.Text(),
            'raw: prices as traded; split: prices and dividends already adjusted for the splits',
            server_default='raw',
        ),
    )
    op.add_column(
        'instruments',
        column(
            'version',
            sa.BigInteger(),
            'Microseconds since 1970 of the last delivery that changed its bars or actions; only grows',
            server_default='0',
        ),
    )
    op.create_check_constraint(op.f('ck_instruments_basis_known'), 'instruments', "basis IN ('raw', 'split')")
    op.create_table_comment('instruments', 'Companies and funds, each as one provider delivers it')
    op.alter_column(
        'instruments',
        'provider',
        comment='Who delivers it: a module in tradelab/providers, or the name that [files] gives',
    )
    op.execute(
        "DO $$ BEGIN IF to_regclass('attic.instruments_0003') IS NOT NULL THEN UPDATE instruments i SET "
        + ', '.join(f'{name} = a.{name}' for name in EXTRA)
        + ' FROM attic.instruments_0003 a WHERE a.id = i.id; DROP TABLE attic.instruments_0003; END IF; END $$'
    )


def free_bars():
    for name in CHECKS:
        op.execute(f'ALTER TABLE daily_bars DROP CONSTRAINT IF EXISTS ck_daily_bars_{name}')
    for table in ('daily_bars', 'daily_bar_revisions'):
        op.execute(f'ALTER TABLE {table} DROP CONSTRAINT IF EXISTS fk_{table}_instrument_id_instruments')
        for name, what in PRICES.items():
            op.alter_column(table, name, comment=f'{what}, as delivered; NaN when missing')
    for table in ('corporate_actions', 'corporate_action_revisions'):
        op.alter_column(table, 'value', comment=f'{ACTION_VALUE}, as delivered')
    op.create_table_comment(
        'corporate_action_revisions', 'Splits and dividends that a later delivery replaced or left out'
    )


def prices():
    return [column(name, sa.Double(), f'{what}, as delivered; NaN when missing') for name, what in PRICES.items()]


def make_tables():
    op.create_table(
        'listings',
        column('provider', sa.Text(), 'Provider of the instrument'),
        column('symbol', sa.Text(), 'Ticker as the provider spells it'),
        column('valid_from', sa.Date(), 'First day under this symbol; 1900-01-01 for always'),
        column('valid_to', sa.Date(), 'Last day under this symbol; empty while it lasts', nullable=True),
        column('instrument_id', sa.BigInteger(), 'The instrument'),
        sa.CheckConstraint('valid_to >= valid_from', name=op.f('ck_listings_not_backwards')),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_listings_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint('provider', 'symbol', 'valid_from', name=op.f('pk_listings')),
        comment='From when to when an instrument is called by a symbol',
    )
    op.create_index(op.f('ix_listings_instrument_id'), 'listings', ['instrument_id'])
    op.create_index(
        op.f('ix_listings_open'),
        'listings',
        ['provider', 'symbol'],
        unique=True,
        postgresql_where=sa.text('valid_to IS NULL'),
    )
    for table, comment, more in (
        ('minute_bars', 'Minute bars as last delivered, for paper trading and replay', []),
        (
            'minute_bar_revisions',
            'Minute bars that a later delivery replaced',
            [column('superseded_at', sa.DateTime(timezone=True), 'When the row was replaced')],
        ),
    ):
        op.create_table(
            table,
            column('instrument_id', sa.BigInteger(), 'The instrument'),
            column('at', sa.DateTime(timezone=True), 'Beginning of the minute'),
            *prices(),
            column('fetched_at', sa.DateTime(timezone=True), 'When the provider delivered this row'),
            *more,
            sa.PrimaryKeyConstraint('instrument_id', 'at', *(column.name for column in more), name=op.f(f'pk_{table}')),
            comment=comment,
        )
    op.create_table(
        'fetches',
        sa.Column(
            'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
        ),
        column('provider', sa.Text(), 'Who was asked'),
        column('symbol', sa.Text(), 'Ticker that was asked for'),
        column('instrument_id', sa.BigInteger(), 'The instrument whose rows it brought', nullable=True),
        column('started_at', sa.DateTime(timezone=True), 'When the question was put'),
        column('ended_at', sa.DateTime(timezone=True), 'When its rows were stored, or it was given up'),
        column('asked_from', sa.Date(), 'First session asked for; empty for the beginning', nullable=True),
        column('asked_to', sa.Date(), 'Last session asked for; empty for until now', nullable=True),
        column('status', sa.Text(), 'ok, or how it failed'),
        column('first', sa.Date(), 'First session delivered', nullable=True),
        column('last', sa.Date(), 'Last session delivered', nullable=True),
        column('new', sa.Integer(), 'Bars that were not known', nullable=True),
        column('changed', sa.Integer(), 'Bars whose values were rewritten', nullable=True),
        column('unchanged', sa.Integer(), 'Bars that were known already', nullable=True),
        column('actions_new', sa.Integer(), 'Actions that were not known', nullable=True),
        column('actions_changed', sa.Integer(), 'Actions that were rewritten or withdrawn', nullable=True),
        column(
            'withdrawn', sa.Integer(), 'Stored bars and actions of the same span that were not delivered', nullable=True
        ),
        column('source', sa.Text(), 'Where it came from, with the version', nullable=True),
        column('error', sa.Text(), 'Why it failed, for a person', nullable=True),
        sa.CheckConstraint(
            "status IN ('ok', 'not_found', 'empty', 'partial', 'rate_limited', 'unavailable', "
            "'unauthorized', 'unusable', 'refused')",
            name=op.f('ck_fetches_status_known'),
        ),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_fetches_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_fetches')),
        comment='Questions to providers about one symbol each, and what came of them; rows are only added',
    )
    op.create_index(op.f('ix_fetches_provider_symbol_ended_at'), 'fetches', ['provider', 'symbol', 'ended_at'])
    op.create_table(
        'verdicts',
        column('instrument_id', sa.BigInteger(), 'The instrument', autoincrement=False),
        column('verdict', sa.Text(), 'ok, warn or fail'),
        column('judged_at', sa.DateTime(timezone=True), 'When it was judged'),
        column('version', sa.BigInteger(), 'Version of the instrument that was judged'),
        column('bars', sa.Integer(), 'Bars judged'),
        column('missing', sa.Integer(), 'Sessions of the exchange without a bar'),
        column('first', sa.Date(), 'First session'),
        column('last', sa.Date(), 'Last session'),
        sa.CheckConstraint("verdict IN ('ok', 'warn', 'fail')", name=op.f('ck_verdicts_verdict_known')),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_verdicts_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint('instrument_id', name=op.f('pk_verdicts')),
        comment='The last judgement of the gate on each instrument',
    )
    op.create_table(
        'findings',
        sa.Column(
            'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
        ),
        column('instrument_id', sa.BigInteger(), 'The instrument'),
        column('rule', sa.Text(), 'Name of the rule'),
        column('session', sa.Date(), 'The session; empty when it is about the whole series', nullable=True),
        column('severity', sa.Text(), 'warn or fail'),
        column('found', sa.Double(), 'The value found', nullable=True),
        column('detail', sa.Text(), 'One line for a person'),
        column(
            'delivered',
            sa.Boolean(),
            'Noticed while a delivery was read, such as a repeated row; it stands until the session is delivered again',
            server_default='false',
        ),
        sa.CheckConstraint("severity IN ('warn', 'fail')", name=op.f('ck_findings_severity_known')),
        sa.ForeignKeyConstraint(
            ['instrument_id'], ['instruments.id'], name=op.f('fk_findings_instrument_id_instruments')
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_findings')),
        comment='What the last judgement of the gate rests on',
    )
    op.create_index(op.f('ix_findings_instrument_id'), 'findings', ['instrument_id'])


def downgrade():
    op.execute('CREATE SCHEMA IF NOT EXISTS attic')
    op.execute(f'CREATE TABLE attic.instruments_0003 AS SELECT id, {", ".join(EXTRA)} FROM instruments')
    op.add_column('instruments', column('symbol', sa.Text(), 'Ticker as the provider spells it', nullable=True))
    op.execute(
        "UPDATE instruments i SET symbol = l.symbol || coalesce(' until ' || l.valid_to, '') FROM "
        '(SELECT DISTINCT ON (instrument_id) * FROM listings ORDER BY instrument_id, valid_to DESC NULLS '
        'FIRST) l WHERE l.instrument_id = i.id'
    )
    op.alter_column('instruments', 'symbol', nullable=False)
    op.create_unique_constraint(op.f('uq_instruments_provider_symbol'), 'instruments', ['provider', 'symbol'])
    move_to_attic(*NEW)
    op.drop_constraint(op.f('ck_instruments_basis_known'), 'instruments', type_='check')
    for name in EXTRA:
        op.drop_column('instruments', name)
    op.create_table_comment('instruments', 'What a provider calls by a symbol')
    op.alter_column('instruments', 'provider', comment='Module in tradelab/providers that delivers it')
    for name, rule in CHECKS.items():
        op.execute(f'ALTER TABLE daily_bars ADD CONSTRAINT ck_daily_bars_{name} CHECK ({rule}) NOT VALID')
    for table in ('daily_bars', 'daily_bar_revisions'):
        op.execute(
            f'ALTER TABLE {table} ADD CONSTRAINT fk_{table}_instrument_id_instruments FOREIGN KEY '
            '(instrument_id) REFERENCES instruments (id) NOT VALID'
        )
        for name, what in PRICES.items():
            op.alter_column(table, name, comment=f'{what}, as delivered')
    for table in ('corporate_actions', 'corporate_action_revisions'):
        op.alter_column(table, 'value', comment=f'{ACTION_VALUE} as traded on that day')
    op.create_table_comment('corporate_action_revisions', 'Splits and dividends that a later delivery replaced')
