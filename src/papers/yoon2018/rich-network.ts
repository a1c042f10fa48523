/**
 * Beyond Yoon et al. 2018: one node-GNN trained on a richer set, to be tried far outside the paper's own. Its 4000
 * models have 8 to 16 variables, half of them on the 13 families and half on connected random graphs (q from .1 to .9),
 * and couplings J ~ N(0, s^2) with ln s uniform between ln .25 and ln 2. Network, loss and optimiser are the paper's.
 */
import path from "node:path";
import { gaussianIsing } from "../../graph/generators/ising.ts";
import { connectedErdosRenyi } from "../../graph/generators/random-graphs.ts";
import { structuredFamilies, structuredGraph } from "../../graph/generators/structured.ts";
import { Random } from "../../graph/random.ts";
import { modelsFolder } from "../../learning/training/committed-models.ts";
import type { KeptRun } from "../../learning/training/kept-training.ts";
import { trainingSettings } from "../../learning/training/options.ts";
import type { SavedModel } from "../../learning/training/saved-model.ts";
import { exampleOf, type GnnExample } from "../../learning/gnn/data.ts";
import { paperGnnShape } from "../../learning/gnn/network.ts";
import { PAPER_DATA_SEED } from "./networks.ts";
import { gnnConfiguration, paperGnnTraining } from "../../learning/gnn/train-gnn.ts";
import { trainSavedGnn } from "../../learning/gnn/train-saved.ts";
import { gnnNamed, gnnOf, type TrainedGnn } from "../../learning/gnn/weights.ts";

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
export function richGnnConfiguration(seed: number) {
  const data = {
    source: "rich",
    seed: PAPER_DATA_SEED,
    ...sizes,
    sizes: [smallest, largest],
    couplings: [weakest, strongest],
  };
  const shape = { architecture: "node" as const, ...paperGnnShape };
  const training = trainingSettings({ ...paperGnnTraining, maxEpochs: 120, seed });
  return { ...gnnConfiguration(shape, "marginals", data), training };
}

/** Trains on the richer set; see `trainSavedGnn`. The committed result is "yoon2018/rich-marginals". */
export function trainRichGnn(seed: number, folder: string, run: KeptRun = {}): Promise<SavedModel> {
  const draw = (split: keyof typeof sizes) =>
    Array.from({ length: sizes[split] }, (_, index) => richExample(split, index));
  const examples = () => ({ training: draw("training"), validation: draw("validation") });
  return trainSavedGnn(
    { name: `rich-marginals-${seed}`, configuration: richGnnConfiguration(seed), examples },
    folder,
    run,
  );
}

/** The committed network of the richer set (quick), or the same trained anew, or on, in `folder` (paper). */
export async function richGnn(
  profile: "quick" | "paper",
  folder = path.join(modelsFolder, "../downloads/yoon2018"),
  run: KeptRun = {},
): Promise<TrainedGnn> {
  return profile === "quick" ? gnnNamed("yoon2018/rich-marginals") : gnnOf(await trainRichGnn(1, folder, run));
}
