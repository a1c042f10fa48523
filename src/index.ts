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
export { describeMethods, infer, methods, parseMethod, type InferOptions } from "./inference/registry.ts";
export { estimate, type EstimateOptions } from "./inference/estimate.ts";
export { type InferenceContext, type Method, type ParsedMethod } from "./inference/method.ts";
export {
  enumerate,
  MAX_ENUMERATION_VARIABLES as maxEnumerationVariables,
  type EnumerationOptions,
  type EnumerationResult,
} from "./inference/exact/enumeration.ts";
export {
  recursiveBound,
  type RecursiveBoundName,
  type RecursiveBoundOptions,
  type RecursiveBoundResult,
} from "./inference/bounds/recursion.ts";
export { type OrderRule } from "./inference/bounds/order.ts";
export { eliminateFactorisedLower } from "./inference/bounds/factorised-lower.ts";
export { eliminateFactorisedUpper } from "./inference/bounds/factorised-upper.ts";
export { eliminateRefinedUpper } from "./inference/bounds/refined-upper.ts";
export { fullyConnectedBoltzmann, randomBoltzmann, type Biases } from "./graph/generators/boltzmann.ts";

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
  type EvidenceInput,
} from "./graph/condition.ts";
export {
  cnfFactorGraph,
  cnfFormula,
  defaultCnfGraphOptions,
  type CnfFormula,
  type CnfGraphOptions,
} from "./graph/cnf.ts";

// Formats: .uai, .evid, .fg, DIMACS CNF, answers; read in bounded memory, written atomically
export { FormatError } from "./formats/format-error.ts";
export { defaultReadLimits, type Model, type ReadLimits } from "./formats/model.ts";
export { modelEndings, readModel } from "./formats/read.ts";
export { formatUai, parseUai, readUai, uaiText, writeUai } from "./formats/uai.ts";
export { fgText, formatFg, parseFg, readFg, writeFg } from "./formats/fg.ts";
export {
  cnfModel,
  dimacsText,
  formatDimacs,
  parseDimacs,
  readCnfModel,
  readDimacs,
  writeDimacs,
  type DimacsFile,
} from "./formats/dimacs.ts";
export { modelCountText, parseModelCount, readModelCount, type ModelCount } from "./formats/model-counts.ts";
export { parseResults, readResults, resultsText, writeResults, type Answer, type Results } from "./formats/results.ts";
export {
  evidenceText,
  parseEvidence,
  readEvidence,
  readEvidenceSamples,
  variableOf,
  writeEvidence,
} from "./formats/evidence.ts";

// Report: figures, tables, statistics, comparison with the paper, display
export { openExperiment, type Experiment, type ExperimentOptions, type Profile } from "./report/experiment.ts";
export { type ResultRecord, type ResultRow } from "./report/experiment.ts";
export { type DataKind, type Provenance } from "./base/provenance.ts";
export { judge, type Comparison, type Verdict } from "./base/verdict.ts";
export { figure, PlotlyFigure, type Axis, type FigureOptions } from "./report/figure.ts";
export { panels, type Panel, type PanelsOptions } from "./report/panels.ts";
export { band, bars, heatmap, line, scatter } from "./report/traces.ts";
export { methodStyle, palette, sequenceStyles, type MethodStyle } from "./report/style.ts";
export { figureSvg, type PlotlySpecification } from "./report/plotly-static.ts";
export { useFonts } from "./report/fonts.ts";
export { pngOfSvg, type Png } from "./report/render.ts";
export { table, tableCsv, tableOfCsv, type Columns, type TableOptions } from "./report/table.ts";
export {
  mean,
  median,
  quantiles,
  standardDeviation,
  standardError,
  summarise,
  type Summary,
} from "./report/statistics.ts";
export { clearOutput, display, type DisplayOptions, type KernelDisplay } from "./report/display.ts";
export { record, type RecordValue } from "./report/record.ts";

// Exact inference on factor graphs: enumeration, variable elimination, junction tree
export {
  enumerateFactorGraph,
  MAX_ENUMERATION_STATES as maxEnumerationStates,
} from "./inference/exact/factor-graph-enumeration.ts";
export {
  eliminationOrder,
  orderHeuristics,
  TreewidthError,
  type EliminationOrder,
  type OrderHeuristic,
  type OrderOptions,
} from "./inference/exact/elimination-order.ts";
export { eliminateVariables, type VariableEliminationOptions } from "./inference/exact/variable-elimination.ts";
export { junctionTree, type JunctionTreeOptions } from "./inference/exact/junction-tree.ts";
export { exactSampler, type ExactSampler } from "./inference/exact/junction-tree-sampling.ts";
export { bestStates } from "./inference/exact/k-best.ts";

