"""Trading accounts, their latched states, their writers and their long-lived sessions.

Revision ID: 0010
Revises: 0009
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import make_append_only, make_changeable, move_to_attic, restore_from_attic

revision = '0010'
down_revision = '0009'
branch_labels = None
depends_on = None

NEW = ('accounts', 'account_states', 'writer_epochs', 'trading_sessions')
ONLY_GROW = ('accounts', 'account_states')

CHECK_STATE = """
CREATE FUNCTION check_account_state() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    ranks constant text[] := ARRAY['ACTIVE', 'REDUCE_ONLY', 'HALTED'];
    skipped constant integer := CASE NEW.state WHEN 'HALTED' THEN 100 ELSE 0 END;  -- a halt waits for no other row
    newest public.account_states;
BEGIN
    SELECT * INTO newest FROM public.account_states WHERE account = NEW.account ORDER BY number DESC LIMIT 1;
    IF NEW.number NOT BETWEEN coalesce(newest.number, 0) + 1 AND coalesce(newest.number, 0) + 1 + skipped THEN
        RAISE EXCEPTION 'the next state of account % has the number %', NEW.account, coalesce(newest.number, 0) + 1
            USING ERRCODE = 'unique_violation';
    ELSIF (NEW.action = 'open') <> (newest.number IS NULL) THEN
        RAISE EXCEPTION 'account % is opened once, by its first state', NEW.account;
    ELSIF EXISTS (SELECT FROM public.account_states WHERE account = NEW.account AND action = 'close') THEN
        RAISE EXCEPTION 'account % is closed', NEW.account;
    ELSIF NEW.action = 'restrict' AND array_position(ranks, NEW.state) < array_position(ranks, newest.state) THEN
        RAISE EXCEPTION 'account % is latched at %; only a re-arming loosens it', NEW.account, newest.state;
    ELSIF NEW.action = 'rearm' AND newest.state = 'ACTIVE' THEN
        RAISE EXCEPTION 'account % is ACTIVE; there is nothing to re-arm', NEW.account;
    END IF;
    RETURN NEW;
END $$
"""

REQUIRE_WRITER = """
CREATE FUNCTION require_writer() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    newest public.writer_epochs;
BEGIN
    SELECT * INTO newest FROM public.writer_epochs WHERE account = NEW.account ORDER BY epoch DESC LIMIT 1 FOR SHARE;
    IF newest.epoch IS DISTINCT FROM NEW.epoch OR newest.ended_at IS NOT NULL THEN
        RAISE EXCEPTION 'epoch % is not the current writer of account %', NEW.epoch, NEW.account;
    END IF;
    RETURN NEW;
END $$
"""

LAB_RESTORED = """
CREATE FUNCTION lab_restored(why text) RETURNS void LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    UPDATE public.trading_sessions SET ended_at = clock_timestamp(), why = lab_restored.why WHERE ended_at IS NULL;
    UPDATE public.writer_epochs SET ended_at = clock_timestamp(), why = lab_restored.why WHERE ended_at IS NULL;
    INSERT INTO public.account_states (account, number, action, state, reason, actor, at)
        SELECT account, max(number) + 1, 'restrict', 'HALTED', lab_restored.why, 'restore', clock_timestamp()
        FROM public.account_states GROUP BY account HAVING bool_and(action <> 'close');
END $$
"""

CHECK_EPOCH = """
CREATE FUNCTION check_epoch() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    newest bigint := (SELECT max(epoch) FROM public.writer_epochs WHERE account = NEW.account);
BEGIN
    IF NEW.epoch <= newest OR NEW.epoch > greatest(newest + 1, floor(extract(epoch FROM clock_timestamp()))) THEN
        RAISE EXCEPTION 'epoch % cannot follow % of account %', NEW.epoch, coalesce(newest, 0), NEW.account;
    ELSIF EXISTS (SELECT FROM public.account_states WHERE account = NEW.account AND action = 'close') THEN
        RAISE EXCEPTION 'account % is closed', NEW.account;
    END IF;
    RETURN NEW;
END $$
"""

KEEP_HISTORY = """
CREATE FUNCTION keep_history() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
DECLARE
    changing constant text[] := ARRAY['heartbeat_at', 'ended_at', 'why', 'stop_asked_at', 'stop_asked_by', 'doing',
        'seen_from', 'seen_until', 'entries_wait'];
    is_owner boolean := current_user = (SELECT pg_get_userbyid(relowner) FROM pg_catalog.pg_class WHERE oid = TG_RELID);
BEGIN
    IF is_owner AND current_setting('tradelab.maintenance', true) = 'on' THEN
        RETURN CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
    ELSIF TG_OP = 'DELETE' OR OLD.ended_at IS NOT NULL OR to_jsonb(NEW) - changing <> to_jsonb(OLD) - changing THEN
        RAISE EXCEPTION 'who wrote is history: % of a row of % is refused', TG_OP, TG_TABLE_NAME;
    END IF;
    RETURN NEW;
