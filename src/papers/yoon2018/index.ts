/**
 * marginalia/papers/yoon2018: networks, data and evaluation of Yoon et al. 2018, "Inference in probabilistic graphical
 * models by graph neural networks".
 */
export { ablations, trainedAblation, type AblationName } from "./ablations.ts";
export {
  evaluateGnn,
  evaluateMap,
  evaluateMarginals,
  meanDivergence,
  summariseEvaluations,
  type Evaluation,
  type EvaluationSummary,
} from "./evaluation.ts";
export { paperGnns, paperRandom, paperSeeds, trainPaperGnn, type PaperGnn } from "./networks.ts";
export { richExample, richGnn, trainRichGnn } from "./rich-network.ts";
