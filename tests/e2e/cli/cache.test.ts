import { chmodSync, cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { code } from "../../runner/notebooks.ts";
import { Project } from "../../cli/command.ts";

let project: Project;
beforeEach(() => {
  project = new Project();
});
afterEach(() => {
  expect(project.processes()).toEqual([]);
  project.remove();
});

test("marginalia run restores figures exactly, and runs again when an imported module or a data file has changed", async () => {
  mkdirSync(project.in("node_modules"));
  project.file("notebooks/half.ts", "export const half = (x: number) => x / 2;\n");
  project.file("notebooks/data.txt", "5");
  const source = `import { half } from "./half.ts";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
const folder = process.env.MARGINALIA_OUT + "/fig";
mkdirSync(folder, { recursive: true });
writeFileSync(folder + "/table.csv", "x\\n" + half(Number(readFileSync("data.txt", "utf8"))) + "," + Math.random());`;
  const file = project.notebook("fig", code(source));
  const table = () => readFileSync(project.in("figures", "fig", "table.csv"), "utf8");

  expect((await project.run("run", file)).stderr).toContain("fig: not in the cache");
  const first = table();
  rmSync(project.in("figures"), { recursive: true });
  const again = await project.run("run", file);
  expect(again.stderr).toContain("✓ fig restored from the cache");
  expect(again.stdout).toBe(`${project.in("figures", "fig", "fig.ipynb")}\n`);
  expect(table()).toBe(first);

  writeFileSync(project.in("notebooks", "data.txt"), "6");
  expect((await project.run("run", file)).stderr).toContain("fig: notebooks/data.txt has changed");
  expect(table()).toMatch(/^x\n3,/);
  project.file("notebooks/half.ts", "export const half = (x: number) => x / 3;\n");
  expect((await project.run("run", file)).stderr).toContain("fig: notebooks/half.ts has changed");
  expect(table()).toMatch(/^x\n2,/);
});

test("a notebook may scribble among temporary files and is kept all the same, but not when it writes into its project", async () => {
  mkdirSync(project.in("node_modules"));
  const write = (where: string) => `import { writeFileSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
writeFileSync(${where}, "mine");
readFileSync(${where}, "utf8");`;
  const scratch = project.notebook("scratch", code(write('tmpdir() + "/scratch.txt"')));
  expect((await project.run("run", scratch)).stderr).not.toContain("not kept");
  expect((await project.run("run", scratch)).stderr).toContain("restored from the cache");
  const inside = project.notebook("inside", code(write('"beside.txt"')));
  expect((await project.run("run", inside)).stderr).toMatch(/not kept in the cache: it writes outside its output folder \(notebooks.beside\.txt\)/); // prettier-ignore
});

describe("a notebook is executed again when anything that it has read has changed", () => {
  const print = (expression: string) => `console.log(String(${expression}));`;
  const changes: [string, string, () => void][] = [
    ["an environment variable", print("process.env.MY_SETTING"), () => setVariable("v2")],
    ["one that is looked for", print('"MY_SETTING" in process.env'), () => setVariable(undefined)],
    ["one that comes by a spread", print("({ ...process.env }).MY_SETTING"), () => setVariable("v2")],
    ["the names of all", print("Object.keys(process.env).sort()"), () => setVariable("1", "MY_OTHER_SETTING")],
    [
      "one that a module reads",
      `import { setting } from "./setting.ts";\n${print("setting")}`,
      () => setVariable("v2"),
    ],
    ["one that a thread reads", worker('process.env["MY_SETTING"]'), () => setVariable("v2")],
    ["the home folder", `import { homedir } from "node:os";\n${print("homedir()")}`, () => setVariable(project.in("home"), "HOME")], // prettier-ignore
    ["the time zone", print("new Date(0).getHours()"), () => setVariable("Asia/Tokyo", "TZ")],
    ["a package", `import { x } from "some";\n${print("x")}`, () => project.file("node_modules/some/index.js", "export const x = 2;")], // prettier-ignore
    ["a package that is required", `import { createRequire } from "node:module";\n${print('createRequire(process.cwd() + "/x.js")("plain")')}`, () => project.file("node_modules/plain/index.js", "module.exports = 2;")], // prettier-ignore
    ["a file that a thread reads", worker('require("node:fs").readFileSync("data.txt", "utf8")'), () => project.file("notebooks/data.txt", "6")], // prettier-ignore
    ["a module that a thread imports", worker('(await import("./some.mjs")).x'), () => project.file("notebooks/some.mjs", "export const x = 2;")], // prettier-ignore
    ["a file's size", `import { statSync } from "node:fs";\n${print('statSync("data.txt").size')}`, () => project.file("notebooks/data.txt", "66")], // prettier-ignore
  ];
  let before: NodeJS.ProcessEnv;
  function setVariable(value: string | undefined, name = "MY_SETTING"): void {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  /** A thread that answers the value of an expression. */
  function worker(expression: string): string {
    return `import { once } from "node:events";
import { Worker } from "node:worker_threads";
console.log((await once(new Worker("./thread.mjs", { argv: [${JSON.stringify(expression)}] }), "message"))[0]);`;
  }
  beforeEach(() => {
    before = { ...process.env };
    setVariable("v1");
    project.file("notebooks/setting.ts", "export const setting = process.env.MY_SETTING;");
    const answer = `import { createRequire } from "node:module";
import { parentPort } from "node:worker_threads";
const require = createRequire(import.meta.url);
parentPort.postMessage(String(await eval("(async () => " + process.argv[2] + ")()")));`;
    project.file("notebooks/thread.mjs", answer);
    project.file("notebooks/data.txt", "5");
    project.file("notebooks/some.mjs", "export const x = 1;");
    project.file("node_modules/some/package.json", '{ "name": "some", "type": "module", "exports": "./index.js" }');
    project.file("node_modules/some/index.js", "export const x = 1;");
    project.file("node_modules/some/index.d.ts", "export const x: number;");
    project.file("node_modules/plain/index.js", "module.exports = 1;");
  });
  afterEach(() => {
    for (const name of ["MY_SETTING", "MY_OTHER_SETTING", "HOME", "TZ"]) setVariable(before[name], name);
  });

  test.each(changes)("%s", async (_, source, change) => {
    const file = project.notebook("n", code(source));
    const first = await project.run("run", file);
    expect(first.stderr).not.toContain("not kept");
    const printed = () => {
      const text = readFileSync(project.in("figures", "n", "n.ipynb"), "utf8");
      return (JSON.parse(text) as { cells: { outputs: unknown }[] }).cells[0].outputs;
    };
    const was = printed();
    expect((await project.run("run", file)).stderr).toContain("restored from the cache");
    change();
    const third = await project.run("run", file);
    expect(third.stderr).toMatch(/changed|another environment/);
    expect(third).toMatchObject({ code: 0 });
    expect(printed()).not.toEqual(was);
  });

  test.each([
    [
      "another program",
      `import { execSync } from "node:child_process"; ${print('execSync("cat data.txt")')}`,
      /starts other programs \(cat\)/,
    ],
    [
      "another program that prints by itself",
      `import { spawnSync } from "node:child_process"; spawnSync("cat", ["data.txt"], { stdio: "inherit" });`,
      /starts other programs \(cat\)/,
    ],
    [
      "another program in the background",
      `import { exec } from "node:child_process"; import { promisify } from "node:util"; ${print('(await promisify(exec)("cat data.txt")).stdout')}`,
      /starts other programs/,
    ],
    ["fetch", print('await (await fetch("http://127.0.0.1:PORT/")).text()'), /uses the network/],
    [
      "node:http",
      `import { get } from "node:http"; import { once } from "node:events"; const [answer] = await once(get("http://127.0.0.1:PORT/"), "response"); answer.resume();`,
      /uses the network/,
    ],
    [
      "a socket",
      `import { connect } from "node:net"; import { once } from "node:events"; const socket = connect(Number("PORT"), "127.0.0.1"); await once(socket, "connect"); socket.destroy();`,
      /uses the network/,
    ],
    [
      "a datagram",
      `import { createSocket } from "node:dgram"; import { once } from "node:events"; const socket = createSocket("udp4"); socket.send("x", 9, "127.0.0.1"); await once(socket, "listening"); socket.close();`,
      /uses the network/,
    ],
    ["a name server", `import { lookup } from "node:dns/promises"; await lookup("localhost");`, /uses the network/],
    [
      "a thread from a text",
      `import { once } from "node:events"; import { Worker } from "node:worker_threads"; await once(new Worker("1", { eval: true }), "exit");`,
      /starts a thread/,
    ],
    ["the network from a thread", worker('await (await fetch("http://127.0.0.1:PORT/")).text()'), /uses the network/],
  ])("and what has used %s always, unless its metadata says otherwise", async (_, source, why) => {
    const server = createServer((_request, response) => response.end("answer")).listen(0, "127.0.0.1");
    await new Promise((resolve) => server.once("listening", resolve));
    const { port } = server.address() as { port: number };
    const file = project.notebook("n", code(source.replace("PORT", String(port))));
    const first = await project.run("run", file);
    expect(first).toMatchObject({ code: 0 });
    expect(first.stderr).toMatch(why);
    expect((await project.run("run", file)).stderr).not.toContain("restored");
    const book = JSON.parse(readFileSync(project.in(file), "utf8")) as { metadata: object };
    project.file(file, JSON.stringify({ ...book, metadata: { ...book.metadata, marginalia: { cache: true } } }));
    expect((await project.run("run", file)).stderr).not.toContain("not kept");
    expect((await project.run("run", file)).stderr).toContain("restored");
    server.close();
  });
});

test("two notebooks of one name, and a copied project, have each its own result", async () => {
  mkdirSync(project.in("node_modules"));
  const file = (place: string) => `${place}/notebooks/x.ipynb`;
  project.notebook("x", code('import { x } from "./lib.ts";\nconsole.log(x);'));
  for (const place of ["a", "b"]) {
    mkdirSync(project.in(place, "notebooks"), { recursive: true });
    cpSync(project.in("notebooks/x.ipynb"), project.in(file(place)));
    project.file(`${place}/notebooks/lib.ts`, `export const x = "of ${place}";`);
    expect((await project.run("run", file(place))).stderr).not.toContain("restored");
    expect(readFileSync(project.in("figures/x/x.ipynb"), "utf8")).toContain(`of ${place}`);
  }
  const copy = `${project.folder}-copy`;
  cpSync(project.folder, copy, { recursive: true });
  try {
    writeFileSync(path.join(copy, "a/notebooks/lib.ts"), 'export const x = "of the copy";');
    expect((await project.run("run", path.join(copy, file("a")))).stderr).not.toContain("restored");
    expect(readFileSync(path.join(copy, "figures/x/x.ipynb"), "utf8")).toContain("of the copy");
  } finally {
    rmSync(copy, { recursive: true, force: true });
  }
});

test("a run is good though the cache cannot be written or read", async () => {
  const file = project.notebook("n", code("1 + 1"));
  project.file("node_modules/.cache/marginalia", "a file where a folder should be");
  const ended = await project.run("run", file);
  expect(ended).toMatchObject({ code: 0 });
  expect(ended.stderr).toContain("not kept in the cache: ");
  expect(ended.stderr).toContain("✓ n");
  rmSync(project.in("node_modules/.cache/marginalia"));
  await project.run("run", file);
  const [kept] = project.written().filter((name) => /runs.*files.*ipynb$/.test(name));
  rmSync(project.in(kept));
  mkdirSync(project.in(kept));
  chmodSync(project.in(kept), 0o700);
  const again = await project.run("run", file);
  expect(again).toMatchObject({ code: 0 });
  expect(again.stderr).toContain("✓ n in");
});

test("a new tag that a run does not heed is restored with the rest", async () => {
  mkdirSync(project.in("node_modules"));
  const cell = code("1 + 1");
  await project.run("run", project.notebook("n", cell));
  const tagged = { ...cell, metadata: { tags: ["figure"] } };
  expect((await project.run("run", project.notebook("n", tagged))).stderr).toContain("restored");
  expect(readFileSync(project.in("figures/n/n.ipynb"), "utf8")).toContain('"figure"');
});

test("a notebook that this package's library starts git for is kept, and the library's own questions cost nothing", async () => {
  mkdirSync(project.in("node_modules"));
  const library = path.resolve(import.meta.dirname, "../../../dist/base/provenance.js");
  const source = `const { sourceState } = await import(${JSON.stringify(library)});\nsourceState(".", "figures");`;
  const file = project.notebook("n", code(source));
  expect((await project.run("run", file)).stderr).not.toContain("not kept");
  expect((await project.run("run", file)).stderr).toContain("restored");
});
