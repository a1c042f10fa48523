/** marginalia/inference: every algorithm as a function of its own. `infer` runs them by name. */

// Methods by name, and what they answer
export { type InferenceContext, type Method, type ParsedMethod } from "./method.ts";
export { estimate, type EstimateOptions } from "./estimate.ts";
export { describeMethods, infer, methods, parseMethod, type InferOptions } from "./registry.ts";
export { Marginals, type InferenceResult, type MapAnswer } from "./result.ts";

// Exact: enumeration, elimination, junction trees, MAP with certificate
export { branchAndBound, type BranchAndBoundOptions } from "./exact/branch-and-bound.ts";
export {
  eliminationOrder,
  orderHeuristics,
  TreewidthError,
  type EliminationOrder,
  type OrderHeuristic,
  type OrderOptions,
} from "./exact/elimination-order.ts";
export {
  enumerate,
  MAX_ENUMERATION_VARIABLES,
  type EnumerationOptions,
  type EnumerationResult,
} from "./exact/enumeration.ts";
export { exactMap, type ExactMapOptions } from "./exact/exact-map.ts";
export { enumerateFactorGraph, MAX_ENUMERATION_STATES } from "./exact/factor-graph-enumeration.ts";
export { exactSampler, type ExactSampler } from "./exact/junction-tree-sampling.ts";
export { junctionTree, type JunctionTreeOptions } from "./exact/junction-tree.ts";
export { bestStates } from "./exact/k-best.ts";
export { eliminateVariables, type VariableEliminationOptions } from "./exact/variable-elimination.ts";

// Bounds that hold: Jaakkola & Jordan 1996
export { anytimeBracket, bracket, type Bracket, type BracketOptions } from "./bounds/bracket.ts";
export { chainLikelihood, chainProbability, type LikelihoodBracket } from "./bounds/chain-likelihood.ts";
export { eliminateFactorisedLower } from "./bounds/factorised-lower.ts";
export { eliminateFactorisedUpper } from "./bounds/factorised-upper.ts";
export {
  marginalIntervals,
  probabilityInterval,
  type IntervalOptions,
  type MarginalIntervals,
} from "./bounds/intervals.ts";
export { type OrderRule } from "./bounds/order.ts";
export { type Interval } from "./bounds/ratio.ts";
export {
  recursiveBound,
  type RecursiveBoundName,
  type RecursiveBoundOptions,
  type RecursiveBoundResult,
} from "./bounds/recursion.ts";
export { eliminateRefinedUpper } from "./bounds/refined-upper.ts";

// Message passing
export {
  beliefPropagation,
  maxProduct,
  type BeliefPropagationOptions,
  type MaxProductOptions,
} from "./messages/belief-propagation.ts";
export { uniformEdgeProbabilities } from "./messages/edge-appearance.ts";
export { fractionalBeliefPropagation, type FractionalOptions } from "./messages/fractional.ts";
export { betheLogZ, type Beliefs } from "./messages/free-energy.ts";
export {
  doubleLoop,
  generalisedBeliefPropagation,
  type DoubleLoopOptions,
  type GeneralisedOptions,
} from "./messages/generalised-belief-propagation.ts";
export { schedules, type Schedule } from "./messages/schedule.ts";
export { treeReweighted, type TreeReweightedOptions, type TreeReweightedResult } from "./messages/tree-reweighted.ts";

// Variational methods and bounds on the best score
export { mplp, type MplpOptions, type MplpResult } from "./variational/mplp.ts";
export { meanField, type MeanFieldOptions, type MeanFieldResult } from "./variational/naive-mean-field.ts";
export { structuredMeanField, type StructuredMeanFieldOptions } from "./variational/structured-mean-field.ts";
