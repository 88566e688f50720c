"""The ledger of trading accounts: orders, what was heard about them, executions, cash, shares, sessions and decisions.

Revision ID: 0011
Revises: 0010
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import make_append_only, make_changeable, move_to_attic, restore_from_attic

revision = '0011'
down_revision = '0010'
branch_labels = None
depends_on = None

NEW = (
    'intents',
    'order_events',
    'executions',
    'cash_ledger',
    'share_ledger',
    'account_sessions',
    'account_decisions',
)
ASKED = ('cash_requests', 'limit_changes')  # By persons, so that no writer is asked for

ORDER_STATES = """
CREATE VIEW order_states AS
SELECT i.account, i.client_order_id, i.decided, i.symbol, i.kind, i.attempt, i.side,
    coalesce(e.quantity, i.quantity) AS quantity, f.filled, e.broker_order_id, e.heard_at,
    (ARRAY['intent', 'submitted', 'unknown', 'accepted', 'partly_filled', 'rejected', 'expired', 'cancelled', 'filled'])
    [greatest(1, e.rank, CASE WHEN f.filled = 0 THEN 1 WHEN i.worth IS NULL
        AND f.filled >= coalesce(e.quantity, i.quantity) * (1 - 1e-9) THEN 9 ELSE 5 END)] AS state
FROM intents i
CROSS JOIN LATERAL (
    SELECT max(filled) AS filled, max(array_position(ARRAY['submitted', 'unknown', 'accepted', 'partly_filled',
            'rejected', 'expired', 'cancelled', 'filled'], event) + 1) AS rank,
        (array_agg(quantity ORDER BY event_id DESC) FILTER (WHERE event = 'split'))[1] AS quantity,
        max(broker_order_id) AS broker_order_id, max(received_at) AS heard_at
    FROM order_events o WHERE o.account = i.account AND o.client_order_id = i.client_order_id
) e
CROSS JOIN LATERAL (
    SELECT greatest(abs(coalesce(sum(quantity), 0)), e.filled) AS filled
    FROM executions x WHERE x.account = i.account AND x.client_order_id = i.client_order_id
) f
"""
POSITIONS = """
CREATE VIEW positions AS
SELECT account, symbol, sum(quantity) AS quantity, max(session) AS session
FROM share_ledger GROUP BY account, symbol HAVING sum(quantity) <> 0
"""
BALANCES = """
CREATE VIEW balances AS
SELECT a.name AS account, a.currency, coalesce(sum(l.amount), 0) AS cash, max(l.session) AS session
FROM accounts a LEFT JOIN cash_ledger l ON l.account = a.name GROUP BY a.name
"""
PROTECTIVE_ORDERS = """
CREATE VIEW protective_orders AS
WITH legs AS (
    SELECT i.account, i.symbol, i.kind, s.state, coalesce(i.stop_price, i.limit_price) / coalesce(
        (SELECT round(exp(sum(ln(ratio))), 9) FROM order_events e WHERE e.account = i.account
            AND e.client_order_id = i.client_order_id AND e.event = 'split'), 1) AS price,
        least(s.quantity, entry.filled) - sum(s.filled)
            OVER (PARTITION BY i.account, coalesce(i.group_id, i.client_order_id)) AS quantity
    FROM intents i
    JOIN order_states s USING (account, client_order_id)
    LEFT JOIN order_states entry ON entry.account = i.account AND entry.client_order_id = i.group_id
        AND entry.kind NOT IN ('stop', 'target')
    WHERE i.kind IN ('stop', 'target')
), standing AS (
    SELECT account, symbol,
        sum(quantity) FILTER (WHERE kind = 'stop') AS stop_quantity,
        min(price) FILTER (WHERE kind = 'stop') AS stop_price,
        sum(quantity) FILTER (WHERE kind = 'target') AS target_quantity,
        min(price) FILTER (WHERE kind = 'target') AS target_price
    FROM legs WHERE state IN ('submitted', 'unknown', 'accepted', 'partly_filled') AND quantity > 0
    GROUP BY account, symbol
)
SELECT account, symbol, coalesce(p.quantity, 0) AS quantity, coalesce(l.stop_quantity, 0) AS stop_quantity,
    l.stop_price, coalesce(l.target_quantity, 0) AS target_quantity, l.target_price,
    abs(coalesce(p.quantity, 0)) - coalesce(l.stop_quantity, 0) AS without_stop
