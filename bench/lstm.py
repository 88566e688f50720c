"""Time to train and serve an LSTM compared with Keras' `fit` and torch, on the same windows and first weights.

    python bench/lstm.py                       # all parts, about ten minutes
    python bench/lstm.py --parts serving,cold --quick

torch is installed once into a separate environment (bench/requirements-lstm.txt) at --home; where that fails, the rest
runs without it. Every training runs in its own process, one engine after the other in each round. On a busy machine
compare the fastest epochs rather than the medians, since TradeLab and torch use both cores. An epoch is all batches of
2,500 windows and the loss of 500 others after it; the first epoch includes tracing and is shown separately. Ratios are
times divided by TradeLab's, so above 1 is slower than TradeLab.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from measure import environment, peak, repeated

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
TRAINING = {
    f'{layers} layer{"s" * (layers > 1)}, batch {batch}': dict(layers=layers, batch=batch)
    for layers in (1, 2)
    for batch in (256, 64)
}
SHARED = dict(
    lookback=60, features=6, units=64, dropout=0.1, rate=0.001, windows=2_500, later=500, epochs=6, twice=False
)
LAB = {
    'one training': dict(features=9, units=32, layers=1, batch=256, windows=750, later=190, epochs=15, twice=True)
}  # TradeLab's defaults on four years of one symbol


# ---- TradeLab


def settings(case):
    from tradelab.settings import ModelSettings

    return ModelSettings(
        lookback=case['lookback'],
        layers=case['layers'],
        units=case['units'],
        dropout=case['dropout'],
        learning_rate=case['rate'],
        batch_size=case['batch'],
        epochs=case['epochs'],
        patience=case['epochs'],
    )


def as_samples(x, y):
    import pandas as pd

    from tradelab.models.windows import Samples

    ones = np.ones(len(y))
    return Samples(
        x,
        y.astype(float),
        ones,
        pd.bdate_range('2000-01-03', periods=len(y), name='session'),
        np.repeat('MADE', len(y)),
        ones,
        ones,
    )


def first_weights(folder, name, case):
    "Store TradeLab's first weights, so that the peers start from the same"
    from tradelab.models.lstm_model import keras_model

    weights = {
        f'w{k}': np.asarray(variable.numpy())
        for k, variable in enumerate(keras_model(settings(case), case['features'], 0).trainable_variables)
    }
    with np.load(folder / f'{name}.npz') as file:
        data = dict(file)
    np.savez(folder / f'{name}.npz', **data, **weights)


def work(folder, name):
    "Run one training with TradeLab in this process"
    case = json.loads((folder / f'{name}.json').read_text())
    with np.load(folder / f'{name}.npz') as file:
        data = dict(file)
    from tradelab.models.lstm_model import keras_model, train

    keras_model(settings(case), case['features'])  # imports TensorFlow before the timing starts, as the peers do
    parts = as_samples(data['x'], data['y']), as_samples(data['later_x'], data['later_y'])
    if 'w0' not in data:
        first_weights(folder, name, case)
    start = time.perf_counter()
    history = train(*parts, settings(case)).history
    whole = time.perf_counter() - start
    start = time.perf_counter()
    if case['twice']:
        train(*parts, settings(case), 1)
    again = time.perf_counter() - start
    (folder / f'TradeLab-{name}.json').write_text(
        json.dumps(
            {
                'times': history.seconds.tolist(),
                'losses': history.loss.tolist(),
                'laters': history.validation_loss.tolist(),
                'whole': whole,
                'again': again,
                'peak': peak(),
            }
        )
    )


# ---- training


def random_windows(case, seed=0):
    "Windows whose outcome depends on two of their inputs and some noise"
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(case['windows'] + case['later'], case['lookback'], case['features'])).astype(np.float32)
    y = (np.tanh(x[:, -1, 0] + x[:, -5, 1]) + rng.normal(0, 0.3, len(x))).astype(np.float32)
    n = case['windows']
    return {'x': x[:n], 'y': y[:n], 'later_x': x[n:], 'later_y': y[n:]}


def run_worker(command, answer):
    "Report of a worker process, or the last line of its error"
    env = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), str(HERE)])}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=HERE, env=env)
    if done.returncode:
        return {
            'failed': done.stderr.strip().splitlines()[-1] if done.stderr.strip() else f'exit code {done.returncode}'
        }
    return json.loads(answer.read_text())


def train_all(cases, rounds, torch):
    for title, case in cases.items():
        case, name = {**SHARED, **case}, title.replace(' ', '_').replace(',', '')
        with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as folder:
            folder = Path(folder)
            (folder / f'{name}.json').write_text(json.dumps(case))
            np.savez(folder / f'{name}.npz', **random_windows(case))
            commands = {
                'TradeLab': [sys.executable, HERE / 'lstm.py', '--work', folder, name],
                'keras': [sys.executable, HERE / 'lstm_peers.py', 'keras', folder, name],
            }
            if torch:
                commands['torch'] = [torch, HERE / 'lstm_peers.py', 'torch', folder, name]
            reports = {who: [] for who in commands}
            for _ in range(rounds):
                for who, command in commands.items():
                    reports[who].append(run_worker(command, folder / f'{who}-{name}.json'))
        print(
            f'\n{title}: {case["windows"]:,} windows of {case["lookback"]} × {case["features"]}, {case["units"]} units'
        )
        if title in LAB:
            whole_lines(reports)
        else:
            epoch_lines(reports)


def good(reports):
    "(engine, reports) for engines without a failure; failures are printed"
    for who, rounds in reports.items():
        errors = [report['failed'] for report in rounds if 'failed' in report]
        if errors:
            print(f'  {who} failed: {errors[0]}')
        else:
            yield who, rounds


NAMES = {'TradeLab': 'TradeLab', 'keras': 'Keras fit', 'torch': 'torch'}


def epoch_lines(reports):
    base = None
    for who, rounds in good(reports):
        times = np.array([report['times'][1:] for report in rounds])
        median, fastest = float(np.median(times)), times.min()
        first = statistics.median(report['times'][0] for report in rounds)
        memory = max(report['peak'] for report in rounds)
        base = base or (median, fastest)
        last = rounds[-1]
        print(
            f'  {NAMES[who]:12s} {median:8.3f} s per epoch {median / base[0]:6.2f} x   '
            f'fastest {fastest:6.3f} s {fastest / base[1]:6.2f} x   first {first:5.2f} s   {memory:6,.0f} MiB   '
            f'loss {last["losses"][-1]:.4f}, of the 500 {last["laters"][-1]:.4f}',
            flush=True,
        )


def whole_lines(reports):
    base = None
    for who, rounds in good(reports):
        whole = statistics.median(report['whole'] for report in rounds)
        base = base or whole
        epoch = np.median([report['times'][1:] for report in rounds])
        memory = max(report['peak'] for report in rounds)
        again = ''
        if who == 'TradeLab':
            again = f'   a second one {statistics.median(report["again"] for report in rounds):.2f} s'
        print(
            f'  {NAMES[who]:12s} {whole:8.2f} s, tracing included {whole / base:6.2f} x   epoch {epoch:.3f} s   '
            f'{memory:6,.0f} MiB{again}   loss {rounds[-1]["laters"][-1]:.4f}',
            flush=True,
        )


# ---- serving


def numpy_forward(network, x):
    "The same forward pass in NumPy, all windows at once"

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    states = x.swapaxes(0, 1)
    for kernel, recurrent, bias in network.layers:
        units, inputs = len(recurrent), states @ kernel + bias
        h = c = np.zeros((x.shape[0], units), dtype=np.float32)
        states = np.empty((len(inputs), x.shape[0], units), dtype=np.float32)
        for t, values in enumerate(inputs):
            i, f, g, o = np.split(values + h @ recurrent, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = states[t] = sigmoid(o) * np.tanh(c)
    return h @ network.head + network.head_bias


def serve(case):
    "Time all ways to a forecast with the same weights, in this process, with TensorFlow's default threads"
    from tradelab.models.lstm_inference import forward
    from tradelab.models.lstm_model import _without_noise, keras_model, to_network

    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
    with _without_noise():
        import tensorflow as tf

        if not tf.config.threading.get_intra_op_parallelism_threads():
            tf.config.threading.set_intra_op_parallelism_threads(os.cpu_count())
    model = keras_model(settings({**SHARED, **case}), case['features'], 0)
    head = np.random.default_rng(0).normal(0, 0.2, (case['units'], 1))
    model.layers[-1].set_weights([head, np.zeros(1)])  # the output of an untrained network is zero
    network, graph = to_network(model), tf.function(model)
    windows = np.random.default_rng(1).normal(size=(500, SHARED['lookback'], case['features'])).astype(np.float32)
    ways = {
        'TradeLab': lambda x: forward(network, x),
        'numpy': lambda x: numpy_forward(network, x),
        'keras model(x)': lambda x: model(x).numpy(),
        'keras predict': lambda x: model.predict(x, verbose=0),
        'tf.function': lambda x: graph(x).numpy(),
    }
    for n in (1, 500):
        x, expected, base = windows[:n], model(windows[:n]).numpy().ravel(), None
        layers = f'{case["layers"]} layer{"s" * (case["layers"] > 1)} of {case["units"]} units'
        print(f'\nServing {n} window{"s" * (n > 1)} of {SHARED["lookback"]} × {case["features"]}, {layers}')
        for name, way in ways.items():
            timing = repeated(lambda: way(x), 1.5)
            difference = np.abs(np.asarray(way(x)).ravel() - expected).max()
            warm, first = timing['warm'], timing['first']
            base = base or warm
            times = f'{warm * 1e3:9.3f} ms {warm / base:8.1f} x   first {first * 1e3:9.1f} ms'
            print(f'  {name:16s} {times}   difference from Keras {difference:.0e}', flush=True)


COLD = {
    'TradeLab': """import sys, pandas as pd