// Message passing: the belief propagation family
export {
  beliefPropagation,
  maxProduct,
  type BeliefPropagationOptions,
  type MaxProductOptions,
} from "./inference/messages/belief-propagation.ts";
export {
  treeReweighted,
  type TreeReweightedOptions,
  type TreeReweightedResult,
} from "./inference/messages/tree-reweighted.ts";
export { uniformEdgeProbabilities } from "./inference/messages/edge-appearance.ts";
export { fractionalBeliefPropagation, type FractionalOptions } from "./inference/messages/fractional.ts";
export {
  doubleLoop,
  generalisedBeliefPropagation,
  type DoubleLoopOptions,
  type GeneralisedOptions,
} from "./inference/messages/generalised-belief-propagation.ts";
export { schedules, type Schedule } from "./inference/messages/schedule.ts";
export { betheLogZ, type Beliefs } from "./inference/messages/free-energy.ts";

// Graphs without potentials, conversions, generators
export { pairwiseFromArrays } from "./graph/pairwise.ts";
export { adjacency, markovNetwork, topology, topologyOf, type Adjacency, type Topology } from "./graph/topology.ts";
export { connectedComponents, isForest, isTree, type Components } from "./graph/components.ts";
export { pairwiseBinaryObstacle, toFactorGraph, toPairwiseBinary } from "./graph/convert.ts";
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
} from "./graph/generators/structured.ts";
export { openGrid, periodicGrid } from "./graph/generators/grid.ts";
export { connectedErdosRenyi, erdosRenyi, randomRegular, randomTree } from "./graph/generators/random-graphs.ts";
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
} from "./graph/generators/ising.ts";
export {
  blockModelPosterior,
  plantedPartition,
  stochasticBlockModel,
  type BlockModel,
  type BlockModelSample,
} from "./graph/generators/block-model.ts";
export { randomCnf, randomFactorGraph, type RandomFactorGraphOptions } from "./graph/generators/random-factors.ts";

// Learned inference: the training loop, and the graph neural networks of Yoon et al. 2018 (method "gnn")
import "./learning/methods.ts";
export {
  train,
  type TrainingProgress,
  type TrainingResult,
  type TrainingRun,
  type TrainingTask,
} from "./learning/training/train.ts";
export { TrainingError } from "./learning/training/optimizer.ts";
export { configurationHash, learningRateAt, type TrainingOptions } from "./learning/training/options.ts";
export { readModelFile, savedModel, writeModel, type SavedModel } from "./learning/training/saved-model.ts";
export { dropout } from "./learning/training/dropout.ts";
export { runJobs, type Job, type JobOptions } from "./learning/training/jobs.ts";
export {
  GraphNeuralNetwork,
  paperGnnShape,
  type GnnAggregation,
  type GnnArchitecture,
  type GnnPrediction,
  type GnnShape,
} from "./learning/gnn/network.ts";
export { packGraphs, type PackedGraphs } from "./learning/gnn/packed-graphs.ts";
export {
  edgeProbabilities,
  exampleOf,
  randomGraphExamples,
  structuredExamples,
  type GnnExample,
} from "./learning/gnn/data.ts";
export { paperGnnTraining, trainGnn, type GnnTarget, type GnnTraining } from "./learning/gnn/train-gnn.ts";
export { gnnBatch, gnnInference, type GnnOptions } from "./learning/gnn/infer.ts";
export { ablations, trainedAblation, type AblationName } from "./papers/yoon2018/ablations.ts";
export { richExample, richGnn, trainRichGnn } from "./papers/yoon2018/rich-network.ts";
export { committedModels } from "./learning/training/committed-models.ts";
export { gnnNamed, gnnOf, readGnnModel, type TrainedGnn } from "./learning/gnn/weights.ts";
export { paperGnns, paperRandom, paperSeeds, trainPaperGnn, type PaperGnn } from "./papers/yoon2018/networks.ts";
export {
  evaluateGnn,
  evaluateMap,
  evaluateMarginals,
  meanDivergence,
  summariseEvaluations,
  type Evaluation,
  type EvaluationSummary,
} from "./papers/yoon2018/evaluation.ts";
export { drawGraph, graphLayout } from "./report/graph-drawing.ts";
export { smallMultiples, type MultiplesRow, type SmallMultiplesOptions } from "./report/small-multiples.ts";

