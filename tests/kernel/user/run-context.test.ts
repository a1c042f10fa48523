import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelClient } from "../client.ts";

let kernel: KernelClient;
beforeAll(async () => {
  kernel = await KernelClient.start();
  await kernel.execute(`
    import { spawn } from "node:child_process";
    import { EventEmitter } from "node:events";
    import fs from "node:fs";
    import http from "node:http";
    import net from "node:net";
    import { pipeline, Readable, Writable } from "node:stream";
    import { Worker } from "node:worker_threads";
    const soon = (work: () => void) => void setTimeout(work, 60);
    const wait = (time: number) => new Promise((resolve) => setTimeout(resolve, time));
    function blame(): never { throw new Error("blamed") }`);
});
afterAll(() => kernel.stop());

/** Each leaves something running that fails when the cell has ended. */
const failing: Record<string, string> = {
  "a timer": "soon(() => { throw new Error('late') })",
  "an interval": "const t = setInterval(() => { clearInterval(t); throw new Error('late') }, 50); 0",
  "an immediate": "soon(() => setImmediate(() => { throw new Error('late') }))",
  "a tick": "soon(() => process.nextTick(() => { throw new Error('late') }))",
  "a microtask": "soon(() => queueMicrotask(() => { throw new Error('late') }))",
  "a value that is no error": "soon(() => { throw 'late' })",
  "a rejected promise": "soon(() => void Promise.reject(new Error('late')))",
  "an async function": "(async () => { await wait(50); throw new Error('late') })(); 0",
  "a promise that is rejected with nothing of a cell in its stack":
    "fs.promises.readFile('late').catch(async (e) => { await wait(50); throw e }); 0",
  "a file's callback": "soon(() => fs.readFile('x', () => { throw new Error('late') }))",
  "a listener": "const e = new EventEmitter(); e.on('x', () => { throw new Error('late') }); soon(() => e.emit('x'))",
  "an error event that nobody listens to":
    "const f = new EventEmitter(); soon(() => f.emit('error', new Error('late')))",
  "a program that is not there": "soon(() => void spawn('late'))",
  "a child's exit": "soon(() => spawn(process.execPath, ['-e', '']).on('exit', () => { throw new Error('late') }))",
  "a refused connection": "soon(() => void net.connect('/late'))",
  "a stream":
    "soon(() => pipeline(Readable.from(['a']), new Writable({ write(chunk, encoding, done) { done(new Error('late')) } }), (error) => { throw error }))",
  "a server's handler":
    "const server = http.createServer((request, response) => { response.end(); server.close(); throw new Error('late') }).listen(0, '127.0.0.1', () => soon(() => void http.get((server.address() as any)).on('error', () => undefined))); 0",
  "a worker": "soon(() => void new Worker('throw new Error(\"late\")', { eval: true }))",
  "a function of an earlier cell": "soon(() => fs.readFile('late', () => blame()))",
};

describe("an error that nobody catches, of a cell that has ended,", () => {
  test.each(Object.entries(failing))(
    "is told as that cell's while another one runs, which goes on: %s",
    async (_, code) => {
      const maker = kernel.request("shell", "execute_request", { code });
      expect((await maker).content).toMatchObject({ status: "ok" });
      const count = String((await maker).content.execution_count);
      const other = kernel.execute("await wait(250); 'unharmed'");
      const errors = () => kernel.of(maker.message).filter(({ header }) => header.msg_type === "error");
      await kernel.until(() => errors().length > 0, 10_000);
      const [{ content, metadata }] = errors();
      expect(content.evalue).toMatch(/late|blamed/);
      expect((content.traceback as string[])[0]).toMatch(
        new RegExp(`^(Uncaught|Unhandled .*) in code that cell \\[${count}\\] left`),
      );
      expect(metadata).toEqual({ marginalia: { late: true } });
      expect((await other).result).toBe("'unharmed'");
      expect((await other).contents("error")).toEqual([]);
      expect(errors()).toHaveLength(1);
    },
  );

  test("is told of no cell that was interrupted", async () => {
    const maker = kernel.request("shell", "execute_request", {
      code: "(async () => { await wait(200); throw new Error('late') })(); await new Promise(() => {})",
    });
    await wait(100);
    await kernel.request("control", "interrupt_request", {});
    await maker;
    await kernel.execute("await wait(300)");
    const errors = kernel.of(maker.message).filter(({ header }) => header.msg_type === "error");
    expect(errors.map(({ content }) => content.ename)).toEqual(["KeyboardInterrupt"]);
  });
});

test("what an event prints belongs to the cell that has made its emitter", async () => {
  const maker = kernel.request("shell", "execute_request", {
    code: "spawn('sh', ['-c', 'sleep .1; echo from the child']).stdout.on('data', (data) => console.log(String(data))); 0",
  });
  await maker;
  expect((await kernel.execute("await wait(300)")).stream("stdout")).toBe("");
  const text = () => kernel.of(maker.message).map(({ content }) => content.text);
  await kernel.until(() => text().some((each) => String(each).includes("from the child")));
});

const wait = (time: number) => new Promise((resolve) => setTimeout(resolve, time));
