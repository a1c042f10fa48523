/** marginalia/graph: models on flat arrays, evidence by conditioning, generators, seeded randomness. */

// Models, conversions, evidence
export {
  chainFactorGraph,
  chainGraph,
  sigmoidBeliefNetwork,
  type ChainGraph,
  type Cluster,
  type DirectedEdge,
} from "./chain-graph.ts";
export { clamp, type Clamped } from "./clamp.ts";
export { cnfFactorGraph, cnfFormula, defaultCnfGraphOptions, type CnfFormula, type CnfGraphOptions } from "./cnf.ts";
export { connectedComponents, isForest, isTree, type Components } from "./components.ts";
export {
  condition,
  liftFactorMarginals,
  liftMarginals,
  liftStates,
  type Conditioned,
  type Distributions,
  type Evidence,
  type EvidenceInput,
} from "./condition.ts";
export { pairwiseBinaryObstacle, toFactorGraph, toPairwiseBinary } from "./convert.ts";
export {
  describeFactor,
  factorGraph,
  logScore,
  scopeOf,
  tableOf,
  type FactorGraph,
  type FactorInput,
} from "./factor-graph.ts";
export {
  boltzmannMachine,
  isingModel,
  logPotential,
  pairwiseFromArrays,
  toBoltzmann,
  toIsing,
  type BoltzmannMachine,
  type IsingModel,
  type PairwiseBinaryModel,
  type WeightedEdge,
} from "./pairwise.ts";
export { Random, type RandomLabel } from "./random.ts";
export { adjacency, markovNetwork, topology, topologyOf, type Adjacency, type Topology } from "./topology.ts";

// Generators
export {
  blockModelPosterior,
  plantedPartition,
  stochasticBlockModel,
  type BlockModel,
  type BlockModelSample,
} from "./generators/block-model.ts";
export { fullyConnectedBoltzmann, randomBoltzmann, type Biases } from "./generators/boltzmann.ts";
export { openGrid, periodicGrid } from "./generators/grid.ts";
export {
  defaultGaussianIsingOptions,
  gaussianIsing,
  hierarchicalIsing,
  interactions,
  isingOn,
  uniformIsing,
  type GaussianIsingOptions,
  type Interaction,
  type UniformIsingOptions,
} from "./generators/ising.ts";
export { randomCnf, randomFactorGraph, type RandomFactorGraphOptions } from "./generators/random-factors.ts";
export { connectedErdosRenyi, erdosRenyi, randomRegular, randomTree } from "./generators/random-graphs.ts";
export {
  barbell,
  circularLadder,
  complete,
  completeBipartite,
  completeMultipartite,
  completeTripartite,
  cycle,
  ladder,
  lollipop,
  path,
  squareGrid,
  star,
  structuredFamilies,
  structuredGraph,
  wheel,
  type StructuredFamily,
} from "./generators/structured.ts";
