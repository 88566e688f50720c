"""How long an account takes to be known again after a SIGKILL, on an own embedded server.

    python bench/restart.py                 # 200 open orders
    python bench/restart.py --orders 1000

A process stores the orders of a close and is killed by SIGKILL. Another one takes over the account (lock, new epoch) and
reads the orders that may still be filled. Printed is the time of the take-over in a process at work, and the time of a
new Python process from its start to its end, imports included.
"""

import argparse
import os
import subprocess
import sys
import time

READ = """
from tradelab.config import load_settings
from tradelab.trading.order_ledger import load_ledger
from tradelab.trading.writer import writer
with writer(load_settings(), 'matrix') as mine, mine.transaction() as db:
    print(len(load_ledger(db, 'matrix').orders))
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--orders', type=int, default=200)
    count = parser.parse_args().orders
    from tradelab.tests.crash_lives import ACCOUNT, known_orders
    from tradelab.tests.forked import start_call
    from tradelab.trading.account_state import create_account
    from tradelab.utils.database import scratch_lab, session

    with scratch_lab() as lab:
        with session(lab) as db:
            create_account(db, lab, ACCOUNT, 'replay', 100_000)
        start_call('tradelab.tests.crash_lives:die_with_open_orders', count).wait()
        began = time.perf_counter()
        assert len(known_orders(lab)) == count
        print(f'{count} open orders known {time.perf_counter() - began:.2f} s after the take-over began')
        began = time.perf_counter()
        command = [sys.executable, '-c', READ]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env=os.environ.copy())
        assert int(done.stdout) == count
        print(f'{count} open orders known {time.perf_counter() - began:.2f} s after the start of a process')


if __name__ == '__main__':
    main()
