/**
 * `npm run bench -- bounds [--json]`: what the recursive bounds cost against the size of the model: all variables of
 * fully connected Boltzmann machines (weights uniform in [-d, d], d = 8 / n, so that the local fields keep their size)
 * eliminated, everything optimised.
 *
 * By processor time of a warm process on one thread, the median of three, so that other work on the machine hardly
 * counts. No other library has these bounds; tree-reweighted belief propagation, the other upper bound, is measured
 * beside them, by us too.
 */
import { fullyConnectedBoltzmann, infer, Random } from "../../src/index.ts";
import { medianOf, printRows, processorMilliseconds, type Row } from "../harness.ts";

const sizes = [64, 128, 256, 512];
const methods = ["factorised-lower", "factorised-upper", "refined-upper"];
const PEER = "trbp";
const RUNS = 3;

const models = sizes.map((n) => fullyConnectedBoltzmann(n, 8 / n, Random.fromSeed(1).split("bench", n)));

/** Seconds of processor time. */
const cost = (method: string, model: (typeof models)[number]) =>
  medianOf(Array.from({ length: RUNS }, () => processorMilliseconds(() => infer(model, method)) / 1000));

/** Slope of ln cost against ln n, by least squares. */
function exponent(costs: readonly number[]): number {
  const x = sizes.map(Math.log);
  const y = costs.map(Math.log);
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
  const [mx, my] = [mean(x), mean(y)];
  return mean(x.map((value, i) => (value - mx) * (y[i] - my))) / mean(x.map((value) => (value - mx) ** 2));
}

for (const method of [...methods, PEER]) infer(models[0], method); // warm
const ofPeer = models.map((model) => cost(PEER, model));
const rows = methods.flatMap((method): Row[] => {
  const ours = models.map((model) => cost(method, model));
  return [
    ...sizes.map((n, i) => ({
      case: `${method}, n = ${n}, fully connected`,
      ours: ours[i],
      peer: ofPeer[i],
      peerName: `our ${PEER}`,
      unit: "s (processor)",
      ratio: ofPeer[i] / ours[i],
    })),
    {
      case: `${method}: power of n that the cost grows with`,
      ours: exponent(ours),
      peer: exponent(ofPeer),
      peerName: `our ${PEER}`,
      unit: "power",
      ratio: null,
    },
  ];
});

printRows(
  rows,
  ({ case: name, ours, peer, peerName, unit }) =>
    `${name.padEnd(64)} ${ours.toPrecision(3).padStart(8)} ${unit.padEnd(14)} ${peerName} ${peer!.toPrecision(3)}`,
);
