/** marginalia/tensor: the accelerated back end under plain tfjs; importing it is enough (setup.ts). */
export { backendChoices, describeBackend, setThreads, type BackendChoice, type BackendDescription } from "./setup.ts";
export {
  messagePassing,
  type Activation,
  type DenseLayer,
  type MessageBlock,
  type MessagePassing,
} from "./ops/message.ts";
export { gruCell, type GruWeights } from "./ops/gru.ts";
export { beliefsOfFactors, factorToVariable, quotientToVariable, spreadMessages } from "./ops/factor.ts";
export { normaliseLogs, sumOfOthers } from "./ops/log-messages.ts";
export { tableMlp, type TableMlp } from "./ops/table-mlp.ts";
export { logSumExp } from "./ops/log-sum-exp.ts";
export { Adam, RmsProp, type AdamOptions, type RmsPropOptions } from "./optimizers.ts";
export { segmentMax, segmentMean, segmentSoftmax } from "./ops/segments.ts";
export { sparseMatMul, sparseMatrix, type SparseMatrix } from "./ops/sparse.ts";
export { betaln, digamma, lgamma, trigamma } from "./special/gamma.ts";
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
} from "./special/distributions.ts";
export { binaryConcreteSample, concreteSample, gumbelSample } from "./special/concrete.ts";