END $$
"""

FUNCTIONS = (
    (
        'check_account_state()',
        CHECK_STATE,
        'Refuses a state that loosens an account without being a re-arming, and any one after it was closed',
    ),
    ('require_writer()', REQUIRE_WRITER, 'Refuses a row whose epoch is not the current writer of its account'),
    (
        'check_epoch()',
        CHECK_EPOCH,
        'Refuses an epoch that is not above the last one, or ahead of the clock, or of a closed account',
    ),
    ('keep_history()', KEEP_HISTORY, 'Refuses to change what has ended, who wrote and when it began, and to remove it'),
    ('lab_restored(text)', LAB_RESTORED, 'Ends all writers and halts all accounts; called by every restore'),
)
TRIGGERS = (
    ('latched', 'account_states', 'INSERT', 'check_account_state'),
    ('fenced', 'trading_sessions', 'INSERT OR UPDATE OF account, epoch, heartbeat_at', 'require_writer'),
    ('numbered', 'writer_epochs', 'INSERT', 'check_epoch'),
    ('kept', 'writer_epochs', 'UPDATE OR DELETE', 'keep_history'),
    ('kept', 'trading_sessions', 'UPDATE OR DELETE', 'keep_history'),
)


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def moment(name, comment, **options):
    return column(name, sa.DateTime(timezone=True), comment, **options)


def upgrade():
    back = restore_from_attic(*NEW)
    if not back:
        make_accounts()
        make_states()
        make_writers()
        make_sessions()
    make_append_only(*ONLY_GROW)
    for name, source, comment in FUNCTIONS:
        op.execute(source)
        op.execute(f"COMMENT ON FUNCTION {name} IS '{comment}'")
    for name, table, event, function in TRIGGERS:
        op.execute(f'CREATE TRIGGER {name} BEFORE {event} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()')
    if back:  # perhaps by way of a backup, which knew nothing of accounts
        op.execute("SELECT lab_restored('brought back by a migration')")


def make_accounts():
    op.create_table(
        'accounts',
        column('name', sa.Text(), 'Name of the account, such as paper-1'),
        column(
            'mode',
            sa.Text(),
            'replay: stored bars on a virtual clock; paper: prices of now, simulated fills; '
            'shadow: as live, but no order is sent; live: orders go to the broker',
        ),
        column('broker', sa.Text(), 'Who fills its orders: simulated or alpaca'),
        column('cash', sa.Numeric(), 'Cash at the opening, in the currency of the account'),
        column('currency', sa.Text(), 'Currency, three letters'),
        column('settings', JSONB, 'Settings at the opening: data, strategy, costs, risk, orders and backtest'),
        moment('created_at', 'When it was opened'),
        sa.CheckConstraint("name ~ '^[a-z][a-z0-9_-]{0,23}$'", name=op.f('ck_accounts_name_plain')),
        sa.CheckConstraint("mode IN ('replay', 'paper', 'shadow', 'live')", name=op.f('ck_accounts_mode_known')),
        sa.CheckConstraint("broker IN ('simulated', 'alpaca')", name=op.f('ck_accounts_broker_known')),
        sa.CheckConstraint("mode <> 'live' OR broker <> 'simulated'", name=op.f('ck_accounts_live_has_a_broker')),
        sa.CheckConstraint('cash > 0 AND cash < 1e12', name=op.f('ck_accounts_cash_positive')),
        sa.CheckConstraint("currency ~ '^[A-Z]{3}$'", name=op.f('ck_accounts_currency_plain')),
        sa.PrimaryKeyConstraint('name', name=op.f('pk_accounts')),
        comment='Trading accounts, as they were opened; rows are only added, and a fresh start is a new account',
    )


def make_states():
    op.create_table(
        'account_states',
        column('account', sa.Text(), 'The account'),
        column('number', sa.Integer(), 'Number within the account, from 1', autoincrement=False),
        column(
            'action',
            sa.Text(),
            'open: the first state; restrict: as tight or tighter; rearm: ACTIVE again; close: HALTED for good',
        ),
        column('state', sa.Text(), 'ACTIVE; REDUCE_ONLY: exits only; HALTED: protective orders only'),
        column('reason', sa.Text(), 'Why, in words'),
        column('actor', sa.Text(), 'Who: user@host, engine or restore'),
        column('breaker', sa.Text(), 'The breaker of the engine that tripped, if any', nullable=True),
        column('limit', sa.Double(), 'Its limit', nullable=True),
        column('found', sa.Double(), 'The value that it found', nullable=True),
        moment('at', 'When'),
        sa.CheckConstraint(
            "action IN ('open', 'restrict', 'rearm', 'close')", name=op.f('ck_account_states_action_known')
        ),
        sa.CheckConstraint("state IN ('ACTIVE', 'REDUCE_ONLY', 'HALTED')", name=op.f('ck_account_states_state_known')),
        sa.CheckConstraint(
            "(action IN ('restrict', 'close')) = (state <> 'ACTIVE')",
            name=op.f('ck_account_states_action_fits_state'),
        ),
        sa.CheckConstraint("action <> 'close' OR state = 'HALTED'", name=op.f('ck_account_states_closed_is_halted')),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_account_states_reason_given')),
        sa.CheckConstraint(
            "action NOT IN ('rearm', 'close') OR actor NOT IN ('engine', 'restore')",
            name=op.f('ck_account_states_rearmed_by_a_person'),
        ),
        sa.CheckConstraint('number > 0', name=op.f('ck_account_states_number_positive')),
        sa.ForeignKeyConstraint(['account'], ['accounts.name'], name=op.f('fk_account_states_account_accounts')),
        sa.PrimaryKeyConstraint('account', 'number', name=op.f('pk_account_states')),
        comment='States of accounts, the newest one counts; rows are only added',
    )


def make_writers():
    op.create_table(
        'writer_epochs',
        column('account', sa.Text(), 'The account'),
        column(
            'epoch',
            sa.BigInteger(),
            'Number of the writer: the second of its start since 1970, or one more than the last',
            autoincrement=False,
        ),
        column('owner', sa.Text(), 'Who writes: host:process:token'),
        column('host', sa.Text(), 'The machine'),
        column('process', sa.Integer(), 'The process there'),
        moment('started_at', 'When it began'),
        moment('heartbeat_at', 'Its last sign of life'),
        moment('ended_at', 'When it ended; empty while it may write', nullable=True),
        column('why', sa.Text(), 'Why it ended', nullable=True),
        sa.CheckConstraint('epoch > 0', name=op.f('ck_writer_epochs_epoch_positive')),
        sa.CheckConstraint('(ended_at IS NULL) = (why IS NULL)', name=op.f('ck_writer_epochs_ended_with_a_reason')),
        sa.ForeignKeyConstraint(['account'], ['accounts.name'], name=op.f('fk_writer_epochs_account_accounts')),
        sa.PrimaryKeyConstraint('account', 'epoch', name=op.f('pk_writer_epochs')),
        comment='Who may write for an account, one process at a time: the newest one without an end',
    )
    op.create_index(
        op.f('ix_writer_epochs_open'), 'writer_epochs', ['account'], unique=True, postgresql_where='ended_at IS NULL'
    )


def make_sessions():
    op.create_table(
        'trading_sessions',
        sa.Column(
            'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
        ),
        column('account', sa.Text(), 'The account'),
        column('epoch', sa.BigInteger(), 'Its writer'),
        column('mode', sa.Text(), 'replay, paper, shadow or live'),
        moment('started_at', 'When it began'),
        moment('heartbeat_at', 'Its last sign of life'),
        moment('ended_at', 'When it ended; empty while it runs', nullable=True),
        column('why', sa.Text(), 'Why it ended', nullable=True),
        moment('stop_asked_at', 'When it was asked to stop; empty while nobody has', nullable=True),
        column('stop_asked_by', sa.Text(), 'Who asked: user@host', nullable=True),
        column('doing', sa.Text(), 'What it does, in words: what it waits for, how its prices come', nullable=True),
        moment('seen_from', 'Since when it has seen the prices of its newest session', nullable=True),
        moment('seen_until', 'Until when it has seen them; both by the clock of the account', nullable=True),
        column(
            'entries_wait', sa.Date(), 'Session whose entries wait, because the clock was set before', nullable=True
        ),
        sa.CheckConstraint(
            "mode IN ('replay', 'paper', 'shadow', 'live')", name=op.f('ck_trading_sessions_mode_known')
        ),
        sa.CheckConstraint('(ended_at IS NULL) = (why IS NULL)', name=op.f('ck_trading_sessions_ended_with_a_reason')),
        sa.CheckConstraint(
            '(stop_asked_at IS NULL) = (stop_asked_by IS NULL)',
            name=op.f('ck_trading_sessions_stop_asked_by_a_person'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'epoch'],
            ['writer_epochs.account', 'writer_epochs.epoch'],
            name=op.f('fk_trading_sessions_account_epoch_writer_epochs'),
        ),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_trading_sessions')),
        comment='Programs that trade an account for days or months; only their writer or its successor ends them',
    )
    op.create_index(
        op.f('ix_trading_sessions_open'),
        'trading_sessions',
        ['account'],
        unique=True,
        postgresql_where='ended_at IS NULL',
    )


def downgrade():
    for name, table, *_ in TRIGGERS:
        op.execute(f'DROP TRIGGER {name} ON {table}')
    for name, *_ in FUNCTIONS:
        op.execute(f'DROP FUNCTION {name}')
    make_changeable(*ONLY_GROW)
    move_to_attic(*NEW)