from tradelab.models.artifact import digest, forecast_next, from_bytes
data = open(sys.argv[1] + '/model', 'rb').read()
bars = {'AAA': pd.read_pickle(sys.argv[1] + '/bars.pickle')}
print(forecast_next(from_bytes(data, digest(data)), bars).forecast.iloc[0])""",
    'keras': """import os, sys
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import keras, numpy as np
model = keras.saving.load_model(sys.argv[1] + '/model.keras')
print(model.predict(np.load(sys.argv[1] + '/x.npy'), verbose=0)[0, 0])""",
}


def cold(rounds):
    "Time of a new process: import, load, one forecast; only TradeLab also computes the features"
    from tradelab.audit.histories import synthetic_history
    from tradelab.models.artifact import synthetic_artifact, to_bytes
    from tradelab.models.lstm_model import save_keras
    from tradelab.settings import ModelSettings

    artifact = synthetic_artifact(('AAA',), (32,), 60)
    with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as folder:
        (Path(folder) / 'model').write_bytes(to_bytes(artifact))
        synthetic_history(400, 1).adjusted.to_pickle(f'{folder}/bars.pickle')
        save_keras(artifact.network, f'{folder}/model.keras', ModelSettings(lookback=60))
        np.save(f'{folder}/x.npy', np.zeros((1, 60, 9), dtype=np.float32))
        times = {who: [] for who in COLD}
        for _ in range(rounds + 1):
            for who, code in COLD.items():
                start = time.perf_counter()
                subprocess.run(
                    [sys.executable, '-c', code, folder],
                    check=True,
                    capture_output=True,
                    env={**os.environ, 'PYTHONPATH': str(ROOT)},
                )
                times[who].append(time.perf_counter() - start)
    print('\nA new process: import, load the model, one forecast')
    base = statistics.median(times['TradeLab'][1:])
    for who, seconds in times.items():
        name, median = {'keras': 'Keras'}.get(who, NAMES[who]), statistics.median(seconds[1:])
        print(f'  {name:12s} {median:8.2f} s {median / base:6.2f} x   very first {seconds[0]:.2f} s', flush=True)


def peers(home):
    "Python of the environment with torch; None where torch cannot be installed"
    try:
        return environment(home, HERE / 'requirements-lstm.txt', pip=True)
    except subprocess.CalledProcessError as e:
        print(f'torch could not be installed ({e}); without it.')


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--parts', default='training,lab,serving,cold', help='some of training, lab, serving, cold')
    parser.add_argument('--rounds', type=int, default=3, help='processes per engine; medians are shown')
    parser.add_argument('--quick', action='store_true', help='one round, only batch 256')
    parser.add_argument('--no-torch', action='store_true', help='run without torch')
    parser.add_argument(
        '--home',
        type=Path,
        default=Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'tradelab-bench' / 'torch',
        help="torch's environment",
    )
    options = parser.parse_args()
    parts, rounds = options.parts.split(','), 1 if options.quick else options.rounds
    torch = None if options.no_torch or not {'training', 'lab'} & set(parts) else peers(options.home)
    if 'training' in parts:
        train_all(
            {title: case for title, case in TRAINING.items() if not options.quick or case['batch'] == 256},
            rounds,
            torch,
        )
    if 'lab' in parts:
        train_all(LAB, rounds, torch)
    sys.path.insert(0, str(ROOT))
    if 'serving' in parts:
        for case in (dict(layers=1, units=32, features=9, batch=256), dict(layers=2, units=64, features=9, batch=256)):
            serve(case)
    if 'cold' in parts:
        cold(rounds)


if __name__ == '__main__':
    if sys.argv[1:2] == ['--work']:
        work(Path(sys.argv[2]), sys.argv[3])
    else:
        main()
