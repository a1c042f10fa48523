/**
 * Beyond Yoon et al. 2018: one node-GNN trained on a richer set, to be tried far outside the paper's own. Its 4000
 * models have 8 to 16 variables, half of them on the 13 families and half on connected random graphs (q from .1 to .9),
 * and couplings J ~ N(0, s^2) with ln s uniform between ln .25 and ln 2. Network, loss and optimiser are the paper's.
 */
import { gaussianIsing } from "../../graph/generators/ising.ts";
import { connectedErdosRenyi } from "../../graph/generators/random-graphs.ts";
import { structuredFamilies, structuredGraph } from "../../graph/generators/structured.ts";
import { Random } from "../../graph/random.ts";
import { exampleOf, type GnnExample } from "../../learning/gnn/data.ts";
import { paperGnnShape } from "../../learning/gnn/network.ts";
import { paperGnnTraining, type GnnConfiguration } from "../../learning/gnn/train-gnn.ts";
import { gnnFamily, type TrainedGnn } from "../../learning/gnn/weights.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { loadOrTrain, type LoadOrTrainOptions } from "../../learning/training/load-or-train.ts";
import { trainingSettings } from "../../learning/training/options.ts";
import type { SavedModel } from "../../learning/training/saved-model.ts";
import type { TrainingProgress } from "../../learning/training/train.ts";
import { COLLECTION, PAPER_DATA_SEED } from "./networks.ts";

const sizes = { training: 4000, validation: 400 } as const;
const [smallest, largest] = [8, 16];
const [weakest, strongest] = [0.25, 2];

/** Example `index` of the richer set; each has a random stream of its own. */
export function richExample(split: keyof typeof sizes, index: number): GnnExample {
  const random = Random.fromSeed(PAPER_DATA_SEED).split("rich", split, index);
  const numNodes = smallest + random.integer(largest - smallest + 1);
  const couplingDeviation = Math.exp(random.uniform(Math.log(weakest), Math.log(strongest)));
  const family = structuredFamilies[random.integer(structuredFamilies.length)];
  const q = random.uniform(0.1, 0.9);
  const structured = index % 2 === 0;
  const graph = structured
    ? structuredGraph(family, numNodes, random.split("graph"))
    : connectedErdosRenyi(numNodes, q, random.split("graph"));
  const model = gaussianIsing(graph, random.split("parameters"), { couplingDeviation });
  return exampleOf(structured ? family : "random", model);
}

/** What decides the numbers of the richer training. */
function richGnnConfiguration(seed: number): GnnConfiguration {
  return {
    kind: "gnn",
    shape: { architecture: "node", ...paperGnnShape },
    target: "marginals",
    data: { source: "rich", seed: PAPER_DATA_SEED, ...sizes, sizes: [smallest, largest], couplings: [weakest, strongest] }, // prettier-ignore
    training: trainingSettings({ ...paperGnnTraining, maxEpochs: 120, seed }),
  };
}

/** Trains on the richer set; see `keptTraining`. The committed result is "yoon2018/rich-marginals". */
export function trainRichGnn(seed: number, folder: string, run: KeptRun = {}): Promise<SavedModel> {
  const draw = (split: keyof typeof sizes) =>
    Array.from({ length: sizes[split] }, (_, index) => richExample(split, index));
  const examples = () => ({ training: draw("training"), validation: draw("validation") });
  const training = { name: `rich-marginals-${seed}`, configuration: richGnnConfiguration(seed), examples };
  return gnnFamily.trainKept(training, folder, run);
}

/**
 * `trainRichGnn` as a job: see training/jobs.ts.
 * @job
 */
export async function trainRichGnnJob(
  seed: number,
  folder: string,
  report: (progress: TrainingProgress) => void,
): Promise<void> {
  await trainRichGnn(seed, folder, { onEpoch: report });
}

/** The committed network of the richer set (quick), or the same trained anew, or on (paper): see `loadOrTrain`. */
export async function richGnn(options: LoadOrTrainOptions): Promise<TrainedGnn> {
  const seed = 1;
  const job = (folder: string) => ({
    module: import.meta.url,
    function: trainRichGnnJob.name,
    arguments: [seed, folder],
  });
  const training = { name: `rich-marginals-${seed}`, configuration: richGnnConfiguration(seed), job };
  const [found] = await loadOrTrain(gnnFamily, COLLECTION, [training], options);
  return found;
}
