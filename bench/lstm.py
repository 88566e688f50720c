"""How long training and serving an LSTM takes, beside Keras' `fit` and torch, in one run on the same windows from the same first weights.

    python bench/lstm.py                       # all parts, about ten minutes
    python bench/lstm.py --parts serving,cold --quick

torch is installed once into an environment of its own (bench/requirements-lstm.txt) below --home; where that fails, the rest goes on without it.
Every training runs in a process of its own, one engine after the other in every round; on a busy machine the fastest epochs compare better than the
medians, since TradeLab and torch use both cores. An epoch is all batches of 2,500 windows and the loss of 500
others after it; the first one, with its tracing, stands apart. Ratios are times against TradeLab's, above 1 is slower than TradeLab.
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
}  # the lab's own settings on four years of one symbol


# ---- TradeLab's side


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
    "Where TradeLab starts from, for the others to start there as well"
    from tradelab.models.lstm_model import keras_model

    made = {
        f'w{k}': np.asarray(variable.numpy())
        for k, variable in enumerate(keras_model(settings(case), case['features'], 0).trainable_variables)
    }
    with np.load(folder / f'{name}.npz') as file:
        data = dict(file)
    np.savez(folder / f'{name}.npz', **data, **made)


def work(folder, name):
    "TradeLab's part of a training"
    case = json.loads((folder / f'{name}.json').read_text())
    with np.load(folder / f'{name}.npz') as file:
        data = dict(file)
    from tradelab.models.lstm_model import keras_model, train

    keras_model(
        settings(case), case['features']
    )  # TensorFlow is imported here, outside of what is timed, as with the others
    parts = as_samples(data['x'], data['y']), as_samples(data['later_x'], data['later_y'])
    if 'w0' not in data:
        first_weights(folder, name, case)
    began = time.perf_counter()
    history = train(*parts, settings(case)).history
    whole, began = time.perf_counter() - began, time.perf_counter()
    if case['twice']:
        train(*parts, settings(case), 1)
    again = time.perf_counter() - began
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


def made(case, seed=0):
    "Windows whose outcome two of their inputs decide, and some noise"
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(case['windows'] + case['later'], case['lookback'], case['features'])).astype(np.float32)
    y = (np.tanh(x[:, -1, 0] + x[:, -5, 1]) + rng.normal(0, 0.3, len(x))).astype(np.float32)
    n = case['windows']
    return {'x': x[:n], 'y': y[:n], 'later_x': x[n:], 'later_y': y[n:]}


def ask(command, answer):
    "What a worker wrote, or its last words"
    given = {**os.environ, 'PYTHONPATH': os.pathsep.join([str(ROOT), str(HERE)])}
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, cwd=HERE, env=given)
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
            np.savez(folder / f'{name}.npz', **made(case))
            commands = {
                'TradeLab': [sys.executable, HERE / 'lstm.py', '--work', folder, name],
                'keras': [sys.executable, HERE / 'lstm_peers.py', 'keras', folder, name],
            }
            if torch:
                commands['torch'] = [torch, HERE / 'lstm_peers.py', 'torch', folder, name]
            reports = {who: [] for who in commands}
            for _ in range(rounds):
                for who, command in commands.items():
                    reports[who].append(ask(command, folder / f'{who}-{name}.json'))
        print(
            f'\n{title}: {case["windows"]:,} windows of {case["lookback"]} × {case["features"]}, {case["units"]} units'
        )
        if title in LAB:
            whole_lines(reports)
        else:
            epoch_lines(reports)


def good(reports):
    for who, found in list(reports.items()):
        if any('failed' in report for report in found):
            print(f'  {who} failed: {next(report["failed"] for report in found if "failed" in report)}')
        else:
            yield who, found


NAMES = {'TradeLab': 'TradeLab', 'keras': 'Keras fit', 'torch': 'torch'}


def epoch_lines(reports):
    base = None
    for who, found in good(reports):
        times = np.array([report['times'][1:] for report in found])
        middle, first = float(np.median(times)), statistics.median(report['times'][0] for report in found)
        base = base or (middle, times.min())
        print(
            f'  {NAMES[who]:12s} {middle:8.3f} s an epoch {middle / base[0]:6.2f} x   fastest {times.min():6.3f} s {times.min() / base[1]:6.2f} x   first {first:5.2f} s   {max(report["peak"] for report in found):6,.0f} MiB   '
            f'loss {found[-1]["losses"][-1]:.4f}, of the 500 {found[-1]["laters"][-1]:.4f}',
            flush=True,
        )


def whole_lines(reports):
    base = None
    for who, found in good(reports):
        whole = statistics.median(report['whole'] for report in found)
        base = base or whole
        again = (
            f'   a second one {statistics.median(report["again"] for report in found):.2f} s'
            if who == 'TradeLab'
            else ''
        )
        print(
            f'  {NAMES[who]:12s} {whole:8.2f} s, tracing included {whole / base:6.2f} x   epoch {np.median([report["times"][1:] for report in found]):.3f} s   {max(report["peak"] for report in found):6,.0f} MiB{again}   loss {found[-1]["laters"][-1]:.4f}',
            flush=True,
        )


# ---- serving


def numpy_forward(network, x):
    "The same sums with NumPy alone, all windows at once"

    def sigmoid(v):
        return 1 / (1 + np.exp(-v))

    states = x.swapaxes(0, 1)
    for kernel, recurrent, bias in network.layers:
        units, inputs = len(recurrent), states @ kernel + bias
        h = c = np.zeros((x.shape[0], units), dtype=np.float32)
        states = np.empty((len(inputs), x.shape[0], units), dtype=np.float32)
        for t, given in enumerate(inputs):
            i, f, g, o = np.split(given + h @ recurrent, 4, axis=1)
            c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
            h = states[t] = sigmoid(o) * np.tanh(c)
    return h @ network.head + network.head_bias


def serve(case):
    "Every way to an answer on the same weights, in this process, with the threads that TensorFlow takes by itself"
    from tradelab.models.lstm_inference import forward
    from tradelab.models.lstm_model import _without_noise, keras_model, to_network

    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
    with _without_noise():
        import tensorflow as tf

        if not tf.config.threading.get_intra_op_parallelism_threads():
            tf.config.threading.set_intra_op_parallelism_threads(os.cpu_count())
    model = keras_model(settings({**SHARED, **case}), case['features'], 0)
    model.layers[-1].set_weights(
        [np.random.default_rng(0).normal(0, 0.2, (case['units'], 1)), np.zeros(1)]
    )  # an untrained output is zero
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
        x, wanted, base = windows[:n], model(windows[:n]).numpy().ravel(), None
        print(
            f'\nServing {n} window{"s" * (n > 1)} of {SHARED["lookback"]} × {case["features"]}, {case["layers"]} layer{"s" * (case["layers"] > 1)} of {case["units"]} units'
        )
        for name, way in ways.items():
            found, apart = repeated(lambda: way(x), 1.5), np.abs(np.asarray(way(x)).ravel() - wanted).max()
            base = base or found['warm']
            print(
                f'  {name:16s} {found["warm"] * 1e3:9.3f} ms {found["warm"] / base:8.1f} x   first {found["first"] * 1e3:9.1f} ms   from Keras by {apart:.0e}',
                flush=True,
            )


COLD = {
    'TradeLab': "from tradelab.models.artifact import digest, forecast_next, from_bytes\nimport sys, pandas as pd\ndata = open(sys.argv[1] + '/model', 'rb').read()\n"
    "print(forecast_next(from_bytes(data, digest(data)), {'AAA': pd.read_pickle(sys.argv[1] + '/bars.pickle')}).forecast.iloc[0])",
    'keras': "import os, sys\nos.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'\nimport keras, numpy as np\nprint(keras.saving.load_model(sys.argv[1] + '/model.keras').predict(np.load(sys.argv[1] + '/x.npy'), verbose=0)[0, 0])",
}


def cold(rounds):
    "A new process: import, load, one forecast; features included on TradeLab's side alone"
    from tradelab.audit.histories import synthetic_history
    from tradelab.models.artifact import synthetic_artifact, to_bytes
    from tradelab.models.lstm_model import save_keras
    from tradelab.settings import ModelSettings

    made = synthetic_artifact(('AAA',), (32,), 60)
    with tempfile.TemporaryDirectory(prefix='tradelab-bench-') as folder:
        (Path(folder) / 'model').write_bytes(to_bytes(made))
        synthetic_history(400, 1).adjusted.to_pickle(f'{folder}/bars.pickle')
        save_keras(made.network, f'{folder}/model.keras', ModelSettings(lookback=60))
        np.save(f'{folder}/x.npy', np.zeros((1, 60, 9), dtype=np.float32))
        times = {who: [] for who in COLD}
        for _ in range(rounds + 1):
            for who, code in COLD.items():
                began = time.perf_counter()
                subprocess.run(
                    [sys.executable, '-c', code, folder],
                    check=True,
                    capture_output=True,
                    env={**os.environ, 'PYTHONPATH': str(ROOT)},
                )
                times[who].append(time.perf_counter() - began)
    print('\nA new process: import, load the model, one forecast')
    base = statistics.median(times['TradeLab'][1:])
    for who, found in times.items():
        print(
            f'  {NAMES[who] if who != "keras" else "Keras":12s} {statistics.median(found[1:]):8.2f} s {statistics.median(found[1:]) / base:6.2f} x   very first {found[0]:.2f} s',
            flush=True,
        )


def peers(home):
    "Python of the environment with torch, or None"
    try:
        return environment(home, HERE / 'requirements-lstm.txt', pip=True)
    except subprocess.CalledProcessError as e:
        print(f'torch could not be installed ({e}); without it.')


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument('--parts', default='training,lab,serving,cold', help='some of training, lab, serving, cold')
    asked.add_argument('--rounds', type=int, default=3, help='processes of each engine; medians are shown')
    asked.add_argument('--quick', action='store_true', help='one round, batch 256 alone')
    asked.add_argument('--no-torch', action='store_true', help='leave torch out')
    asked.add_argument(
        '--home',
        type=Path,
        default=Path(os.environ.get('XDG_CACHE_HOME') or Path.home() / '.cache') / 'tradelab-bench' / 'torch',
        help="torch's environment",
    )
    given = asked.parse_args()
    parts, rounds = given.parts.split(','), 1 if given.quick else given.rounds
    torch = None if given.no_torch or not {'training', 'lab'} & set(parts) else peers(given.home)
    if 'training' in parts:
        train_all(
            {title: case for title, case in TRAINING.items() if not given.quick or case['batch'] == 256}, rounds, torch
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
