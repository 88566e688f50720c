"""Sides of trades, trials of runs, sweeps, folds and openings of the holdout.

Revision ID: 0004
Revises: 0003
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import move_to_attic, restore_from_attic

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None

NEW = ('sweep_results', 'folds', 'seals')
EXTRA = {
    'runs': (('id',), ('universe', 'trials', 'trial_mean', 'trial_variance')),
    'trades': (('run_id', 'number'), ('side',)),
}  # keys and new columns; a downgrade keeps them in attic.<table>_0004
COMMENTS = {  # (table, column) → comment from this revision on, comment before
    ('trades', 'entry_session'): ('Session of the first fill', 'Session of the buying fill'),
    ('trades', 'entry_price'): (
        'Average price of the entry, slippage included',
        'Average price paid, slippage included',
    ),
    ('trades', 'exit_session'): (
        'Session of the last fill; empty while open',
        'Session of the last selling fill; empty while open',
    ),
    ('trades', 'exit_price'): (
        'Average price of the exit, slippage included; while open the last close',
        'Average price received, slippage included; while open the last close',
    ),
    ('trades', 'dividends'): (
        'Cash received while it was held, or paid while it was short',
        'Cash received while it was held',
    ),
    ('trades', 'return'): ('Gain as a fraction of the value of the entry', 'Gain as a fraction of what was paid'),
    ('equity', 'cash'): ('Cash; NaN for a curve that was put together from several accounts', 'Cash'),
    ('equity', 'positions_value'): (
        'Positions at the close, short ones below zero; NaN where cash is',
        'Positions at the close',
    ),
}


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def upgrade():
    op.execute('LOCK TABLE runs, trades IN ACCESS EXCLUSIVE MODE')
    op.add_column(
        'runs',
        column('universe', sa.Text(), 'Tickers in order, commas between, when the run is about several', nullable=True),
    )
    op.add_column(
        'runs',
        column(
            'trials',
            sa.Integer(),
            'Combinations of parameters that it tried: 1 for a backtest, the size of the grid for a sweep; '
            'empty when none',
            nullable=True,
        ),
    )
    op.add_column(
        'runs',
        column(
            'trial_mean',
            sa.Double(),
            'Mean of their Sharpe ratios, a day and not a year; empty when unknown',
            nullable=True,
        ),
    )
    op.add_column(
        'runs',
        column(
            'trial_variance',
            sa.Double(),
            'Variance (ddof 1) of their Sharpe ratios, a day and not a year; empty for fewer than two',
            nullable=True,
        ),
    )
    op.add_column('trades', column('side', sa.Text(), 'long: bought first; short: sold first', server_default='long'))
    count_old_trials()
    restore_columns()
    op.create_check_constraint(op.f('ck_runs_trials_positive'), 'runs', 'trials > 0')
    op.create_check_constraint(op.f('ck_trades_side_known'), 'trades', "side IN ('long', 'short')")
    for (table, name), (now, _) in COMMENTS.items():
        op.alter_column(table, name, comment=now)
    if not restore_from_attic(*NEW):
        make_tables()


def count_old_trials():
    "A run stored before this revision with the metrics of a strategy counts as one trial"
    op.execute(
        'UPDATE runs SET trials = 1, trial_mean = '
        "CASE WHEN jsonb_typeof(metrics->'strategy'->'Sharpe') = 'number' "
        "THEN (metrics->'strategy'->>'Sharpe')::float8/sqrt(252) END "
        "WHERE metrics ? 'strategy'"
    )


def restore_columns():
    "Restore the values kept by a downgrade"
    for table, (keys, names) in EXTRA.items():
        same = ' AND '.join(f'a.{key} = t.{key}' for key in keys)
        op.execute(
            f"DO $$ BEGIN IF to_regclass('attic.{table}_0004') IS NOT NULL THEN UPDATE {table} t SET "
            + ', '.join(f'{name} = a.{name}' for name in names)
            + f' FROM attic.{table}_0004 a WHERE {same}; DROP TABLE attic.{table}_0004; END IF; END $$'
        )


def make_tables():
    op.create_table(
        'sweep_results',
        column('run_id', sa.Text(), 'The run'),
        column('number', sa.Integer(), 'Place in the grid, from 1'),
        column('parameters', JSONB, 'Name → value'),
        column('metrics', JSONB, 'Figures by name; null where one is undefined'),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_sweep_results_run_id_runs')),
        sa.PrimaryKeyConstraint('run_id', 'number', name=op.f('pk_sweep_results')),
        comment='Combinations of parameters that a sweep tried',
    )
    op.create_table(
        'folds',
        column('run_id', sa.Text(), 'The run'),
        column('number', sa.Integer(), 'Number within the run, from 1, in order of time'),
        column('train_first', sa.Date(), 'First session of the training part'),
        column('train_last', sa.Date(), 'Last session of the training part'),
        column('test_first', sa.Date(), 'First session of the test part'),
        column('test_last', sa.Date(), 'Last session of the test part'),
        column('parameters', JSONB, 'Name → value, as chosen on the training part'),
        column('in_sample', JSONB, 'Figures on the training part'),
        column('out_of_sample', JSONB, 'Figures on the test part'),
        sa.CheckConstraint('train_last < test_first', name=op.f('ck_folds_trained_before_test')),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_folds_run_id_runs')),
        sa.PrimaryKeyConstraint('run_id', 'number', name=op.f('pk_folds')),
        comment='Folds of a walk-forward: what was chosen on the training part, and how it did on the test part',
    )
    op.create_table(
        'seals',
        sa.Column(
            'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
        ),
        column('key', sa.Text(), 'SHA-256 over strategy, symbols, first and last session'),
        column('strategy', sa.Text(), 'Which strategy was tried on it'),
        column('symbols', sa.Text(), 'Tickers in order, commas between'),
        column('first', sa.Date(), 'First session of the sealed span'),
        column('last', sa.Date(), 'Last session of the sealed span'),
        column('opened_at', sa.DateTime(timezone=True), 'When it was opened'),
        column('run_id', sa.Text(), 'The run that opened it, if any', nullable=True),
        column('parameters', JSONB, 'What was tried: name → value'),
        column('metrics', JSONB, 'What came of it; empty when whoever opened it did not come back', nullable=True),
        column('git_commit', sa.Text(), 'Commit that was checked out', nullable=True),
        sa.CheckConstraint('first <= last', name=op.f('ck_seals_not_backwards')),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_seals_run_id_runs')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_seals')),
        sa.UniqueConstraint('key', name=op.f('uq_seals_key')),
        comment='Openings of sealed spans, each possible once; rows are only added',
    )


def downgrade():
    op.execute('CREATE SCHEMA IF NOT EXISTS attic')
    for table, (keys, names) in EXTRA.items():
        op.execute(f'CREATE TABLE attic.{table}_0004 AS SELECT {", ".join((*keys, *names))} FROM {table}')
    move_to_attic(*NEW)
    op.drop_constraint(op.f('ck_runs_trials_positive'), 'runs', type_='check')
    op.drop_constraint(op.f('ck_trades_side_known'), 'trades', type_='check')
    for table, (_, names) in EXTRA.items():
        for name in names:
            op.drop_column(table, name)
    for (table, name), (_, before) in COMMENTS.items():
        op.alter_column(table, name, comment=before)
