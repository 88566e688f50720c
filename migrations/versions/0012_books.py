"""What a broker told, as it came, and what a person ruled about orders and positions from outside.

Revision ID: 0012
Revises: 0011
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import make_append_only, make_changeable, move_to_attic, restore_from_attic

revision = '0012'
down_revision = '0011'
branch_labels = None
depends_on = None

HEARD = ('broker_events', 'broker_outcomes')
RULED = ('foreign_rulings', 'quarantines')  # By persons too, so that no writer is asked for


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def moment(name, comment, **options):
    return column(name, sa.DateTime(timezone=True), comment, **options)


def numbered():
    return sa.Column(
        'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
    )


def upgrade():
    if not restore_from_attic(*HEARD, *RULED):
        for make in (make_broker_events, make_broker_outcomes, make_foreign_rulings, make_quarantines):
            make()
    make_append_only(*HEARD, *RULED)
    for table in HEARD:
        op.execute(f'CREATE TRIGGER fenced BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION require_writer()')


def written_by(table):
    return sa.ForeignKeyConstraint(
        ['account', 'epoch'],
        ['writer_epochs.account', 'writer_epochs.epoch'],
        name=op.f(f'fk_{table}_account_epoch_writer_epochs'),
    )


def make_broker_events():
    op.create_table(
        'broker_events',
        column('account', sa.Text(), 'The account'),
        column(
            'source',
            sa.Text(),
            'stream: activity stream; list: activities by request; order: order stream; unread: what nobody can read',
        ),
        column('event_id', sa.Text(), 'Its number at the broker, or a hash of what it says'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column('ref_id', sa.Text(), 'What it is about: the execution, the transaction, or the event itself'),
        column('symbol', sa.Text(), 'Ticker, if it has to do with one', nullable=True),
        moment('broker_at', 'When it happened, by the clock of the broker', nullable=True),
        moment('received_at', 'When it was heard'),
        column('raw', JSONB, 'What the broker sent, as it came'),
        sa.CheckConstraint(
            "source IN ('stream', 'list', 'order', 'unread')", name=op.f('ck_broker_events_source_known')
        ),
        sa.CheckConstraint("event_id ~ '[^[:space:]]'", name=op.f('ck_broker_events_id_given')),
        sa.CheckConstraint("ref_id ~ '[^[:space:]]'", name=op.f('ck_broker_events_ref_given')),
        written_by('broker_events'),
        sa.PrimaryKeyConstraint('account', 'source', 'event_id', name=op.f('pk_broker_events')),
        comment='What a broker told, stored before it was booked; rows are only added',
    )
    op.create_index(op.f('ix_broker_events_ref'), 'broker_events', ['account', 'ref_id'])


def make_broker_outcomes():
    op.create_table(
        'broker_outcomes',
        column('account', sa.Text(), 'The account'),
        column('ref_id', sa.Text(), 'What it was about, as broker_events has it'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column(
            'outcome',
            sa.Text(),
            'booked: in the ledger; ignored: foreign, by a ruling; unclear: for a person; settled: a person looked at it',
        ),
        column('words', sa.Text(), 'What came of it, in words'),
        moment('at', 'When'),
        sa.CheckConstraint(
            "outcome IN ('booked', 'ignored', 'unclear', 'settled')", name=op.f('ck_broker_outcomes_outcome_known')
        ),
        sa.CheckConstraint("ref_id ~ '[^[:space:]]'", name=op.f('ck_broker_outcomes_ref_given')),
        sa.CheckConstraint("words ~ '[^[:space:]]'", name=op.f('ck_broker_outcomes_words_given')),
        written_by('broker_outcomes'),
        sa.PrimaryKeyConstraint('account', 'ref_id', 'outcome', name=op.f('pk_broker_outcomes')),
        comment='What came of what a broker told; rows are only added',
    )


def make_foreign_rulings():
    op.create_table(
        'foreign_rulings',
        numbered(),
        column('account', sa.Text(), 'The account'),
        column('symbol', sa.Text(), 'Ticker'),
        column(
            'ruling',
            sa.Text(),
            'halt: the account halts; adopt: orders and shares become those of the account; ignore: they are left out',
        ),
        column(
            'quantity', sa.Numeric(), 'Shares of unknown origin that are ignored from now on, below 0 for short ones'
        ),
        column('reason', sa.Text(), 'Why, in words'),
        column('actor', sa.Text(), 'Who: user@host'),
        moment('at', 'When'),
        sa.CheckConstraint("symbol ~ '[^[:space:]]'", name=op.f('ck_foreign_rulings_symbol_given')),
        sa.CheckConstraint("ruling IN ('halt', 'adopt', 'ignore')", name=op.f('ck_foreign_rulings_ruling_known')),
        sa.CheckConstraint('abs(quantity) < 1e15', name=op.f('ck_foreign_rulings_amounts_finite')),
        sa.CheckConstraint("quantity = 0 OR ruling = 'ignore'", name=op.f('ck_foreign_rulings_shares_are_ignored')),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_foreign_rulings_reason_given')),
        sa.CheckConstraint("actor NOT IN ('engine', 'restore')", name=op.f('ck_foreign_rulings_ruled_by_a_person')),
        sa.ForeignKeyConstraint(['account'], ['accounts.name'], name=op.f('fk_foreign_rulings_account_accounts')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_foreign_rulings')),
        comment='Rulings about orders and positions from outside, the newest one of a symbol counts; rows are only added',
    )
    op.create_index(op.f('ix_foreign_rulings_account'), 'foreign_rulings', ['account'])


def make_quarantines():
    op.create_table(
        'quarantines',
        numbered(),
        column('account', sa.Text(), 'The account'),
        column('symbol', sa.Text(), 'Ticker'),
        column('action', sa.Text(), 'enter: no entries of the symbol from now on; leave: entries again'),
        column('reason', sa.Text(), 'Why, in words'),
        column('actor', sa.Text(), 'Who: engine, or user@host'),
        moment('at', 'When'),
        sa.CheckConstraint("symbol ~ '[^[:space:]]'", name=op.f('ck_quarantines_symbol_given')),
        sa.CheckConstraint("action IN ('enter', 'leave')", name=op.f('ck_quarantines_action_known')),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_quarantines_reason_given')),
        sa.CheckConstraint(
            "action <> 'leave' OR actor NOT IN ('engine', 'restore')", name=op.f('ck_quarantines_ended_by_a_person')
        ),
        sa.ForeignKeyConstraint(['account'], ['accounts.name'], name=op.f('fk_quarantines_account_accounts')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_quarantines')),
        comment='Symbols whose books and broker differ, the newest row of a symbol counts; rows are only added',
    )
    op.create_index(op.f('ix_quarantines_account'), 'quarantines', ['account'])


def downgrade():
    for table in HEARD:
        op.execute(f'DROP TRIGGER fenced ON {table}')
    make_changeable(*HEARD, *RULED)
    move_to_attic(*HEARD, *RULED)
