/**
 * marginalia/learning: learned inference. Importing it registers the methods "gnn" and "bpnn" and loads the tensor
 * engine.
 */
import "./methods.ts";

// Families: how saved weights become networks
export { ModelFamily, type FamilyDefinition, type NamedTraining, type Trained } from "./model-family.ts";

// Training: the loop, checkpoints, saved models, jobs in processes
export { committedModels } from "./training/committed-models.ts";
export { dropout } from "./training/dropout.ts";
export { runJobs, type Job, type JobOptions } from "./training/jobs.ts";
export { TrainingError } from "./training/optimizer.ts";
export { loadOrTrain, type LoadOrTrainOptions } from "./training/load-or-train.ts";
export { configurationHash, learningRateAt, type TrainingOptions } from "./training/options.ts";
export { readModelFile, savedModel, writeModel, type SavedModel } from "./training/saved-model.ts";
export {
  train,
  type TrainingProgress,
  type TrainingResult,
  type TrainingRun,
  type TrainingTask,
} from "./training/train.ts";

// Graph neural networks on pairwise models
export { edgeProbabilities, exampleOf, randomGraphExamples, structuredExamples, type GnnExample } from "./gnn/data.ts";
export { gnnBatch, gnnInference, type GnnOptions } from "./gnn/infer.ts";
export {
  GraphNeuralNetwork,
  paperGnnShape,
  type GnnAggregation,
  type GnnArchitecture,
  type GnnPrediction,
  type GnnShape,
} from "./gnn/network.ts";
export { packGraphs, type PackedGraphs } from "./gnn/packed-graphs.ts";
export {
  paperGnnTraining,
  trainGnn,
  type GnnConfiguration,
  type GnnExamples,
  type GnnTarget,
} from "./gnn/train-gnn.ts";
export { gnnFamily, type TrainedGnn } from "./gnn/weights.ts";

// Belief propagation neural networks on factor graphs
export { factorGraphBatch, type FactorGraphBatch } from "./bpnn/batch.ts";
export { type BetheLayerShape } from "./bpnn/bethe-layer.ts";
export { type DampingLayerShape } from "./bpnn/damping-layer.ts";
export { dampingFunction, scalarDamping, type DampingFunction, type DampingShape } from "./bpnn/damping-operator.ts";
export { type PartitionExample } from "./bpnn/examples.ts";
export {
  runToFixedPoint,
  undamped,
  type DampingOperators,
  type FixedPoint,
  type FixedPointOptions,
} from "./bpnn/fixed-point.ts";
export { bpnnBatch, bpnnInference, type BpnnOptions } from "./bpnn/infer.ts";
export { defaultMessageLayer, type MessageLayerShape } from "./bpnn/message-layer.ts";
export { BeliefPropagationNetwork, type BpnnOutput, type BpnnShape } from "./bpnn/network.ts";
export { packFactorGraphs, type PackedFactorGraphs } from "./bpnn/packed-factor-graphs.ts";
export { trainBpnn, type BpnnConfiguration, type BpnnExamples } from "./bpnn/train-bpnn.ts";
export { bpnnFamily, operatorsOf, type TrainedBpnn } from "./bpnn/weights.ts";

// Graph isomorphism networks
export { ginFamily, type GinConfiguration, type GinExample, type TrainedGin } from "./gin/family.ts";
export { GraphIsomorphismNetwork, type FeatureGraph, type GinShape } from "./gin/network.ts";

// Sigmoid belief networks
export { posteriors, type PosteriorName, type SigmoidParameters } from "./sigmoid/posterior.ts";
export {
  meanLogLikelihood,
  sigmoidChain,
  trainSigmoidNetwork,
  type SigmoidTrainingOptions,
  type TrainedSigmoidNetwork,
} from "./sigmoid/train.ts";
