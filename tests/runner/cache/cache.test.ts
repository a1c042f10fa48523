import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { RunCache } from "../../../src/runner/cache/cache.ts";
import { executeCached } from "../../../src/runner/cache/cached-run.ts";
import { changedFiles, readTrace } from "../../../src/runner/cache/dependencies.ts";
import type { Kernel } from "../../../src/runner/client/kernelspecs.ts";
import { prepareRun } from "../../../src/runner/notebook/prepare.ts";
import { code, notebook } from "../notebooks.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
const tracer = pathToFileURL(path.join(repository, "dist/runner/cache/trace.js")).href;

let folder: string;
const at = (...names: string[]) => path.join(folder, ...names);
function put(name: string, content: string, secondsOld = 60): string {
  mkdirSync(path.dirname(at(name)), { recursive: true });
  writeFileSync(at(name), content);
  const then = Date.now() / 1000 - secondsOld;
  utimesSync(at(name), then, then);
  return at(name);
}
beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "cache-test-")));
  put("package.json", '{ "type": "module" }');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the trace of a process", () => {
  test("tells files read, imported, listed and looked for by every kind of call, not what it wrote itself", async () => {
    const names = ["a", "b", "c", "d", "e", "f"].map((name) => put(`${name}.txt`, name));
    put("module.mjs", 'import "./deeper.mjs";');
    put("deeper.mjs", "");
    put("folder/inside", "");
    put("required.cjs", "");
    const addon = put("node_modules/.cache/made/engine.node", "compiled here");
    put(
      "main.mjs",
      `import fs, { readFileSync, createReadStream } from "node:fs";
      import { open, readFile } from "node:fs/promises";
      import { createRequire } from "node:module";
      import { promisify } from "node:util";
      const at = (name) => ${JSON.stringify(folder + path.sep)} + name;
      readFileSync(at("a.txt"));
      await readFile(new URL("file://" + at("b.txt")));
      await promisify(fs.readFile)(at("c.txt"));
      for await (const piece of createReadStream(at("d.txt")));
      await (await open(at("e.txt"))).close();
      fs.closeSync(fs.openSync(at("f.txt"), "r"));
      await import("./module.mjs");
      createRequire(import.meta.url)("./required.cjs");
      const require = createRequire(import.meta.url);
      try { require(at("node_modules/.cache/made/engine.node")); } catch {}
      try { require(at("node_modules/.cache/made/other.node")); } catch {}
      fs.readdirSync(at("folder"));
      fs.existsSync(at("nowhere"));
      fs.writeFileSync(at("own.txt"), "mine");
      readFileSync(at("own.txt"));
      fs.writeFileSync(at("moved.part"), "");
      fs.renameSync(at("moved.part"), at("moved.txt"));`,
    );
    const environment = { ...process.env, MARGINALIA_TRACE: at("trace"), NODE_OPTIONS: `--import ${tracer}` };
    execFileSync(process.execPath, [at("main.mjs")], { env: environment });
    const trace = (await readTrace(at("trace"), []))!;
    const told = (kind: string) => trace.dependencies.filter((each) => each.kind === kind).map((each) => each.file);
    for (const file of [...names, at("main.mjs"), at("module.mjs"), at("deeper.mjs"), at("required.cjs"), addon])
      expect(told("content")).toContain(file);
    expect(told("names")).toEqual([at("folder")]);
    expect(told("presence")).toContain(at("nowhere"));
    // a back end that may come to be there
    expect(told("presence")).toContain(at("node_modules/.cache/made/other.node"));
    expect(told("content")).not.toContain(at("own.txt"));
    expect(trace.written.toSorted()).toEqual([at("moved.txt"), at("own.txt")]);
    expect(await changedFiles(trace.dependencies)).toEqual([]);
  });

  test("a file of another content, a new name in a folder, and a file that has appeared are changes; a touched file is none", async () => {
    const [a, b, inside] = [put("a", "1"), put("b", "1"), put("folder/x", "")];
    const lines = [["read", a], ["read", b], ["list", path.dirname(inside)], ["look", at("later")], ["read", at("gone")]]; // prettier-ignore
    put("trace", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    const { dependencies } = (await readTrace(at("trace"), []))!;
    put("a", "1", 5);
    expect(await changedFiles(dependencies)).toEqual([]);
    put("a", "2", 5);
    put("folder/y", "");
    put("later", "");
    expect(await changedFiles(dependencies)).toEqual([a, path.dirname(inside), at("later")]);
  });

  test("what is looked for in node_modules, caches there and what lies in the run's own folder are left out", async () => {
    const installed = put("node_modules/p/index.js", "");
    const own = [put("node_modules/.cache/p/x", ""), put("figures/fig/old.csv", "")];
    const lines = [["look", installed], ["status", installed], ...own.map((file) => ["read", file])];
    put("trace", lines.map((line) => `${JSON.stringify(line)}\n`).join(""));
    expect((await readTrace(at("trace"), [at("figures", "fig")]))!.dependencies).toEqual([]);
    put("trace", JSON.stringify(["read", installed]));
    expect((await readTrace(at("trace"), []))!.dependencies).toMatchObject([{ file: installed, kind: "content" }]);
    expect(await readTrace(at("none"), [])).toBeUndefined();
  });
});

