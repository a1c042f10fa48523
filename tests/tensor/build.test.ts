import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { afterAll, describe, expect, test } from "vitest";

const inRoot = (file: string) => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), "marginalia-build-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

interface Build {
  buildAddon(output: string, options: { extra: string[] }): void;
  buildWasm(output: string): void;
  findCompiler(): { command: string; version: string } | undefined;
  wasmCompiler: string;
  wasmFile: string;
}
const builder = (await import(inRoot("src/tensor/native/build.mjs"))) as Build;
const compiler = builder.findCompiler();
const output = (command: string, args: string[]) => {
  try {
    return execFileSync(command, args, { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] });
  } catch {
    return "";
  }
};
const skipping = (why: string) => console.warn(`SKIPPED: ${why}`);

/** Calls that ran for each kernel; throws when the process crashed or a sanitizer spoke. */
function fuzz(library: string, calls: number, seed: number, env: Record<string, string>): Record<string, number> {
  const args = [inRoot("tests/tensor/fuzz.mjs"), library, String(calls), String(seed)];
  const text = execFileSync(process.execPath, args, {
    encoding: "utf8",
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  return JSON.parse(text) as Record<string, number>;
}

describe("no call can make the compiled kernels crash or touch memory that is not their own", () => {
  const asan = compiler ? output(compiler.command, ["-print-file-name=libasan.so"]).trim() : "";
  const hasAsan = asan.includes(path.sep) && existsSync(asan) && process.platform === "linux";

  test("native, for each instruction set, under AddressSanitizer", () => {
    if (!compiler || !hasAsan)
      return skipping(`no ${compiler ? "libasan" : "C compiler"}: kernels not fuzzed natively`);
    const addon = path.join(scratch, "sanitized.node");
    builder.buildAddon(addon, { extra: ["-fsanitize=address", "-g", "-O1"] });
    const env = { LD_PRELOAD: asan, ASAN_OPTIONS: "detect_leaks=0" };
    for (const simd of ["baseline", "avx2", ""]) {
      const counts = fuzz(addon, 7_000, 7, { ...env, MARGINALIA_SIMD: simd });
      for (const [kernel, ran] of Object.entries(counts))
        expect(ran, `calls of ${kernel} that were not refused`).toBeGreaterThan(1);
    }
  }, 300_000); // compiles the kernels three times

  test("WebAssembly", () => {
    const library = inRoot("dist/tensor/library.js");
    if (!existsSync(library)) return skipping("dist/ is not built: WebAssembly not fuzzed");
    const counts = fuzz(builder.wasmFile, 7_000, 8, { FUZZ_LIBRARY: library });
    expect(Math.min(...Object.values(counts))).toBeGreaterThan(1);
  });
});

test("building the WebAssembly module again gives the committed bytes", () => {
  const clang = process.env.CLANG ?? "clang";
  const version = /clang version (\S+?)[-\s]/.exec(`${output(clang, ["--version"])} `)?.[1];
  if (version !== builder.wasmCompiler)
    return skipping(`the committed module comes from clang ${builder.wasmCompiler}, here is ${version ?? "none"}`);
  const linker = output(clang, ["-print-prog-name=wasm-ld"]).trim();
  if (!output(linker, ["--version"])) return skipping("no wasm-ld");
  const again = path.join(scratch, "again.wasm");
  builder.buildWasm(again);
  expect(readFileSync(again).equals(readFileSync(builder.wasmFile))).toBe(true);
});

test("each way to choose a back end works, and says what is in use and why", () => {
  const describeIn = (env: Record<string, string>) => {
    const program = `import("marginalia/tensor").then(({ describeBackend }) => console.log(JSON.stringify(describeBackend())))`;
    const args = ["--input-type=module", "-e", program];
    const text = execFileSync(process.execPath, args, {
      cwd: inRoot("."),
      encoding: "utf8",
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    return JSON.parse(text) as Record<string, unknown>;
  };
  if (!existsSync(inRoot("dist/tensor/index.js"))) return skipping("dist/ is not built");
  expect(describeIn({ MARGINALIA_BACKEND: "wasm" })).toMatchObject({
    backend: "marginalia",
    build: "wasm",
    threads: 1,
  });
  expect(describeIn({ MARGINALIA_BACKEND: "cpu" })).toMatchObject({ backend: "cpu" });
  expect(() => describeIn({ MARGINALIA_BACKEND: "gpu" })).toThrow(/can be marginalia, native, wasm, cpu, tensorflow/);
  const found = describeIn({ MARGINALIA_BACKEND: "", MARGINALIA_SIMD: "baseline", MARGINALIA_THREADS: "1" });
  expect(found).toMatchObject({ backend: "marginalia", threads: 1 });
  if (found.build === "native" && process.arch === "x64") expect(found.instructionSet).toBe("baseline");
});

describe("set-up without a compiler that works", () => {
  /** What compileAddon leaves behind in a project of its own, and what it says. */
  function compileIn(name: string, env: Record<string, string>) {
    const folder = path.join(scratch, name);
    mkdirSync(path.join(folder, "src/tensor"), { recursive: true });
    mkdirSync(path.join(folder, "node_modules"));
    symlinkSync(
      inRoot("node_modules/node-api-headers"),
      path.join(folder, "node_modules/node-api-headers"),
      "junction",
    );
    cpSync(inRoot("src/tensor/native"), path.join(folder, "src/tensor/native"), { recursive: true });
    const builderUrl = pathToFileURL(path.join(folder, "src/tensor/native/build.mjs")).href;
    const program = `import(${JSON.stringify(builderUrl)}).then((builder) => {
      const before = builder.addonTask();
      const said = [];
      builder.compileAddon((text) => said.push(text));
      console.log(JSON.stringify({ before, said, after: builder.addonTask() ?? null }));
    });`;
    const text = execFileSync(process.execPath, ["-e", program], { encoding: "utf8", env: { ...process.env, ...env } });
    const built = path.join(folder, "node_modules/.cache/marginalia/marginalia.node");
    const note = JSON.parse(readFileSync(`${built}.json`, "utf8")) as { failure: string };
    return {
      ...(JSON.parse(text) as { before: string; said: string[]; after: null }),
      note,
      isBuilt: existsSync(built),
    };
  }

  test("notes why, says that WebAssembly is used, and does not try again", () => {
    const found = compileIn("none", { PATH: path.join(scratch, "nothing"), CC: "" });
    expect(found).toMatchObject({ before: "no C compiler was noted yet", after: null, isBuilt: false });
    expect(found.said).toEqual(["set-up found no C compiler (tried $CC, cc, gcc, clang); tensors use WebAssembly"]);
    expect(found.note.failure).toMatch(/found no C compiler/);
  });

  test.skipIf(process.platform === "win32")("a compiler that fails leaves its message, and no half of an addon", () => {
    const broken = path.join(scratch, "broken-cc");
    const script = `#!/bin/sh\n[ "$1" = --version ] && echo broken 1.0 && exit 0\necho no space left >&2\nexit 1\n`;
    writeFileSync(broken, script, { mode: 0o755 });
    const found = compileIn("broken", { CC: broken });
    expect(found).toMatchObject({
      after: null,
      isBuilt: false,
      note: { failure: "the compiler failed: no space left" },
    });
  });
});

test("a script of a stranger trains in plain tfjs after one import, as a module and in CommonJS, native and in WebAssembly", () => {
  if (!existsSync(inRoot("dist/tensor/index.js"))) return skipping("dist/ is not built");
  const esm = readFileSync(inRoot("tests/tensor/stranger.mjs"), "utf8");
  const commonjs = esm
    .replace(/^import \* as tf from ("[^"]+");/m, "const tf = require($1);")
    .replace(/^import ("[^"]+");/m, "require($1);");
  for (const backend of ["", "wasm"])
    for (const [type, text] of Object.entries({ module: esm, commonjs })) {
      const args = [`--input-type=${type}`, "-e", text];
      const env = { ...process.env, MARGINALIA_BACKEND: backend };
      const answer = execFileSync(process.execPath, args, { cwd: inRoot("."), encoding: "utf8", env, stdio: "pipe" });
      expect(JSON.parse(answer), `${type}, ${backend || "default"}`).toMatchObject({
        backend: "marginalia",
        learned: true,
      });
    }
});
