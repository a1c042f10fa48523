/**
 * Factor to variable, for a batch of factors of one shape (BPNN's and BP's step), in the log domain:
 *
 *   out_i(x_i) = ln sum over x without x_i of exp(q_i(x))
 *
 *   q_i(x) = table(x) + sum over j != i of message_j(x_j)      `factorToVariable`
 *   q_i(x) = numerator(x) - denominator_i(x)                   `quotientToVariable`
 *
 * A sum of zeros alone is -Infinity with gradient 0, never NaN. With `floor`, each out_i is shifted to log-sum-exp 0
 * and kept at it or above; it is at most -80, where e^floor counts as 0. One kernel each with a hand-written gradient
 * on the `marginalia` back end; elsewhere factor-by-parts.ts.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME, type MarginaliaBackend } from "../backend.ts";
import { accelerate, type KernelCall } from "../kernels/register.ts";
import { tf } from "../tf.ts";
import {
  beliefsByParts,
  factorToVariableByParts,
  quotientToVariableByParts,
  spreadByParts,
} from "./factor-by-parts.ts";
import { checkFloor } from "./log-messages.ts";

const MAX_FACTOR_VARIABLES = 5;

const sum = (sizes: readonly number[]) => sizes.reduce((total, size) => total + size, 0);
const product = (sizes: readonly number[]) => sizes.reduce((total, size) => total * size, 1);

function checkCardinalities(cardinalities: readonly number[], got: string): void {
  if (cardinalities.length < 1 || cardinalities.length > MAX_FACTOR_VARIABLES)
    throw new RangeError(`a factor has 1 to ${MAX_FACTOR_VARIABLES} variables, got ${got}`);
}

function checkMessages(table: Tf.Tensor, messages: Tf.Tensor2D): void {
  const cardinalities = table.shape.slice(1);
  checkCardinalities(cardinalities, `a table [${table.shape.join(", ")}]`);
  const width = sum(cardinalities);
  if (messages.shape[0] !== table.shape[0] || messages.shape[1] !== width)
    throw new RangeError(
      `tables [${table.shape.join(", ")}] need messages [${table.shape[0]}, ${width}], got [${messages.shape.join(", ")}]`,
    );
}

/**
 * Messages [factors, sum of cardinalities] from factors to variables, natural log; normalised if there is a floor.
 * @param table [factors, c_1, ..., c_n], natural log, 1 <= n <= 5
 * @param messages [factors, c_1 + ... + c_n]: the messages to each variable's axis, natural log, in the order of the
 *   axes
 * @throws RangeError if the shapes do not fit, or the floor is too high.
 */
export function factorToVariable(table: Tf.Tensor, messages: Tf.Tensor2D, floor?: number): Tf.Tensor2D {
  checkMessages(table, messages);
  checkFloor(floor);
  if (tf.getBackend() !== BACKEND_NAME) return factorToVariableByParts(table, messages, floor);
  return tf.engine().runKernel("MarginaliaFactor", { table, messages }, { floor: floor ?? null } as never);
}

/**
 * Messages from tables that are different for each axis: [factors, sum of cardinalities], natural log; normalised if
 * there is a floor.
 * @param numerators [factors, states], natural log
 * @param denominators [axes x factors, states], axis after axis, natural log, finite; absent: 0
 * @throws RangeError if the shapes do not fit, or the floor is too high.
 */
export function quotientToVariable(
  numerators: Tf.Tensor2D,
  denominators: Tf.Tensor2D | undefined,
  cardinalities: readonly number[],
  floor?: number,
): Tf.Tensor2D {
  checkCardinalities(cardinalities, `cardinalities [${cardinalities.join(", ")}]`);
  const [factors, states] = numerators.shape;
  const expected = [cardinalities.length * factors, states];
  if (states !== product(cardinalities) || (denominators && !tf.util.arraysEqual(denominators.shape, expected)))
    throw new RangeError(
      `axes [${cardinalities.join(", ")}] need numerators [factors, ${product(cardinalities)}] and denominators ` +
        `[${expected.join(", ")}], got [${numerators.shape.join(", ")}] and [${denominators?.shape.join(", ") ?? ""}]`,
    );
  checkFloor(floor);
  if (tf.getBackend() !== BACKEND_NAME)
    return quotientToVariableByParts(numerators, denominators, cardinalities, floor);
  const inputs = (denominators ? [numerators, denominators] : [numerators]) as unknown as Tf.NamedTensorMap;
  return tf.engine().runKernel("MarginaliaQuotient", inputs, { cardinalities, floor: floor ?? null } as never);
}

