"What both sides of the benchmarks share: clocks, memory, the peers' environment, made data, and figures out of an equity curve. Needs NumPy alone."

import hashlib
import statistics
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CASH, FEE, QUANTITY = 1e9, 0.001, 1_000.0


def timed(call):
    began = time.perf_counter()
    found = call()
    return time.perf_counter() - began, found


def repeated(call, budget=2.0, most=300):
    "Seconds of the first call and the median of as many more as fit into `budget` seconds, two at least"
    first, _ = timed(call)
    times, until = [], time.perf_counter() + budget
    while len(times) < 2 or (time.perf_counter() < until and len(times) < most):
        times.append(timed(call)[0])
    return {'first': first, 'warm': statistics.median(times), 'calls': len(times)}


def peak():
    "Largest resident memory of this process so far, MiB; the kernel's own account, so a parent's memory is not in it"
    return next(
        int(line.split()[1]) / 1024
        for line in Path('/proc/self/status').read_text().splitlines()
        if line.startswith('VmHWM')
    )


def environment(home, wanted, pip=False):
    "Python of an environment for the peers in the file `wanted`, made anew when that changes; by pip for packages that only pip finds on this machine"
    python, ready = home / 'bin' / 'python', home / '.ready'
    mark = hashlib.sha256(wanted.read_bytes() + sys.version.encode()).hexdigest()
    if ready.exists() and ready.read_text() == mark:
        return python
    if home.exists() and any(home.iterdir()) and not (home / 'pyvenv.cfg').exists():
        sys.exit(f'{home} holds something else; name another folder with --home.')
    print(f'Installing the peers into {home}; the first time takes a minute or two.', flush=True)
    made = ['venv', '--clear', home] if pip else ['uv', 'venv', '--quiet', '--clear', '--python', sys.executable, home]
    filled = (
        [python, '-m', 'pip', 'install', '--quiet', '--disable-pip-version-check']
        if pip
        else [sys.executable, '-m', 'uv', 'pip', 'install', '--quiet', '--python', python]
    )
    subprocess.run([sys.executable, '-m', *made], check=True)
    subprocess.run([*filled, '-r', wanted], check=True)
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
    "The same closes, each bar opening where the last one closed"
    opened = np.vstack([data['open'][:1], data['close'][:-1]])
    return {**data, 'open': opened, 'high': np.maximum(data['high'], opened), 'low': np.minimum(data['low'], opened)}


def averages(close, window):
    "Simple moving averages down the columns, NaN while they warm up"
    sums = np.vstack([np.zeros_like(close[:1]), close.cumsum(axis=0)])
    found = np.full_like(close, np.nan)
    found[window - 1 :] = (sums[window:] - sums[:-window]) / window
    return found


def strength(close, window):
    "Relative strength index of simple means of the last `window` changes, NaN while it warms up"
    change = np.diff(close, axis=0, prepend=close[:1])
    up, down = averages(np.maximum(change, 0), window), averages(np.maximum(-change, 0), window)
    with np.errstate(invalid='ignore', divide='ignore'):
        found = 100 * up / (up + down)
    found[:window] = np.nan
    return found


def level_rule(close, fast=50, slow=200, window=14):
    "Where the rule of the single runs enters and leaves: a trend with a dip, the trend's end or a rally"
    a, b, index = averages(close, fast), averages(close, slow), strength(close, window)
    return (a > b) & (index < 30), (a < b) | (index > 70)


def crossing_rule(fast, slow, index):
    "Where the sweep's rule buys and sells: a crossing or an extreme of the RSI, nothing where both sides have a vote; shape (n_bars, ...)"
    up, down = np.zeros(fast.shape, bool), np.zeros(fast.shape, bool)
    up[1:], down[1:] = (
        (fast[1:] > slow[1:]) & (fast[:-1] <= slow[:-1]),
        (fast[1:] < slow[1:]) & (fast[:-1] >= slow[:-1]),
    )
    buy, sell = up | (index < 30), down | (index > 70)
    return buy & ~sell, sell & ~buy


def figures(equity, cash):
    "Total return, Sharpe ratio and largest drawdown of equity curves down the columns; rows are closes"
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
