/**
 * `npm run bench -- inference [--json]`: all benchmarks of inference; one row a line, or a JSON array.
 * bench/inference/result.json is what was measured last, with the machine it was measured on.
 */
import path from "node:path";
import { exactRows } from "./exact.ts";
import { openLibdai } from "./libdai.ts";
import { messageRows } from "./messages.ts";

const source = path.resolve("bench/inference/libdai.cpp");
const libdai = openLibdai(source);
try {
  const rows = [...exactRows(libdai), ...messageRows(libdai)];
  if (process.argv.includes("--json")) console.log(JSON.stringify(rows, null, 2));
  else
    for (const row of rows)
      console.log(
        `${row.case.padEnd(72)} ${row.ours.toPrecision(4).padStart(10)} ${row.unit.padEnd(10)} ` +
          (row.ratio === null
            ? row.peerName
            : `${row.peerName} ${row.peer?.toPrecision(4)}, ${row.ratio.toFixed(1)} times better`),
      );
} finally {
  libdai.dispose();
}