/**
 * Factor beliefs: ln of exp(table + messages of all variables), normalised and kept at `floor` or above, [factors,
 * states].
 * @param table [factors, c_1, ..., c_n], natural log; `messages` as for `factorToVariable`
 * @throws RangeError if the shapes do not fit, or the floor is too high.
 */
export function beliefsOfFactors(table: Tf.Tensor, messages: Tf.Tensor2D, floor: number): Tf.Tensor2D {
  checkMessages(table, messages);
  checkFloor(floor);
  if (tf.getBackend() !== BACKEND_NAME) return beliefsByParts(table, messages, floor);
  return tf.engine().runKernel("MarginaliaBeliefs", { table, messages }, { floor });
}

/**
 * Each axis' message spread over its factor's table: [axes x factors, states], axis after axis.
 * @param messages [factors, c_1 + ... + c_n]
 * @throws RangeError if the shapes do not fit.
 */
export function spreadMessages(messages: Tf.Tensor2D, cardinalities: readonly number[]): Tf.Tensor2D {
  checkCardinalities(cardinalities, `cardinalities [${cardinalities.join(", ")}]`);
  if (messages.shape[1] !== sum(cardinalities))
    throw new RangeError(
      `axes [${cardinalities.join(", ")}] need messages [factors, ${sum(cardinalities)}], got [${messages.shape.join(", ")}]`,
    );
  if (tf.getBackend() !== BACKEND_NAME) return spreadByParts(messages, cardinalities);
  return tf.engine().runKernel("MarginaliaSpread", { messages }, { cardinalities });
}

type Floor = number | null;
/** The kernels' parameters; tables come as [factors, ...cardinalities]. */
const paramsOf = (factors: number, floor: Floor, cardinalities: readonly number[]) => [
  factors,
  floor === null ? 0 : 1,
  floor ?? 0,
  ...cardinalities,
];

/** Runs a kernel that reads `inputs` and writes as many tensors as there are `shapes`. */
function run(
  backend: MarginaliaBackend,
  operation: string,
  params: readonly number[],
  inputs: readonly (Tf.TensorInfo | undefined)[],
  ...shapes: readonly (readonly number[] | undefined)[]
): Tf.TensorInfo[] {
  const read = inputs.map((tensor) => (tensor ? backend.readFloats(tensor) : new Float32Array(0)));
  const results = shapes.map((shape) => shape && backend.floats(shape));
  const written = results.map((result) => result?.values ?? new Float32Array(0));
  backend.library.run(operation, params, ...read, ...written);
  return results.flatMap((result) => (result ? [result.info] : []));
}

const factor = ({ inputs: { table, messages }, attrs, backend }: KernelCall) => {
  const params = paramsOf(table.shape[0], attrs.floor as Floor, table.shape.slice(1));
  return run(backend, "factor", params, [table, messages], messages.shape)[0];
};

const factorGradient = ({ inputs: { table, messages, dy }, attrs, backend }: KernelCall) => {
  const params = paramsOf(table.shape[0], attrs.floor as Floor, table.shape.slice(1));
  return run(backend, "factorGradient", params, [table, messages, dy], table.shape, messages.shape);
};

/** Lists, since the denominators may be absent: numerators, denominators. */
const quotient = ({ inputs, attrs, backend }: KernelCall) => {
  const [numerators, denominators] = Object.values(inputs);
  const cardinalities = attrs.cardinalities as number[];
  const params = paramsOf(numerators.shape[0], attrs.floor as Floor, cardinalities);
  const shape = [numerators.shape[0], sum(cardinalities)];
  return run(backend, "quotient", params, [numerators, denominators], shape)[0];
};

