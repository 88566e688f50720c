"""Speed of writing and reading in the data layer compared with other tools, on one embedded server with durable writes.

    python bench/data.py                       # 500 symbols, 5,040 bars each: 2.5 million rows
    python bench/data.py --symbols 5000 --bars 2400 --quick

Peers that would take minutes are measured on a part of the rows and scaled; their times are marked with a star.
Besides TradeLab's packages it needs adbc-driver-postgresql (pip install -r bench/requirements.txt).
"""

import argparse
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import numpy as np
import pandas as pd
from psycopg2.extras import execute_values
from sqlalchemy import text

from tradelab.config import load_settings
from tradelab.data.market_data import bars, cached_panel, last_bars, load_bars
from tradelab.data.quality import BAR_COLUMNS, Delivery
from tradelab.data.store import save_deliveries
from tradelab.utils.database import (
    close_engines,
    database_url,
    engine,
    migrate,
    migrator_url,
    new_engine,
    owner_session,
    session,
)
from tradelab.utils.server import start_server, stop_server

COLUMNS = 'instrument_id, session, open, high, low, close, volume, fetched_at'
FLAT = (
    f'CREATE TABLE {{}} AS SELECT {COLUMNS} FROM daily_bars WITH NO DATA; '
    'ALTER TABLE {} ADD PRIMARY KEY (instrument_id, session)'
)


def random_deliveries(symbols, length):
    "Deliveries of random walks"
    days, rng = pd.bdate_range('2000-01-03', periods=length, name='session').as_unit('us'), np.random.default_rng(0)
    none = pd.DataFrame(columns=['ex_date', 'kind', 'value'])
    for k in range(symbols):
        close = 50 * np.exp(rng.normal(0, 0.02, length).cumsum())
        values = np.stack(
            [close, close * 1.01, close * 0.99, close, rng.integers(1, 10**7, length).astype(float)], axis=1
        )
        yield Delivery(
            f'S{k:05d}', '', 'USD', 'XNYS', 'crsp', pd.DataFrame(values, days, list(BAR_COLUMNS)), none, 'bench'
        )


def batches(items, size=50):
    batch = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


def timed(call, *args):
    start = time.perf_counter()
    result = call(*args)
    return time.perf_counter() - start, result


def median(call, times):
    return statistics.median(timed(call, k)[0] for k in range(times))


