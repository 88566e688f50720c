"""Replays of a trading account through broker and ledger, on an own embedded server with durable commits.

    python bench/replay.py                              # 5 symbols x 3,270 sessions and 500 symbols x 1,260 sessions
    python bench/replay.py --symbols 500 --sessions 1260

Data are random walks on the sessions of the New York exchange. The kernel alone, through the public `backtest`, is
measured on the same data in the same process; the ratio is the time of the replay divided by it. Memory is the peak of
the process. The replay stores 50 sessions a transaction (`trading.replay.BATCH`).
"""

import argparse
import os
import sys
import tempfile
import time
from datetime import UTC, datetime
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pandas as pd
from measure import peak, walks

CASES = ((5, 3_270), (500, 1_260))


def deliveries(symbols, sessions):
    "Deliveries of random walks, the last session at the end of 2019"
    from tradelab.data.calendar import session_hours
    from tradelab.data.quality import BAR_COLUMNS, Delivery

    days = session_hours('2005-01-03', '2019-12-31').index[-sessions:].as_unit('us').rename('session')
    data, volume = (
        walks(symbols, sessions, seed=0),
        np.random.default_rng(1).integers(10**6, 10**7, (sessions, symbols)),
    )
    none = pd.DataFrame(columns=['ex_date', 'kind', 'value'])
    for k in range(symbols):
        values = np.column_stack([data[name][:, k] for name in BAR_COLUMNS[:4]] + [volume[:, k].astype(float)])
        bars = pd.DataFrame(values, days, list(BAR_COLUMNS))
        yield Delivery(f'S{k:04d}', '', 'USD', 'XNYS', 'crsp', bars, none, 'bench')


def measured(symbols, sessions):
    "Print what one case takes"
    from tradelab import paper_trading
    from tradelab.backtesting import backtest
    from tradelab.config import load_settings
    from tradelab.data.store import save_deliveries
    from tradelab.trading.order_ledger import load_executions
    from tradelab.trading.replay import open_replay, replay, replay_settings, replay_study
    from tradelab.utils.database import close_engines, migrate, session
    from tradelab.utils.server import start_server, stop_server

    with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as home:
        os.environ['TRADELAB_HOME'] = home
        (Path(home) / 'settings.ini').touch()
        start_server(Path(home) / '.tradelab' / 'postgres')
        try:
            names = tuple(f'S{k:04d}' for k in range(symbols))
            settings = load_settings(
                data={'provider': 'files', 'symbols': names},
                backtest={'cash': 1_000_000.0 * max(symbols // 5, 1)},
                risk={'max_positions': symbols, 'position_fraction': 1 / symbols},
            )
            migrate(settings)
            save_deliveries(settings, 'files', list(deliveries(symbols, sessions)), datetime.now(UTC))
            account = open_replay(settings)
            done = replay(settings, account)
            with session(settings) as db:
                fills = len(load_executions(db, account))
            begun = time.perf_counter()
            equal = paper_trading.compare(account, settings)
            compared = time.perf_counter() - begun
            pinned = replay_settings(settings, account)
            core = replay_study(pinned)
            wanted = core.wanted()
            alone = min(
                _seconds(lambda: backtest(core.market, wanted, pinned.costs, pinned.risk, pinned.backtest))
                for _ in range(3)
            )
        finally:
            close_engines()
            stop_server(Path(home) / '.tradelab' / 'postgres')
    print(
        f'{symbols:>4} symbols x {done.played:,} sessions: {done.seconds:7.1f} s, {done.played / done.seconds:6.0f} '
        f'sessions/s, {fills:,} fills; {done.seconds / alone:,.0f} times the backtest alone ({alone:.3f} s); '
        f'comparison {compared:.1f} s, {"equal" if equal.equal else equal.differences}; {peak():.0f} MiB',
        flush=True,
    )


def _seconds(call):
    begun = time.perf_counter()
    call()
    return time.perf_counter() - begun


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--symbols', type=int, help='symbols of one case')
    parser.add_argument('--sessions', type=int, default=1_260, help='sessions of that case')
    args = parser.parse_args()
    for case in [(args.symbols, args.sessions)] if args.symbols else CASES:
        process = get_context('spawn').Process(target=measured, args=case)  # its own peak of memory
        process.start()
        process.join()
        if process.exitcode:
            sys.exit(process.exitcode)


if __name__ == '__main__':
    main()