FROM positions p FULL JOIN standing l USING (account, symbol)
"""
VIEWS = {  # Name → SQL, its comment, and the comments of its columns
    'order_states': (
        ORDER_STATES,
        'The state of each order: the furthest that was heard, whatever came first',
        dict(
            account='The account',
            client_order_id='Name of the order at the broker',
            decided='Session of the decision, ISO',
            symbol='Ticker',
            kind='exit, entry, reinvest, reduce or add; stop, target or flat for a protective order',
            attempt='How often the same decision was sent before',
            side='buy or sell',
            quantity='Shares ordered, after the splits since the decision',
            filled='Shares filled in all: the most that was heard or booked',
            broker_order_id='Number of the order at the broker',
            heard_at='When something was heard last',
            state='intent: not sent; submitted; unknown: sent, no answer; accepted; partly_filled; rejected; expired; '
            'cancelled; filled',
        ),
    ),
    'positions': (
        POSITIONS,
        'Shares that each account holds: the sum of its share ledger',
        dict(
            account='The account',
            symbol='Ticker',
            quantity='Shares, below 0 for a short position',
            session='Session of the last movement',
        ),
    ),
    'balances': (
        BALANCES,
        'Cash of each account: the sum of its cash ledger',
        dict(
            account='The account',
            currency='Currency, three letters',
            cash='Cash, debts to be paid from the next cash taken off',
            session='Session of the last movement',
        ),
    ),
    'protective_orders': (
        PROTECTIVE_ORDERS,
        'Positions beside the stops and targets that stand for them at the broker',
        dict(
            account='The account',
            symbol='Ticker',
            quantity='Shares held, below 0 for a short position',
            stop_quantity='Shares that an open stop still sells, or buys back',
            stop_price='Its price, after the splits since it was placed, to nine digits',
            target_quantity='Shares that an open target still sells, or buys back',
            target_price='Its price, likewise',
            without_stop='Shares held that no stop stands for; below 0: a stop for shares that are not held',
        ),
    ),
}


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def moment(name, comment, **options):
    return column(name, sa.DateTime(timezone=True), comment, **options)


def upgrade():
    if not restore_from_attic(*NEW, *ASKED):
        for make in (
            make_intents,
            make_order_events,
            make_executions,
            make_cash_ledger,
            make_share_ledger,
            make_account_sessions,
            make_account_decisions,
            make_cash_requests,
            make_limit_changes,
        ):
            make()
    make_append_only(*NEW, *ASKED)
    for table in NEW:
        op.execute(f'CREATE TRIGGER fenced BEFORE INSERT ON {table} FOR EACH ROW EXECUTE FUNCTION require_writer()')
    for name, (source, comment, columns) in VIEWS.items():
        op.execute(source)
        op.execute(f"COMMENT ON VIEW {name} IS '{comment}'")
        for column_name, text in columns.items():
            op.execute(f"COMMENT ON COLUMN {name}.{column_name} IS '{text}'")


def make_intents():
    op.create_table(
        'intents',
        column('account', sa.Text(), 'The account'),
        column('client_order_id', sa.Text(), 'Name of the order at the broker: tl-, then a readable part and a hash'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column('decided', sa.Text(), 'Session of the decision, or its moment where bars are shorter, ISO'),
        column('symbol', sa.Text(), 'Ticker'),
        column('kind', sa.Text(), 'exit, entry, reinvest, reduce or add; stop, target or flat for a protective order'),
        column('attempt', sa.Integer(), 'How often the same decision was sent before'),
        column('side', sa.Text(), 'buy or sell'),
        column('quantity', sa.Numeric(), 'Shares, above 0'),
        column('order_type', sa.Text(), 'market, limit, stop or stop_limit'),
        column('time_in_force', sa.Text(), 'opg: at the open; cls: at the close; day, gtc, ioc or fok'),
        column('limit_price', sa.Numeric(), 'Worst price, a share', nullable=True),
        column('stop_price', sa.Numeric(), 'Price that the order waits for, a share', nullable=True),
        column('price', sa.Numeric(), 'Price at the decision, a share; empty when it was unknown', nullable=True),
        column('reason', sa.Text(), 'Why, in words'),
        column('verdict', sa.Text(), 'What the risk gate said'),
        column('reason_code', sa.Integer(), 'The reason of the engine: number of a session, or below 0 one of REASONS'),
        column('distance', sa.Numeric(), 'Distance of the ATR stop of its position, a share', nullable=True),
        column('stop_loss', sa.Numeric(), 'Stop of the position that it opens, a share', nullable=True),
        column('take_profit', sa.Numeric(), 'Target of the position that it opens, a share', nullable=True),
        column(
            'worth',
            sa.Numeric(),
            'Value that is turned into shares at the fill; empty: the quantity counts',
            nullable=True,
        ),
        column('rank', sa.Double(), 'Rank among the entries of its close, the highest first', nullable=True),
        column('group_id', sa.Text(), 'Orders that share their shares; of a leg the name of its entry', nullable=True),
        column('last', sa.Integer(), 'Last session that may fill it, as the engine counts them'),
        moment('at', 'When it was decided'),
        sa.CheckConstraint("client_order_id ~ '^tl-[!-~]{1,45}$'", name=op.f('ck_intents_id_plain')),
        sa.CheckConstraint(
            "kind IN ('exit', 'entry', 'reinvest', 'reduce', 'add', 'stop', 'target', 'flat')",
            name=op.f('ck_intents_kind_known'),
        ),
        sa.CheckConstraint("side IN ('buy', 'sell')", name=op.f('ck_intents_side_known')),
        sa.CheckConstraint(
            "order_type IN ('market', 'limit', 'stop', 'stop_limit')", name=op.f('ck_intents_type_known')
        ),
        sa.CheckConstraint(
            "time_in_force IN ('opg', 'cls', 'day', 'gtc', 'ioc', 'fok')", name=op.f('ck_intents_time_in_force_known')
        ),
        sa.CheckConstraint('attempt >= 0', name=op.f('ck_intents_attempt_counted')),
        sa.CheckConstraint('quantity > 0 AND quantity < 1e15', name=op.f('ck_intents_quantity_positive')),
        sa.CheckConstraint('least(price, limit_price, stop_price) > 0', name=op.f('ck_intents_prices_positive')),
        sa.CheckConstraint(
            "(limit_price IS NOT NULL) = (order_type IN ('limit', 'stop_limit'))",
            name=op.f('ck_intents_limit_fits_type'),
        ),
        sa.CheckConstraint(
            "(stop_price IS NOT NULL) = (order_type IN ('stop', 'stop_limit'))", name=op.f('ck_intents_stop_fits_type')
        ),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_intents_reason_given')),
        sa.CheckConstraint("verdict ~ '[^[:space:]]'", name=op.f('ck_intents_verdict_given')),
        sa.CheckConstraint(
            'abs(price) < 1e15 AND abs(limit_price) < 1e15 AND abs(stop_price) < 1e15 AND '
            'abs(distance) < 1e15 AND abs(stop_loss) < 1e15 AND abs(take_profit) < 1e15 AND '
            'abs(worth) < 1e15',
            name=op.f('ck_intents_amounts_finite'),
        ),
        sa.UniqueConstraint(
            'account',
            'decided',
            'symbol',
            'kind',
            'attempt',
            name=op.f('uq_intents_account_decided_symbol_kind_attempt'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'epoch'],
            ['writer_epochs.account', 'writer_epochs.epoch'],
            name=op.f('fk_intents_account_epoch_writer_epochs'),
        ),
        sa.PrimaryKeyConstraint('account', 'client_order_id', name=op.f('pk_intents')),
        comment='Orders as they were decided, before they were sent; rows are only added',
    )


def make_order_events():
    op.create_table(
        'order_events',
        column('account', sa.Text(), 'The account'),
        column('client_order_id', sa.Text(), 'The order'),
        column('event_id', sa.Text(), 'The event: its number at the broker, or a hash of what it says'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column(
            'event',
            sa.Text(),
            'submitted, unknown (sent, no answer), accepted, partly_filled, rejected, expired, '
            'cancelled, filled; split: changed by a split of the night',
        ),
        column('filled', sa.Numeric(), 'Shares filled in all, 0 or more'),
        column('quantity', sa.Numeric(), 'Shares ordered from now on, after a split', nullable=True),
        column('ratio', sa.Numeric(), 'Shares after the split for one share before', nullable=True),
        column('broker_order_id', sa.Text(), 'Number of the order at the broker', nullable=True),
        moment('broker_at', 'When it happened, by the clock of the broker', nullable=True),
        moment('received_at', 'When it was heard'),
        column('raw', JSONB, 'What the broker sent, as it came', nullable=True),
        sa.CheckConstraint(
            "event IN ('split', 'submitted', 'unknown', 'accepted', 'partly_filled', "
            "'rejected', 'expired', 'cancelled', 'filled')",
            name=op.f('ck_order_events_event_known'),
        ),
        sa.CheckConstraint("event_id ~ '[^[:space:]]'", name=op.f('ck_order_events_id_given')),
        sa.CheckConstraint('filled >= 0 AND filled < 1e15', name=op.f('ck_order_events_filled_counted')),
        sa.CheckConstraint('ratio > 0 AND ratio < 1e6', name=op.f('ck_order_events_ratio_positive')),
        sa.CheckConstraint('quantity >= 0 AND quantity < 1e15', name=op.f('ck_order_events_quantity_counted')),
        sa.CheckConstraint("(event = 'split') = (ratio IS NOT NULL)", name=op.f('ck_order_events_split_has_a_ratio')),
        sa.CheckConstraint('(ratio IS NULL) = (quantity IS NULL)', name=op.f('ck_order_events_split_has_a_quantity')),
        sa.ForeignKeyConstraint(
            ['account', 'epoch'],
            ['writer_epochs.account', 'writer_epochs.epoch'],
            name=op.f('fk_order_events_account_epoch_writer_epochs'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'client_order_id'],
            ['intents.account', 'intents.client_order_id'],
            name=op.f('fk_order_events_account_client_order_id_intents'),
        ),
        sa.PrimaryKeyConstraint('account', 'client_order_id', 'event_id', name=op.f('pk_order_events')),
        comment='What was heard about orders, as it came; rows are only added',
    )


def make_executions():
    op.create_table(
        'executions',
        column('account', sa.Text(), 'The account'),
        column('execution_id', sa.Text(), 'Number of the execution at the broker'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column('client_order_id', sa.Text(), 'The order; empty for an exit that no decision placed', nullable=True),
        column('session', sa.Date(), 'Session in which it was filled'),
        column('decided', sa.Text(), 'Session of the decision, ISO; for an exit without one the session itself'),
        column('symbol', sa.Text(), 'Ticker'),
        column('kind', sa.Text(), 'Kind of its order; split, delisted or end where there was none'),
        column('attempt', sa.Integer(), 'Attempt of its order'),
        column('quantity', sa.Numeric(), 'Shares, below 0 when sold'),
        column('price', sa.Numeric(), 'Price a share, slippage included'),
        column('fees', sa.Numeric(), 'Commission and regulatory fees, as charged'),
        column('slippage', sa.Numeric(), 'What the slippage cost, already in the price'),
        column('reason_code', sa.Integer(), 'The reason of the engine: number of a session, or below 0 one of REASONS'),
        column('entered_by', sa.Text(), 'How an entry was reached: open, limit, stop or close'),
        column('reverses', sa.Text(), 'The execution that this row takes back', nullable=True),
        moment('at', 'When it was filled, by the clock of the broker'),
        sa.CheckConstraint(
            "kind IN ('exit', 'entry', 'reinvest', 'reduce', 'add', 'stop', 'target', 'flat', "
            "'split', 'delisted', 'end')",
            name=op.f('ck_executions_kind_known'),
        ),
        sa.CheckConstraint(
            "entered_by IN ('open', 'limit', 'stop', 'close')", name=op.f('ck_executions_entered_by_known')
        ),
        sa.CheckConstraint(
            "client_order_id IS NOT NULL OR kind NOT IN ('exit', 'entry', 'reinvest', 'reduce', 'add')",
            name=op.f('ck_executions_entry_has_an_order'),
        ),
        sa.CheckConstraint("execution_id ~ '[^[:space:]]'", name=op.f('ck_executions_id_given')),
        sa.CheckConstraint('reverses <> execution_id', name=op.f('ck_executions_reverses_another')),
        sa.CheckConstraint('quantity <> 0', name=op.f('ck_executions_quantity_given')),
        sa.CheckConstraint('price > 0 AND price < 1e15', name=op.f('ck_executions_price_positive')),
        sa.CheckConstraint(
            'abs(quantity) < 1e15 AND abs(fees) < 1e15 AND abs(slippage) < 1e15',
            name=op.f('ck_executions_amounts_finite'),
        ),
        sa.UniqueConstraint('account', 'reverses', name=op.f('uq_executions_account_reverses')),
        sa.ForeignKeyConstraint(
            ['account', 'epoch'],
            ['writer_epochs.account', 'writer_epochs.epoch'],
            name=op.f('fk_executions_account_epoch_writer_epochs'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'client_order_id'],
            ['intents.account', 'intents.client_order_id'],
            name=op.f('fk_executions_account_client_order_id_intents'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'reverses'],
            ['executions.account', 'executions.execution_id'],
            name=op.f('fk_executions_account_reverses_executions'),
        ),
        sa.PrimaryKeyConstraint('account', 'execution_id', name=op.f('pk_executions')),
        comment='Fills as they were charged; rows are only added, a correction reverses',
    )
    op.create_index(op.f('ix_executions_order'), 'executions', ['account', 'client_order_id'])
    op.create_index(op.f('ix_executions_session'), 'executions', ['account', 'session'])


def make_cash_ledger():
    op.create_table(
        'cash_ledger',
        column('account', sa.Text(), 'The account'),
        column(
            'kind',
            sa.Text(),
            'What it is: opening, fill, fees, dividend, borrow, interest, charge, deposit, withdrawal, correction',
        ),
        column('source', sa.Text(), 'What it comes from: an execution, symbol and date of a dividend, a document'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column('session', sa.Date(), 'Session to which it counts'),
        column('amount', sa.Numeric(), 'Amount in the currency of the account, below 0 when paid'),
        column('symbol', sa.Text(), 'Ticker, if it has to do with one', nullable=True),
        column('execution_id', sa.Text(), 'The execution, for fill and fees', nullable=True),
        column('note', sa.Text(), 'Why, in words', nullable=True),
        moment('at', 'When it was booked'),
        sa.CheckConstraint(
            "kind IN ('opening', 'fill', 'fees', 'dividend', 'borrow', 'interest', 'charge', "
            "'deposit', 'withdrawal', 'correction')",
            name=op.f('ck_cash_ledger_kind_known'),
        ),
        sa.CheckConstraint("source ~ '[^[:space:]]'", name=op.f('ck_cash_ledger_source_given')),
        sa.CheckConstraint("kind <> 'opening' OR source = 'opening'", name=op.f('ck_cash_ledger_opened_once')),
        sa.CheckConstraint(
            "(execution_id IS NOT NULL) = (kind IN ('fill', 'fees'))", name=op.f('ck_cash_ledger_fill_has_an_execution')
        ),
        sa.CheckConstraint('execution_id = source', name=op.f('ck_cash_ledger_execution_is_the_source')),
        sa.CheckConstraint('amount <> 0', name=op.f('ck_cash_ledger_amount_given')),
        sa.CheckConstraint("kind NOT IN ('opening', 'deposit') OR amount > 0", name=op.f('ck_cash_ledger_paid_in')),
        sa.CheckConstraint("kind NOT IN ('borrow', 'withdrawal') OR amount < 0", name=op.f('ck_cash_ledger_paid_out')),
        sa.CheckConstraint('abs(amount) < 1e15', name=op.f('ck_cash_ledger_amounts_finite')),
        sa.ForeignKeyConstraint(
            ['account', 'epoch'],
            ['writer_epochs.account', 'writer_epochs.epoch'],
            name=op.f('fk_cash_ledger_account_epoch_writer_epochs'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'execution_id'],
            ['executions.account', 'executions.execution_id'],
            name=op.f('fk_cash_ledger_account_execution_id_executions'),
        ),
        sa.PrimaryKeyConstraint('account', 'kind', 'source', name=op.f('pk_cash_ledger')),
        comment='Movements of cash, their sum is the balance; rows are only added',
    )
    op.create_index(op.f('ix_cash_ledger_session'), 'cash_ledger', ['account', 'session'])


def make_share_ledger():
    op.create_table(
        'share_ledger',
        column('account', sa.Text(), 'The account'),
        column('symbol', sa.Text(), 'Ticker'),
        column('kind', sa.Text(), 'What it is: fill, split, correction, delisting'),
        column('source', sa.Text(), 'What it comes from: an execution, date of a split, a document'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column('session', sa.Date(), 'Session to which it counts'),
        column('quantity', sa.Numeric(), 'Shares that came, below 0 for those that went'),
        column('ratio', sa.Numeric(), 'Shares after a split for one share before', nullable=True),
        column('execution_id', sa.Text(), 'The execution, for a fill', nullable=True),
        column('note', sa.Text(), 'Why, in words', nullable=True),
        moment('at', 'When it was booked'),
        sa.CheckConstraint(
            "kind IN ('fill', 'split', 'correction', 'delisting')", name=op.f('ck_share_ledger_kind_known')
        ),
        sa.CheckConstraint("source ~ '[^[:space:]]'", name=op.f('ck_share_ledger_source_given')),
        sa.CheckConstraint(
            "(execution_id IS NOT NULL) = (kind = 'fill')", name=op.f('ck_share_ledger_fill_has_an_execution')
        ),
        sa.CheckConstraint('execution_id = source', name=op.f('ck_share_ledger_execution_is_the_source')),
        sa.CheckConstraint("(ratio IS NOT NULL) = (kind = 'split')", name=op.f('ck_share_ledger_split_has_a_ratio')),
        sa.CheckConstraint('ratio > 0 AND ratio < 1e6', name=op.f('ck_share_ledger_ratio_positive')),
        sa.CheckConstraint('quantity <> 0', name=op.f('ck_share_ledger_quantity_given')),
        sa.CheckConstraint('abs(quantity) < 1e15', name=op.f('ck_share_ledger_amounts_finite')),
        sa.ForeignKeyConstraint(
            ['account', 'epoch'],
            ['writer_epochs.account', 'writer_epochs.epoch'],
            name=op.f('fk_share_ledger_account_epoch_writer_epochs'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'execution_id'],
            ['executions.account', 'executions.execution_id'],
            name=op.f('fk_share_ledger_account_execution_id_executions'),
        ),
        sa.PrimaryKeyConstraint('account', 'symbol', 'kind', 'source', name=op.f('pk_share_ledger')),
        comment='Movements of shares, their sum is the position; rows are only added',
    )


def make_account_sessions():
    op.create_table(
        'account_sessions',
        column('account', sa.Text(), 'The account'),
        column('session', sa.Date(), 'Session date'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column('status', sa.Text(), 'done or missed'),
        column('reason', sa.Text(), 'Why it was missed', nullable=True),
        column('cash', sa.Numeric(), 'Cash, 0 or more', nullable=True),
        column('positions_value', sa.Numeric(), 'Positions at the close, short ones below zero', nullable=True),
        column('receivable', sa.Numeric(), 'What is owed to the account, below 0 for a debt', nullable=True),
        column('equity', sa.Numeric(), 'Cash, receivable and positions', nullable=True),
        column('gross', sa.Numeric(), 'Value of all positions, long and short added', nullable=True),
        column('turnover', sa.Numeric(), 'Value of what was bought and sold in the session', nullable=True),
        column('orders', sa.Integer(), 'Orders that were decided at its close'),
        column('fills', sa.Integer(), 'Executions of the session'),
        column(
            'books',
            sa.LargeBinary(),
            'The saved account of the engine; may be empty where a later session has it',
            nullable=True,
        ),
        column('metrics', JSONB, 'Figures of the session by name; null where one is undefined', nullable=True),
        moment('at', 'When the row was written'),
        sa.CheckConstraint("status IN ('done', 'missed')", name=op.f('ck_account_sessions_status_known')),
        sa.CheckConstraint(
            "(status = 'missed') = (reason IS NOT NULL)", name=op.f('ck_account_sessions_missed_with_a_reason')
        ),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_account_sessions_reason_given')),
        sa.CheckConstraint(
            "status <> 'done' OR num_nulls(cash, positions_value, receivable, equity, gross, turnover) = 0",
            name=op.f('ck_account_sessions_done_with_figures'),
        ),
        sa.CheckConstraint('cash >= 0', name=op.f('ck_account_sessions_cash_not_negative')),
        sa.CheckConstraint('gross >= 0 AND turnover >= 0', name=op.f('ck_account_sessions_values_not_negative')),
        sa.CheckConstraint('orders >= 0 AND fills >= 0', name=op.f('ck_account_sessions_counted')),
        sa.CheckConstraint(
            'abs(cash) < 1e15 AND abs(positions_value) < 1e15 AND abs(receivable) < 1e15 AND '
            'abs(equity) < 1e15 AND abs(gross) < 1e15 AND abs(turnover) < 1e15',
            name=op.f('ck_account_sessions_amounts_finite'),
        ),
        sa.ForeignKeyConstraint(
            ['account', 'epoch'],
            ['writer_epochs.account', 'writer_epochs.epoch'],
            name=op.f('fk_account_sessions_account_epoch_writer_epochs'),
        ),
        sa.PrimaryKeyConstraint('account', 'session', name=op.f('pk_account_sessions')),
        comment='Accounts at the close of each session; rows are only added',
    )


def make_account_decisions():
    op.create_table(
        'account_decisions',
        column('account', sa.Text(), 'The account'),
        column('epoch', sa.BigInteger(), 'Who wrote the row'),
        column('mode', sa.Text(), 'replay, paper, shadow or live'),
        column('strategy', sa.Text(), 'Which strategy decided'),
        column('symbol', sa.Text(), 'Ticker'),
        column('session', sa.Date(), 'Session whose close was the last thing known'),
        column(
            'bar',
            sa.SmallInteger(),
            'Number of the bar within the session, from 0; 0 for daily bars',
            server_default='0',
        ),
        column(
            'at', sa.DateTime(), 'When the bar began, on the clock of the exchange; empty for daily bars', nullable=True
        ),
        column('close', sa.Double(), 'Close of the session as traded', nullable=True),
        column('fast', sa.Double(), 'Fast moving average', nullable=True),
        column('slow', sa.Double(), 'Slow moving average', nullable=True),
        column('rsi', sa.Double(), 'Relative strength index, 0 to 100', nullable=True),
        column('forecast', sa.Double(), 'Forecast return of the model, a fraction', nullable=True),
        column('score', sa.Double(), 'Rank among signals of the same session, higher first', nullable=True),
        column('signal', sa.SmallInteger(), '1 buy, -1 sell, 0 nothing'),
        column(
            'target_quantity', sa.Numeric(), 'Shares wanted after the order, in shares of the session', nullable=True
        ),
        column('verdict', sa.Text(), 'What the risk gate said', nullable=True),
        column('reason', sa.Text(), 'Why, in words', nullable=True),
        sa.CheckConstraint(
            "mode IN ('replay', 'paper', 'shadow', 'live')", name=op.f('ck_account_decisions_mode_known')
        ),
        sa.CheckConstraint('signal IN (-1, 0, 1)', name=op.f('ck_account_decisions_signal_known')),
        sa.CheckConstraint('bar >= 0', name=op.f('ck_account_decisions_bar_counted')),
        sa.PrimaryKeyConstraint(
            'account', 'mode', 'strategy', 'symbol', 'session', 'bar', name=op.f('pk_account_decisions')
        ),
        comment='The decision journal of trading accounts; rows are only added',
    )


def numbered():
    return sa.Column(
        'id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment='Number in order of writing'
    )


def make_cash_requests():
    op.create_table(
        'cash_requests',
        numbered(),
        column('account', sa.Text(), 'The account'),
        column('amount', sa.Numeric(), 'Amount in the currency of the account, below 0 for a withdrawal'),
        column('reason', sa.Text(), 'Why, in words'),
        column('actor', sa.Text(), 'Who: user@host'),
        moment('at', 'When it was asked for'),
        sa.CheckConstraint(
            'amount <> 0 AND abs(amount) < 1e12 AND amount = round(amount, 2)',
            name=op.f('ck_cash_requests_amount_in_cents'),
        ),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_cash_requests_reason_given')),
        sa.CheckConstraint("actor NOT IN ('engine', 'restore')", name=op.f('ck_cash_requests_asked_by_a_person')),
        sa.ForeignKeyConstraint(['account'], ['accounts.name'], name=op.f('fk_cash_requests_account_accounts')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_cash_requests')),
        comment='Deposits and withdrawals that were asked for; rows are only added',
    )
    op.create_index(op.f('ix_cash_requests_account'), 'cash_requests', ['account'])


def make_limit_changes():
    op.create_table(
        'limit_changes',
        numbered(),
        column('account', sa.Text(), 'The account'),
        column('section', sa.Text(), 'Section of settings.ini: risk or orders'),
        column('name', sa.Text(), 'Name of the limit'),
        column('before', sa.Double(), 'The limit that was in force; empty for none', nullable=True),
        column('value', sa.Double(), 'The limit from now on; empty for none', nullable=True),
        column('loosened', sa.Boolean(), 'Whether a person loosened it; it counts from the next session on'),
        column('reason', sa.Text(), 'Why, in words'),
        column('actor', sa.Text(), 'Who: user@host, or engine for what became tighter in settings.ini'),
        moment('at', 'When'),
        sa.CheckConstraint("section IN ('risk', 'orders')", name=op.f('ck_limit_changes_section_known')),
        sa.CheckConstraint("name ~ '[^[:space:]]'", name=op.f('ck_limit_changes_name_given')),
        sa.CheckConstraint('before IS DISTINCT FROM value', name=op.f('ck_limit_changes_value_changed')),
        sa.CheckConstraint('abs(before) < 1e15 AND abs(value) < 1e15', name=op.f('ck_limit_changes_amounts_finite')),
        sa.CheckConstraint("reason ~ '[^[:space:]]'", name=op.f('ck_limit_changes_reason_given')),
        sa.CheckConstraint(
            "NOT loosened OR actor NOT IN ('engine', 'restore')", name=op.f('ck_limit_changes_loosened_by_a_person')
        ),
        sa.ForeignKeyConstraint(['account'], ['accounts.name'], name=op.f('fk_limit_changes_account_accounts')),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_limit_changes')),
        comment='Limits of accounts that were changed after the opening; rows are only added',
    )
    op.create_index(op.f('ix_limit_changes_account'), 'limit_changes', ['account'])


def downgrade():
    for name in reversed(VIEWS):
        op.execute(f'DROP VIEW {name}')
    for table in NEW:
        op.execute(f'DROP TRIGGER fenced ON {table}')
    make_changeable(*NEW, *ASKED)
    move_to_attic(*NEW, *ASKED)
