"""Alembic's connection to the lab's database. Run by `tradelab db migrate`, by `alembic …` and by the tests.

Two processes may migrate at once: the second waits for the first one's advisory lock and then has nothing left to do.
Each revision is one transaction, under the time limits of the lab's settings.
"""

from alembic import context
from sqlalchemy import text

from tradelab.config import load_settings
from tradelab.utils.database import Base, engine

MIGRATION_LOCK = 7_201_801  # an arbitrary number, the same in every process that migrates
OPTIONS = dict(target_metadata=Base.metadata, transaction_per_migration=True, compare_type=True)


def render_sql():
    "Print the SQL statements without running them: alembic upgrade head --sql"
    context.configure(dialect_name='postgresql', literal_binds=True, dialect_opts={'paramstyle': 'named'}, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def run_on(connection):
    "Run the revisions on `connection`"
    context.configure(connection=connection, **OPTIONS)
    with context.begin_transaction():
        context.run_migrations()


def run_on_the_lab():
    "Run the revisions on the lab's database, one process at a time"
    settings = context.config.attributes.get('settings') or load_settings()
    limits = settings.database
    with engine(settings).connect() as connection:
        connection.detach()  # not returned to the pool: closing it releases the lock
        connection.execute(text(f'SET lock_timeout = {limits.statement_timeout_ms}'))
        connection.execute(text(f'SET statement_timeout = {limits.statement_timeout_ms}'))
        connection.execute(text(f'SELECT pg_advisory_lock({MIGRATION_LOCK})'))
        connection.execute(text(f'SET lock_timeout = {limits.lock_timeout_ms}'))
        connection.commit()
        run_on(connection)


if context.is_offline_mode():
    render_sql()
elif connection := context.config.attributes.get('connection'):
    run_on(connection)
else:
    run_on_the_lab()
