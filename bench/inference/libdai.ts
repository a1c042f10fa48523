/**
 * libDAI as the peer: libdai.cpp is compiled against a built checkout that MARGINALIA_LIBDAI names (`make lib DEBUG=`
 * there; needs boost and GMP), and run on the model written as .fg.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeFg } from "../../src/formats/fg.ts";
import type { FactorGraph } from "../../src/graph/factor-graph.ts";

export interface LibdaiAnswer {
  readonly updatesPerSecond: number;
  readonly bytesPerEdge: number;
  readonly logZ: number;
}

export type LibdaiUpdates = "PARALL" | "SEQFIX" | "SEQMAX";

export interface Libdai {
  readonly name: string;
  /** Undefined when libDAI is absent. */
  readonly run?: (graph: FactorGraph, updates: LibdaiUpdates, iterations: number, repeats: number) => LibdaiAnswer;
  /** Milliseconds of its junction tree, planning included; undefined when libDAI is absent. */
  readonly junctionTree?: (graph: FactorGraph) => number;
  readonly dispose: () => void;
}

const algorithms = ["BP", "FBP", "TRWBP", "MF", "HAK", "LC", "TREEEP", "JTREE", "MR", "GIBBS", "CBP", "DECMAP"];

/** @param source path of libdai.cpp. */
export function openLibdai(source: string): Libdai {
  const folder = process.env.MARGINALIA_LIBDAI;
  if (!folder) return { name: "libDAI (absent: MARGINALIA_LIBDAI names no built checkout)", dispose: () => {} };
  const library = join(folder, "lib", "libdai.a");
  if (!existsSync(library)) return { name: `libDAI (absent: no lib/libdai.a in ${folder})`, dispose: () => {} };
  const scratch = mkdtempSync(join(tmpdir(), "marginalia-libdai-"));
  const program = join(scratch, "libdai");
  const flags = [
    "-O3",
    "-std=c++98",
    "-w",
    `-I${join(folder, "include")}`,
    ...algorithms.map((name) => `-DDAI_WITH_${name}`),
  ];
  execFileSync("g++", [...flags, source, library, "-lgmpxx", "-lgmp", "-o", program], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const write = (graph: FactorGraph): string => {
    const model = join(scratch, "model.fg");
    writeFg(model, graph);
    return model;
  };
  return {
    name: "libDAI",
    junctionTree: (graph) => Number(execFileSync(program, [write(graph), "JTREE"], { encoding: "utf8" })),
    run(graph, updates, iterations, repeats) {
      return JSON.parse(
        execFileSync(program, [write(graph), updates, String(iterations), String(repeats)], { encoding: "utf8" }),
      ) as LibdaiAnswer;
    },
    dispose: () => rmSync(scratch, { recursive: true, force: true }),
  };
}
