"""The benchmark's cases in PyTorch. Reads `<case> <threads> <repeats>` lines, answers with the milliseconds of each repeat."""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(1)


def mlp(*widths):
    layers = []
    for i in range(len(widths) - 1):
        layers.append(nn.Linear(widths[i], widths[i + 1]))
        if i < len(widths) - 2:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)


class NodeGnn(nn.Module):
    def __init__(self, nodes=450, edges=1600, steps=10, hidden=5, width=64, features=3):
        super().__init__()
        self.message, self.gru = mlp(2 * hidden + features, width, width, hidden), nn.GRUCell(hidden, hidden)
        self.readout = mlp(hidden, width, width, 1)
        self.nodes, self.hidden, self.steps = nodes, hidden, steps
        self.source, self.target = torch.randint(nodes, (edges,)), torch.randint(nodes, (edges,))
        self.edge, self.label = torch.randn(edges, features), torch.rand(nodes, 1)

    def forward(self):
        state = torch.zeros(self.nodes, self.hidden)
        for _ in range(self.steps):
            rows = self.message(torch.cat([state[self.source], state[self.target], self.edge], 1))
            total = torch.zeros(self.nodes, self.hidden).index_add(0, self.target, rows)
            state = self.gru(total, state)
        return self.readout(state)

    def loss(self):
        return functional.binary_cross_entropy_with_logits(self(), self.label)


class Gcn(nn.Module):
    def __init__(self, nodes=2708, edges=10556, features=1433, hidden=16, classes=7, nonzeros=18):
        super().__init__()
        row = torch.arange(nodes).repeat_interleave(nonzeros)
        column = torch.randint(features, (nodes * nonzeros,))
        self.x = torch.sparse_coo_tensor(torch.stack([row, column]), torch.full((len(row),), 1 / nonzeros),
                                         (nodes, features)).coalesce().to_sparse_csr()
        ends = torch.randint(nodes, (2, edges))
        self.adjacency = torch.sparse_coo_tensor(torch.cat([ends, torch.arange(nodes).repeat(2, 1)], 1),
                                                 torch.full((edges + nodes,), 0.2), (nodes, nodes)).coalesce().to_sparse_csr()
        self.first, self.second = nn.Parameter(torch.randn(features, hidden) * 0.05), nn.Parameter(torch.randn(hidden, classes) * 0.3)
        self.label = torch.randint(classes, (nodes,))

    def forward(self):
        hidden = torch.relu(self.adjacency @ (self.x @ self.first))
        return self.adjacency @ (hidden @ self.second)

    def loss(self):
        return functional.cross_entropy(self(), self.label)


class UNet(nn.Module):
    """Two levels down, two up, 16-32-64 channels, on 8 patches of 32 x 32."""

    def __init__(self, batch=8, side=32, channels=(16, 32, 64)):
        super().__init__()
        a, b, c = channels
        conv = lambda i, o: nn.Conv2d(i, o, 3, padding=1)
        self.d1, self.d2, self.d3, self.d4 = conv(1, a), conv(a, a), conv(a, b), conv(b, b)
        self.m1, self.m2 = conv(b, c), conv(c, c)
        self.u1, self.u2, self.u3, self.u4 = conv(c + b, b), conv(b, b), conv(b + a, a), conv(a, a)
        self.out = nn.Conv2d(a, 1, 1)
        self.x, self.label = torch.randn(batch, 1, side, side), torch.rand(batch, 1, side, side)

    def forward(self):
        up = lambda x: functional.interpolate(x, scale_factor=2, mode="nearest")
        first = torch.relu(self.d2(torch.relu(self.d1(self.x))))
        second = torch.relu(self.d4(torch.relu(self.d3(functional.max_pool2d(first, 2)))))
        middle = torch.relu(self.m2(torch.relu(self.m1(functional.max_pool2d(second, 2)))))
        second = torch.relu(self.u2(torch.relu(self.u1(torch.cat([up(middle), second], 1)))))
        first = torch.relu(self.u4(torch.relu(self.u3(torch.cat([up(second), first], 1)))))
        return self.out(first)

    def loss(self):
        return functional.binary_cross_entropy_with_logits(self(), self.label)


def training(model):
    optimizer = torch.optim.Adam(model.parameters(), 1e-3)

    def step():
        optimizer.zero_grad()
        model.loss().backward()
        optimizer.step()

    return step


def forward(model):
    def run():
        with torch.no_grad():
            model()

    return run


def matmul(size):
    a, b = torch.randn(size, size), torch.randn(size, size)
    return lambda: a @ b


makers = {
    "node-gnn step": lambda: training(NodeGnn()),
    "node-gnn forward": lambda: forward(NodeGnn()),
    "gcn epoch": lambda: training(Gcn()),
    "u-net step": lambda: training(UNet()),
    **{f"matmul {size}": (lambda size=size: matmul(size)) for size in (64, 128, 256, 512, 1024)},
}
made = {}
print(json.dumps({"version": torch.__version__}), flush=True)
for line in sys.stdin:
    name, threads, repeats = line.rsplit(" ", 2)
    torch.set_num_threads(int(threads))
    if name not in made:
        made[name] = makers[name]()
        made[name]()
        made[name]()
    times = []
    for _ in range(int(repeats)):
        start = time.perf_counter()
        made[name]()
        times.append((time.perf_counter() - start) * 1000)
    print(json.dumps(times), flush=True)
