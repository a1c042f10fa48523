/**
 * Adam and RMSProp as one kernel a variable, with tfjs's arithmetic (epsilon outside the root for Adam, inside for
 * RMSProp) and, beyond tfjs's, decoupled weight decay and a state that can be saved and restored exactly.
 */
import type * as Tf from "@tensorflow/tfjs";
import { BACKEND_NAME } from "./backend.ts";
import { accelerate, type KernelCall } from "./kernels/register.ts";
import { tf } from "./tf.ts";

/** tfjs keeps this name to itself. */
interface NamedTensor {
  name: string;
  tensor: Tf.Tensor;
}
type Gradients = Tf.NamedTensorMap | NamedTensor[];

/** What the two have in common: two running moments for each variable. */
abstract class MomentOptimizer extends tf.Optimizer {
  /** May be changed between steps, by a schedule. */
  learningRate: number;
  readonly #moments = new Map<string, [Tf.Variable, Tf.Variable]>();

  constructor(learningRate: number) {
    super();
    this.learningRate = learningRate;
  }

  /** [value', first', second'] */
  protected abstract step(value: Tf.Tensor, gradient: Tf.Tensor, first: Tf.Tensor, second: Tf.Tensor): Tf.Tensor[];

  applyGradients(gradients: Gradients): void {
    const list = Array.isArray(gradients)
      ? gradients
      : Object.entries(gradients).map(([name, tensor]) => ({ name, tensor }));
    this.incrementIterations();
    for (const { name, tensor } of list) {
      if (!tensor) continue;
      const variable = tf.engine().registeredVariables[name];
      const moments = this.#momentsOf(name, variable.shape);
      const [value, ...next] = tf.tidy(() => this.step(variable, tensor, ...moments));
      variable.assign(value);
      moments.forEach((moment, i) => moment.assign(next[i]));
      tf.dispose([value, ...next]);
    }
  }

  #momentsOf(name: string, shape: number[]): [Tf.Variable, Tf.Variable] {
    let found = this.#moments.get(name);
    if (!found) {
      const fresh = () => tf.tidy(() => tf.variable(tf.zeros(shape), false));
      found = [fresh(), fresh()];
      this.#moments.set(name, found);
    }
    return found;
  }

  /**
   * Steps taken, then the moments of each variable in order: all that `setWeights` needs to go on with the same
   * numbers.
   */
  override async getWeights(): Promise<NamedTensor[]> {
    const state = [...this.#moments].flatMap(([name, [first, second]]) => [
      { name: `${name}/first`, tensor: first },
      { name: `${name}/second`, tensor: second },
    ]);
    return [await this.saveIterations(), ...state];
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    const moments = await this.extractIterations(weights);
    for (const { name, tensor } of moments) {
      const slash = name.lastIndexOf("/");
      const which = ["first", "second"].indexOf(name.slice(slash + 1));
      if (which < 0) throw new RangeError(`an optimiser's state has moments "<variable>/first|second", got "${name}"`);
      this.#momentsOf(name.slice(0, slash), tensor.shape)[which].assign(tensor);
    }
  }

  override dispose(): void {
    for (const pair of this.#moments.values()) tf.dispose(pair);
    this.#moments.clear();
    super.dispose();
  }
}

export interface AdamOptions {
  /** Default .9 */
  readonly beta1?: number;
  /** Default .999 */
  readonly beta2?: number;
  /** Default 1e-8, added to the root of the second moment */
  readonly epsilon?: number;
  /** Default 0: decoupled (AdamW), value -= learningRate * weightDecay * value */
  readonly weightDecay?: number;
}

/** Adam, Kingma & Ba 2015; AdamW with `weightDecay`. */
export class Adam extends MomentOptimizer {
  readonly options: Required<AdamOptions>;

  constructor(learningRate: number, options: AdamOptions = {}) {
    super(learningRate);
    this.options = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, ...options };
  }

  protected step(value: Tf.Tensor, gradient: Tf.Tensor, first: Tf.Tensor, second: Tf.Tensor): Tf.Tensor[] {
    const { beta1, beta2, epsilon, weightDecay } = this.options;
    const correct1 = 1 - beta1 ** this.iterations;
    const correct2 = 1 - beta2 ** this.iterations;
    if (tf.getBackend() === BACKEND_NAME) {
      const params = [this.learningRate, beta1, beta2, epsilon, correct1, correct2, weightDecay];
      return runStep("MarginaliaAdam", { value, gradient, first, second }, params);
    }
    const newFirst = tf.add(tf.mul(first, beta1), tf.mul(gradient, 1 - beta1));
    const newSecond = tf.add(tf.mul(second, beta2), tf.mul(tf.square(gradient), 1 - beta2));
    const root = tf.add(tf.sqrt(tf.div(newSecond, correct2)), epsilon);
    const change = tf.add(tf.div(tf.div(newFirst, correct1), root), tf.mul(value, weightDecay));
    return [tf.sub(value, tf.mul(change, this.learningRate)), newFirst, newSecond];
  }

  static get className(): string {
    return "MarginaliaAdam";
  }

  getConfig(): Tf.serialization.ConfigDict {
    return { learningRate: this.learningRate, ...this.options };
  }
}

export interface RmsPropOptions {
  /** Default .9 */
  readonly decay?: number;
  /** Default 0 */
  readonly momentum?: number;
  /** Default 1e-7, added to the mean square under the root */
  readonly epsilon?: number;
}

/** RMSProp, tfjs's form (not centred). */
export class RmsProp extends MomentOptimizer {
  readonly options: Required<RmsPropOptions>;

  constructor(learningRate: number, options: RmsPropOptions = {}) {
    super(learningRate);
    this.options = { decay: 0.9, momentum: 0, epsilon: 1e-7, ...options };
  }

  protected step(value: Tf.Tensor, gradient: Tf.Tensor, first: Tf.Tensor, second: Tf.Tensor): Tf.Tensor[] {
    const { decay, momentum, epsilon } = this.options;
    if (tf.getBackend() === BACKEND_NAME)
      return runStep("MarginaliaRmsProp", { value, gradient, first, second }, [
        this.learningRate,
        decay,
        momentum,
        epsilon,
      ]);
    const meanSquare = tf.add(tf.mul(first, decay), tf.mul(tf.square(gradient), 1 - decay));
    const scaled = tf.div(tf.mul(gradient, this.learningRate), tf.sqrt(tf.add(meanSquare, epsilon)));
    const change = tf.add(tf.mul(second, momentum), scaled);
    return [tf.sub(value, change), meanSquare, change];
  }

  static get className(): string {
    return "MarginaliaRmsProp";
  }

  getConfig(): Tf.serialization.ConfigDict {
    return { learningRate: this.learningRate, ...this.options };
  }
}

function runStep(kernel: string, inputs: Tf.NamedTensorMap, params: number[]): Tf.Tensor[] {
  return tf.engine().runKernel(kernel, inputs, { params }) as unknown as Tf.Tensor[];
}

const stepKernel =
  (operation: string) =>
  ({ inputs: { value, gradient, first, second }, attrs, backend }: KernelCall): Tf.TensorInfo[] => {
    const arrays = [value, gradient, first, second].map((tensor) => backend.readFloats(tensor));
    const results = [1, 2, 3].map(() => backend.floats(value.shape));
    const written = results.map(({ values }) => values);
    backend.library.run(operation, attrs.params as number[], ...arrays, ...written);
    return results.map(({ info }) => info);
  };

export function registerOptimizers(): void {
  accelerate("MarginaliaAdam", stepKernel("adam"));
  accelerate("MarginaliaRmsProp", stepKernel("rmsprop"));
}
