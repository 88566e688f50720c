"""Speed and results of the backtests compared with vectorbt, backtesting.py and backtrader, on the same arrays.

    python bench/backtest.py                       # all cases, about six minutes
    python bench/backtest.py --cases walk,sweep --engines TradeLab,vectorbt --quick

The peers are installed once into a separate environment (bench/requirements-backtest.txt) at --home. Every engine runs
every case in its own process. Times are medians of repeated calls without the first one; memory is the peak of the
process; ratios are times divided by TradeLab's, so above 1 is slower than TradeLab.
"""

import time

BEGAN = time.perf_counter()
import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

PANDAS = time.perf_counter()
from measure import (
    CASH,
    FEE,
    QUANTITY,
    averages,
    environment,
    figures,
    level_rule,
    peak,
    repeated,
    walks,
    without_gaps,
)

HERE = Path(__file__).resolve().parent
PEERS = ('vectorbt numba', 'vectorbt rust', 'backtesting.py', 'backtrader')
CASES = {
    'walk': PEERS,
    'aapl': PEERS,
    'portfolio': PEERS[:2],
    'targets': PEERS[:2],
    'sweep': PEERS[:2],
    'cold': PEERS,
}
STRENGTHS, OVERSOLD, OVERBOUGHT = tuple(range(5, 25, 2)), 30.0, 70.0


# ---- TradeLab: all code that uses its names


