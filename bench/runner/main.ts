/**
 * The runner beside papermill, nbclient and nbval, on the same notebook with the same kernel (ours, known to Jupyter by
 * a kernelspec in a temporary folder): wall time of one execution, of a repetition, of a check, and which planted
 * mistakes are caught, in what words.
 *
 *     npm run bench -- runner [--json] [--times]        $MARGINALIA_PYTHON: a Python that has papermill, nbclient,
 *     nbval
 *
 * --times leaves out the planted mistakes. One row a case: { case, ours, peer, peerName, unit, ratio }; ratio is peer
 * over ours where the unit is seconds, and `said` is the line of each that names the place. A peer that is not
 * installed is named as absent. Times are medians of TURNS turns, taken turn by turn. bench/runner/result.json is what
 * was measured last, with the machine it was measured on.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { isJson, medianOf, milliseconds, takeTurns, type Row } from "../harness.ts";

const repository = path.resolve(import.meta.dirname, "../..");
const main = path.join(repository, "dist/cli/main.js");
const python = process.env.MARGINALIA_PYTHON ?? "python3";
const TURNS = 3;

type RunnerRow = Row<number | string> & { readonly said?: { readonly ours: string; readonly peer: string } };

const folder = mkdtempSync(path.join(tmpdir(), "bench-runner-"));
const at = (...names: string[]) => path.join(folder, ...names);
// Python compiles its modules once, not at every start, whatever the machine's environment says.
const bytecode = { PYTHONDONTWRITEBYTECODE: "", PYTHONPYCACHEPREFIX: at("bytecode") };
const environment = { ...process.env, ...bytecode, JUPYTER_PATH: at("jupyter/share/jupyter"), NO_COLOR: "1" };

function execute(command: string, ...args: string[]): { status: number | null; seconds: number; said: string } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env: environment, encoding: "utf8" });
  return { status, seconds: (performance.now() - start) / 1000, said: `${stdout}${stderr}` };
}

const marginalia = (...args: string[]) => execute(process.execPath, main, ...args);
const has = (module: string) => execute(python, "-c", `import ${module}`).status === 0;

function cell(id: string, source: string, tags: string[] = []) {
  return {
    cell_type: "code",
    id,
    metadata: tags.length > 0 ? { tags } : {},
    source,
    execution_count: null,
    outputs: [],
  };
}

function writeProject(): void {
  writeFileSync(at("package.json"), '{ "type": "module" }');
  mkdirSync(at("node_modules"));
  mkdirSync(at("notebooks"));
  writeFileSync(at("notebooks/half.ts"), "export const half = (x: number) => x / 2;\n");
  const plot = `const y = xs.map((x) => half(x) + shift);
const shown = display({ "application/vnd.plotly.v1+json": { data: [{ name: "half", y }], layout: {} }, "text/plain": "Figure" }, { raw: true });`;
  const table = `mkdirSync(process.env.MARGINALIA_OUT + "/fig", { recursive: true });
writeFileSync(process.env.MARGINALIA_OUT + "/fig/table.csv", "x,half\\n" + xs.map((x) => x + "," + (half(x) + offset)).join("\\n"));`;
  const cells = [
    cell("parameters", "const shift: number = 0;\nconst offset: number = 0;\nconst judged: number = 0;", [
      "parameters",
    ]),
    cell(
      "imports",
      'import { mkdirSync, writeFileSync } from "node:fs";\nimport { half } from "./half.ts";\nconst xs = [1, 2, 3];',
    ),
    cell("plot", plot),
    cell("table", `process.env.MARGINALIA_OUT ??= "figures";\n${table}`),
    cell("print", 'console.log("half of 3 is", half(3));'),
    cell(
      "compare",
      `const rows = [{ quantity: "half of 3", paper: 1.5, ours: half(3) + judged, verdict: half(3) + judged === 1.5 ? "match" : "differs" }];
writeFileSync(process.env.MARGINALIA_OUT + "/fig/result.json", JSON.stringify({ rows }));`,
    ),
  ];
  const kernelspec = { name: "marginalia", display_name: "TypeScript (Marginalia)", language: "typescript" };
  writeFileSync(
    at("notebooks/fig.ipynb"),
    JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }),
  );
}

async function timed(
  name: string,
  ours: () => unknown,
  peerName: string,
  isThere: boolean,
  peer: () => unknown,
): Promise<RunnerRow> {
  if (!isThere) return { case: name, ours: "", peer: "absent", peerName, unit: "s", ratio: null };
  const seconds = (work: () => unknown) => async () => (await milliseconds(work)) / 1000;
  const times = await takeTurns(seconds(ours), seconds(peer), TURNS);
  const [own, other] = [0, 1].map((side) => medianOf(times.map((pair) => pair[side])));
  return { case: name, ours: own, peer: other, peerName, unit: "s", ratio: other / own };
}

/** What --check says after `plant`, of outputs that were committed before, and what each peer says. */
function caught(name: string, plant: () => void, peers: readonly Peer[]): RunnerRow[] {
  cpSync(at("notebooks"), at("saved"), { recursive: true });
  plant();
  const ours = marginalia("run", "--check", "notebooks/fig.ipynb");
  const rows = peers.map(({ name: peerName, isThere, execute: run }): RunnerRow => {
    const peer = isThere ? run() : undefined;
    return {
      case: name,
      ours: verdict(ours.status),
      peer: peer ? verdict(peer.status) : "absent",
      peerName,
      unit: "verdict",
      ratio: null,
      said: { ours: place(ours.said), peer: peer ? place(peer.said) : "" },
    };
  });
  rmSync(at("notebooks"), { recursive: true });
  cpSync(at("saved"), at("notebooks"), { recursive: true });
  rmSync(at("saved"), { recursive: true });
  return rows;
}

