/**
 * libDAI as the peer: libdai.cpp, compiled against the built checkout that MARGINALIA_LIBDAI names (see
 * bench/inference/libdai.ts).
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeFg } from "../../src/formats/fg.ts";
import type { FactorGraph } from "../../src/graph/factor-graph.ts";

const algorithms = ["BP", "FBP", "TRWBP", "MF", "HAK", "LC", "TREEEP", "JTREE", "MR", "GIBBS", "CBP", "DECMAP"];

export interface LibdaiBp {
  /** Runs BP to convergence on all graphs, processor time of BP alone. */
  run(updates: "PARALL" | "SEQRND" | "SEQMAX"): { milliseconds: number; converged: number };
  dispose(): void;
}

/** Undefined when libDAI is absent. */
export function openLibdaiBp(
  graphs: readonly FactorGraph[],
  tolerance: number,
  iterations: number,
): LibdaiBp | undefined {
  const folder = process.env.MARGINALIA_LIBDAI;
  if (!folder || !existsSync(path.join(folder, "lib/libdai.a"))) return undefined;
  const scratch = mkdtempSync(path.join(tmpdir(), "marginalia-libdai-"));
  const program = path.join(scratch, "libdai");
  const source = path.join(path.dirname(fileURLToPath(import.meta.url)), "libdai.cpp");
  const flags = ["-O3", "-std=c++98", "-w", `-I${path.join(folder, "include")}`, ...algorithms.map((name) => `-DDAI_WITH_${name}`)]; // prettier-ignore
  execFileSync("g++", [...flags, source, path.join(folder, "lib/libdai.a"), "-lgmpxx", "-lgmp", "-o", program], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const files = graphs.map((graph, k) => {
    const file = path.join(scratch, `${k}.fg`);
    writeFg(file, graph);
    return file;
  });
  return {
    run(updates) {
      const printed = execFileSync(program, [updates, String(tolerance), String(iterations), ...files], {
        encoding: "utf8",
      });
      return JSON.parse(printed) as { milliseconds: number; converged: number };
    },
    dispose: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
