/**
 * MARGINALIA_BACKEND=tensorflow, with a stand-in for the library that most machines cannot download: it does what
 * @tensorflow/tfjs-node does on import (hand on tfjs, register a back end `tensorflow`, make it the present one) and
 * lies where the workspace package looks for it.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const require = createRequire(import.meta.url);
const folder = mkdtempSync(path.join(tmpdir(), "marginalia-tensorflow-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

beforeAll(() => {
  const at = (name: string) => JSON.stringify(require.resolve(name));
  mkdirSync(path.join(folder, "tfjs-node-native"));
  writeFileSync(
    path.join(folder, "tfjs-node-native/index.js"),
    `const tf = require(${at("@tensorflow/tfjs")});
const { MathBackendCPU } = require(${at("@tensorflow/tfjs-backend-cpu")});
for (const key of Object.keys(tf)) Object.defineProperty(exports, key, { enumerable: true, get: () => tf[key] });
exports.kernelsRun = 0;
for (const { kernelName, kernelFunc } of tf.getKernelsForBackend("cpu"))
  tf.registerKernel({ kernelName, backendName: "tensorflow", kernelFunc: (call) => (exports.kernelsRun++, kernelFunc(call)) });
tf.registerBackend("tensorflow", () => Object.assign(new MathBackendCPU(), { firstUse: false }), 3);
tf.setBackend("tensorflow");
`,
  );
});

/** What `program` (with the tensor engine, plain tfjs and the stand-in's name at hand) prints, as JSON. */
function run(program: string, { native, backend }: { native: boolean; backend?: string }): unknown {
  const text = `import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import * as engine from "marginalia/tensor";
const require = createRequire(${JSON.stringify(path.join(root, "package.json"))});
const answer = await (async () => { ${program} })();
console.log(JSON.stringify(answer));`;
  const env = { ...process.env, NODE_PATH: native ? folder : "", MARGINALIA_BACKEND: backend ?? "" };
  const output = execFileSync(process.execPath, ["--input-type=module", "-e", text], {
    cwd: root,
    encoding: "utf8",
    env,
    stdio: ["ignore", "pipe", "pipe"],
  });
  return JSON.parse(output) as unknown;
}

const isBuilt = existsSync(path.join(root, "dist/tensor/index.js"));
if (!isBuilt) console.warn("SKIPPED: dist/ is not built: the choice of TensorFlow is not tested");

const training = `
  const x = tf.tensor2d([[1, 2], [3, 4], [5, 6]]), target = tf.tensor1d([1, 0, 1], "int32");
  const kernel = tf.tensor2d([[0.1, 0.2], [0.3, -0.4]]), bias = tf.tensor1d([0.5, 0.6]);
  const value = (k) => tf.sum(tf.square(engine.messagePassing({ blocks: [{ x }], layers: [{ kernel: k, bias }], segments: { ids: target, count: 2 } })));
  const gradient = Array.from(tf.grad(value)(kernel).dataSync());`;

describe.runIf(isBuilt)("native TensorFlow", () => {
  test("is used where it is chosen and there: plain operations, fused ones and their gradients", () => {
    const found = run(
      `${training} return { backend: tf.getBackend(), described: engine.describeBackend().backend, kernels: require("@tensorflow/tfjs-node").kernelsRun > 5, gradient };`,
      { native: true, backend: "tensorflow" },
    ) as { gradient: number[] };
    expect(found).toMatchObject({ backend: "tensorflow", described: "tensorflow", kernels: true });
    const ours = run(`${training} return gradient;`, { native: false }) as number[];
    found.gradient.forEach((value, i) => expect(value).toBeCloseTo(ours[i], 3));
  });

  test("does not take the place of ours where it is there and not chosen", () => {
    const found = run(
      `const { marginaliaEngine } = require("@tensorflow/tfjs-node"); return [marginaliaEngine.name, engine.describeBackend().backend, tf.getBackend()];`,
      { native: true },
    );
    expect(found).toEqual(["tensorflow", "marginalia", "marginalia"]);
  });

  test("chosen where it is not, is an error that says so", () => {
    expect(() => run("return 1;", { native: false, backend: "tensorflow" })).toThrow(
      /MARGINALIA_BACKEND=tensorflow, but @tensorflow\/tfjs-node is not there/,
    );
  });

  test.each([true, false])("Danfo computes frames and tensors, with it: %s", (native) => {
    const found = run(
      `const danfo = require("danfojs-node");
      const frame = new danfo.DataFrame([[1, 2], [3, 4]], { columns: ["a", "b"] });
      const { marginaliaEngine } = require("@tensorflow/tfjs-node");
      return { sum: frame.add(1).values, tensor: Array.from(frame.tensor.dataSync()), engine: marginaliaEngine.name, ours: tf.getBackend(), exp: tf.exp(tf.scalar(0)).dataSync()[0] };`,
      { native, backend: native ? "tensorflow" : undefined },
    );
    const expected = { sum: [[2, 3], [4, 5]], tensor: [1, 2, 3, 4], exp: 1 }; // prettier-ignore
    expect(found).toEqual(
      native
        ? { ...expected, engine: "tensorflow", ours: "tensorflow" }
        : { ...expected, engine: "tfjs", ours: "marginalia" },
    );
  });
});