interface Peer {
  readonly name: string;
  readonly isThere: boolean;
  readonly execute: () => { status: number | null; said: string };
}

const verdict = (status: number | null) => (status === 0 ? "not caught" : "caught");

/** The first line that tells where, in each program's way. */
function place(said: string): string {
  const lines = said.split("\n").map((line) => line.trim());
  return lines.find((line) => /^(table|figure|comparison|cell) .*:|Notebook cell execution|Cell \d+: |TS\d+|TypeError|Error:/.test(line))?.slice(0, 200) ?? ""; // prettier-ignore
}

try {
  writeProject();
  marginalia("kernel", "install", "--prefix", at("jupyter"));
  const [hasPapermill, hasNbclient, hasNbval] = ["papermill", "nbclient", "nbval"].map(has);
  const papermill = () => execute(python, "-m", "papermill", "--cwd", "notebooks", "notebooks/fig.ipynb", "out.ipynb");
  const nbclient = () => execute(python, "-m", "jupyter", "execute", "notebooks/fig.ipynb", "--output", "executed");
  const ours = () => marginalia("run", "--no-cache", "notebooks/fig.ipynb");
  const nbval = () => execute(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "committed/fig.ipynb");
  const rows: RunnerRow[] = [
    await timed("execute six cells", ours, "papermill", hasPapermill, papermill),
    await timed("execute six cells", ours, "nbclient", hasNbclient, nbclient),
  ];
  marginalia("run", "notebooks/fig.ipynb");
  rows.push(await timed("execute again what has not changed", () => marginalia("run", "notebooks/fig.ipynb"), "papermill", hasPapermill, papermill)); // prettier-ignore
  // nbval compares a notebook with its own outputs: it gets the executed one, beside the module.
  mkdirSync(at("committed"));
  const link = (divisor: string) => {
    for (const place of ["notebooks", "committed"])
      writeFileSync(at(place, "half.ts"), `export const half = (x: number) => x / ${divisor};\n`);
  };
  const edit = (from: string, to: string) => {
    for (const file of ["notebooks/fig.ipynb", "committed/fig.ipynb"])
      writeFileSync(at(file), readFileSync(at(file), "utf8").replace(from, to));
  };
  const reset = () => {
    cpSync(at("figures/fig/fig.ipynb"), at("committed/fig.ipynb"));
    link("2");
  };
  reset();
  nbval(); // compiles its modules
  rows.push(await timed("check against what is committed", () => marginalia("run", "--check", "notebooks/fig.ipynb"), "nbval", hasNbval, nbval)); // prettier-ignore
  const peers: Peer[] = [
    { name: "nbval", isThere: hasNbval, execute: nbval },
    { name: "papermill", isThere: hasPapermill, execute: papermill },
    { name: "nbclient", isThere: hasNbclient, execute: nbclient },
  ];
  const planted = [
    ["nothing planted", () => undefined],
    ["a bug in an imported module", () => link("2.5")],
    ["a cell of a written table", () => edit("offset: number = 0", "offset: number = 1")],
    ["a point of a trace", () => edit("shift: number = 0", "shift: number = 1")],
    ["a verdict of the comparison with the paper", () => edit("judged: number = 0", "judged: number = 1")],
    ["a value of the wrong type", () => edit("half(3));", 'half(\\"3\\"));')],
  ] as const;
  const isTimesOnly = process.argv.includes("--times");
  for (const [name, plant] of isTimesOnly ? [] : planted) {
    reset();
    rows.push(...caught(name, plant, peers));
  }
  // What each makes of a parameter from outside: of its type, and of another type.
  reset();
  const withPapermill = (value: string) => execute(python, "-m", "papermill", "--cwd", "notebooks", "-p", "shift", value, "notebooks/fig.ipynb", "out.ipynb"); // prettier-ignore
  const withOurs = (value: string) => marginalia("run", "--no-cache", "-p", `shift=${value}`, "notebooks/fig.ipynb", "--out", "aside"); // prettier-ignore
  const given = [
    ["a parameter from outside", "5"],
    ["a parameter of the wrong type from outside", "five"],
  ] as const;
  for (const [name, value] of isTimesOnly ? [] : given) {
    // prettier-ignore
    const [a, b] = [withOurs(value), hasPapermill ? withPapermill(value) : undefined];
    const outcome = (result: typeof b) => (result ? (result.status === 0 ? "runs" : "refused") : "absent");
    rows.push({ case: name, ours: outcome(a), peer: outcome(b), peerName: "papermill", unit: "verdict", ratio: null, said: { ours: a.status === 0 ? "" : a.said.trim().split("\n").at(-1)!, peer: b && b.status !== 0 ? b.said.trim().split("\n").at(-1)! : "" } }); // prettier-ignore
  }
  if (isJson) console.log(JSON.stringify(rows, undefined, 1));
  else console.table(rows.map(({ said: _said, ...row }) => row));
} finally {
  rmSync(folder, { recursive: true, force: true });
}
