"""How soon a start knows how everything stands: open intents, an embedded server, and the stand-in for Alpaca.

    python bench/start_up.py                 # 200 open intents
    python bench/start_up.py --orders 500

Intents are stored as a process leaves them that was killed while it sent: a third is open at the broker, a third was
filled, a third was cancelled. A new writer takes the account and calls `start_up` with the rate budget of Alpaca. Printed
are the seconds from the take-over until ledger and broker are compared, and the requests. Orders that never arrived cost
ten seconds more, since they are looked for three times before they may leave again.
"""

import argparse
import tempfile
import time
from pathlib import Path


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--orders', type=int, default=200)
    count = parser.parse_args().orders
    from tradelab.data.provider import RateBudget
    from tradelab.tests.alpaca_trading_server import TRADING_KEYS
    from tradelab.tests.trading.test_broker_inbox import ACCOUNT, NOON, desk_of, market_at
    from tradelab.trading.alpaca_access import AlpacaAccess
    from tradelab.trading.alpaca_broker import AlpacaBroker
    from tradelab.trading.broker_inbox import BrokerInbox
    from tradelab.trading.prices import VirtualClock
    from tradelab.trading.reconciliation import start_up
    from tradelab.trading.writer import writer
    from tradelab.utils.database import scratch_lab

    with scratch_lab() as lab, tempfile.TemporaryDirectory() as folder, market_at(lab) as server:
        with desk_of(lab, server, Path(folder)) as desk:
            for number in range(count):
                name, kind = desk.intend(1, ('AAPL', 'MSFT')[number % 2]), number % 3
                how = {} if kind == 0 else dict(type='limit', limit_price='90')
                order = desk.send(name, 1, ('AAPL', 'MSFT')[number % 2], **how)
                if kind == 2:
                    desk.exchange.cancel(order['id'])
        asked, began = len(server.requests), time.perf_counter()
        with writer(lab, ACCOUNT) as mine:
            access = AlpacaAccess(server.url, TRADING_KEYS, RateBudget(Path(folder) / 'budget', 170))
            broker = AlpacaBroker(access, lambda: NOON)
            inbox = BrokerInbox(mine, broker, clock=VirtualClock(NOON))
            inbox.reader.since = NOON.replace(hour=1)
            found = start_up(mine, inbox, broker, NOON)
            seconds = time.perf_counter() - began
        assert found.answered and found.differences == () and len(found.resolved) == count
        print(f'{count} open intents known in {seconds:.2f} s with {len(server.requests) - asked} requests')


if __name__ == '__main__':
    main()
