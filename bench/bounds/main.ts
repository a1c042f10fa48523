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

interface Row {
  readonly case: string;
  readonly ours: number;
  readonly peer: number | null;
  readonly peerName: string;
  readonly unit: string;
  readonly ratio: number | null;
}

const sizes = [64, 128, 256, 512];
const methods = ["factorised-lower", "factorised-upper", "refined-upper"];
const PEER = "trbp";

const models = sizes.map((n) => fullyConnectedBoltzmann(n, 8 / n, Random.fromSeed(1).split("bench", n)));

/** Seconds of processor time. */
function cost(method: string, model: (typeof models)[number]): number {
  const runs = Array.from({ length: 3 }, () => {
    const before = process.cpuUsage();
    infer(model, method);
    const { user, system } = process.cpuUsage(before);
    return (user + system) / 1e6;
  });
  return runs.sort((a, b) => a - b)[1];
}

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

if (process.argv.includes("--json")) console.log(JSON.stringify(rows, null, 2));
else
  for (const row of rows)
    console.log(
      `${row.case.padEnd(64)} ${row.ours.toPrecision(3).padStart(8)} ${row.unit.padEnd(14)} ${row.peerName} ${row.peer!.toPrecision(3)}`,
    );