/** The same after the gradient of the result. */
const quotientGradient = ({ inputs, attrs, backend }: KernelCall) => {
  const [dy, numerators, denominators] = Object.values(inputs) as (Tf.TensorInfo | undefined)[];
  const params = paramsOf(numerators!.shape[0], attrs.floor as Floor, attrs.cardinalities as number[]);
  return run(
    backend,
    "quotientGradient",
    params,
    [numerators, denominators, dy],
    numerators?.shape,
    denominators?.shape,
  );
};

const beliefs = ({ inputs: { table, messages }, attrs, backend }: KernelCall) => {
  const [factors, ...cardinalities] = table.shape;
  const shape = [factors, product(cardinalities)];
  return run(backend, "beliefs", [factors, attrs.floor as number, ...cardinalities], [table, messages], shape)[0];
};

const beliefsGradient = ({ inputs: { y, dy }, attrs, backend }: KernelCall) => {
  const { floor, shape } = attrs as unknown as { floor: number; shape: number[] };
  const [factors, ...cardinalities] = shape;
  return run(backend, "beliefsGradient", [factors, floor, ...cardinalities], [y, dy], shape, [
    factors,
    sum(cardinalities),
  ]);
};

const spread = ({ inputs: { messages }, attrs, backend }: KernelCall) => {
  const cardinalities = attrs.cardinalities as number[];
  const [factors] = messages.shape;
  const shape = [cardinalities.length * factors, product(cardinalities)];
  return run(backend, "spread", [factors, ...cardinalities], [messages], shape)[0];
};

const spreadGradient = ({ inputs: { dy }, attrs, backend }: KernelCall) => {
  const cardinalities = attrs.cardinalities as number[];
  const factors = dy.shape[0] / cardinalities.length;
  return run(backend, "spreadGradient", [factors, ...cardinalities], [dy], [factors, sum(cardinalities)])[0];
};

/** Both gradients in one kernel. */
const gradients = (kernel: string, inputs: Record<string, Tf.Tensor> | Tf.Tensor[], attrs: Tf.NamedAttrMap) =>
  tf.engine().runKernel(kernel, inputs as Tf.NamedTensorMap, attrs) as unknown as Tf.Tensor[];

export function registerFactor(): void {
  accelerate("MarginaliaFactor", factor);
  accelerate("MarginaliaFactorGradient", factorGradient);
  accelerate("MarginaliaQuotient", quotient);
  accelerate("MarginaliaQuotientGradient", quotientGradient);
  accelerate("MarginaliaBeliefs", beliefs);
  accelerate("MarginaliaBeliefsGradient", beliefsGradient);
  accelerate("MarginaliaSpread", spread);
  accelerate("MarginaliaSpreadGradient", spreadGradient);
  tf.registerGradient({
    kernelName: "MarginaliaSpread",
    gradFunc: (dy, _saved, attrs) => ({
      messages: () => tf.engine().runKernel("MarginaliaSpreadGradient", { dy: dy as Tf.Tensor }, attrs),
    }),
  });
  tf.registerGradient({
    kernelName: "MarginaliaFactor",
    inputsToSave: ["table", "messages"],
    gradFunc: (dy, [table, messages], attrs) => {
      const both = gradients("MarginaliaFactorGradient", { table, messages, dy: dy as Tf.Tensor }, attrs);
      return { table: () => both[0], messages: () => both[1] };
    },
  });
  tf.registerGradient({
    kernelName: "MarginaliaQuotient",
    saveAllInputs: true,
    gradFunc: (dy, saved, attrs) => {
      const both = gradients("MarginaliaQuotientGradient", [dy as Tf.Tensor, ...saved], attrs);
      return saved.map((_, input) => () => both[input]) as unknown as Record<string, () => Tf.Tensor>;
    },
  });
  tf.registerGradient({
    kernelName: "MarginaliaBeliefs",
    inputsToSave: ["table"],
    outputsToSave: [true],
    gradFunc: (dy, [table, y], attrs) => {
      const shape = { ...attrs, shape: table.shape };
      const both = gradients("MarginaliaBeliefsGradient", { y, dy: dy as Tf.Tensor }, shape);
      return { table: () => both[0], messages: () => both[1] };
    },
  });
}
