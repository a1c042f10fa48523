/**
 * marginalia/papers/kuck2020: networks, data and evaluation of Kuck et al. 2020, "Belief propagation neural networks".
 */
export { compareConvergence, rootMeanSquare, type ConvergenceComparison, type ConvergenceRow } from "./evaluation.ts";
export { ginNetworks, trainGin, type GinName } from "./gin-baselines.ts";
export { blockModelFeatureGraph, isingFeatureGraph } from "./gin-features.ts";
export { isingExamples, isingTrainingSetting, type IsingExample, type IsingSetting } from "./ising-data.ts";
export { kuckNetworks, kuckRandom, kuckSeeds, trainKuckNetwork, type KuckNetwork } from "./networks.ts";
export {
  blockModelProblems,
  blockModelTrainingSetting,
  type BlockModelProblem,
  type BlockModelSetting,
} from "./sbm-data.ts";
