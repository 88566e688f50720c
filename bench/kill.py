"""How soon a kill has cancelled 50 open orders, and how soon an alert arrives: python bench/kill.py

The broker is the stand-in for Alpaca on 127.0.0.1; each of its answers takes as long as --answer-ms says. The command
is measured from its start, with the imports of Python, and so is the call alone, with and without the database.
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

from tradelab.config import load_settings
from tradelab.tests.alpaca_exchange import AlpacaExchange
from tradelab.tests.alpaca_trading_server import TRADING_KEYS, AlpacaTrading
from tradelab.tests.loopback import Answer, Loopback
from tradelab.trading.account_state import create_account
from tradelab.trading.kill_switch import kill
from tradelab.utils.alerts import alert, deliver_alerts
from tradelab.utils.database import scratch_lab, session

ENTRY = dict(symbol='MSFT', qty='1', side='buy', type='limit', limit_price='80', time_in_force='day')
COMMAND = 'from tradelab.cli.main import main; main()', 'kill', '--reason', 'bench'


class Broker(AlpacaTrading):
    "The stand-in with open orders, whose answers take a while; it notes when the last cancel came."

    def __init__(self, orders, answer_s):
        exchange = AlpacaExchange(cash=1e9, now=datetime(2026, 3, 2, 17, tzinfo=UTC))
        for k in range(orders):
            exchange.submit(ENTRY | dict(client_order_id=f'tl-20260302-MSFT-entry-{k}'))
        self.answer_s, self.last = answer_s, 0.0
        super().__init__(exchange)

    def answered(self, request):
        answer = super().answered(request)
        if request.method == 'DELETE':
            self.last = time.perf_counter() + self.answer_s
        return replace(answer, delay=self.answer_s)


def by_call(settings, orders, answer_s):
    "Seconds of a call, in this process"
    with Broker(orders, answer_s) as broker:
        done = kill(
            settings.model_copy(update={'live': settings.live.model_copy(update={'host': broker.url})}), 'bench'
        )
        assert not broker.exchange.open_rows() and len(done.orders.found) == orders, list(done.words())
        return done.seconds


def by_command(settings, orders, answer_s, away):
    "Seconds of `tradelab kill`, from its start to the answer to the last cancel"
    with Broker(orders, answer_s) as broker:
        more = {'TRADELAB_HOME': str(settings.home), 'TRADELAB_LIVE_HOST': broker.url}
        more |= {'TRADELAB_DATABASE_URL': 'postgresql://me@127.0.0.1:9/lab'} if away else {}
        began = time.perf_counter()
        done = subprocess.run([sys.executable, '-c', *COMMAND], env=os.environ | more, capture_output=True, text=True)
        assert not broker.exchange.open_rows() and done.returncode == away, done.stdout + done.stderr
        return broker.last - began


def of_alert(settings):
    "Seconds from an alert to its arrival at a webhook"
    came = []
    with Loopback(lambda request: came.append(time.perf_counter()) or Answer(200)) as hook:
        os.environ['TRADELAB_ALERTS_WEBHOOK_URL'] = f'{hook.url}/hook'
        alerts = settings.alerts.model_copy(update={'targets': ('webhook',)})
        began = time.perf_counter()
        alert(settings.model_copy(update={'alerts': alerts}), 'bench', f'at {began}')
        deliver_alerts(settings.model_copy(update={'alerts': alerts}))
    return came[0] - began


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--orders', type=int, default=50)
    parser.add_argument('--answer-ms', type=float, default=80.0)
    parser.add_argument('--rounds', type=int, default=3)
    asked = parser.parse_args()
    os.environ['TRADELAB_ALPACA_TRADING_KEY'], os.environ['TRADELAB_ALPACA_TRADING_SECRET'] = TRADING_KEYS
    keys = {name: os.environ[name] for name in os.environ if 'TRADING' in name}
    with scratch_lab() as lab, tempfile.TemporaryDirectory() as folder:
        os.environ |= keys
        with session(lab) as db:
            create_account(db, lab, 'live', 'live', 10_000, 'bench')
        (Path(folder) / 'settings.ini').touch()
        away = load_settings(folder, database={'url': 'postgresql://me@127.0.0.1:9/lab'})
        about = asked.orders, asked.answer_ms / 1000
        print(
            f'{asked.orders} open orders, {asked.answer_ms:g} ms for each answer of the broker; best of {asked.rounds}'
        )
        for words, make in {
            'kill(): seconds to the last cancel': lambda: by_call(lab, *about),
            'kill() without the database': lambda: by_call(away, *about),
            'tradelab kill, from its start': lambda: by_command(lab, *about, away=False),
            'tradelab kill without the database, from its start': lambda: by_command(lab, *about, away=True),
            'alert() to its arrival': lambda: of_alert(lab),
            'alert() without the database': lambda: of_alert(away),
        }.items():
            print(f'{min(make() for _ in range(asked.rounds)):8.3f} s  {words}')


if __name__ == '__main__':
    main()
