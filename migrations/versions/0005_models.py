"""Models, their evaluations, predictions, promotions and retrainings.

Revision ID: 0005
Revises: 0004
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from tradelab.utils.database import move_to_attic, restore_from_attic

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None

NEW = ('models', 'model_evaluations', 'predictions', 'promotions', 'retrainings')


def column(name, kind, comment, **options):
    return sa.Column(name, kind, comment=comment, **{'nullable': False, **options})


def id_column(comment):
    return sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False, comment=comment)


def foreign_key(table, column, target):
    return sa.ForeignKeyConstraint([column], [f'{target}.id'], name=op.f(f'fk_{table}_{column}_{target}'))


def moment():
    return sa.DateTime(timezone=True)


def upgrade():
    if restore_from_attic(*NEW):
        return
    make_models()
    make_evaluations()
    make_predictions()
    make_promotions()
    make_retrainings()


def make_models():
    op.create_table(
        'models',
        id_column('Number used by the other tables'),
        column('name', sa.Text(), 'What is modelled, such as AAPL-h1 or pool-h1'),
        column('version', sa.Integer(), 'Number within the name, from 1, in order of writing'),
        column('kind', sa.Text(), 'symbol: trained on one symbol; pooled: on several together'),
        column('symbols', sa.Text(), 'Tickers it was trained on, in order, commas between'),
        column(
            'status',
            sa.Text(),
            'challenger: may be promoted; champion: serves, one for a name; retired: served before; '
            'rejected: lost; fold: evidence of a walk-forward',
        ),
        column('created_at', moment(), 'When it was stored'),
        column('run_id', sa.Text(), 'The run that trained it, if any', nullable=True),
        column(
            'artifact',
            sa.LargeBinary(),
            'Weights, scalers and all else that is needed to forecast, as 16_artifact writes it; no pickle',
        ),
        column('sha256', sa.Text(), 'SHA-256 over the artifact, compared at loading'),
        column('features', JSONB, 'Names of the inputs, in order'),
        column('lookback', sa.Integer(), 'Sessions in a window'),
        column('horizon', sa.Integer(), 'Sessions ahead that are forecast'),
        column('schema_hash', sa.Text(), 'SHA-256 over names and definitions of the inputs, lookback and horizon'),
        column('train_first', sa.Date(), 'First session it was trained on'),
        column('train_last', sa.Date(), 'Last session whose close it has seen, labels included'),
        column('data_hash', sa.Text(), 'SHA-256 over the bars and actions it was trained on'),
        column('seed', sa.BigInteger(), 'Seed of the network that is served'),
        column('seeds', JSONB, 'All seeds that were trained'),
        column('settings', JSONB, 'Section [model] of the settings'),
        column('metrics', JSONB, 'Figures of the training by name; null where one is undefined'),
        column('code_hash', sa.Text(), 'SHA-256 over the package', nullable=True),
        column('git_commit', sa.Text(), 'Commit that was checked out', nullable=True),
        column('versions', JSONB, 'Python and package versions'),
        sa.CheckConstraint("kind IN ('symbol', 'pooled')", name=op.f('ck_models_kind_known')),
        sa.CheckConstraint(
            "status IN ('challenger', 'champion', 'retired', 'rejected', 'fold')", name=op.f('ck_models_status_known')
        ),
        sa.CheckConstraint('train_first <= train_last', name=op.f('ck_models_not_backwards')),
        sa.CheckConstraint('version > 0', name=op.f('ck_models_version_positive')),
        foreign_key('models', 'run_id', 'runs'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_models')),
        sa.UniqueConstraint('name', 'version', name=op.f('uq_models_name_version')),
        comment='Trained models with their weights; rows are only added, and nothing of a row changes but its status',
    )
    op.create_index(op.f('ix_models_champion'), 'models', ['name'], unique=True, postgresql_where="status = 'champion'")


def make_evaluations():
    op.create_table(
        'model_evaluations',
        id_column('Number in order of writing'),
        column('model_id', sa.BigInteger(), 'The model'),
        column('run_id', sa.Text(), 'The run that measured it, if any', nullable=True),
        column('at', moment(), 'When it was written down'),
        column(
            'kind',
            sa.Text(),
            'walk_forward: over folds; sealed: on the span kept for the last comparison; rolling: on the '
            'newest sessions while it serves',
        ),
        column('first', sa.Date(), 'First session measured'),
        column('last', sa.Date(), 'Last session measured'),
        column('figures', JSONB, 'Forecaster → figures by name; null where one is undefined'),
        column('verdict', sa.Text(), 'What they mean, in words'),
        sa.CheckConstraint(
            "kind IN ('walk_forward', 'sealed', 'rolling')", name=op.f('ck_model_evaluations_kind_known')
        ),
        sa.CheckConstraint('first <= last', name=op.f('ck_model_evaluations_not_backwards')),
        foreign_key('model_evaluations', 'model_id', 'models'),
        foreign_key('model_evaluations', 'run_id', 'runs'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_model_evaluations')),
        comment='What models were worth beside the naive forecasts; rows are only added',
    )
    op.create_index(op.f('ix_model_evaluations_model_id'), 'model_evaluations', ['model_id'])


def make_predictions():
    op.create_table(
        'predictions',
        column('model_id', sa.BigInteger(), 'The model', autoincrement=False),
        column('symbol', sa.Text(), 'Ticker'),
        column('session', sa.Date(), 'Session whose close was the last thing known'),
        column('horizon', sa.Integer(), 'Sessions ahead that are forecast'),
        column('made_at', moment(), 'When it was written down, by the clock of the database'),
        column('trained_to', sa.Date(), 'Last session whose close the model had seen'),
        column('close', sa.Double(), 'Close of the session as the model saw it, adjusted for splits and dividends'),
        column('forecast', sa.Double(), 'Forecast return over the horizon, a fraction'),
        column(
            'low', sa.Double(), 'Lower end of the interval, a return; empty when the model gives none', nullable=True
        ),
        column(
            'high', sa.Double(), 'Upper end of the interval, a return; empty when the model gives none', nullable=True
        ),
        sa.CheckConstraint('session > trained_to', name=op.f('ck_predictions_out_of_sample')),
        sa.CheckConstraint('horizon > 0', name=op.f('ck_predictions_horizon_positive')),
        foreign_key('predictions', 'model_id', 'models'),
        sa.PrimaryKeyConstraint('model_id', 'symbol', 'session', name=op.f('pk_predictions')),
        comment='Forecasts as they were made, each once and out of sample; rows are only added',
    )
    op.create_index(op.f('ix_predictions_symbol_session'), 'predictions', ['symbol', 'session'])


def make_promotions():
    op.create_table(
        'promotions',
        id_column('Number in order of writing'),
        column('name', sa.Text(), 'Name of the model'),
        column(
            'model_id',
            sa.BigInteger(),
            'The model that was decided about: promoted, serving again, rejected or retired',
        ),
        column('replaced_id', sa.BigInteger(), 'The champion that had to go, if any', nullable=True),
        column('at', moment(), 'When it was decided'),
        column('action', sa.Text(), 'promote, rollback, reject or retire'),
        column('reasons', JSONB, 'Why, one sentence an item'),
        column('by', sa.Text(), 'evidence: the rule of [retraining]; hand: a person'),
        column('run_id', sa.Text(), 'The run that decided, if any', nullable=True),
        column('figures', JSONB, 'What the decision rests on, by name; null where one is undefined'),
        sa.CheckConstraint(
            "action IN ('promote', 'rollback', 'reject', 'retire')", name=op.f('ck_promotions_action_known')
        ),
        sa.CheckConstraint("by IN ('evidence', 'hand')", name=op.f('ck_promotions_by_known')),
        foreign_key('promotions', 'model_id', 'models'),
        foreign_key('promotions', 'replaced_id', 'models'),
        foreign_key('promotions', 'run_id', 'runs'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_promotions')),
        comment='Decisions about which model serves, with their reasons; rows are only added',
    )
    op.create_index(op.f('ix_promotions_name_at'), 'promotions', ['name', 'at'])


def make_retrainings():
    op.create_table(
        'retrainings',
        id_column('Number in order of writing'),
        column('name', sa.Text(), 'Name of the model'),
        column('scheduled_for', moment(), 'The time it was due'),
        column('reasons', JSONB, 'What triggered it, one sentence an item'),
        column('status', sa.Text(), 'running, done or failed'),
        column('owner', sa.Text(), 'Who does it: host:process:token'),
        column('started_at', moment(), 'When the last attempt began'),
        column('heartbeat_at', moment(), 'Last sign of life of its owner'),
        column('ended_at', moment(), 'When it ended; empty while it runs', nullable=True),
        column('run_id', sa.Text(), 'The run of the last attempt, if any', nullable=True),
        column('model_id', sa.BigInteger(), 'The model that came of it', nullable=True),
        column('verdict', sa.Text(), 'What became of the model, in words', nullable=True),
        column('error', sa.Text(), 'Why the last attempt failed', nullable=True),
        column('attempts', sa.Integer(), 'How often it was begun'),
        sa.CheckConstraint("status IN ('running', 'done', 'failed')", name=op.f('ck_retrainings_status_known')),
        sa.CheckConstraint(
            "(status = 'running') = (ended_at IS NULL)", name=op.f('ck_retrainings_ended_when_not_running')
        ),
        sa.CheckConstraint('attempts > 0', name=op.f('ck_retrainings_attempts_positive')),
        foreign_key('retrainings', 'run_id', 'runs'),
        foreign_key('retrainings', 'model_id', 'models'),
        sa.PrimaryKeyConstraint('id', name=op.f('pk_retrainings')),
        sa.UniqueConstraint('name', 'scheduled_for', name=op.f('uq_retrainings_name_scheduled_for')),
        comment='Retrainings, one for a name and a scheduled time, with who does them',
    )


def downgrade():
    move_to_attic(*NEW)
