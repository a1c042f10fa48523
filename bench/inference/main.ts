/**
 * `npm run bench -- inference [--json]`: all benchmarks of inference; one row a line, or a JSON array.
 * bench/inference/result.json is what was measured last, with the machine it was measured on.
 */
import path from "node:path";
import { printRows } from "../harness.ts";
import { exactRows } from "./exact.ts";
import { openLibdai } from "./libdai.ts";
import { messageRows } from "./messages.ts";

const source = path.resolve("bench/inference/libdai.cpp");
const libdai = openLibdai(source);
try {
  const rows = [...exactRows(libdai), ...messageRows(libdai)];
  printRows(
    rows,
    ({ case: name, ours, peer, peerName, unit, ratio }) =>
      `${name.padEnd(72)} ${ours.toPrecision(4).padStart(10)} ${unit.padEnd(10)} ` +
      (ratio === null ? peerName : `${peerName} ${peer?.toPrecision(4)}, ${ratio.toFixed(1)} times better`),
  );
} finally {
  libdai.dispose();
}