class TradeLab:
    def __init__(self):
        from tradelab.config import BacktestSettings, CostSettings, RiskSettings

        self.costs = CostSettings(
            commission_rate=FEE, sec_fee_per_million=0, taf_per_share=0, slippage_bp=0, volume_cap=None, borrow_rate=0
        )
        self.risk, self.account = RiskSettings, BacktestSettings

    def market(self, data, names=None):
        from tradelab.engine.market import bar_panel

        days = pd.bdate_range('2000-01-03', periods=len(data['close']), name='session')
        names = names or [f'S{k:04d}' for k in range(data['close'].shape[1])]
        bars = {column: data[column] for column in ('open', 'high', 'low', 'close')}
        return bar_panel(
            {
                name: pd.DataFrame({**{column: values[:, k] for column, values in bars.items()}, 'volume': 1e12}, days)
                for k, name in enumerate(names)
            }
        )

    def signals(self, market, entries, exits):
        from tradelab.engine.market import Signals

        votes = entries.astype('int8') - exits.astype('int8')
        return Signals(market.symbols, market.sessions, votes, np.zeros(votes.shape))

    def four(self, result):
        "Total return, number of trades, Sharpe ratio and largest drawdown"
        from tradelab.performance_metrics import max_drawdown, sharpe, total_return

        equity = result.equity.equity
        return total_return(equity), len(result.trades), sharpe(equity), max_drawdown(equity)

    def prepared(self, market, signals, risk, cash=CASH, fractional=True, fee=FEE):
        "A call of the public function without arguments; its settings are made before"
        from tradelab.backtesting import backtest

        costs = self.costs.model_copy(update={'commission_rate': fee})
        account = self.account(cash=cash, fractional=fractional)
        return lambda: backtest(market, signals, costs, risk, account)

    def backtest(self, *args):
        return self.prepared(*args)()

    def with_indicators(self, market, close, risk):
        from tradelab.indicators import rsi, sma

        fast, slow, strength = (values.to_numpy() for values in (sma(close, 50), sma(close, 200), rsi(close, 14)))
        entries = (fast > slow) & (strength < OVERSOLD)
        exits = (fast < slow) | (strength > OVERBOUGHT)
        return self.four(self.backtest(market, self.signals(market, entries[:, None], exits[:, None]), risk))

    def kernel(self, market, data, risk, cash=CASH):
        "A call of the compiled loop alone, with a new account and log each time; None without a kernel"
        try:
            from tradelab.engine.kernel import advance
            from tradelab.engine.market import Bars, Inputs
            from tradelab.engine.state import engine_parameters, new_log, open_account
        except ImportError:
            return None
        n, k = market.close.shape
        unknown = np.full((1, 1), np.nan)
        parameters = engine_parameters(self.costs, risk, self.account(cash=cash, fractional=True))
        bars = Bars(*(getattr(market, name) for name in Bars._fields))
        votes = data['entries'].astype('i1') - data['exits'].astype('i1')
        inputs = Inputs(votes, np.zeros((n, k)), unknown, unknown)

        def call():
            account, log, curve = open_account(cash, k), new_log((n + 6) * k + 8), np.empty((n, 6))
            if advance(0, n, n - 1, bars, inputs, account, parameters, log, curve) != n:
                raise RuntimeError('the log of the kernel was too short')

        return call

    def one(self, data):
        market, all_cash = self.market(data), self.risk()
        signals = self.signals(market, data['entries'], data['exits'])
        close = pd.Series(data['close'][:, 0], market.sessions)
        call = self.prepared(market, signals, all_cash)
        times = {
            'call': repeated(call),
            'figures': repeated(lambda: self.four(call())),
            'indicators': repeated(lambda: self.with_indicators(market, close, all_cash)),
        }
        alone = self.kernel(market, data, all_cash)
        if alone:
            times['kernel'] = repeated(alone)
        by_quantity = self.risk(sizing='quantity', position_quantity=QUANTITY)
        return times, {
            'by_close': self.curve_and_trades(self.backtest(market, signals, all_cash)),
            'quantity': self.curve_and_trades(self.backtest(market, signals, by_quantity)),
        }

    def curve_and_trades(self, result):
        "Equity, and one row per closed trade: bars of entry and exit, quantity, profit, number of the symbol"
        trades = result.trades[~result.trades.is_open.to_numpy(dtype=bool)].sort_values(['symbol', 'entry_session'])
        sessions = result.equity.index
        rows = (
            sessions.get_indexer(trades.entry_session),
            sessions.get_indexer(trades.exit_session),
            trades.quantity,
            trades.pnl,
            pd.Index(result.symbols).get_indexer(trades.symbol),
        )
        return result.equity.equity.to_numpy(), np.column_stack([np.asarray(row, dtype=float) for row in rows])

    def many(self, data):
        market = self.market(data)
        signals = self.signals(market, data['entries'], data['exits'])
        sizes = dict(position_fraction=0.01, max_positions=100)
        bare = self.risk(**sizes)
        guarded = self.risk(
            **sizes,
            stop_loss=0.08,
            trailing_stop=0.15,
            take_profit=0.25,
            time_stop=120,
            max_position_fraction=0.02,
            max_gross_exposure=1.0,
            max_net_exposure=1.0,
            max_order_value=50_000.0,
            min_cash_fraction=0.01,
            max_drawdown=0.9,
            max_daily_loss=0.5,
            cooldown_sessions=1,
        )
        with_limits = self.prepared(market, signals, guarded, 1e6)
        without_limits = self.prepared(market, signals, bare, 1e6)
        times = {
            'guarded': repeated(with_limits, 3.0),
            'guarded_figures': repeated(lambda: self.four(with_limits()), 3.0),
            'call': repeated(without_limits, 3.0),
            'figures': repeated(lambda: self.four(without_limits()), 3.0),
        }
        alone = self.kernel(market, data, guarded, 1e6)
        if alone:
            times['kernel'] = repeated(alone)
        fixed = self.risk(
            sizing='quantity',
            position_quantity=100.0,
            max_positions=market.close.shape[1],
            max_gross_exposure=10.0,
            max_net_exposure=10.0,
        )
        scarce = self.backtest(
            self.market(without_gaps(data)), signals, fixed, 250.0 * market.close.shape[1], False, 0.0
        )
        return times, {
            'plenty': self.curve_and_trades(self.backtest(market, signals, fixed)),
            'scarce': self.curve_and_trades(scarce),
        }

    def targets(self, data):
        from tradelab.backtesting import backtest
        from tradelab.engine.market import Targets

        market = self.market(data)
        wanted = Targets(pd.DataFrame(data['weights'], market.sessions, market.symbols))
        risk, account = self.risk(max_positions=len(market.symbols)), self.account(cash=1e6, fractional=True)

        def call():
            return backtest(market, wanted, self.costs, risk, account)

        times = {'call': repeated(lambda: self.books(call()), 3.0), 'figures': repeated(lambda: self.four(call()), 3.0)}
        return times, {'weights': self.curve_and_trades(call())}

    def books(self, result):
        "Trades and equity"
        return result.trades, result.equity

    def sweep(self, data):
        "Total return, closed trades, Sharpe ratio and largest drawdown per combination, shape (n_pairs*n_windows, 4)"
        from tradelab.config import SweepSettings
        from tradelab.research.sweep import sweep

        market = self.market(data)
        closes = {market.symbols[0]: pd.Series(data['close'][:, 0], market.sessions)}
        fasts, slows = (tuple(dict.fromkeys(data['windows'][data['pairs'][:, k]].tolist())) for k in (0, 1))
        levels = dict(oversold=(OVERSOLD,), overbought=(OVERBOUGHT,))
        grid = SweepSettings(fast=fasts, slow=slows, rsi_window=STRENGTHS, **levels)
        account = self.account(cash=1e5, fractional=True)

        def call():
            return sweep(market, closes, grid, costs=self.costs, risk=self.risk(), account=account)

        return {'figures': repeated(call, 3.0)}, {
            'by_close': (call().table[['Total Return', '# Trades', 'Sharpe', 'Max Drawdown']].to_numpy(), np.zeros(0))
        }

    def cold(self, data):
        market = self.market(data)
        self.four(self.backtest(market, self.signals(market, data['entries'], data['exits']), self.risk()))
        return {'pandas': PANDAS - BEGAN, 'beyond': time.perf_counter() - PANDAS, 'peak': peak()}

    def strengths(self, close):
        "Wilder's RSI for every window; all engines of the sweep use these tables"
        from tradelab.indicators import rsi

        return np.column_stack([rsi(pd.Series(close), window).to_numpy() for window in STRENGTHS])


