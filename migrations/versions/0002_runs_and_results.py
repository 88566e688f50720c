"""Runs, with their events, trades, equity and decisions.

Revision ID: 0002
Revises: 0001
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import move_to_attic, restore_from_attic

revision = '0002'
down_revision = '0001'
branch_labels = None
depends_on = None

TABLES = ('runs', 'events', 'trades', 'equity', 'decisions')


def upgrade():
    if restore_from_attic(*TABLES):
        return
    op.create_table(
        'runs',
        sa.Column('id', sa.Text(), nullable=False, comment='Name of the run'),
        sa.Column('template', sa.Text(), nullable=False, comment='Run notebook, without folder and ending'),
        sa.Column('symbol', sa.Text(), comment='Ticker, when the run is about one'),
        sa.Column('status', sa.Text(), nullable=False, comment='running, ok, failed or interrupted'),
        sa.Column('started_at', sa.DateTime(timezone=True), nullable=False, comment='When it began'),
        sa.Column('ended_at', sa.DateTime(timezone=True), comment='When it ended; empty while it runs'),
        sa.Column('parameters', JSONB, nullable=False, comment='Parameters given to the notebook'),
        sa.Column('settings', JSONB, comment='Settings in force, without secrets'),
        sa.Column('template_hash', sa.Text(), comment='SHA-256 of the run notebook'),
        sa.Column('notebook_hash', sa.Text(), comment='SHA-256 of the executed notebook'),
        sa.Column('git_commit', sa.Text(), comment='Commit that was checked out'),
        sa.Column('git_dirty', sa.Boolean(), comment='Whether files differed from that commit'),
        sa.Column('code_hash', sa.Text(), comment='SHA-256 over the package'),
        sa.Column('data_hash', sa.Text(), comment='SHA-256 over the bars and actions that were read'),
        sa.Column('seed', sa.BigInteger(), comment='Seed of everything random'),
        sa.Column('versions', JSONB, comment='Python and package versions'),
        sa.Column(
            'fingerprint', sa.Text(), comment='SHA-256 over all inputs: equal for runs that must give equal results'
        ),
        sa.Column('error', sa.Text(), comment='What went wrong, for a failed run'),
        sa.Column('metrics', JSONB, comment='Figures by name; null where one is undefined'),
        sa.Column('notebook_path', sa.Text(), comment='Path of the executed notebook'),
        sa.Column('html_path', sa.Text(), comment='Path of the report'),
        sa.CheckConstraint("(status = 'running') = (ended_at IS NULL)", name=op.f('ck_runs_ended_when_not_running')),
        sa.CheckConstraint("status IN ('running', 'ok', 'failed', 'interrupted')", name=op.f('ck_runs_status_known')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_runs')),
        comment='Executions of run notebooks, with all that is needed to repeat them',
    )
    op.create_index(op.f('ix_runs_fingerprint'), 'runs', ['fingerprint'])
    op.create_index(op.f('ix_runs_started_at'), 'runs', ['started_at'])
    op.create_table(
        'events',
        sa.Column(
            'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
        ),
        sa.Column('at', sa.DateTime(timezone=True), nullable=False, comment='When it happened'),
        sa.Column('run_id', sa.Text(), comment='The run it belongs to, if any'),
        sa.Column('level', sa.Text(), nullable=False, comment='DEBUG, INFO, WARNING, ERROR or CRITICAL'),
        sa.Column('logger', sa.Text(), comment='Which logger said it'),
        sa.Column('event', sa.Text(), comment='Kind of event, a dotted name'),
        sa.Column('message', sa.Text(), nullable=False, comment='One line for a person, without secrets'),
        sa.Column('details', JSONB, comment='Fields for a program'),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_events_run_id_runs')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_events')),
        comment='Warnings, errors and noteworthy moments; rows are only added',
    )
    op.create_index(op.f('ix_events_at'), 'events', ['at'])
    op.create_index(op.f('ix_events_run_id'), 'events', ['run_id'])
    op.create_table(
        'trades',
        sa.Column('run_id', sa.Text(), nullable=False, comment='The run'),
        sa.Column('number', sa.Integer(), nullable=False, comment='Number within the run, from 1, in order of exit'),
        sa.Column('symbol', sa.Text(), nullable=False, comment='Ticker'),
        sa.Column('entry_session', sa.Date(), nullable=False, comment='Session of the buying fill'),
        sa.Column('entry_price', sa.Numeric(), nullable=False, comment='Average price paid, slippage included'),
        sa.Column('exit_session', sa.Date(), comment='Session of the last selling fill; empty while open'),
        sa.Column(
            'exit_price', sa.Numeric(), comment='Average price received, slippage included; while open the last close'
        ),
        sa.Column('quantity', sa.Numeric(), nullable=False, comment='Shares'),
        sa.Column('fees', sa.Numeric(), nullable=False, comment='Commission and regulatory fees of all its fills'),
        sa.Column('dividends', sa.Numeric(), nullable=False, comment='Cash received while it was held'),
        sa.Column('pnl', sa.Numeric(), nullable=False, comment='Gain in money after fees, dividends included'),
        sa.Column('return', sa.Double(), comment='Gain as a fraction of what was paid'),
        sa.Column('bars_held', sa.Integer(), nullable=False, comment='Sessions held'),
        sa.Column('exit_reason', sa.Text(), comment='What closed it'),
        sa.Column(
            'is_open',
            sa.Boolean(),
            nullable=False,
            comment='Whether it was still open at the end, valued at the last close',
        ),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_trades_run_id_runs')),
        sa.PrimaryKeyConstraint('run_id', 'number', name=op.f('pk_trades')),
        comment='Positions of a run from entry to exit',
    )
    op.create_table(
        'equity',
        sa.Column('run_id', sa.Text(), nullable=False, comment='The run'),
        sa.Column('session', sa.Date(), nullable=False, comment='Session date'),
        sa.Column('cash', sa.Numeric(), nullable=False, comment='Cash'),
        sa.Column('positions_value', sa.Numeric(), nullable=False, comment='Positions at the close'),
        sa.Column('equity', sa.Numeric(), nullable=False, comment='Cash and positions'),
        sa.Column('exposure', sa.Double(), comment='Positions as a fraction of equity'),
        sa.Column('turnover', sa.Numeric(), comment='Value of what was bought and sold in the session'),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_equity_run_id_runs')),
        sa.PrimaryKeyConstraint('run_id', 'session', name=op.f('pk_equity')),
        comment='The account of a run at the close of each session',
    )
    op.create_table(
        'decisions',
        sa.Column('run_id', sa.Text(), nullable=False, comment='The run'),
        sa.Column('mode', sa.Text(), nullable=False, comment='backtest, paper or live'),
        sa.Column('strategy', sa.Text(), nullable=False, comment='Which strategy decided'),
        sa.Column('symbol', sa.Text(), nullable=False, comment='Ticker'),
        sa.Column('session', sa.Date(), nullable=False, comment='Session whose close was the last thing known'),
        sa.Column('close', sa.Double(), comment='Close of the session, adjusted for splits'),
        sa.Column('fast', sa.Double(), comment='Fast moving average'),
        sa.Column('slow', sa.Double(), comment='Slow moving average'),
        sa.Column('rsi', sa.Double(), comment='Relative strength index, 0 to 100'),
        sa.Column('forecast', sa.Double(), comment='Forecast return of the model, a fraction'),
        sa.Column('score', sa.Double(), comment='Rank among signals of the same session, higher first'),
        sa.Column('signal', sa.SmallInteger(), nullable=False, comment='1 buy, -1 sell, 0 nothing'),
        sa.Column('target_quantity', sa.Numeric(), comment='Shares wanted after the order'),
        sa.Column('verdict', sa.Text(), comment='What the risk gate said'),
        sa.Column('reason', sa.Text(), comment='Why, in words'),
        sa.CheckConstraint("mode IN ('backtest', 'paper', 'live')", name=op.f('ck_decisions_mode_known')),
        sa.CheckConstraint('signal IN (-1, 0, 1)', name=op.f('ck_decisions_signal_known')),
        sa.ForeignKeyConstraint(['run_id'], ['runs.id'], name=op.f('fk_decisions_run_id_runs')),
        sa.PrimaryKeyConstraint('run_id', 'mode', 'strategy', 'symbol', 'session', name=op.f('pk_decisions')),
        comment='The decision journal, with the same columns for backtest, paper and live',
    )


def downgrade():
    move_to_attic(*TABLES)
