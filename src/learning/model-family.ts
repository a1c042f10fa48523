/**
 * A family of learned models: networks of one kind, what their saved files say of them, how they are trained, and where
 * trained ones are found. A family is one constant (`gnnFamily`, `bpnnFamily`, `ginFamily`); everything that is done
 * with weights is done here, once for all families.
 */
import path from "node:path";
import type * as Tf from "@tensorflow/tfjs";
import type { z } from "zod";
import { readNamedModel } from "./training/committed-models.ts";
import { keptTraining, type KeptRun } from "./training/kept-training.ts";
import { configurationHash } from "./training/options.ts";
import { readModelFile, type SavedModel } from "./training/saved-model.ts";
import { loadParameters } from "./training/tensors-as-text.ts";
import type { TrainingResult, TrainingRun } from "./training/train.ts";

export interface TrainableNetwork {
  /** Every parameter by name, in the order in which they are saved. */
  readonly parameters: ReadonlyMap<string, Tf.Variable>;
  dispose(): void;
}

/** What decides a training's numbers, as JSON values; a family adds its network's shape and its data. */
export interface FamilyConfiguration {
  readonly kind: string;
  readonly shape: unknown;
}

/** A network with its weights, the part of its configuration that the family reads, and the file's content. */
export interface Trained<Network, Read> {
  readonly network: Network;
  readonly configuration: Read;
  readonly model: SavedModel;
}

export interface FamilyDefinition<Network, Read, Configuration, Examples> {
  /** The saved model's `kind`. */
  readonly kind: string;
  /** The part of the configuration that a network is made from; what else stands there is for the hash alone. */
  readonly schema: z.ZodType<Read>;
  /** A network of that shape; its weights are about to be loaded. */
  readonly create: (configuration: Read) => Network;
  /** A network trained on the examples; the caller disposes it, on an error it has disposed itself. */
  readonly train: (
    configuration: Configuration,
    examples: Examples,
    run?: TrainingRun,
  ) => Promise<{ network: Network; result: TrainingResult }>;
}

/** One training whose result is kept. */
export interface NamedTraining<Configuration, Examples> {
  /** Of the files, without ending. */
  readonly name: string;
  readonly configuration: Configuration;
  /** Made only if there is something to train. */
  readonly examples: () => Examples;
}

export class ModelFamily<Network extends TrainableNetwork, Read, Configuration extends FamilyConfiguration, Examples> {
  readonly #definition: FamilyDefinition<Network, Read, Configuration, Examples>;
  readonly #loaded = new Map<string, Trained<Network, Read>>();

  constructor(definition: FamilyDefinition<Network, Read, Configuration, Examples>) {
    this.#definition = definition;
  }

  /**
   * A network with the weights of a saved model; the caller disposes it.
   * @throws RangeError if the model's parts do not fit each other.
   */
  of(model: SavedModel): Trained<Network, Read> {
    const { kind, schema, create } = this.#definition;
    const parsed = schema.safeParse(model.configuration);
    if (!parsed.success) {
      const [{ path: at, message }] = parsed.error.issues;
      throw new RangeError(`not the configuration of a ${kind} model: ${at.join(".")}: ${message}`);
    }
    const network = create(parsed.data);
    try {
      loadParameters(network.parameters, model.parameters);
    } catch (error) {
      network.dispose();
      throw error;
    }
    return { network, configuration: parsed.data, model };
  }

  /** Reads the model that `weights` of a method string names: see `readNamedModel`. */
  read(weights: string): SavedModel {
    return readNamedModel(weights, this.#definition.kind);
  }

  /** The network that `weights` names, read once a process; not to be disposed. */
  named(weights: string): Trained<Network, Read> {
    let found = this.#loaded.get(weights);
    if (!found) this.#loaded.set(weights, (found = this.of(this.read(weights))));
    return found;
  }

  /**
   * The network at `file`, which must come from this very configuration; the caller disposes it.
   * @throws RangeError if it comes from another one, or `file` holds no model of this family.
   */
  expected(file: string, configuration: Configuration): Trained<Network, Read> {
    const model = readModelFile(file, this.#definition.kind);
    const hash = configurationHash(configuration);
    if (model.configurationHash !== hash)
      throw new RangeError(
        `${path.basename(file)} has configuration ${model.configurationHash.slice(0, 12)}, this code's is ` +
          `${hash.slice(0, 12)}; train it anew with profile "paper"`,
      );
    return this.of(model);
  }

  /** Trains; the caller disposes the network. */
  train(configuration: Configuration, examples: Examples, run: TrainingRun = {}) {
    return this.#definition.train(configuration, examples, run);
  }

  /** Trains and saves in `folder`, or reads what is trained already: see `keptTraining`. */
  trainKept(
    { name, configuration, examples }: NamedTraining<Configuration, Examples>,
    folder: string,
    run: KeptRun = {},
  ): Promise<SavedModel> {
    const train = (whole: TrainingRun) => this.#definition.train(configuration, examples(), whole);
    return keptTraining({ name, configuration, train }, folder, run);
  }
}
