"""How fast the data layer writes and reads, beside what others use, measured in one run on one durable embedded server.

    python bench/data.py                       # 500 symbols, 5,040 bars each: 2.5 million rows
    python bench/data.py --symbols 5000 --bars 2400 --quick

Peers that would take minutes are measured on a part and scaled; such figures carry a star. Besides TradeLab's own packages it needs
adbc-driver-postgresql (pip install -r bench/requirements.txt).
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
from tradelab.utils.database import close_engines, database_url, engine, migrate, session
from tradelab.utils.server import start_server, stop_server

COLUMNS = 'instrument_id, session, open, high, low, close, volume, fetched_at'
FLAT = f'CREATE TABLE {{}} AS SELECT {COLUMNS} FROM daily_bars WITH NO DATA; ALTER TABLE {{}} ADD PRIMARY KEY (instrument_id, session)'


def made(symbols, length):
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
    began = time.perf_counter()
    found = call(*args)
    return time.perf_counter() - began, found


def median(call, times):
    return statistics.median(timed(call, k)[0] for k in range(times))


class Bench:
    def __init__(self, settings, symbols, length, quick):
        self.settings, self.symbols, self.length, self.quick, self.rows = (
            settings,
            symbols,
            length,
            quick,
            symbols * length,
        )
        self.table = []
        url = database_url(settings)
        self.adbc = adbc.connect(f'postgresql://{url.username}@/{url.database}?host={url.query["host"]}')

    def say(self, what, who, seconds, unit='s', star=False):
        ours = next((row for row in self.table if row['what'] == what and row['who'].startswith('TradeLab')), None)
        shown = (
            f'{seconds * 1e3:,.2f} ms'
            if unit == 'ms'
            else f'{self.rows / seconds:>11,.0f} rows/s'
            if unit == 'rows'
            else f'{seconds:,.2f} s'
        )
        self.table.append(dict(what=what, who=who + ('*' if star else ''), seconds=seconds))
        ratio = '' if ours is None else f'{seconds / ours["seconds"]:8.2f} x'
        print(f'{what:34s} {who + ("*" if star else ""):46s} {shown:>20s} {ratio:>11s}', flush=True)

    def fresh(self, name):
        with session(self.settings) as db:
            db.execute(text(f'DROP TABLE IF EXISTS {name}'))
            for statement in FLAT.format(name, name).split(';'):
                db.execute(text(statement))

    def part(self, limit):
        "The first rows as one frame with the columns of the table"
        ids = iter(range(1, 10**9))
        frames = []
        for delivery in made(max(limit // self.length, 1), self.length):
            frames.append(
                delivery.bars.reset_index().assign(
                    instrument_id=next(ids), fetched_at=pd.Timestamp('2024-01-01', tz='UTC')
                )
            )
        return pd.concat(frames, ignore_index=True).head(limit)[[name.strip() for name in COLUMNS.split(',')]]

    # ---- writing

    def first_load(self):
        what = 'first load'
        seconds = 0.0
        for batch in batches(made(self.symbols, self.length)):
            seconds += timed(save_deliveries, self.settings, 'bench', batch, datetime.now(UTC))[0]
        self.say(what, 'TradeLab save_deliveries', seconds, 'rows')
        self.peers_load(what)

    def peers_load(self, what):
        large, small = self.part(min(self.rows, 2_520_000)), self.part(50_000)
        self.fresh('peer')
        seconds, _ = timed(self.adbc_ingest, large)
        self.say(
            what,
            'ADBC bulk ingest, no check of what is there',
            seconds * self.rows / len(large),
            'rows',
            len(large) < self.rows,
        )
        self.fresh('peer')
        middle = large.head(500_000)
        self.say(
            what,
            'psycopg2 COPY of CSV by pandas',
            timed(self.copy_csv, middle)[0] * self.rows / len(middle),
            'rows',
            True,
        )
        self.fresh('peer')
        self.say(what, 'psycopg2 execute_values', timed(self.values, small)[0] * self.rows / len(small), 'rows', True)
        self.fresh('peer')
        self.say(
            what,
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
        what, seconds = 'the same again, nothing changed', 0.0
        for batch in batches(made(self.symbols, self.length)):
            seconds += timed(save_deliveries, self.settings, 'bench', batch, datetime.now(UTC) + timedelta(days=1))[0]
        self.say(what, 'TradeLab save_deliveries', seconds, 'rows')
        if self.quick:
            return
        frame = self.part(min(self.rows, 1_260_000))
        self.fresh('peer')
        self.adbc_ingest(frame)
        for who, statement in {
            'staging by ADBC, then anti-join': f'INSERT INTO peer SELECT s.* FROM stage s LEFT JOIN peer p USING (instrument_id, session) WHERE p.instrument_id IS NULL OR '
            f'{" OR ".join(f"p.{name} IS DISTINCT FROM s.{name}" for name in BAR_COLUMNS)}',
            'staging by ADBC, then ON CONFLICT DO UPDATE': f'INSERT INTO peer SELECT * FROM stage ON CONFLICT (instrument_id, session) DO UPDATE SET {", ".join(f"{n} = excluded.{n}" for n in BAR_COLUMNS)}',
        }.items():
            self.say(
                what,
                who,
                timed(self.staged, frame, statement)[0] * self.rows / len(frame),
                'rows',
                len(frame) < self.rows,
            )

    def staged(self, frame, statement):
        import pyarrow as pa

        with session(self.settings) as db:
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
        "One new bar for each symbol, with five that are known"
        self.say(
            'daily update, 5 known + 1 new',
            'TradeLab save_deliveries',
            timed(save_deliveries, self.settings, 'bench', list(self.tails()), datetime.now(UTC))[0],
            's',
        )

    def tails(self):
        from dataclasses import replace

        for delivery in made(self.symbols, self.length):
            last = delivery.bars.iloc[[-1]].set_axis(delivery.bars.index[[-1]] + pd.Timedelta(days=3))
            yield replace(delivery, bars=pd.concat([delivery.bars.iloc[-5:], last]))

    # ---- reading

    def read_panel(self):
        what, query = (
            'panel of all symbols',
            'SELECT instrument_id, session, open, high, low, close, volume FROM daily_bars',
        )
        rounds = {
            'TradeLab market_data.bars': lambda k: bars(self.settings, provider='bench'),
            'ADBC to pandas': lambda k: self.by_adbc(query),
        }
        seconds = {who: [] for who in rounds}
        for k in range(5):
            for who, call in rounds.items():
                seconds[who].append(timed(call, k)[0])
        for who, found in seconds.items():
            self.say(what, who, statistics.median(found))
        kept, _ = timed(cached_panel, self.settings, (), None, None, 'raw', None, 'bench')
        self.say(what, 'snapshots.panel, first time', kept)
        self.say(what, 'snapshots.panel, again', median(lambda k: cached_panel(self.settings, provider='bench'), 7))
        self.say(
            what,
            'snapshots.panel, again, and a sum over all',
            median(lambda k: cached_panel(self.settings, provider='bench').to_numpy().sum(), 5),
        )
        if not self.quick:
            self.say(what, 'pandas.read_sql', timed(lambda: pd.read_sql(query, engine(self.settings)))[0])

    def by_adbc(self, query):
        with self.adbc.cursor() as cursor:
            cursor.execute(query)
            return cursor.fetch_arrow_table().to_pandas()

    def read_one(self):
        what = f'one symbol, {self.length} bars'

        def name(k):
            return f'S{k * 7 % self.symbols:05d}'

        query = "SELECT session, open, high, low, close, volume FROM daily_bars JOIN listings USING (instrument_id) WHERE symbol = '{}'"
        self.say(
            what, 'TradeLab load_bars', median(lambda k: load_bars(self.settings, name(k), provider='bench'), 61), 'ms'
        )
        self.say(what, 'ADBC to pandas', median(lambda k: self.by_adbc(query.format(name(k))), 31), 'ms')
        self.say(
            what,
            'pandas.read_sql',
            median(lambda k: pd.read_sql(query.format(name(k)), engine(self.settings)), 15),
            'ms',
        )

    def read_last(self):
        what = f'last bar of {self.symbols} symbols'
        self.say(what, 'TradeLab last_bars', median(lambda k: last_bars(self.settings, provider='bench'), 31), 'ms')
        for who, query in {
            'LATERAL in SQL, by ADBC': 'SELECT b.* FROM instruments i CROSS JOIN LATERAL (SELECT * FROM daily_bars d WHERE d.instrument_id = i.id ORDER BY session DESC LIMIT 1) b',
            'DISTINCT ON, by ADBC': 'SELECT DISTINCT ON (instrument_id) * FROM daily_bars ORDER BY instrument_id, session DESC',
        }.items():
            self.say(
                what, who, median(lambda k, query=query: self.by_adbc(query), 3 if 'DISTINCT' in who else 15), 'ms'
            )

    def run(self):
        print(
            f"{self.symbols:,} symbols x {self.length:,} bars = {self.rows:,} rows; ratios are times against TradeLab's in the same block, above 1 is slower than TradeLab\n"
        )
        for step in (self.first_load, self.again, self.daily):
            step()
        with session(self.settings) as db:
            for name in ('peer', 'stage'):
                db.execute(text(f'DROP TABLE IF EXISTS {name}'))
        with engine(self.settings).connect().execution_options(isolation_level='AUTOCOMMIT') as connection:
            connection.execute(text('VACUUM ANALYZE daily_bars'))
        for step in (self.read_panel, self.read_one, self.read_last):
            step()


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument('--symbols', type=int, default=500)
    asked.add_argument('--bars', type=int, default=5040)
    asked.add_argument('--quick', action='store_true', help='leave out the slow peers')
    given = asked.parse_args()
    with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as home:
        (Path(home) / 'settings.ini').touch()
        start_server(Path(home) / '.tradelab' / 'postgres')
        settings = load_settings(Path(home), database={'statement_timeout_ms': 600_000})
        try:
            migrate(settings)
            Bench(settings, given.symbols, given.bars, given.quick).run()
        finally:
            close_engines()
            stop_server(Path(home) / '.tradelab' / 'postgres')


if __name__ == '__main__':
    main()
