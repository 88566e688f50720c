"""Alerts, and whether they have arrived where `[alerts]` sends them.

Revision ID: 0014
Revises: 0013
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import make_append_only, make_changeable, move_to_attic, restore_from_attic

revision = '0014'
down_revision = '0013'
branch_labels = None
depends_on = None


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def moment(name, comment, **options):
    return column(name, sa.DateTime(timezone=True), comment, **options)


def upgrade():
    if not restore_from_attic('alerts', 'alert_deliveries'):
        make_alerts()
        make_deliveries()
    make_append_only('alerts')


def make_alerts():
    op.create_table(
        'alerts',
        column('id', sa.Text(), 'Random name, the same in the file that was written first'),
        column('key', sa.Text(), 'Hash of kind, account and words: equal for the same alert'),
        moment('at', 'When it was raised'),
        column('kind', sa.Text(), 'What it is about, such as halt or run failed'),
        column('account', sa.Text(), 'The trading account, if it has to do with one', nullable=True),
        column('words', sa.Text(), 'What happened, one line without secrets'),
        column('details', JSONB, 'Fields for a program', nullable=True),
        column('times', sa.Integer(), 'How often it was raised, all at once in one row'),
        column('repeats', sa.Text(), 'The alert that it repeats; only that one is sent', nullable=True),
        column('process', sa.Text(), 'Number of the process and name of the machine'),
        column('run_id', sa.Text(), 'The run that it was raised in, if any', nullable=True),
        sa.CheckConstraint("kind ~ '[^[:space:]]'", name=op.f('ck_alerts_kind_given')),
        sa.CheckConstraint('times > 0', name=op.f('ck_alerts_times_positive')),
        sa.CheckConstraint('repeats <> id', name=op.f('ck_alerts_repeats_another')),
        sa.ForeignKeyConstraint(['repeats'], ['alerts.id'], name=op.f('fk_alerts_repeats_alerts')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_alerts')),
        comment='What needed a person; rows are only added',
    )
    op.create_index(op.f('ix_alerts_at'), 'alerts', ['at'])
    op.create_index(op.f('ix_alerts_key'), 'alerts', ['key', 'at'])
    op.create_index(op.f('ix_alerts_repeats'), 'alerts', ['repeats'])


def make_deliveries():
    op.create_table(
        'alert_deliveries',
        column('alert_id', sa.Text(), 'The alert'),
        column('target', sa.Text(), 'email or webhook'),
        column('state', sa.Text(), 'waiting, delivered, or given_up after the last attempt'),
        column('attempts', sa.Integer(), 'How often it was tried'),
        moment('next_at', 'When it is tried next; while it waits'),
        moment('at', 'When it was delivered or tried last', nullable=True),
        column('why', sa.Text(), 'Why the last attempt failed', nullable=True),
        sa.CheckConstraint(
            "state IN ('waiting', 'delivered', 'given_up')", name=op.f('ck_alert_deliveries_state_known')
        ),
        sa.CheckConstraint("target IN ('email', 'webhook')", name=op.f('ck_alert_deliveries_target_known')),
        sa.CheckConstraint('attempts >= 0', name=op.f('ck_alert_deliveries_attempts_counted')),
        sa.CheckConstraint("state = 'waiting' OR at IS NOT NULL", name=op.f('ck_alert_deliveries_ended_at')),
        sa.ForeignKeyConstraint(['alert_id'], ['alerts.id'], name=op.f('fk_alert_deliveries_alert_id_alerts')),
        sa.PrimaryKeyConstraint('alert_id', 'target', name=op.f('pk_alert_deliveries')),
        comment='Where alerts were sent, and whether they arrived',
    )
    op.create_index(
        op.f('ix_alert_deliveries_waiting'),
        'alert_deliveries',
        ['next_at'],
        postgresql_where=sa.text("state = 'waiting'"),
    )


def downgrade():
    make_changeable('alerts')
    move_to_attic('alerts', 'alert_deliveries')
