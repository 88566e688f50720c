"""The peers' part of bench/lstm.py, which runs it: python lstm_peers.py ENGINE FOLDER CASE

Trains the network of CASE on the windows in FOLDER, from the same first weights as TradeLab, and writes seconds, losses
and memory to FOLDER. Keras runs in the project's environment with its defaults, torch in a separate environment.
"""

import json
import sys
import time
from pathlib import Path

import numpy as np
from measure import peak


def keras_fit(data, case):
    "`fit` on arrays, as in the Keras guide"
    import os

    os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
    import keras

    layers = [keras.Input(data['x'].shape[1:])]
    for k in range(case['layers']):
        layers += [
            keras.layers.LSTM(case['units'], return_sequences=k < case['layers'] - 1),
            keras.layers.Dropout(case['dropout']),
        ]
    model = keras.Sequential([*layers, keras.layers.Dense(1)])
    for variable, name in zip(model.trainable_variables, sorted(name for name in data if name.startswith('w'))):
        variable.assign(data[name])
    model.compile(keras.optimizers.Adam(case['rate']), keras.losses.Huber())
    times = []

    class Clock(keras.callbacks.Callback):
        def on_epoch_begin(self, *_):
            self.began = time.perf_counter()

        def on_epoch_end(self, *_):
            times.append(time.perf_counter() - self.began)

    began = time.perf_counter()
    history = model.fit(
        data['x'],
        data['y'],
        batch_size=case['batch'],
        epochs=case['epochs'],
        validation_data=(data['later_x'], data['later_y']),
        validation_batch_size=len(data['later_y']),
        verbose=0,
        callbacks=[Clock()],
    )
    return times, history.history['loss'], history.history['val_loss'], time.perf_counter() - began


def torch_eager(data, case):
    "The usual loop over shuffled batches"
    import torch

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = torch.nn.LSTM(
                data['x'].shape[2],
                case['units'],
                case['layers'],
                batch_first=True,
                dropout=case['dropout'] if case['layers'] > 1 else 0,
            )
            self.dropout, self.output = torch.nn.Dropout(case['dropout']), torch.nn.Linear(case['units'], 1)

        def forward(self, x):
            return self.output(self.dropout(self.lstm(x)[0][:, -1]))[:, 0]

    net = Net()
    weights = [torch.from_numpy(data[name]) for name in sorted(name for name in data if name.startswith('w'))]
    with torch.no_grad():
        for k in range(case['layers']):
            for name, values in zip(('weight_ih', 'weight_hh', 'bias_ih'), weights[3 * k : 3 * k + 3]):
                getattr(net.lstm, f'{name}_l{k}').copy_(values.T if values.ndim == 2 else values)
            getattr(net.lstm, f'bias_hh_l{k}').zero_().requires_grad_(False)  # torch has two biases per gate, Keras one
        net.output.weight.copy_(weights[-2].T)
        net.output.bias.copy_(weights[-1])
    x, y, later_x, later_y = (torch.from_numpy(data[name]) for name in ('x', 'y', 'later_x', 'later_y'))
    adam = torch.optim.Adam([p for p in net.parameters() if p.requires_grad], case['rate'], eps=1e-7)
    loss, generator = torch.nn.HuberLoss(), torch.Generator().manual_seed(0)
    times, losses, laters, start = [], [], [], time.perf_counter()
    for _ in range(case['epochs']):
        began, total = time.perf_counter(), 0.0
        net.train()
        for rows in torch.randperm(len(x), generator=generator).split(case['batch']):
            adam.zero_grad()
            value = loss(net(x[rows]), y[rows])
            value.backward()
            adam.step()
            total += value.item() * len(rows)
        net.eval()
        with torch.no_grad():
            laters.append(loss(net(later_x), later_y).item())
        losses.append(total / len(x))
        times.append(time.perf_counter() - began)
    return times, losses, laters, time.perf_counter() - start


if __name__ == '__main__':
    engine, folder, name = sys.argv[1], Path(sys.argv[2]), sys.argv[3]
    case = json.loads((folder / f'{name}.json').read_text())
    with np.load(folder / f'{name}.npz') as file:
        data = dict(file)
    times, losses, laters, whole = {'keras': keras_fit, 'torch': torch_eager}[engine](data, case)
    (folder / f'{engine}-{name}.json').write_text(
        json.dumps({'times': times, 'losses': losses, 'laters': laters, 'whole': whole, 'peak': peak()})
    )