def work(case, folder):
    "Run one case with TradeLab in this process"
    with np.load(folder / f'{case}.npz') as file:
        data = dict(file)
    lab = TradeLab()
    if case == 'cold':
        report, results = lab.cold(data), {}
    else:
        method = {'walk': 'one', 'aapl': 'one', 'portfolio': 'many'}.get(case, case)
        times, results = getattr(lab, method)(data)
        report = {'times': times, 'peak': peak()}
    np.savez(
        folder / f'TradeLab-{case}.npz',
        **{f'{name}_{part}': values for name, pair in results.items() for part, values in zip('ab', pair)},
    )
    (folder / f'TradeLab-{case}.json').write_text(json.dumps(report))


# ---- the arrays of the cases


def aapl():
    "The sample's raw bars of AAPL"
    from tradelab.providers.sample import fetch

    return {name: fetch('AAPL').bars[name].to_numpy(dtype=float)[:, None] for name in ('open', 'high', 'low', 'close')}


def arrays(case, quick):
    if case == 'aapl':
        bars = aapl()
    else:
        portfolio = (50 if quick else 500, 1_260)
        shapes = {'walk': (1, 5_000), 'cold': (1, 5_000), 'sweep': (1, 2_500)}
        shapes |= dict.fromkeys(('portfolio', 'targets'), portfolio)
        bars = walks(*shapes[case], seed=4)
    if case == 'sweep':
        fasts, slows = np.arange(5, 105, 20 if quick else 4), np.arange(110, 310, 25 if quick else 5)
        pairs = np.array([(a, len(fasts) + b) for a in range(len(fasts)) for b in range(len(slows))])
        windows = np.concatenate([fasts, slows])
        tables = np.column_stack([averages(bars['close'], window)[:, 0] for window in windows])
        return {
            **bars,
            'pairs': pairs,
            'windows': windows,
            'averages': tables,
            'strengths': TradeLab().strengths(bars['close'][:, 0]),
        }
    if case == 'targets':
        return {**bars, 'weights': monthly_momentum(bars['close'])}
    entries, exits = level_rule(bars['close'])
    return {**bars, 'entries': entries, 'exits': exits}


def monthly_momentum(close, window=126, most=10, invested=0.95):
    "Weights of the symbols with the best return of the window, every 21 bars; NaN in between, shape of `close`"
    close = pd.DataFrame(close)
    best = close.pct_change(window, fill_method=None).rank(axis=1, ascending=False, method='first') <= most
    rebalanced = (np.arange(len(close)) >= window) & (np.arange(len(close)) % 21 == 0)
    return np.where(rebalanced[:, None], best * invested / most, np.nan)


# ---- the peers


def run_worker(command, folder, name):
    "Report and arrays of a worker process, or the last line of its error"
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=HERE)
    if done.returncode:
        return {
            'failed': done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f'exit code {done.returncode}'
        }, {}
    with np.load(folder / f'{name}.npz') as file:
        return json.loads((folder / f'{name}.json').read_text()), dict(file)


