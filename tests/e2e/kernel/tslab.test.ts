/**
 * tslab, the second kernel: the project's notebooks run on it; and why it is not the first: the same cells on both. The
 * table in environment.md comes from here; with UPDATE_TABLES=1 the test writes it. tslab (npm) is looked for in
 * $MARGINALIA_KERNEL_PEERS/node_modules.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { KernelClient } from "../../../src/runner/client/kernel-client.ts";
import { findKernel, type Kernel } from "../../../src/runner/client/kernelspecs.ts";

const root = fileURLToPath(new URL("../../../", import.meta.url));
const program = path.join(process.env.MARGINALIA_KERNEL_PEERS ?? "", "node_modules", ".bin", "tslab");
const ready = process.env.MARGINALIA_KERNEL_PEERS !== undefined && existsSync(program);
if (!ready) console.warn("SKIPPED: comparison with tslab needs $MARGINALIA_KERNEL_PEERS to name a folder with it.");

interface Behaviour {
  readonly what: string;
  /** Cells, one after another; a function changes files of the folder in between. */
  readonly cells: readonly (string | ((folder: string) => void))[];
  /** What the last cell should have shown or printed; `error` when it should be refused. */
  readonly wanted: string | RegExp;
  /** On tslab it hangs on when its watcher of files wakes up, so both outcomes have been seen. */
  readonly hangsOnTime?: boolean;
}

const behaviours: readonly Behaviour[] = [
  {
    what: "imports the built package",
    cells: ['import { Random } from "marginalia"; console.log(typeof Random)'],
    wanted: "function",
  },
  {
    what: "a variable that an earlier function captured is the same after assignment",
    cells: ["let scale = 2; const times = (x: number) => x * scale", "scale = 5; console.log(times(1))"],
    wanted: "5",
  },
  {
    what: "a function redefined is seen by earlier functions",
    cells: ["function a() { return 1 }\nfunction b() { return a() }", "function a() { return 2 }\nconsole.log(b())"],
    wanted: "2",
  },
  {
    what: "shorthand property of an earlier cell's variable",
    cells: ["const profile = 'quick'", "console.log({ profile }.profile)"],
    wanted: "quick",
  },
  {
    what: "a changed module is new also where another module imports it",
    cells: [
      'import { viaOther } from "./other"; console.log(viaOther())',
      (folder) => writeFileSync(path.join(folder, "value.ts"), "export const value = 2;\n"),
      'import { viaOther } from "./other"; console.log(viaOther())',
    ],
    wanted: "2",
    hangsOnTime: true,
  },
  {
    what: "all of 1,000 printed lines arrive",
    cells: ["for (let i = 0; i < 1000; i++) console.log(i)"],
    wanted: /^(?:\d+\n){999}999$/,
  },
  { what: "refuses null where a string is needed", cells: ["const text: string = null"], wanted: "error" },
  {
    what: "JSON import with attribute",
    cells: ['import data from "./data.json" with { type: "json" }; console.log(data.rows)'],
    wanted: "3",
  },
  {
    what: "standard decorators and `using`",
    cells: [
      "function mark(value: unknown, context: ClassDecoratorContext) { console.log(context.kind) }\n@mark class Marked {}\n{ using closed = { [Symbol.dispose]() { console.log('closed') } } }",
    ],
    wanted: "class\nclosed",
  },
];

type Outcome = "yes" | "no";

async function outcomes(kernel: Kernel): Promise<Outcome[]> {
  const found: Outcome[] = [];
  const folder = mkdtempSync(path.join(tmpdir(), "marginalia-tslab-"));
  mkdirSync(path.join(folder, "node_modules", "@types"), { recursive: true });
  symlinkSync(root, path.join(folder, "node_modules", "marginalia"));
  symlinkSync(path.join(root, "node_modules", "@types", "node"), path.join(folder, "node_modules", "@types", "node"));
  writeFileSync(path.join(folder, "value.ts"), "export const value = 1;\n");
  writeFileSync(
    path.join(folder, "other.ts"),
    'import { value } from "./value";\nexport const viaOther = () => value;\n',
  );
  writeFileSync(path.join(folder, "data.json"), '{ "rows": 3 }\n');
  const client = await KernelClient.start(kernel, { cwd: folder, environment: process.env });
  try {
    for (const { cells, wanted } of behaviours) {
      let last = "";
      for (const cell of cells) {
        if (typeof cell !== "string") {
          cell(folder);
          continue;
        }
        last = "";
        const reply = await client.execute({
          code: cell,
          cellId: "cell",
          onMessage: (type, content) => {
            if (type === "stream" && content.name === "stdout") last += String(content.text);
          },
        });
        if (reply.status === "error") last = "error";
      }
      const shown = last.trim();
      found.push((typeof wanted === "string" ? shown === wanted : wanted.test(shown)) ? "yes" : "no");
    }
  } finally {
    await client.shutdown();
    rmSync(folder, { recursive: true, force: true });
  }
  return found;
}

const BEGIN = "<!-- tslab: written by tests/e2e/kernel/tslab.test.ts -->";
const END = "<!-- /tslab -->";

test.skipIf(!ready)(
  "the table of tslab's behaviour in environment.md is what both kernels do",
  { timeout: 240_000 },
  async () => {
    const spec = { name: "tslab", display_name: "tslab", language: "typescript", interrupt_mode: "signal" } as const;
    const argv = [program, "kernel", "--config-path", "{connection_file}"];
    const tslab = await outcomes({ ...spec, argv, env: {}, resourceFolder: "" });
    const ours = await outcomes(findKernel());
    expect(ours).toEqual(behaviours.map(() => "yes"));
    const rows = behaviours.map(
      ({ what, hangsOnTime }, index) => `| ${what} | ${ours[index]} | ${hangsOnTime ? "not always" : tslab[index]} |`,
    );
    const table = [BEGIN, "", "| | marginalia | tslab |", "| --- | --- | --- |", ...rows, "", END].join("\n");
    const file = path.join(root, "environment.md");
    const text = readFileSync(file, "utf8");
    const written = text.slice(text.indexOf(BEGIN), text.indexOf(END) + END.length);
    if (process.env.UPDATE_TABLES && written !== table) writeFileSync(file, text.replace(written, table));
    else expect(written).toBe(table);
  },
);

test.skipIf(!ready).each(["start-here", "jaakkola1996/fig3-bounds"])(
  "notebooks/%s.ipynb runs on tslab",
  { timeout: 300_000 },
  (name) => {
    const folder = mkdtempSync(path.join(tmpdir(), "marginalia-tslab-"));
    try {
      const spec = path.join(folder, "kernel.json");
      const argv = [program, "kernel", "--config-path", "{connection_file}"];
      writeFileSync(spec, JSON.stringify({ argv, display_name: "tslab", language: "typescript" }));
      const notebook = path.join(root, "notebooks", `${name}.ipynb`);
      const main = path.join(root, "dist", "cli", "main.js");
      const out = path.join(folder, "out");
      const options = ["--kernel", spec, "--no-cache", "--out", out];
      execFileSync(process.execPath, [main, "run", notebook, ...options], { stdio: "pipe", cwd: root });
      const { rows } = JSON.parse(readFileSync(path.join(out, name, "result.json"), "utf8")) as { rows: unknown[] };
      expect(rows.length).toBeGreaterThan(3);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  },
);
