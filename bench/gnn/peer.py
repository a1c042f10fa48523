"""The two networks of Yoon et al. 2018 in PyTorch, on batches that come as one line of JSON. Reads `<epoch|inference> <node|msg>` lines, answers with milliseconds."""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional

torch.manual_seed(1)
torch.set_num_threads(1)
HIDDEN, WIDTH, STEPS = 5, 64, 10


def mlp(inputs, outputs):
    return nn.Sequential(nn.Linear(inputs, WIDTH), nn.ReLU(), nn.Linear(WIDTH, WIDTH), nn.ReLU(), nn.Linear(WIDTH, outputs))


class Network(nn.Module):
    def __init__(self, kind):
        super().__init__()
        self.kind = kind
        self.message = mlp((2 if kind == "node" else 1) * HIDDEN + 3, HIDDEN)
        self.gru, self.readout = nn.GRUCell(HIDDEN, HIDDEN), mlp(HIDDEN, 1)

    def forward(self, graph):
        nodes, source, target, reverse, features = (graph[k] for k in ("nodes", "sources", "targets", "reverses", "features"))
        at_targets = lambda rows: torch.zeros(nodes, HIDDEN).index_add(0, target, rows)
        if self.kind == "node":
            state = torch.zeros(nodes, HIDDEN)
            for _ in range(STEPS):
                state = self.gru(at_targets(self.message(torch.cat([state[source], state[target], features], 1))), state)
            return self.readout(state)[:, 0]
        state = torch.zeros(len(source), HIDDEN)
        for _ in range(STEPS):
            others = at_targets(state)[source] - state[reverse]
            state = self.gru(self.message(torch.cat([others, features], 1)), state)
        return self.readout(at_targets(state))[:, 0]


def tensors(graph):
    index = {k: torch.tensor(graph[k]) for k in ("sources", "targets", "reverses")}
    return {"nodes": graph["nodes"], **index, "features": torch.tensor(graph["features"]).reshape(-1, 3), "labels": torch.tensor(graph["labels"])}


print(json.dumps(torch.__version__), flush=True)
data = json.loads(sys.stdin.readline())
batches, test = [tensors(graph) for graph in data["batches"]], tensors(data["test"])
networks = {kind: Network(kind) for kind in ("node", "msg")}
optimizers = {kind: torch.optim.Adam(network.parameters(), 1e-3) for kind, network in networks.items()}


def epoch(kind):
    for batch in batches:
        optimizers[kind].zero_grad()
        functional.binary_cross_entropy_with_logits(networks[kind](batch), batch["labels"]).backward()
        optimizers[kind].step()


def inference(kind):
    with torch.no_grad():
        torch.sigmoid(networks[kind](test))


for line in sys.stdin:
    what, kind = line.split()
    start = time.perf_counter()
    {"epoch": epoch, "inference": inference}[what](kind)
    print(json.dumps((time.perf_counter() - start) * 1000), flush=True)