# ---- the tables

LINES = {
    'bare': 'orders alone',
    'call': 'trades and equity',
    'figures': 'trades, equity and four figures',
    'indicators': 'the same with indicators computed',
    'guarded': 'trades and equity, stops and limits',
    'guarded_figures': 'four figures, stops and limits',
    'kernel': 'kernel alone',
}
TITLES = {
    'walk': 'One symbol, 5,000 bars of a random walk',
    'aapl': 'AAPL, 3,270 real bars',
    'portfolio': '{} symbols, 1,260 bars, one account',
    'targets': '{} symbols, 1,260 bars, target weights of ten of them every 21 bars',
    'sweep': '{} combinations, 2,500 bars, four metrics',
    'cold': 'A new process: import and first backtest, beyond import pandas',
}
AGAINST = {
    'guarded': 'call',
    'guarded_figures': 'figures',
    'kernel': 'call',
}  # a peer without such a line is compared by this one


def merged(reports):
    "One report from several rounds: medians of times and memory"
    if any('failed' in report for report in reports):
        return next(report for report in reports if 'failed' in report)

    def median(*values):
        if isinstance(values[0], dict):
            return {key: median(*(value[key] for value in values)) for key in values[0]}
        return statistics.median(values)

    return median(*reports)


def as_text(seconds):
    return f'{seconds * 1e3:,.2f} ms' if seconds < 1 else f'{seconds:,.2f} s'


def speed(case, reports, size):
    print('\n' + TITLES[case].format(f'{size:,}'))
    failed = {who: report['failed'] for who, report in reports.items() if 'failed' in report}
    for who, error in failed.items():
        print(f'  {who} failed: {error}')
    good = {who: report for who, report in reports.items() if who not in failed}
    if case == 'cold':
        good = {
            who: {**report, 'times': {'cold': {'warm': report['beyond'], 'first': report['pandas']}}}
            for who, report in good.items()
        }
    kinds = [
        kind
        for kind in ('bare', 'call', 'figures', 'indicators', 'guarded', 'guarded_figures', 'kernel', 'cold')
        if any(kind in report['times'] for report in good.values())
    ]
    for kind in kinds:
        base = good.get('TradeLab', {'times': {}})['times'].get(kind if kind != 'bare' else 'call')
        for who, report in good.items():
            used = kind if kind in report['times'] else AGAINST.get(kind)
            timing = report['times'].get(used)
            if timing is None:
                continue
            ratio = f'{timing["warm"] / base["warm"]:8.2f} x' if base else f'{"":10s}'
            tail = ('pandas itself' if kind == 'cold' else 'first') + f' {as_text(timing["first"])}'
            if used != kind:
                tail += f'   ({LINES[used]})'
            if timing.get('scaled'):
                tail += '   (scaled from a few combinations)'
            title, warm = LINES.get(kind, 'beyond pandas'), as_text(timing['warm'])
            memory = f'{report["peak"]:8,.0f} MiB'
            print(f'  {title:38s} {who:16s} {warm:>14s} {ratio} {memory}   {tail}', flush=True)


def agreement(case, arrays):
    "Compare every engine with TradeLab where the settings mean the same; then where they are known to differ"
    ours = arrays['TradeLab']
    for name in sorted({key[:-2] for key in ours}):
        if case == 'sweep':
            for who, theirs in arrays.items():
                if f'{name}_a' in theirs:
                    sweep_line(who, theirs[f'{name}_a'], ours[f'{name}_a'])
            continue
        for who, theirs in arrays.items():
            if f'{name}_a' in theirs:
                one_line(f'{case}: {name}', who, theirs, ours, name)
    for who, theirs in arrays.items():
        if 'all_cash_a' in theirs and 'by_close_a' in ours:
            one_line(
                f'{case}: all_cash',
                who,
                {**theirs, 'by_close_a': theirs['all_cash_a'], 'by_close_b': theirs['all_cash_b']},
                ours,
                'by_close',
            )


