/**
 * One contestant: reads `<case> <threads> <repeats>` lines, answers with the milliseconds of each repeat (as peer.py
 * does). The back end comes from MARGINALIA_BACKEND, or is tfjs's own wasm (BENCH_TFJS_WASM=1).
 */
import { createInterface } from "node:readline";
import * as tf from "@tensorflow/tfjs";
import { describeBackend, setThreads } from "../../src/tensor/index.ts";
import { cases } from "./cases.ts";

if (process.env.BENCH_TFJS_WASM) {
  await import("@tensorflow/tfjs-backend-wasm");
  await tf.setBackend("wasm");
  // tfjs-wasm has no UnsortedSegmentSum, and so no gradient of gather: give it a simple one, or it could not take part.
  tf.registerKernel({
    kernelName: "UnsortedSegmentSum",
    backendName: "wasm",
    kernelFunc: ({ inputs, attrs }) => {
      const [x, ids] = [inputs.x as tf.Tensor, inputs.segmentIds as tf.Tensor];
      const width = x.size / ids.size;
      const out = new Float32Array((attrs!.numSegments as number) * width);
      const [values, rows] = [tf.backend().readSync(x.dataId), tf.backend().readSync(ids.dataId)] as Float32Array[];
      for (let i = 0; i < rows.length; i++)
        for (let k = 0; k < width; k++) out[rows[i] * width + k] += values[i * width + k];
      const shape = [attrs!.numSegments as number, ...x.shape.slice(1)];
      return { dataId: tf.backend().write(out, shape, "float32"), shape, dtype: "float32" };
    },
  });
}
tf.enableProdMode();
const made = new Map<string, () => void>();
console.log(JSON.stringify({ version: { ...describeBackend(), backend: tf.getBackend() } }));
for await (const line of createInterface({ input: process.stdin })) {
  const [, name, threads, repeats] = /^(.*) (\d+) (\d+)$/.exec(line)!;
  setThreads(Number(threads));
  try {
    if (!made.has(name)) {
      made.set(name, cases[name]());
      if (process.env.MARGINALIA_BACKEND !== "cpu") for (let warm = 0; warm < 3; warm++) made.get(name)!();
    }
    const run = made.get(name)!;
    const times: number[] = [];
    for (let i = 0; i < Number(repeats); i++) {
      const start = performance.now();
      run();
      times.push(performance.now() - start);
    }
    console.log(JSON.stringify(times));
  } catch (error) {
    console.log(JSON.stringify({ error: String((error as Error).message).split("\n")[0] }));
  }
}