// Belief propagation neural networks of Kuck et al. 2020 (method "bpnn"), and the graph isomorphism network beside them
export { BeliefPropagationNetwork, type BpnnOutput, type BpnnShape } from "./learning/bpnn/network.ts";
export { packFactorGraphs, type PackedFactorGraphs } from "./learning/bpnn/packed-factor-graphs.ts";
export { factorGraphBatch, type FactorGraphBatch } from "./learning/bpnn/batch.ts";
export { defaultMessageLayer, type MessageLayerShape } from "./learning/bpnn/message-layer.ts";
export { type DampingLayerShape } from "./learning/bpnn/damping-layer.ts";
export { type BetheLayerShape } from "./learning/bpnn/bethe-layer.ts";
export {
  dampingFunction,
  scalarDamping,
  type DampingFunction,
  type DampingShape,
} from "./learning/bpnn/damping-operator.ts";
export {
  runToFixedPoint,
  undamped,
  type DampingOperators,
  type FixedPoint,
  type FixedPointOptions,
} from "./learning/bpnn/fixed-point.ts";
export { type PartitionExample } from "./learning/bpnn/examples.ts";
export {
  isingExamples,
  isingTrainingSetting,
  type IsingExample,
  type IsingSetting,
} from "./papers/kuck2020/ising-data.ts";
export {
  blockModelProblems,
  blockModelTrainingSetting,
  type BlockModelProblem,
  type BlockModelSetting,
} from "./papers/kuck2020/sbm-data.ts";
export { trainBpnn, type BpnnConfiguration, type BpnnExamples } from "./learning/bpnn/train-bpnn.ts";
export { bpnnBatch, bpnnInference, type BpnnOptions } from "./learning/bpnn/infer.ts";
export { bpnnNamed, bpnnOf, operatorsOf, readBpnnModel, type TrainedBpnn } from "./learning/bpnn/weights.ts";
export { kuckNetworks, kuckRandom, kuckSeeds, trainKuckNetwork, type KuckNetwork } from "./papers/kuck2020/networks.ts";
export {
  compareConvergence,
  rootMeanSquare,
  type ConvergenceComparison,
  type ConvergenceRow,
} from "./papers/kuck2020/evaluation.ts";
export { GraphIsomorphismNetwork, type FeatureGraph, type GinShape } from "./learning/gin/network.ts";
export { blockModelFeatureGraph, isingFeatureGraph } from "./papers/kuck2020/gin-features.ts";
export { ginNetworks, trainGin, type GinName, type TrainedGin } from "./papers/kuck2020/gin-baselines.ts";

// Tensors: importing them puts the accelerated back end under plain tfjs; alone: "marginalia/tensor"
export {
  backendChoices,
  describeBackend,
  setThreads,
  type BackendChoice,
  type BackendDescription,
} from "./tensor/setup.ts";
export {
  messagePassing,
  type Activation,
  type DenseLayer,
  type MessageBlock,
  type MessagePassing,
} from "./tensor/ops/message.ts";
export { gruCell, type GruWeights } from "./tensor/ops/gru.ts";
export { beliefsOfFactors, factorToVariable, quotientToVariable, spreadMessages } from "./tensor/ops/factor.ts";
export { normaliseLogs, sumOfOthers } from "./tensor/ops/log-messages.ts";
export { tableMlp, type TableMlp } from "./tensor/ops/table-mlp.ts";
export { logSumExp } from "./tensor/ops/log-sum-exp.ts";
export { Adam, RmsProp, type AdamOptions, type RmsPropOptions } from "./tensor/optimizers.ts";
export { segmentMax, segmentMean, segmentSoftmax } from "./tensor/ops/segments.ts";
export { sparseMatMul, sparseMatrix, type SparseMatrix } from "./tensor/ops/sparse.ts";
export { betaln, digamma, lgamma, trigamma } from "./tensor/special/gamma.ts";
export {
  dirichletDivergence,
  dirichletExpectedLog,
  dirichletLogDensity,
  dirichletLogNormaliser,
  kumaraswamyBetaDivergence,
  kumaraswamyLogDensity,
  kumaraswamyMean,
  kumaraswamySample,
  uniformTensor,
} from "./tensor/special/distributions.ts";
export { binaryConcreteSample, concreteSample, gumbelSample } from "./tensor/special/concrete.ts";

// MAP with certificate, MAP bounds, variational methods
export { branchAndBound, type BranchAndBoundOptions } from "./inference/exact/branch-and-bound.ts";
export { exactMap, type ExactMapOptions } from "./inference/exact/exact-map.ts";
export { mplp, type MplpOptions, type MplpResult } from "./inference/variational/mplp.ts";
export { meanField, type MeanFieldOptions, type MeanFieldResult } from "./inference/variational/naive-mean-field.ts";
export { structuredMeanField, type StructuredMeanFieldOptions } from "./inference/variational/structured-mean-field.ts";

// Jaakkola & Jordan 1996, beyond Figure 3: brackets with an exact end, intervals on probabilities, chain graphs
export { anytimeBracket, bracket, type Bracket, type BracketOptions } from "./inference/bounds/bracket.ts";
export { marginalIntervals, probabilityInterval, type MarginalIntervals } from "./inference/bounds/intervals.ts";
export { type IntervalOptions } from "./inference/bounds/intervals.ts";
export { type Interval } from "./inference/bounds/ratio.ts";
export { chainLikelihood, chainProbability, type LikelihoodBracket } from "./inference/bounds/chain-likelihood.ts";
export { chainFactorGraph, chainGraph, sigmoidBeliefNetwork, type ChainGraph } from "./graph/chain-graph.ts";
export { type Cluster, type DirectedEdge } from "./graph/chain-graph.ts";
export { clamp, type Clamped } from "./graph/clamp.ts";

// Learning from the bounds: sigmoid belief networks
export { binaryDigits } from "./papers/jaakkola1996/digits.ts";
export { posteriors, type PosteriorName, type SigmoidParameters } from "./learning/sigmoid/posterior.ts";
export { meanLogLikelihood, sigmoidChain, trainSigmoidNetwork } from "./learning/sigmoid/train.ts";
export { type SigmoidTrainingOptions, type TrainedSigmoidNetwork } from "./learning/sigmoid/train.ts";
