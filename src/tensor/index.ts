/** The tensor engine's face. Importing it is enough to make plain tfjs fast: see setup.ts. */
export { backendChoices, describeBackend, setThreads, type BackendChoice, type BackendDescription } from "./setup.ts";
export {
  messagePassing,
  messagePassingByParts,
  type Activation,
  type DenseLayer,
  type MessageBlock,
  type MessagePassing,
} from "./ops/message.ts";
export { gruCell, gruCellByParts, type GruWeights } from "./ops/gru.ts";
export { factorToVariable, factorToVariableByParts } from "./ops/factor.ts";
export { logSumExp } from "./ops/log-sum-exp.ts";
export { Adam, RmsProp, type AdamOptions, type RmsPropOptions } from "./optimizers.ts";
