"""The BPNNs of Kuck et al. 2020 on Ising models in PyTorch, on a batch that comes as one line of JSON. Reads `<step|inference> <message|damping>`
lines, answers with milliseconds of processor time; `check <kind>` answers with the sum of the estimates of ln Z of a fresh network."""

import json
import sys
import time

import torch
from torch import nn

torch.set_num_threads(1)
LAYERS, ITERATIONS, FLOOR, ZERO = 10, 17, 1e-4, -99.0


def normalise(x):
    return torch.clamp(x - torch.logsumexp(x, -1, keepdim=True), min=ZERO)


def identity(n):
    layer = nn.Linear(n, n)
    with torch.no_grad():
        layer.weight.copy_(torch.eye(n)), layer.bias.zero_()
    return layer


class TableMlp(nn.Module):
    """Linear-ReLU-Linear, mean over both orders of the axes, ReLU; mixed half and half with its input."""

    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(identity(4), nn.ReLU(), identity(4))

    def forward(self, logs):
        p = logs.exp()
        swap = [0, 2, 1, 3]
        out = torch.relu((self.network(p) + self.network(p[..., swap])[..., swap]) / 2)
        return logs + torch.log1p(0.5 * (out - p) / p.clamp(min=FLOOR))


class Message(nn.Module):
    def __init__(self):
        super().__init__()
        self.beliefs, self.messages = TableMlp(), TableMlp()

    def forward(self, g, messages, incoming):
        top = self.beliefs(g.factor_beliefs(incoming))
        spread = torch.stack([incoming[:, 0, :, None].expand(-1, 2, 2), incoming[:, 1, None, :].expand(-1, 2, 2)], 1)
        quotient = top[:, None] - self.messages(spread.reshape(-1, 2, 4))
        tables = quotient.reshape(-1, 2, 2, 2)
        sent = torch.stack([torch.logsumexp(tables[:, 0], 2), torch.logsumexp(tables[:, 1], 1)], 1)
        return normalise(0.5 * normalise(sent) + 0.5 * messages)


class Damping(nn.Module):
    def __init__(self):
        super().__init__()
        self.network = nn.Sequential(identity(2), nn.ReLU(), identity(2), nn.ReLU())

    def forward(self, g, messages, incoming):
        tables = g.pairs.reshape(-1, 2, 2)
        to_first = torch.logsumexp(tables + incoming[:, 1, None, :], 2)
        to_second = torch.logsumexp(tables + incoming[:, 0, :, None], 1)
        fresh = normalise(torch.stack([to_first, to_second], 1))
        moved = 0.05 * (self.network(messages - fresh) - self.network(torch.zeros(2)))
        return normalise(fresh + moved)


class Graphs:
    def __init__(self, data):
        self.count, self.variables = data["graphs"], data["variables"]
        self.pairs = torch.tensor(data["pairs"]).reshape(-1, 4)
        self.scopes = torch.tensor(data["scopes"])
        self.pair_graphs, self.variable_graphs = torch.tensor(data["pairGraphs"]), torch.tensor(data["variableGraphs"])
        self.unary = torch.tensor(data["unary"]).reshape(-1, 2)
        self.sent = normalise(self.unary)
        self.degrees = torch.tensor(data["degrees"])[:, None]
        self.targets = torch.tensor(data["targets"])

    def totals(self, messages):
        return self.sent.index_add(0, self.scopes, messages.reshape(-1, 2))

    def incoming(self, messages):
        return normalise(self.totals(messages)[self.scopes].reshape(-1, 2, 2) - messages)

    def factor_beliefs(self, incoming):
        return normalise(self.pairs + (incoming[:, 0, :, None] + incoming[:, 1, None, :]).reshape(-1, 4))

    def bethe(self, messages):
        logs, variables = self.factor_beliefs(self.incoming(messages)), normalise(self.totals(messages))
        entropy = (variables.exp() * variables).sum(1, keepdim=True) * (self.degrees - 1)
        own = normalise(self.unary + self.totals(messages) - self.sent)
        ofVariables = entropy + (own.exp() * (self.unary - own)).sum(1, keepdim=True)
        ofPairs = (logs.exp() * (self.pairs - logs)).sum(1)
        return torch.zeros(self.count).index_add(0, self.pair_graphs, ofPairs).index_add(0, self.variable_graphs, ofVariables[:, 0])


def run(layers, g):
    messages = torch.full((len(g.pairs), 2, 2), 0.5).log()
    for layer in layers:
        messages = layer(g, messages, g.incoming(messages))
    return g.bethe(messages)


print(json.dumps(torch.__version__), flush=True)
graphs = Graphs(json.loads(sys.stdin.readline()))
damping = Damping()
networks = {"message": [Message() for _ in range(LAYERS)], "damping": [damping] * ITERATIONS}
optimizers = {kind: torch.optim.Adam(nn.ModuleList(layers).parameters(), 1e-4) for kind, layers in networks.items()}


def step(kind):
    optimizers[kind].zero_grad()
    (run(networks[kind], graphs) - graphs.targets).square().mean().backward()
    optimizers[kind].step()


def inference(kind):
    with torch.no_grad():
        run(networks[kind], graphs)


for line in sys.stdin:
    what, kind = line.split()
    if what == "check":
        with torch.no_grad():
            print(json.dumps(run(networks[kind], graphs).sum().item()), flush=True)
        continue
    started = time.process_time()
    {"step": step, "inference": inference}[what](kind)
    print(json.dumps(1000 * (time.process_time() - started)), flush=True)
