import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelClient } from "../../client.ts";

const files = {
  "lib.ts": "export enum Factor { two = 2 }\nexport const twice = (x: number): number => Factor.two * x;\n",
  "common.cts": "export const twice = (x: number): number => 2 * x;\n",
  "w.ts":
    'import { parentPort, workerData } from "node:worker_threads";\nimport { twice } from "./lib";\nimport { z } from "zod";\nparentPort!.postMessage([twice(workerData as number), typeof z]);\n',
  "w.mts":
    'import { parentPort, workerData } from "node:worker_threads";\nimport { twice } from "./lib.js";\nparentPort!.postMessage([twice(workerData as number), import.meta.filename.slice(-5)]);\n',
  "w.cts":
    'import { parentPort, workerData } from "node:worker_threads";\nimport { twice } from "./common.cjs";\nparentPort!.postMessage([twice(workerData as number), __filename.slice(-5)]);\n',
  "w-plain.cjs": 'require("node:worker_threads").parentPort.postMessage("plain");\n',
  "throws.ts": "interface Unused {\n  a: 1;\n}\nthrow new Error('in the worker');\n",
  "f.ts": 'import { twice } from "./lib";\nprocess.send!([twice(Number(process.argv[2])), process.argv.length]);\n',
  "prints.ts": 'import { twice } from "./lib";\nconsole.log("printed", twice(4));\n',
  "deep/pool.ts":
    'import { fork } from "node:child_process";\nimport { Worker } from "node:worker_threads";\nconst message = (child: any) => new Promise<any>((resolve, reject) => child.on("message", resolve).on("error", reject));\nexport const inWorker = (n: number) => message(new Worker(new URL("../w.ts", import.meta.url), { workerData: n }));\nexport const inFork = (n: number) => message(fork(new URL("../f.ts", import.meta.url), [String(n)]));\n',
  "deep/worker.ts":
    'import { parentPort } from "node:worker_threads";\nimport { inFork, inWorker } from "./pool";\nparentPort!.postMessage([await inWorker(5), await inFork(6)]);\n',
};

let kernel: KernelClient;
beforeAll(async () => {
  kernel = await KernelClient.start({ files });
  await kernel.execute(`
    import { fork } from "node:child_process";
    import { Worker } from "node:worker_threads";
    const message = (child: any) => new Promise<any>((resolve, reject) => child.on("message", resolve).on("error", reject));`);
});
afterAll(() => kernel.stop());

describe("TypeScript in a thread or process that a cell starts", () => {
  test.each([
    ["a worker by URL", 'new Worker(new URL("./w.ts", import.meta.url), { workerData: 4 })', "[ 8, 'object' ]"],
    ["a worker by path", 'new Worker("./w.ts", { workerData: 4 })', "[ 8, 'object' ]"],
    [
      "a worker named as its JavaScript",
      'new Worker(new URL("./w.js", import.meta.url), { workerData: 4 })',
      "[ 8, 'object' ]",
    ],
    ["an .mts worker", 'new Worker(new URL("./w.mts", import.meta.url), { workerData: 4 })', "[ 8, 'w.mts' ]"],
    ["a .cts worker", 'new Worker(new URL("./w.cts", import.meta.url), { workerData: 4 })', "[ 8, 'w.cts' ]"],
    ["a worker with arguments of its own", 'new Worker("./w.ts", { workerData: 4, execArgv: [] })', "[ 8, 'object' ]"],
    ["a JavaScript worker", 'new Worker("./w-plain.cjs")', "'plain'"],
    [
      "a worker's text",
      "new Worker(\"require('node:worker_threads').parentPort.postMessage(1)\", { eval: true })",
      "1",
    ],
    ["a fork", 'fork("./f.ts", ["4"])', "[ 8, 3 ]"],
    ["a fork with options alone", 'fork("./f.ts", { execArgv: [] })', "[ NaN, 2 ]".replace("NaN", "null")],
    [
      "a worker that starts others",
      'new Worker(new URL("./deep/worker.ts", import.meta.url))',
      "[ [ 10, 'object' ], [ 12, 3 ] ]",
    ],
  ])("%s runs", async (_, code, result) => {
    const cell = await kernel.execute(`await message(${code})`);
    expect(cell.error?.traceback).toBeUndefined();
    expect(cell.result).toBe(result);
  });

  test("runs also when an imported module starts it", async () => {
    const { result } = await kernel.execute(
      'import { inFork, inWorker } from "./deep/pool"; [await inWorker(1), await inFork(2)]',
    );
    expect(result).toBe("[ [ 2, 'object' ], [ 4, 3 ] ]");
  });

  test("prints into the cell, and its errors name the place in the file", async () => {
    const printed = await kernel.execute('await new Promise((resolve) => fork("./prints.ts").on("close", resolve)); 0');
    expect(printed.stream("stdout")).toBe("printed 8\n");
    const { error } = await kernel.execute('await message(new Worker("./throws.ts"))');
    expect(error.evalue).toBe("in the worker");
    expect(error.traceback.join("\n")).toMatch(/throws\.ts:4:7/);
  });
});
