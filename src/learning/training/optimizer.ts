/** The optimiser of a training, with the gradient looked at before it is used, and a state that can be saved. */
import type * as Tf from "@tensorflow/tfjs";
import { Adam, RmsProp } from "../../tensor/index.ts";
import type { TrainingSettings } from "./options.ts";
import { restoreTensor, saveTensor, type SavedTensor } from "./tensors-as-text.ts";
import { tf } from "../../tensor/tf.ts";

type Parameters = ReadonlyMap<string, Tf.Variable>;

/** What went wrong in which step, for people. */
export class TrainingError extends Error {
  override readonly name = "TrainingError";
  readonly step: number;

  constructor(step: number, message: string) {
    super(message);
    this.step = step;
  }
}

export class TrainingOptimizer {
  readonly #parameters: Parameters;
  readonly #settings: TrainingSettings;
  readonly #optimizer: Adam | RmsProp | Tf.SGDOptimizer;
  readonly #setLearningRate: (rate: number) => void;
  #stepsTaken = 0;

  constructor(parameters: Parameters, settings: TrainingSettings) {
    this.#parameters = parameters;
    this.#settings = settings;
    const { optimizer, learningRate, weightDecay } = settings;
    if (optimizer === "sgd") {
      const sgd = tf.train.sgd(learningRate);
      this.#optimizer = sgd;
      this.#setLearningRate = (rate) => sgd.setLearningRate(rate);
    } else {
      const moments = optimizer === "adam" ? new Adam(learningRate, { weightDecay }) : new RmsProp(learningRate);
      this.#optimizer = moments;
      this.#setLearningRate = (rate) => (moments.learningRate = rate);
    }
  }

  get stepsTaken(): number {
    return this.#stepsTaken;
  }

  /**
   * One step down the gradient of `loss`; returns the loss before the step. A parameter that the loss does not reach
   * stays as it is, its decay and its moments too, as in PyTorch.
   * @throws TrainingError when loss or gradient is not finite, or the loss reaches no parameter; parameters are then as
   *   they
   * were before the step.
   */
  step(loss: () => Tf.Scalar, learningRate: number): number {
    const variables = [...this.#parameters.values()];
    const { value, grads } = this.#gradients(loss, variables);
    try {
      const lossValue = value.dataSync()[0];
      const at = `step ${this.#stepsTaken + 1}, learning rate ${learningRate}`;
      const remedy = "try a smaller learning rate or clipNorm";
      if (!Number.isFinite(lossValue))
        throw new TrainingError(this.#stepsTaken + 1, `the loss is ${lossValue} at ${at}; ${remedy}`);
      let squares = 0;
      for (const [name, variable] of this.#parameters) {
        const gradient = grads[variable.name] as Tf.Tensor | undefined;
        const own = gradient ? sumOfSquares(gradient.dataSync()) : 0;
        if (!Number.isFinite(own))
          throw new TrainingError(this.#stepsTaken + 1, `the gradient of ${name} is not finite at ${at}; ${remedy}`);
        squares += own;
      }
      this.#apply(grads, Math.sqrt(squares), learningRate);
      this.#stepsTaken++;
      return lossValue;
    } finally {
      tf.dispose([value, grads]);
    }
  }

  #gradients(loss: () => Tf.Scalar, variables: Tf.Variable[]): ReturnType<typeof tf.variableGrads> {
    try {
      return tf.variableGrads(loss, variables);
    } catch (error) {
      if (!String((error as Error).message).startsWith("Cannot find a connection")) throw error;
      const names = [...this.#parameters.keys()].join(", ");
      throw new TrainingError(
        this.#stepsTaken + 1,
        `the loss depends on none of the parameters ${names}: compute it from the variables themselves, ` +
          "by operations that have a gradient",
      );
    }
  }

  #apply(gradients: Tf.NamedTensorMap, norm: number, learningRate: number): void {
    const { clipNorm, weightDecay, optimizer } = this.#settings;
    this.#setLearningRate(learningRate);
    tf.tidy(() => {
      if (weightDecay > 0 && optimizer !== "adam")
        for (const variable of this.#parameters.values())
          if (gradients[variable.name]) variable.assign(tf.mul(variable, 1 - learningRate * weightDecay));
      const scale = clipNorm !== undefined && norm > clipNorm ? clipNorm / norm : 1;
      const reached = Object.entries(gradients).filter(([, gradient]) => gradient);
      const scaled = reached.map(([name, gradient]) => [name, tf.mul(gradient, scale)] as const);
      this.#optimizer.applyGradients(scale === 1 ? gradients : Object.fromEntries(scaled));
    });
  }

  /** Everything that `load` needs to go on with the same numbers. */
  async save(): Promise<{ stepsTaken: number; tensors: SavedTensor[] }> {
    const own = new Map(Array.from(this.#parameters, ([name, variable]) => [variable.name, name]));
    const tensors = (await this.#optimizer.getWeights()).map(({ name, tensor }) => {
      const slash = name.lastIndexOf("/"); // "<variable>/first"; the count of steps has no slash
      const parameter = slash < 0 ? undefined : own.get(name.slice(0, slash));
      return saveTensor(parameter === undefined ? name : `${parameter}${name.slice(slash)}`, tensor);
    });
    return { stepsTaken: this.#stepsTaken, tensors };
  }

  async load(saved: { stepsTaken: number; tensors: readonly SavedTensor[] }): Promise<void> {
    const weights = saved.tensors.map((record) => {
      const slash = record.name.lastIndexOf("/");
      const variable = this.#parameters.get(record.name.slice(0, slash));
      const name = variable ? `${variable.name}${record.name.slice(slash)}` : record.name;
      return { name, tensor: restoreTensor(record) };
    });
    await this.#optimizer.setWeights(weights);
    tf.dispose(weights.map(({ tensor }) => tensor));
    this.#stepsTaken = saved.stepsTaken;
  }

  dispose(): void {
    this.#optimizer.dispose();
  }
}

function sumOfSquares(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * values[i];
  return sum;
}