def one_line(title, who, theirs, ours, name):
    equity, trades = theirs[f'{name}_a'], theirs[f'{name}_b']
    base, own = ours[f'{name}_a'], ours[f'{name}_b']
    values, length = figures(equity, equity[0]), min(len(equity), len(base))
    comparison = ''
    if who != 'TradeLab':
        same = len(trades) == len(own) and (trades[:, :2] == own[:, :2]).all()
        comparison = 'other trades'
        if same:
            largest = np.abs(trades[:, 3] - own[:, 3]).max(initial=0)
            comparison = f'same entry and exit bars, profits differ by {largest:.1e} USD at most'
        comparison += f', equity by a fraction of {np.abs(equity[-length:] / base[-length:] - 1).max():.1e}'
    metrics = f'{values["total_return"]:+10.4%} {values["sharpe"]:9.5f} {values["max_drawdown"]:11.5%}'
    print(f'{title:20s} {who:16s} {len(trades):7,d} {equity[-1]:20,.2f} {metrics}  {comparison}')


def sweep_line(who, theirs, ours):
    defined = np.isfinite(ours[:, 0])
    differences = np.nanmax(np.abs(theirs[defined] - ours[defined]), axis=0)
    if who != 'TradeLab':
        print(
            f'{"sweep: by_close":20s} {who:16s} {defined.sum():7,d} of {len(ours):,} combinations compared, '
            f'largest differences: return {differences[0]:.1e}, trades {differences[1]:.0f}, '
            f'Sharpe {differences[2]:.1e}, drawdown {differences[3]:.1e}'
        )


NOTES = """
by_close   TradeLab's rule: all cash buys as many shares as the close of the decision allows, cut to the cash at the
           open. vectorbt gets it as target orders valued at that close.
all_cash   The peers' own rule, all cash at the open, compared with TradeLab's by_close. The bars are the same, but the
           peers buy more shares where the open lies below the close.
quantity   1,000 shares per trade and more cash than needed.
plenty     100 shares per trade and symbol; one account that never lacks cash.
scarce     The same with cash for a few symbols: sales first, then purchases by symbol, cut to whole shares. Bars open
           at the last close and there are no fees. TradeLab cuts orders to the cash at the close of the decision and
           again at the open; vectorbt cuts at the open only, so that the rest goes to other symbols.
sweep      vectorbt counts a trade still open at the end, TradeLab counts only closed ones: they differ by at most 1.
"Orders alone" is what vectorbt's call returns. It computes trades, equity and figures on request; the other engines
compute them during the run.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--cases', default=','.join(CASES), help=f'some of {", ".join(CASES)}')
    parser.add_argument(
        '--engines', default='', help='names or their beginnings, separated by commas; TradeLab always runs'
    )
    parser.add_argument(
        '--rounds',
        type=int,
        default=1,
        help='processes per engine, one engine after the other in each round; medians are shown '
        '(case cold: the first round only warms the caches)',
    )
    parser.add_argument('--quick', action='store_true', help='fewer symbols and combinations')
    parser.add_argument(
        '--home',
        type=Path,
        default=Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'tradelab-bench' / 'peers',
        help="the peers' environment",
    )
    options = parser.parse_args()
    python = environment(options.home, HERE / 'requirements-backtest.txt')
    lines = []
    with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as folder:
        folder = Path(folder)
        for case in options.cases.split(','):
            data = arrays(case, options.quick)
            np.savez(folder / f'{case}.npz', **data)
            size = len(data['pairs']) * len(STRENGTHS) if case == 'sweep' else data['close'].shape[1]
            peers = [
                peer
                for peer in CASES[case]
                if not options.engines or any(peer.startswith(name) for name in options.engines.split(',') if name)
            ]
            commands = {
                'TradeLab': [sys.executable, HERE / 'backtest.py', '--work', case, folder],
                **{peer: [python, HERE / 'backtest_peers.py', case, peer, folder] for peer in peers},
            }
            rounds, results = {who: [] for who in commands}, {}
            for _ in range(max(options.rounds, 2) if case == 'cold' else options.rounds):
                for who, command in commands.items():
                    report, results[who] = run_worker(command, folder, f'{who.replace(" ", "_")}-{case}')
                    rounds[who].append(report)
            speed(
                case, {who: merged(reports[1:] if case == 'cold' else reports) for who, reports in rounds.items()}, size
            )
            if case != 'cold':
                lines.append((case, results))
    metrics = f'{"return":>10s} {"Sharpe":>9s} {"drawdown":>11s}'
    print(f'\n{"Agreement":20s} {"":16s} {"trades":>7s} {"last equity":>20s} {metrics}')
    for case, results in lines:
        agreement(case, results)
    print(NOTES)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--work']:
        work(sys.argv[2], Path(sys.argv[3]))
    else:
        main()
