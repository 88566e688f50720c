"""The peers' part of bench/backtest.py, which runs it in their environment: python backtest_peers.py CASE ENGINE FOLDER

Reads the arrays of a case from FOLDER, times the engine on them, and writes times and results to FOLDER as
ENGINE-CASE.json and ENGINE-CASE.npz.
"""

import time

BEGAN = time.perf_counter()
import json
import sys
import warnings
from pathlib import Path

import numpy as np
import pandas as pd

PANDAS = time.perf_counter()
from measure import CASH, FEE, QUANTITY, crossing_rule, figures, level_rule, peak, repeated, timed, without_gaps

warnings.simplefilter('ignore')


def frames(data):
    "The arrays of a case as pandas objects on business days: Series for one symbol, frames for several"
    days = pd.bdate_range('2000-01-03', periods=len(data['close']))
    one = data['close'].shape[1] == 1
    return {
        name: pd.Series(values[:, 0], days) if one else pd.DataFrame(values, days)
        for name, values in data.items()
        if values.ndim == 2
    }


def later(signals):
    "Signals moved to the bar at whose open they fill"
    return np.vstack([np.zeros_like(signals[:1]), signals[:-1]])


# ---- vectorbt


class Vectorbt:
    def __init__(self, engine):
        import vectorbt

        self.vbt, self.engine = vectorbt, engine

    def run(self, bars, entries, exits, size=np.inf, cash=CASH, fees=FEE, **options):
        return self.vbt.Portfolio.from_signals(
            bars['close'],
            entries,
            exits,
            price=bars['open'],
            size=size,
            fees=fees,
            init_cash=cash,
            freq='1D',
            engine=self.engine,
            **options,
        )

    def four(self, portfolio):
        return (
            portfolio.total_return(),
            portfolio.trades.count(),
            portfolio.sharpe_ratio(year_freq='252D'),
            portfolio.max_drawdown(),
        )

    def books(self, portfolio):
        "Trades and equity; vectorbt computes them on request, the other engines during the run"
        return portfolio.trades.records, portfolio.value()

    def by_close(self, bars, entries, exits, cash):
        "TradeLab's rule as target orders: all cash buys as many shares as the close of the decision allows"
        wrap = bars['close'].to_frame() if bars['close'].ndim == 1 else bars['close']
        entries, exits = (
            pd.DataFrame(np.asarray(x).reshape(wrap.shape), wrap.index, wrap.columns) for x in (entries, exits)
        )
        entries, exits = entries.vbt.signals.clean(exits)
        size = np.where(entries, 1.0, np.where(exits, 0.0, np.nan))
        opens = np.asarray(bars['open']).reshape(len(wrap), -1)
        return self.vbt.Portfolio.from_orders(
            wrap,
            size=size,
            size_type='targetpercent',
            price=opens,
            val_price=wrap.shift(1).bfill(),
            fees=FEE,
            init_cash=cash,
            direction='longonly',
            freq='1D',
            engine=self.engine,
        )

    def one(self, data):
        bars, vbt = frames(data), self.vbt
        entries, exits = (pd.Series(later(data[name])[:, 0], bars['close'].index) for name in ('entries', 'exits'))

        def indicators():
            close = bars['close']
            fast, slow, index = vbt.MA.run(close, 50), vbt.MA.run(close, 200), vbt.RSI.run(close, 14)
            up = fast.ma_above(slow)
            entry, exit_ = up & index.rsi_below(30), fast.ma_below(slow) | index.rsi_above(70)
            return self.four(
                self.run(
                    bars,
                    *(
                        pd.Series(later(x.to_numpy(dtype=bool).reshape(-1, 1))[:, 0], close.index)
                        for x in (entry, exit_)
                    ),
                )
            )

        def bare():
            return self.run(bars, entries, exits)

        times = {
            'bare': repeated(bare),
            'call': repeated(lambda: self.books(bare())),
            'figures': repeated(lambda: self.four(bare())),
            'indicators': repeated(indicators),
        }
        runs = {
            'all_cash': bare(),
            'quantity': self.run(bars, entries, exits, QUANTITY),
            'by_close': self.by_close(bars, entries, exits, CASH),
        }
        return times, {name: self.curve_and_trades(portfolio) for name, portfolio in runs.items()}

    def curve_and_trades(self, portfolio):
        "Equity, and one row per closed position: bars of entry and exit, quantity, profit, number of the symbol"
        trades = portfolio.positions.records
        trades = trades[trades.status == 1].sort_values(['col', 'entry_idx'])
        return np.asarray(portfolio.value()).ravel(), np.column_stack(
            [trades.entry_idx, trades.exit_idx, trades['size'], trades.pnl, trades.col]
        )

    def many(self, data):
        bars = frames(data)
        entries, exits = later(data['entries']), later(data['exits'])
        shared = dict(cash_sharing=True, group_by=True)

        def fast():
            return self.run(bars, entries, exits, 10_000.0, 1e6, size_type='value', call_seq='auto', **shared)

        times = {
            'bare': repeated(fast, 3.0),
            'call': repeated(lambda: self.books(fast()), 3.0),
            'figures': repeated(lambda: self.four(fast()), 3.0),
        }
        order = np.argsort(~exits, axis=1, kind='stable')
        scarce = self.run(
            frames(without_gaps(data)),
            entries,
            exits,
            100.0,
            250.0 * len(order[0]),
            0.0,
            call_seq=order,
            size_granularity=1.0,
            **shared,
        )
        runs = {'plenty': self.run(bars, entries, exits, 100.0, CASH, **shared), 'scarce': scarce}
        return times, {name: self.curve_and_trades(portfolio) for name, portfolio in runs.items()}

    def targets(self, data):
        bars = frames(data)
        size, close = np.full(data['weights'].shape, np.nan), bars['close']
        size[1:] = data['weights'][:-1]
        options = dict(size=size, size_type='targetpercent', price=np.asarray(bars['open']), direction='longonly')
        options |= dict(val_price=close.shift(1).bfill(), fees=FEE, init_cash=1e6, freq='1D', engine=self.engine)
        options |= dict(cash_sharing=True, group_by=True, call_seq='auto')

        def bare():
            return self.vbt.Portfolio.from_orders(close, **options)

        times = {
            'bare': repeated(bare, 3.0),
            'call': repeated(lambda: self.books(bare()), 3.0),
            'figures': repeated(lambda: self.four(bare()), 3.0),
        }
        return times, {'weights': self.curve_and_trades(bare())}

    def chunk(self, data, pairs, windows):
        fast, slow = (np.repeat(data['averages'][:, pairs[:, k]], len(windows), axis=1) for k in (0, 1))
        buy, sell = crossing_rule(fast, slow, np.tile(data['strengths'][:, windows], len(pairs)))
        days = pd.RangeIndex(len(fast))
        close = pd.DataFrame(np.broadcast_to(data['close'], fast.shape), days)
        return {'close': close, 'open': data['open']}, later(buy), later(sell)

    def sweep(self, data, columns=500):
        pairs, windows = data['pairs'], np.arange(data['strengths'].shape[1])
        step = max(columns // len(windows), 1)
        chunks = [pairs[k : k + step] for k in range(0, len(pairs), step)]

        def metrics(chunk):
            bars, entries, exits = self.chunk(data, chunk, windows)
            return np.column_stack([np.asarray(x) for x in self.four(self.run(bars, entries, exits, cash=1e5))])

        metrics(chunks[0])
        seconds = [timed(lambda: [metrics(chunk) for chunk in chunks])[0] for _ in range(2)]
        times = {'figures': {'first': seconds[0], 'warm': min(seconds), 'calls': 2}}
        high = peak()
        exact = []
        for chunk in chunks:
            bars, entries, exits = self.chunk(data, chunk, windows)
            portfolio = self.by_close(
                {**bars, 'open': np.broadcast_to(bars['open'], entries.shape)}, entries, exits, 1e5
            )
            values = figures(portfolio.value(), 1e5)
            exact.append(
                np.column_stack(
                    [values['total_return'], portfolio.trades.count(), values['sharpe'], values['max_drawdown']]
                )
            )
        return times, {'by_close': (np.vstack(exact), np.vstack([metrics(chunk) for chunk in chunks]))}, high


# ---- backtesting.py and backtrader


class BacktestingPy:
    def one(self, data):
        bars, entries, exits = frames(data), data['entries'][:, 0], data['exits'][:, 0]
        results = {}
        for name, size in (('all_cash', None), ('quantity', int(QUANTITY))):
            result = self.run(bars, entries, exits, size)
            trades = result._trades
            results[name] = (
                result._equity_curve.Equity.to_numpy(),
                np.column_stack([trades.EntryBar, trades.ExitBar, trades.Size, trades.PnL, np.zeros(len(trades))]),
            )
        return {
            'figures': repeated(lambda: self.run(bars, entries, exits)),
            'indicators': repeated(lambda: self.run(bars, None, None)),
        }, results

    def run(self, bars, entries, exits, size=None):
        from backtesting import Backtest, Strategy

        class Rule(Strategy):
            def init(self):
                self.entries, self.exits = (
                    (entries, exits) if entries is not None else level_rule(np.asarray(self.data.Close).reshape(-1, 1))
                )

            def next(self):
                at = len(self.data) - 1
                if self.position:
                    if self.exits[at]:
                        self.position.close()
                elif self.entries[at]:
                    self.buy() if size is None else self.buy(size=size)

        ohlc = pd.DataFrame({name.capitalize(): bars[name] for name in ('open', 'high', 'low', 'close')})
        return Backtest(ohlc, Rule, cash=CASH, commission=FEE).run()


class Backtrader:
    def one(self, data):
        bars, entries, exits = frames(data), data['entries'][:, 0], data['exits'][:, 0]
        results = {
            name: self.run(bars, entries, exits, size) for name, size in (('all_cash', None), ('quantity', QUANTITY))
        }
        return {
            'figures': repeated(lambda: self.run(bars, entries, exits)),
            'indicators': repeated(lambda: self.run(bars, *(x[:, 0] for x in level_rule(data['close'])))),
        }, results

    def run(self, bars, entries, exits, size=None):
        import backtrader

        values, trades = [], []

        class Rule(backtrader.Strategy):
            def next(self):
                values.append(self.broker.getvalue())

            def next_open(self):
                at = len(self.data) - 2
                if at < 0:
                    return
                if self.position:
                    if exits[at]:
                        self.close()
                elif entries[at]:
                    self.buy(size=size or self.broker.getcash() / (self.data.open[0] * (1 + FEE)) * (1 - 1e-12))

            def notify_trade(self, trade):
                if trade.isclosed:
                    trades.append((trade.baropen - 1, trade.barclose - 1, np.nan, trade.pnlcomm, 0))

        machine = backtrader.Cerebro(cheat_on_open=True, stdstats=False)
        machine.adddata(backtrader.feeds.PandasData(dataname=pd.DataFrame(bars).assign(volume=1e9)))
        machine.addstrategy(Rule)
        machine.broker.setcash(CASH)
        machine.broker.set_coc(False)
        machine.broker.setcommission(commission=FEE)
        machine.run()
        return np.array(values), np.array(trades, dtype=float).reshape(-1, 5)


ENGINES = {
    'vectorbt numba': lambda: Vectorbt('numba'),
    'vectorbt rust': lambda: Vectorbt('rust'),
    'backtesting.py': BacktestingPy,
    'backtrader': Backtrader,
}


def main(case, engine, folder):
    with np.load(folder / f'{case}.npz') as file:
        data = dict(file)
    maker = ENGINES[engine]()
    if case == 'cold':
        if engine.startswith('vectorbt'):
            bars = frames(data)
            maker.four(
                maker.run(
                    bars, *(pd.Series(later(data[name])[:, 0], bars['close'].index) for name in ('entries', 'exits'))
                )
            )
        else:
            maker.run(frames(data), data['entries'][:, 0], data['exits'][:, 0])
        return {'pandas': PANDAS - BEGAN, 'beyond': time.perf_counter() - PANDAS, 'peak': peak()}, {}
    method = {'walk': 'one', 'aapl': 'one', 'portfolio': 'many'}.get(case, case)
    times, results, *high = getattr(maker, method)(data)
    return {'times': times, 'peak': high[0] if high else peak()}, {
        f'{name}_{part}': values for name, pair in results.items() for part, values in zip(('a', 'b'), pair)
    }


if __name__ == '__main__':
    case, engine, folder = sys.argv[1], sys.argv[2], Path(sys.argv[3])
    report, arrays = main(case, engine, folder)
    name = f'{engine.replace(" ", "_")}-{case}'
    np.savez(folder / f'{name}.npz', **arrays)
    (folder / f'{name}.json').write_text(json.dumps(report))
