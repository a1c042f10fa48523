/**
 * Marginalia's face, in the order of a first session: build a model, ask for its marginals, read and write files, open
 * an experiment. The rest of every room lies under its own path: marginalia/graph, /formats, /inference, /learning,
 * /tensor, /report and /papers/<paper>.
 */

// Models: potentials on flat arrays, and randomness from an explicit seed
export { Random, type RandomLabel } from "./graph/random.ts";
export { boltzmannMachine, isingModel, type BoltzmannMachine, type IsingModel } from "./graph/pairwise.ts";
export { factorGraph, type FactorGraph } from "./graph/factor-graph.ts";
export { toFactorGraph } from "./graph/convert.ts";
export { condition, type Evidence } from "./graph/condition.ts";

// Generators
export { fullyConnectedBoltzmann, randomBoltzmann } from "./graph/generators/boltzmann.ts";
export { openGrid, periodicGrid } from "./graph/generators/grid.ts";
export { complete, structuredGraph } from "./graph/generators/structured.ts";
export { erdosRenyi, randomTree } from "./graph/generators/random-graphs.ts";
export { gaussianIsing, uniformIsing } from "./graph/generators/ising.ts";
export { randomFactorGraph } from "./graph/generators/random-factors.ts";

// Inference: any method by name, and what it answers
export { describeMethods, infer, methods, parseMethod, type InferOptions } from "./inference/registry.ts";
export { estimate } from "./inference/estimate.ts";
export { Marginals, type InferenceResult, type MapAnswer } from "./inference/result.ts";
export { enumerate } from "./inference/exact/enumeration.ts";
export { exactSampler } from "./inference/exact/junction-tree-sampling.ts";
export { anytimeBracket, bracket } from "./inference/bounds/bracket.ts";
export { marginalIntervals } from "./inference/bounds/intervals.ts";

// Files
export { readModel } from "./formats/read.ts";
export { readEvidence } from "./formats/evidence.ts";
export { writeUai } from "./formats/uai.ts";
export { writeFg } from "./formats/fg.ts";
export { FormatError } from "./formats/format-error.ts";

// An experiment: figures, tables, comparison with the paper
export { openExperiment, type Experiment, type Profile } from "./report/experiment.ts";
export { type Comparison, type Verdict } from "./base/verdict.ts";
export { figure } from "./report/figure.ts";
export { panels } from "./report/panels.ts";
export { band, bars, heatmap, line, scatter } from "./report/traces.ts";
export { methodStyle, sequenceStyles } from "./report/style.ts";
export { table, tableCsv, tableOfCsv } from "./report/table.ts";
export { mean, median, standardDeviation, standardError, summarise } from "./report/statistics.ts";
export { display } from "./report/display.ts";
export { record } from "./report/record.ts";