class Bench:
    def __init__(self, settings, symbols, length, quick):
        self.settings, self.quick = settings, quick
        self.symbols, self.length, self.rows = symbols, length, symbols * length
        self.table = []
        url = database_url(settings)
        self.adbc = adbc.connect(f'postgresql://{url.username}@/{url.database}?host={url.query["host"]}')

    def report(self, task, who, seconds, unit='s', is_scaled=False):
        "Print one line and keep it; the first TradeLab line of a task is the base of its ratios"
        ours = next((row for row in self.table if row['task'] == task and row['who'].startswith('TradeLab')), None)
        speeds = {
            'ms': f'{seconds * 1e3:,.2f} ms',
            'rows': f'{self.rows / seconds:>11,.0f} rows/s',
            's': f'{seconds:,.2f} s',
        }
        who += '*' if is_scaled else ''
        self.table.append(dict(task=task, who=who, seconds=seconds))
        ratio = '' if ours is None else f'{seconds / ours["seconds"]:8.2f} x'
        print(f'{task:34s} {who:46s} {speeds[unit]:>20s} {ratio:>11s}', flush=True)

    def fresh(self, name):
        with owner_session(self.settings) as db:
            db.execute(text(f'DROP TABLE IF EXISTS {name}'))
            for statement in FLAT.format(name, name).split(';'):
                db.execute(text(statement))

    def part(self, limit):
        "The first `limit` rows as one frame with the columns of the table"
        ids = iter(range(1, 10**9))
        frames = []
        for delivery in random_deliveries(max(limit // self.length, 1), self.length):
            frames.append(
                delivery.bars.reset_index().assign(
                    instrument_id=next(ids), fetched_at=pd.Timestamp('2024-01-01', tz='UTC')
                )
            )
        return pd.concat(frames, ignore_index=True).head(limit)[[name.strip() for name in COLUMNS.split(',')]]

    # ---- writing

    def first_load(self):
        task = 'first load'
        seconds = 0.0
        for batch in batches(random_deliveries(self.symbols, self.length)):
            seconds += timed(save_deliveries, self.settings, 'bench', batch, datetime.now(UTC))[0]
        self.report(task, 'TradeLab save_deliveries', seconds, 'rows')
        self.peers_load(task)

    def peers_load(self, task):
        large, small = self.part(min(self.rows, 2_520_000)), self.part(50_000)
        self.fresh('peer')
        seconds, _ = timed(self.adbc_ingest, large)
        self.report(
            task,
            'ADBC bulk ingest, stored rows not checked',
            seconds * self.rows / len(large),
            'rows',
            len(large) < self.rows,
        )
        self.fresh('peer')
        middle = large.head(500_000)
        self.report(
            task,
            'psycopg2 COPY of CSV by pandas',
            timed(self.copy_csv, middle)[0] * self.rows / len(middle),
            'rows',
            True,
        )
        self.fresh('peer')
        self.report(
            task, 'psycopg2 execute_values', timed(self.values, small)[0] * self.rows / len(small), 'rows', True
        )
        self.fresh('peer')
        self.report(
            task,
            'DataFrame.to_sql',
            timed(lambda: small.to_sql('peer', engine(self.settings), if_exists='append', index=False))[0]
            * self.rows
            / len(small),
            'rows',
            True,
        )

    def adbc_ingest(self, frame):
        import pyarrow as pa

        with self.adbc.cursor() as cursor:
            cursor.adbc_ingest(
                'peer',
                pa.Table.from_pandas(frame.assign(session=frame.session.dt.date), preserve_index=False),
                mode='append',
            )
        self.adbc.commit()

    def copy_csv(self, frame):
        from tradelab.utils.database import copy_frame

        with session(self.settings) as db:
            copy_frame(db.connection(), 'peer', frame)

    def values(self, frame):
        with session(self.settings) as db, db.connection().connection.cursor() as cursor:
            execute_values(
                cursor,
                f'INSERT INTO peer ({COLUMNS}) VALUES %s',
                list(frame.itertuples(index=False, name=None)),
                page_size=1000,
            )

    def again(self):
        task, seconds = 'the same again, nothing changed', 0.0
        for batch in batches(random_deliveries(self.symbols, self.length)):
            seconds += timed(save_deliveries, self.settings, 'bench', batch, datetime.now(UTC) + timedelta(days=1))[0]
        self.report(task, 'TradeLab save_deliveries', seconds, 'rows')
        if self.quick:
            return
        frame = self.part(min(self.rows, 1_260_000))
        self.fresh('peer')
        self.adbc_ingest(frame)
        changed = ' OR '.join(f'p.{name} IS DISTINCT FROM s.{name}' for name in BAR_COLUMNS)
        updates = ', '.join(f'{name} = excluded.{name}' for name in BAR_COLUMNS)
        anti_join = (
            'INSERT INTO peer SELECT s.* FROM stage s LEFT JOIN peer p USING (instrument_id, session) '
            f'WHERE p.instrument_id IS NULL OR {changed}'
        )
        upsert = f'INSERT INTO peer SELECT * FROM stage ON CONFLICT (instrument_id, session) DO UPDATE SET {updates}'
        for who, statement in {
            'staging by ADBC, then anti-join': anti_join,
            'staging by ADBC, then ON CONFLICT DO UPDATE': upsert,
        }.items():
            self.report(
                task,
                who,
                timed(self.staged, frame, statement)[0] * self.rows / len(frame),
                'rows',
                len(frame) < self.rows,
            )

    def staged(self, frame, statement):
        import pyarrow as pa

        with owner_session(self.settings) as db:
            db.execute(text('DROP TABLE IF EXISTS stage'))
            db.execute(text(f'CREATE UNLOGGED TABLE stage AS SELECT {COLUMNS} FROM peer WITH NO DATA'))
        with self.adbc.cursor() as cursor:
            cursor.adbc_ingest(
                'stage',
                pa.Table.from_pandas(frame.assign(session=frame.session.dt.date), preserve_index=False),
                mode='append',
            )
        self.adbc.commit()
        with session(self.settings) as db:
            db.execute(text(statement))

    def daily(self):
        "One new bar for each symbol, with five stored ones"
        self.report(
            'daily update, 5 stored + 1 new',
            'TradeLab save_deliveries',
            timed(save_deliveries, self.settings, 'bench', list(self.tails()), datetime.now(UTC))[0],
            's',
        )

    def tails(self):
        from dataclasses import replace

        for delivery in random_deliveries(self.symbols, self.length):
            last = delivery.bars.iloc[[-1]].set_axis(delivery.bars.index[[-1]] + pd.Timedelta(days=3))
            yield replace(delivery, bars=pd.concat([delivery.bars.iloc[-5:], last]))

    # ---- reading

    def read_panel(self):
        task = 'panel of all symbols'
        query = 'SELECT instrument_id, session, open, high, low, close, volume FROM daily_bars'
        rounds = {
            'TradeLab market_data.bars': lambda k: bars(self.settings, provider='bench'),
            'ADBC to pandas': lambda k: self.by_adbc(query),
        }
        seconds = {who: [] for who in rounds}
        for k in range(5):
            for who, call in rounds.items():
                seconds[who].append(timed(call, k)[0])
        for who, times in seconds.items():
            self.report(task, who, statistics.median(times))
        first, _ = timed(cached_panel, self.settings, (), None, None, 'raw', None, 'bench')
        self.report(task, 'cached_panel, first time', first)
        self.report(task, 'cached_panel, again', median(lambda k: cached_panel(self.settings, provider='bench'), 7))
        self.report(
            task,
            'cached_panel, again, and a sum of all values',
            median(lambda k: cached_panel(self.settings, provider='bench').to_numpy().sum(), 5),
        )
        if not self.quick:
            self.report(task, 'pandas.read_sql', timed(lambda: pd.read_sql(query, engine(self.settings)))[0])

    def by_adbc(self, query):
        with self.adbc.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table().to_pandas()

    def read_one(self):
        task = f'one symbol, {self.length} bars'

        def name(k):
            return f'S{k * 7 % self.symbols:05d}'

        query = (
            'SELECT session, open, high, low, close, volume FROM daily_bars '
            "JOIN listings USING (instrument_id) WHERE symbol = '{}'"
        )
        self.report(
            task, 'TradeLab load_bars', median(lambda k: load_bars(self.settings, name(k), provider='bench'), 61), 'ms'
        )
        self.report(task, 'ADBC to pandas', median(lambda k: self.by_adbc(query.format(name(k))), 31), 'ms')
        self.report(
            task,
            'pandas.read_sql',
            median(lambda k: pd.read_sql(query.format(name(k)), engine(self.settings)), 15),
            'ms',
        )

    def read_last(self):
        task = f'last bar of {self.symbols} symbols'
        self.report(task, 'TradeLab last_bars', median(lambda k: last_bars(self.settings, provider='bench'), 31), 'ms')
        lateral = (
            'SELECT b.* FROM instruments i CROSS JOIN LATERAL '
            '(SELECT * FROM daily_bars d WHERE d.instrument_id = i.id ORDER BY session DESC LIMIT 1) b'
        )
        distinct = 'SELECT DISTINCT ON (instrument_id) * FROM daily_bars ORDER BY instrument_id, session DESC'
        for who, query in {'LATERAL in SQL, by ADBC': lateral, 'DISTINCT ON, by ADBC': distinct}.items():
            self.report(
                task, who, median(lambda k, query=query: self.by_adbc(query), 3 if 'DISTINCT' in who else 15), 'ms'
            )

    def run(self):
        print(
            f'{self.symbols:,} symbols x {self.length:,} bars = {self.rows:,} rows; '
            "ratios are times divided by TradeLab's for the same task, so above 1 is slower than TradeLab\n"
        )
        for step in (self.first_load, self.again, self.daily):
            step()
        with owner_session(self.settings) as db:
            for name in ('peer', 'stage'):
                db.execute(text(f'DROP TABLE IF EXISTS {name}'))
        with new_engine(migrator_url(self.settings), isolation_level='AUTOCOMMIT').connect() as connection:
            connection.execute(text('VACUUM ANALYZE daily_bars'))
        for step in (self.read_panel, self.read_one, self.read_last):
            step()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--symbols', type=int, default=500)
    parser.add_argument('--bars', type=int, default=5040)
    parser.add_argument('--quick', action='store_true', help='skip the slow peers')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as home:
        (Path(home) / 'settings.ini').touch()
        start_server(Path(home) / '.tradelab' / 'postgres')
        settings = load_settings(Path(home), database={'statement_timeout_ms': 600_000})
        try:
            migrate(settings)
            Bench(settings, options.symbols, options.bars, options.quick).run()
        finally:
            close_engines()
            stop_server(Path(home) / '.tradelab' / 'postgres')


if __name__ == '__main__':
    main()
