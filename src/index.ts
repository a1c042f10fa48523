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

// Factor graphs, evidence by conditioning
export {
  describeFactor,
  factorGraph,
  logScore,
  scopeOf,
  tableOf,
  type FactorGraph,
  type FactorInput,
} from "./graph/factor-graph.ts";
export {
  condition,
  liftFactorMarginals,
  liftMarginals,
  liftStates,
  type Conditioned,
  type Distributions,
  type Evidence,
} from "./graph/condition.ts";

// Formats: .uai and .evid, read in bounded memory, written atomically
export { FormatError } from "./formats/format-error.ts";
export { defaultReadLimits, type Model, type ReadLimits } from "./formats/model.ts";
export { modelEndings, readModel } from "./formats/read.ts";
export { formatUai, parseUai, readUai, uaiText, writeUai } from "./formats/uai.ts";
export {
  evidenceText,
  parseEvidence,
  readEvidence,
  readEvidenceSamples,
  variableOf,
  writeEvidence,
} from "./formats/evidence.ts";
