"""Alembic's connection to the lab's database. Run by `tradelab db migrate`, by `alembic …` and by the tests.

Two processes may migrate at once: the second waits for the first one's advisory lock and then has nothing left to do.
Each revision is one transaction, under the time limits of the lab's settings.
"""

from alembic import context

from tradelab.config import load_settings
from tradelab.utils.database import Base, migration_connection, require_no_writer


def refuse_writers(ctx, **_):
    "Roll a revision back when a writer has begun since `migrate` looked for one"
    if not ctx.as_sql:
        require_no_writer(ctx.connection, 'The schema is not changed')


OPTIONS = dict(
    target_metadata=Base.metadata,
    transaction_per_migration=True,
    compare_type=True,
    on_version_apply=refuse_writers,
)


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
    "Run the revisions on the lab's database"
    with migration_connection(context.config.attributes.get('settings') or load_settings()) as connection:
        run_on(connection)


if context.is_offline_mode():
    render_sql()
elif connection := context.config.attributes.get('connection'):
    run_on(connection)
else:
    run_on_the_lab()
