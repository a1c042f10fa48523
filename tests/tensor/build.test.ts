import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
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
  if (!output("wasm-ld", ["--version"])) return skipping("no wasm-ld");
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
