import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, utimesSync, writeFileSync } from "node:fs"; // prettier-ignore
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const script = readFileSync(path.resolve(import.meta.dirname, "../../src/cli/setup.mjs"), "utf8");

// The set-up in a small checkout, with an npm and a compiler that only record that they were called, and no addon.
const npm = `
const fs = require("node:fs");
fs.appendFileSync("log.txt", "npm " + process.argv.slice(2).join(" ") + "\\n");
if (process.env.NPM_FAILS) { console.error("npm error network"); process.exit(1); }
Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
fs.mkdirSync("node_modules/typescript/bin", { recursive: true });
fs.writeFileSync("node_modules/typescript/bin/tsc", fs.readFileSync("tsc.cjs"));
const lock = JSON.parse(fs.readFileSync("package-lock.json"));
delete lock.packages[""];
delete lock.packages["node_modules/perhaps"];
fs.writeFileSync("node_modules/.package-lock.json", JSON.stringify(lock));
`;
const tsc = `
const fs = require("node:fs");
fs.appendFileSync("log.txt", "tsc " + process.argv.slice(2).join(" ") + "\\n");
if (fs.readFileSync("src/a.ts", "utf8").includes("wrong")) { console.error("src/a.ts(1,1): error"); process.exit(2); }
fs.mkdirSync("dist", { recursive: true });
for (const name of fs.readdirSync("src")) if (name.endsWith(".ts")) fs.writeFileSync("dist/" + name.replace(".ts", ".js"), "");
`;

let folder: string;
const put = (name: string, content: string) => {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), content);
};
const lock = (version: string) =>
  put(
    "package-lock.json",
    JSON.stringify({
      packages: { "": {}, "node_modules/a": { version, integrity: "x" }, "node_modules/perhaps": { version: "1", optional: true } }, // prettier-ignore
    }),
  );
const log = () => (existsSync(path.join(folder, "log.txt")) ? readFileSync(path.join(folder, "log.txt"), "utf8") : "");
const NPM_CI = "npm ci --include=dev --no-audit --no-fund --loglevel=error\n";

function setUp(options: { args?: string[]; env?: NodeJS.ProcessEnv } = {}) {
  put("log.txt", "");
  return start(options);
}

function start({ args = [], env = {} }: { args?: string[]; env?: NodeJS.ProcessEnv } = {}) {
  const child = spawn(process.execPath, [path.join(folder, "src/cli/setup.mjs"), ...args], {
    env: { ...process.env, TMPDIR: folder, npm_execpath: path.join(folder, "npm.cjs.js"), ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  for (const pipe of [child.stdout, child.stderr]) pipe.on("data", (piece: Buffer) => (said += piece.toString()));
  return new Promise<{ code: number | null; said: string; log: string }>((resolve) =>
    child.once("close", (code) => resolve({ code, said, log: log() })),
  );
}

beforeEach(() => {
  folder = realpathSync(mkdtempSync(path.join(tmpdir(), "setup-test-")));
  put("src/cli/setup.mjs", script);
  put("src/a.ts", "1");
  put(
    "src/tensor/native/build.mjs",
    "export const addonTask = () => undefined; export const compileAddon = () => undefined;",
  );
  put("tsconfig.json", "{}");
  put("npm.cjs.js", npm);
  put("tsc.cjs", tsc);
  lock("1.0.0");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe("the command", () => {
  const bin = readFileSync(path.resolve(import.meta.dirname, "../../src/cli/bin.mjs"), "utf8");

  test("says what to do before set-up, is linked where npx looks, and is the built one afterwards", async () => {
    put("src/cli/bin.mjs", bin);
    const run = (file: string) => spawnSync(process.execPath, [path.join(folder, file)], { encoding: "utf8" });
    const before = run("src/cli/bin.mjs");
    expect(before.status).toBe(2);
    expect(before.stderr).toContain('not set up yet. Run "npm run setup"');
    await setUp();
    put("dist/cli/main.js", 'console.log("built")');
    const link = process.platform === "win32" ? "src/cli/bin.mjs" : "node_modules/.bin/marginalia";
    expect(run(link).stdout).toBe("built\n");
  });
});

describe("set-up", () => {
  test("a fresh clone is installed and built, and says so; the second time there is nothing to do or say", async () => {
    const first = await setUp();
    expect(first).toMatchObject({ code: 0, log: `${NPM_CI}tsc -p src\n` });
    expect(first.said).toMatch(/modules are missing: npm ci.*\n.*not built yet: building dist/);
    expect(await setUp()).toEqual({ code: 0, said: "", log: "" });
  });

  test("installs again when the lock file asks for other packages, whoever installed the present ones", async () => {
    await setUp();
    lock("2.0.0");
    const again = await setUp();
    expect(again.said).toContain("modules are not those of package-lock.json (a)");
    expect(again.log).toContain(NPM_CI);
  });

  test("does not mind missing optional packages, nor changes of package.json that change no package", async () => {
    await setUp();
    put("package.json", '{ "scripts": {} }');
    expect((await setUp()).log).toBe("");
  });

  test("builds again when a source changes, and removes what no longer has one", async () => {
    put("src/gone.ts", "1");
    await setUp();
    rmSync(path.join(folder, "src/gone.ts"));
    utimesSync(path.join(folder, "dist/gone.js"), 1, 1);
    const again = await setUp();
    expect(again).toMatchObject({ code: 0, log: "tsc -p src\n" });
    expect(existsSync(path.join(folder, "dist/gone.js"))).toBe(false);
    expect(existsSync(path.join(folder, "dist/a.js"))).toBe(true);
  });

  test("a failing build is told, and tried again", async () => {
    put("src/a.ts", "wrong");
    const failed = await setUp();
    expect(failed.code).toBe(1);
    expect(failed.said).toMatch(/"tsc -p src" failed \(2\).*Mend the errors above/);
    expect((await setUp()).log).toBe("tsc -p src\n");
  });

  test("a failing npm is told with what to do, and nothing is taken for installed", async () => {
    const failed = await setUp({ env: { NPM_FAILS: "1" } });
    expect(failed).toMatchObject({ code: 1, log: NPM_CI });
    expect(failed.said).toMatch(
      /npm error network\n.*"npm ci.*" failed \(1\).*registry could not be reached.*npm ci --offline/,
    );
    expect((await setUp()).log).toBe(`${NPM_CI}tsc -p src\n`);
  });

  test("two at once take turns: the second finds the work done", async () => {
    put("log.txt", "");
    const both = await Promise.all([start(), start()]);
    expect(both.map(({ code }) => code)).toEqual([0, 0]);
    expect(log()).toBe(`${NPM_CI}tsc -p src\n`);
    expect(both.map(({ said }) => said).join("")).toContain("another set-up of this checkout is at work");
  });

  test("a lock left behind by a killed set-up does not block", async () => {
    const killed = spawn(process.execPath, [path.join(folder, "src/cli/setup.mjs")], {
      env: { ...process.env, TMPDIR: folder, npm_execpath: path.join(folder, "npm.cjs.js") },
      stdio: "ignore",
    });
    await expect.poll(log, { timeout: 20_000 }).toContain("npm ci");
    killed.kill("SIGKILL");
    await new Promise((resolve) => killed.once("close", resolve));
    expect((await setUp()).code).toBe(0);
  });

  test("--check only says what is to do", async () => {
    expect(await setUp({ args: ["--check"] })).toEqual({
      code: 1,
      said: "modules are missing\nnot built yet\n",
      log: "",
    });
    await setUp();
    expect(await setUp({ args: ["--check"] })).toEqual({ code: 0, said: "", log: "" });
  });
});
