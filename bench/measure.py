"""Shared by the benchmarks: timing, memory, the peers' environment, random data and metrics. Needs only NumPy."""

import hashlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CASH, FEE, QUANTITY = 1e9, 0.001, 1_000.0


def timed(call):
    "Seconds and result of one call"
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def repeated(call, budget=2.0, limit=300):
    "Seconds of the first call, and the median of further calls: at least two, as many as fit into `budget` seconds"
    first, _ = timed(call)
    times, until = [], time.perf_counter() + budget
    while len(times) < 2 or (time.perf_counter() < until and len(times) < limit):
        times.append(timed(call)[0])
    return {'first': first, 'warm': statistics.median(times), 'calls': len(times)}


def peak():
    "Peak resident memory of this process in MiB, from /proc, so without the memory of its parent"
    return next(
        int(line.split()[1]) / 1024
        for line in Path('/proc/self/status').read_text().splitlines()
        if line.startswith('VmHWM')
    )


def environment(home, requirements, pip=False):
    "Python of the environment with the peers listed in the file `requirements`; rebuilt when the file changes"
    python, ready = home / 'bin' / 'python', home / '.ready'
    mark = hashlib.sha256(requirements.read_bytes() + sys.version.encode()).hexdigest()
    if ready.exists() and ready.read_text() == mark:
        return python
    if home.exists() and any(home.iterdir()) and not (home / 'pyvenv.cfg').exists():
        sys.exit(f'{home} contains other files. Name another folder with --home.')
    print(f'Installing the peers into {home}; the first time takes a minute or two.', flush=True)
    if pip:
        create = ['venv', '--clear', home]
        install = [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
    else:
        create = ['uv', 'venv', '--quiet', '--clear', '--python', sys.executable, home]
        install = [sys.executable, '-m', 'uv', 'pip', 'install', '--quiet', '--python', python]
    subprocess.run([sys.executable, '-m', *create], check=True)
    subprocess.run([*install, '-r', requirements], check=True)
    ready.write_text(mark)
    return python


def walks(symbols, length, seed):
    "Open, high, low, close of random walks that gap overnight, shape (length, symbols) each"
    rng = np.random.default_rng(seed)
    close = 50 * np.exp((rng.normal(0.0002, 0.018, (length, symbols))).cumsum(axis=0))
    before = np.vstack([close[:1], close[:-1]])
    opened = before * np.exp(rng.normal(0, 0.004, close.shape))
    reach = np.exp(np.abs(rng.normal(0, 0.006, (2, *close.shape))))
    high, low = np.maximum(opened, close) * reach[0], np.minimum(opened, close) / reach[1]
    return {'open': opened, 'high': high, 'low': low, 'close': close}


def without_gaps(data):
    "The same closes, but each bar opens at the last close"
    opened = np.vstack([data['open'][:1], data['close'][:-1]])
    return {**data, 'open': opened, 'high': np.maximum(data['high'], opened), 'low': np.minimum(data['low'], opened)}


def averages(close, window):
    "Simple moving averages down the columns, NaN during the warm-up"
    sums = np.vstack([np.zeros_like(close[:1]), close.cumsum(axis=0)])
    means = np.full_like(close, np.nan)
    means[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return means


def strength(close, window):
    "Relative strength index from simple means of the last `window` changes, NaN during the warm-up"
    change = np.diff(close, axis=0, prepend=close[:1])
    up, down = averages(np.maximum(change, 0), window), averages(np.maximum(-change, 0), window)
    with np.errstate(invalid='ignore', divide='ignore'):
        index = 100 * up / (up + down)
    index[:window] = np.nan
    return index


def level_rule(close, fast=50, slow=200, window=14):
    "Entries and exits of the single runs: enter in an uptrend with a low RSI, leave in a downtrend or at a high RSI"
    short, long, index = averages(close, fast), averages(close, slow), strength(close, window)
    return (short > long) & (index < 30), (short < long) | (index > 70)


def crossing_rule(fast, slow, index):
    "Buys and sells of the sweep, shape (n_bars, ...): a crossing or an extreme RSI; nothing where both sides vote"
    up, down = np.zeros(fast.shape, bool), np.zeros(fast.shape, bool)
    up[1:] = (fast[1:] > slow[1:]) & (fast[:-1] <= slow[:-1])
    down[1:] = (fast[1:] < slow[1:]) & (fast[:-1] >= slow[:-1])
    buy, sell = up | (index < 30), down | (index > 70)
    return buy & ~sell, sell & ~buy


def figures(equity, cash):
    "Total return, Sharpe ratio and largest drawdown of equity curves; one curve per column, one row per close"
    equity = np.asarray(equity, dtype=float)
    returns = equity[1:] / equity[:-1] - 1
    spread = returns.std(axis=0, ddof=1)
    with np.errstate(invalid='ignore', divide='ignore'):
        sharpe = returns.mean(axis=0) / spread * np.sqrt(252)
    return {
        'total_return': equity[-1] / cash - 1,
        'sharpe': sharpe,
        'max_drawdown': (equity / np.maximum.accumulate(equity, axis=0) - 1).min(axis=0),
    }
