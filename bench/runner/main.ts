/**
 * The runner beside papermill, nbclient and nbval, on the same notebook with the same kernel (ours, known to Jupyter by a kernelspec in
 * a temporary folder): wall time of one execution, of a repetition, and which planted mistakes are caught.
 *
 *     node bench/runner/main.ts [--json]        $MARGINALIA_PYTHON: a Python that has papermill, nbclient, nbval
 *
 * One row a case: { case, ours, peer, peerName, unit, ratio }; ratio is peer over ours where the unit is seconds. A peer that is not
 * installed is named as absent. Times are medians of three turns, taken turn by turn.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

const repository = path.resolve(import.meta.dirname, "../..");
const main = path.join(repository, "dist/cli/main.js");
const python = process.env.MARGINALIA_PYTHON ?? "python3";
const TURNS = 3;

interface Row {
  readonly case: string;
  readonly ours: number | string;
  readonly peer: number | string;
  readonly peerName: string;
  readonly unit: "s" | "verdict";
  readonly ratio: number | null;
}

const folder = mkdtempSync(path.join(tmpdir(), "bench-runner-"));
const at = (...names: string[]) => path.join(folder, ...names);
const environment = { ...process.env, JUPYTER_PATH: at("jupyter/share/jupyter"), NO_COLOR: "1" };

function execute(command: string, ...args: string[]): { status: number | null; seconds: number; said: string } {
  const start = performance.now();
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, env: environment, encoding: "utf8" });
  return { status, seconds: (performance.now() - start) / 1000, said: `${stdout}${stderr}` };
}

const marginalia = (...args: string[]) => execute(process.execPath, main, ...args);
const has = (module: string) => execute(python, "-c", `import ${module}`).status === 0;
const median = (values: readonly number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];

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
    cell("parameters", "const shift: number = 0;\nconst offset: number = 0;", ["parameters"]),
    cell(
      "imports",
      'import { mkdirSync, writeFileSync } from "node:fs";\nimport { half } from "./half.ts";\nconst xs = [1, 2, 3];',
    ),
    cell("plot", plot),
    cell("table", `process.env.MARGINALIA_OUT ??= "figures";\n${table}`),
    cell("print", 'console.log("half of 3 is", half(3));'),
  ];
  const kernelspec = { name: "marginalia", display_name: "TypeScript (Marginalia)", language: "typescript" };
  writeFileSync(
    at("notebooks/fig.ipynb"),
    JSON.stringify({ cells, metadata: { kernelspec }, nbformat: 4, nbformat_minor: 5 }),
  );
}

function timed(
  name: string,
  ours: () => unknown,
  peerName: string,
  isThere: boolean,
  peer: () => { status: number | null },
): Row {
  if (!isThere) return { case: name, ours: "", peer: "absent", peerName, unit: "s", ratio: null };
  const times: [number[], number[]] = [[], []];
  for (let turn = 0; turn < TURNS; turn++)
    [ours, peer].forEach((each, which) => {
      const start = performance.now();
      each();
      times[which].push((performance.now() - start) / 1000);
    });
  const [a, b] = times.map(median);
  return { case: name, ours: a, peer: b, peerName, unit: "s", ratio: b / a };
}

/** What --check and nbval say after `plant`, of outputs that were committed before. */
function caught(name: string, plant: () => void, hasNbval: boolean): Row {
  cpSync(at("notebooks"), at("saved"), { recursive: true });
  plant();
  const check = marginalia("run", "--check", "notebooks/fig.ipynb");
  const nbval = hasNbval
    ? execute(python, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--nbval", "committed/fig.ipynb")
    : undefined;
  rmSync(at("notebooks"), { recursive: true });
  cpSync(at("saved"), at("notebooks"), { recursive: true });
  rmSync(at("saved"), { recursive: true });
  const verdict = (status: number | null) => (status === 0 ? "not caught" : "caught");
  return {
    case: name,
    ours: verdict(check.status),
    peer: nbval ? verdict(nbval.status) : "absent",
    peerName: "nbval",
    unit: "verdict",
    ratio: null,
  };
}

try {
  writeProject();
  marginalia("kernel", "install", "--prefix", at("jupyter"));
  const [hasPapermill, hasNbclient, hasNbval] = ["papermill", "nbclient", "nbval"].map(has);
  const papermill = () => execute(python, "-m", "papermill", "--cwd", "notebooks", "notebooks/fig.ipynb", "out.ipynb");
  const nbclient = () => execute(python, "-m", "jupyter", "execute", "notebooks/fig.ipynb", "--output", "executed");
  const ours = () => marginalia("run", "--no-cache", "notebooks/fig.ipynb");
  const rows: Row[] = [
    timed("execute five cells", ours, "papermill", hasPapermill, papermill),
    timed("execute five cells", ours, "nbclient", hasNbclient, nbclient),
  ];
  marginalia("run", "notebooks/fig.ipynb");
  rows.push(timed("execute again what has not changed", () => marginalia("run", "notebooks/fig.ipynb"), "papermill", hasPapermill, papermill)); // prettier-ignore
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
  for (const [name, plant] of [
    ["nothing planted", () => undefined],
    ["a bug in an imported module", () => link("2.5")],
    ["a cell of a written table", () => edit("offset: number = 0", "offset: number = 1")],
    ["a point of a trace", () => edit("shift: number = 0", "shift: number = 1")],
  ] as const) {
    reset();
    rows.push(caught(name, plant, hasNbval));
  }
  if (process.argv.includes("--json")) console.log(JSON.stringify(rows, undefined, 1));
  else console.table(rows);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
