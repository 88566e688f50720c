"""What a process of `tradelab paper start` costs while it waits, on an own embedded server.

    python bench/waiting.py                             # 500 symbols x 1,260 sessions, a minute each
    python bench/waiting.py --symbols 50 --seconds 20

Measured are the memory and the CPU of the process alone, after it has said what it waits for: with stored prices while it
waits for the evening, and with the feed of Alpaca while a server on 127.0.0.1 sends a quote of every symbol each two
seconds. RSS counts shared libraries in full, PSS their share; the peak is that of its start. Its time is that of a
session in 2019 (`tests.running_clock`), so it can be run at any hour; data are random walks that end on the day before.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from replay import deliveries

NOON = datetime(2020, 1, 2, 17, 0, tzinfo=UTC)
START = "from tradelab.tests.running_clock import command; import sys; sys.argv[0] = 'tradelab'; command()"


def cost(pid):
    "Resident, proportional and peak memory in MiB, and CPU seconds so far"
    lines = Path(f'/proc/{pid}/smaps_rollup').read_text() + Path(f'/proc/{pid}/status').read_text()
    kib = {
        name: int(rest.split()[0])
        for name, _, rest in (line.partition(':') for line in lines.splitlines())
        if 'kB' in rest
    }
    used = Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()
    return (
        kib['Rss'] / 1024,
        kib['Pss'] / 1024,
        kib['VmHWM'] / 1024,
        sum(map(int, used[11:13])) / os.sysconf('SC_CLK_TCK'),
    )


def waits(settings, account, process):
    "Wait until the process has said what it does"
    from tradelab.paper_trading import status
    from tradelab.tests.forked import wait_until
    from tradelab.trading.accounts import accounts_table

    def doing():
        if process.poll() is not None:
            sys.exit(f'The process has ended: {process.returncode}')
        return account in set(accounts_table(settings).account) and status(account, settings).doing

    return wait_until(doing, 300)


def measured(settings, account, feed, seconds, busy):
    "Print what one process costs within some seconds, while `busy` is called every two seconds"
    from tradelab.tests.running_clock import CLOCK_VARIABLE, RunningClock

    path = settings.home / f'clock-{account}'
    clock = RunningClock.begin(path, NOON, speed=1.0)
    environment = os.environ | {CLOCK_VARIABLE: str(path), 'TRADELAB_PAPER_FEED': feed}
    process = subprocess.Popen(
        [sys.executable, '-c', START, 'paper', 'start', '--account', account],
        env=environment,
        stdout=subprocess.DEVNULL,
    )
    try:
        began = time.perf_counter()
        doing = waits(settings, account, process)
        started = time.perf_counter() - began
        for _ in range(5):
            busy(clock)
        *_, before = cost(process.pid)
        since = time.perf_counter()
        while time.perf_counter() < since + seconds:
            busy(clock)
        doing = waits(settings, account, process)
        lasted, (rss, pss, peak, after) = time.perf_counter() - since, cost(process.pid)
        began = time.perf_counter()
        process.terminate()
        process.wait(60)
        print(
            f'{feed:>7}: {rss:5.0f} MiB resident, {pss:5.0f} MiB proportional, {peak:5.0f} MiB at most; '
            f'{(after - before) / lasted:6.2%} CPU; {started:.1f} s to its first word, '
            f'{time.perf_counter() - began:.1f} s from SIGTERM to its end; it said: {doing}',
            flush=True,
        )
    finally:
        process.kill()


def quotes(names, clock):
    "A quote of every symbol, around a price that moves a little"
    now = clock.now()
    for k, name in enumerate(names):
        bid = round(50 + 5 * ((k * 37 + now.second * 11) % 100) / 1000, 2)
        yield {'T': 'q', 'S': name, 't': now, 'bp': bid, 'ap': bid + 0.02, 'bs': 300, 'as': 200}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--symbols', type=int, default=500)
    parser.add_argument('--sessions', type=int, default=1_260)
    parser.add_argument('--seconds', type=int, default=60, help='length of each measurement')
    args = parser.parse_args()
    from tradelab.config import load_settings
    from tradelab.data.store import save_deliveries
    from tradelab.tests.alpaca_data_server import KEYS, AlpacaData
    from tradelab.tests.alpaca_stream_server import AlpacaStream, send
    from tradelab.utils.database import close_engines, migrate
    from tradelab.utils.server import start_server, stop_server

    names = tuple(''.join(chr(65 + k // 26**place % 26) for place in (2, 1, 0)) for k in range(args.symbols))
    with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as home, AlpacaStream(rest=AlpacaData({})) as server:
        (Path(home) / 'settings.ini').touch()
        os.environ |= {
            'TRADELAB_HOME': home,
            'TRADELAB_DATA_PROVIDER': 'files',
            'TRADELAB_DATA_SYMBOLS': ','.join(names),
        }
        os.environ |= {f'TRADELAB_ALPACA_{key}_KEY': value for key, value in zip(('API', 'SECRET'), KEYS)}
        os.environ |= {'TRADELAB_ALPACA_URL': server.url, 'TRADELAB_FILES_PATH': home}
        limits = dict(max_order_value=1e6, max_order_quantity=1e6, max_daily_loss=0.5, max_drawdown=0.5)
        os.environ |= {f'TRADELAB_RISK_{key.upper()}': str(value) for key, value in limits.items()}
        start_server(Path(home) / '.tradelab' / 'postgres')
        try:
            settings = load_settings()
            migrate(settings)
            walks = [replace(one, symbol=name) for name, one in zip(names, deliveries(args.symbols, args.sessions))]
            save_deliveries(settings, 'files', walks, datetime.now(UTC))
            print(f'{args.symbols} symbols x {args.sessions:,} sessions, {args.seconds} s each')
            measured(settings, 'evening', 'stored', args.seconds, lambda clock: time.sleep(2))
            for_each = lambda clock: (send(server, *quotes(names, clock)), time.sleep(2))
            measured(settings, 'day', 'alpaca', args.seconds, for_each)
        finally:
            close_engines()
            stop_server(Path(home) / '.tradelab' / 'postgres')


if __name__ == '__main__':
    main()
