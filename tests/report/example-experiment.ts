/** A small experiment with every kind of output and verdict, run here and in another process. */
import { openExperiment, type Experiment } from "../../src/report/experiment.ts";
import { figure } from "../../src/report/figure.ts";
import { table } from "../../src/report/table.ts";
import { line } from "../../src/report/traces.ts";

export const options = {
  title: "Figure 3",
  profile: "quick",
  seed: 1,
  parameters: { n: 8, d: [0.1, Infinity] },
} as const;

export const small = () => figure({ title: "small", data: [line({ method: "exact", x: [1, 2], y: [3, 4] })] });

export const open = (name = "paper/one"): Experiment => openExperiment(name, options);

export function runAll(name?: string): Experiment {
  const experiment = open(name);
  experiment.figure("curve", small());
  experiment.table("numbers", table({ x: [1, 2] }));
  experiment.compare([
    { quantity: "error", paper: 0.02, ours: 0.01, standardError: 0.001, better: "lower" },
    { quantity: "range", paper: [0, 1], ours: -Infinity },
    { quantity: "claim", paper: "tight", ours: "gap 0.1", holds: true },
    { quantity: "new", ours: 1 },
  ]);
  return experiment;
}
