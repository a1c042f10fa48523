/** All states of a small Boltzmann machine. */
import { logPotential, type BoltzmannMachine } from "./pairwise.ts";

/** ln p~ of every state, natural log, last variable fastest, and ln Z. */
export function enumerationLogZ(machine: BoltzmannMachine): { logPotentials: Float64Array; value: number } {
  const n = machine.numVariables;
  const logPotentials = Float64Array.from({ length: 2 ** n }, (_, index) =>
    logPotential(
      machine,
      Array.from({ length: n }, (_, i) => (index >> (n - 1 - i)) & 1),
    ),
  );
  const largest = logPotentials.reduce((a, b) => Math.max(a, b));
  const total = logPotentials.reduce((sum, log) => sum + Math.exp(log - largest), 0);
  return { logPotentials, value: largest + Math.log(total) };
}
