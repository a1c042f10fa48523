export { Random, type RandomLabel } from "./graph/random.ts";
export {
  boltzmannMachine,
  isingModel,
  logPotential,
  toBoltzmann,
  toIsing,
  type BoltzmannMachine,
  type IsingModel,
  type PairwiseBinaryModel,
  type WeightedEdge,
} from "./graph/pairwise.ts";
export { Marginals, type InferenceResult, type MapAnswer } from "./inference/result.ts";
