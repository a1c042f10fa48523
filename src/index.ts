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

// Inference: method strings, exact enumeration, the bounds of Jaakkola & Jordan 1996
export { describeMethods, infer, methods, parseMethod } from "./inference/registry.ts";
export { type InferenceContext, type Method, type ParsedMethod } from "./inference/method.ts";
export {
  enumerate,
  maxEnumerationVariables,
  type EnumerationOptions,
  type EnumerationResult,
} from "./inference/exact/enumeration.ts";
