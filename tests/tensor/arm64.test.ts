/**
 * The kernels on ARM64: compiled by a cross compiler, run in qemu's user emulation, where the machine has these
 * (gcc-aarch64-linux-gnu and qemu-user among Debian's packages).
 */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { loadLibrary, type KernelArray } from "../../src/tensor/library.ts";
import { expectClose } from "./compare.ts";

const native = fileURLToPath(new URL("../../src/tensor/native/", import.meta.url));
const here = fileURLToPath(new URL("./", import.meta.url));
const scratch = mkdtempSync(path.join(tmpdir(), "marginalia-arm64-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const runs = (command: string) => spawnSync(command, ["--version"], { stdio: "ignore" }).status === 0;
const cross = "aarch64-linux-gnu-gcc";
const { common } = (await import(path.join(native, "build.mjs"))) as { common: string[] };
const compile = (...args: string[]) => execFileSync(cross, [...common, ...args], { cwd: native, stdio: "pipe" });

interface Calls {
  seedCalls: (seed: number) => void;
  below: (count: number) => number;
  fitting: Record<string, (sizes: number[]) => [params: number[], ...arrays: KernelArray[]]>;
}
const { seedCalls, below, fitting } = (await import(path.join(here, "calls.mjs"))) as Calls;

const typeOf = (array: KernelArray) => (array instanceof Float32Array ? 0 : array instanceof Int32Array ? 1 : 2);
const bytesOf = (array: ArrayBufferView) => Buffer.from(array.buffer, array.byteOffset, array.byteLength);

test("the addon compiles for ARM64", () => {
  if (!runs(cross)) return console.warn(`SKIPPED: no ${cross}: the kernels are not compiled for ARM64`);
  const headers = path.join(path.dirname(createRequire(import.meta.url).resolve("node-api-headers/package.json")), "include"); // prettier-ignore
  compile("-Werror", "-fPIC", "-I", headers, "-DNAPI_VERSION=8", "-c", "addon.c", "-o", path.join(scratch, "addon.o"));
}, 60_000);

test("on ARM64 every kernel gives what it gives here", () => {
  if (!runs(cross) || !runs("qemu-aarch64"))
    return console.warn(`SKIPPED: no ${cross} or no qemu-aarch64: the kernels are not run on ARM64`);
  const server = path.join(scratch, "call-server");
  const sources = ["kernels.c", "platform.c", path.join(here, "call-server.c")];
  compile("-I", native, "-DOPERATIONS=operations_baseline", ...sources, "-static", "-pthread", "-o", server);

  const { library } = loadLibrary();
  const names = [...library.operations.keys()];
  seedCalls(11);
  const made = Object.keys(fitting).flatMap((name) =>
    Array.from({ length: 12 }, () => {
      const sizes = Array.from({ length: 7 }, () => 1 + below(below(4) ? 9 : 40));
      const [params, ...arrays] = fitting[name](sizes);
      return { name, params, arrays };
    }),
  );
  const input = made.flatMap(({ name, params, arrays }) => [
    bytesOf(Int32Array.of(names.indexOf(name), params.length, arrays.length)),
    bytesOf(Float64Array.from(params)),
    ...arrays.flatMap((array) => [bytesOf(Int32Array.of(typeOf(array), array.length)), bytesOf(array)]),
  ]);
  const answer = execFileSync("qemu-aarch64", [server], { input: Buffer.concat(input), maxBuffer: 2 ** 28 });

  let at = 0;
  const ran = new Set<string>();
  for (const { name, params, arrays } of made) {
    let refused = false;
    try {
      library.run(name, params, ...arrays);
      ran.add(name);
    } catch {
      refused = true;
    }
    expect(answer.readInt32LE(at) !== 0, `${name} refused a call`).toBe(refused);
    at += 4;
    for (const array of arrays) {
      const Type = array.constructor as Float32ArrayConstructor;
      const theirs = new Type(answer.subarray(at, at + array.byteLength).buffer.slice(answer.byteOffset + at, answer.byteOffset + at + array.byteLength)); // prettier-ignore
      expectClose(array, theirs, 1e-3);
      at += array.byteLength;
    }
  }
  expect(at).toBe(answer.length);
  expect([...ran].sort()).toEqual(Object.keys(fitting).sort());
  expect(ran.size).toBeGreaterThan(30);
}, 120_000);