describe("executeCached", () => {
  const script = put.bind(undefined, "kernel.mjs");
  function kernel(...mode: string[]): Kernel {
    // A copy, so that the kernel itself is a file that may change.
    const original = path.join(repository, "tests/runner/scripted-kernel.mjs");
    const text = readFileSync(original, "utf8").replace('"zeromq"', JSON.stringify(import.meta.resolve("zeromq")));
    return {
      name: "scripted",
      display_name: "Scripted",
      language: "typescript",
      argv: [process.execPath, script(text), "{connection_file}", ...mode],
      interrupt_mode: "message",
      env: {},
      resourceFolder: "",
    };
  }
  const cells = [code("print a"), code("result b")];
  async function run(source: readonly object[] = cells, force = false) {
    put("notebooks/fig.ipynb", JSON.stringify(notebook(source)));
    const prepared = await prepareRun(at("notebooks", "fig.ipynb"));
    const reasons: string[] = [];
    const cache = new RunCache(at("cache"));
    const { status, isRestored } = await executeCached(prepared, { kernel: kernel(), cache, force, onReason: (reason) => reasons.push(reason) }); // prettier-ignore
    return { status, isRestored, reasons };
  }
  const executed = () => readFileSync(at("figures", "fig", "fig.ipynb"), "utf8");

  test("restores the files of an equal run byte for byte", async () => {
    expect(await run()).toEqual({ status: "ok", isRestored: false, reasons: ["not in the cache"] });
    const before = executed();
    rmSync(at("figures"), { recursive: true });
    expect(await run()).toEqual({ status: "ok", isRestored: true, reasons: [] });
    expect(executed()).toBe(before);
    expect(await run(cells, true)).toEqual({ status: "ok", isRestored: false, reasons: ["--force"] });
  });

  test("tells which cell has changed, and what was restored before is still known", async () => {
    await run();
    const changed = [cells[0], { ...cells[1], source: "result c" }];
    expect((await run(changed)).reasons).toEqual([`cell 2 (id ${cells[1].id}) has changed`]);
    expect((await run([...changed, code("print d")])).reasons[0]).toMatch(/^cell 3 \(id [\w-]+\) is new$/);
    expect((await run()).isRestored).toBe(true);
  });

  test("a failed run is not kept, and a damaged entry is no entry", async () => {
    const failing = [code("error E x")];
    expect((await run(failing)).status).toBe("failed");
    expect((await run(failing)).isRestored).toBe(false);
    await run();
    const entries = execFileSync("find", [at("cache"), "-name", "entry.json"], { encoding: "utf8" })
      .trim()
      .split("\n");
    for (const entry of entries) writeFileSync(entry, "{");
    expect((await run()).isRestored).toBe(false);
    expect((await run()).isRestored).toBe(true);
  });
});
