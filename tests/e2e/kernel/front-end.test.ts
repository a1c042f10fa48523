/** What needs the front end's cooperation: questions to the user, comms and widgets. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { Subscriber } from "zeromq";
import { decodeMessage, endpoint, type JsonObject, type Message } from "../../../src/kernel/protocol/wire.ts";
import { Cell, KernelClient } from "../../kernel/client.ts";

let kernel: KernelClient;
beforeAll(async () => {
  kernel = await KernelClient.start();
});
afterAll(() => kernel.stop());

describe("input", () => {
  let asked: { prompt: string; password: boolean }[];
  beforeEach(() => {
    asked = [];
    kernel.answer = (question) => {
      asked.push(question);
      return `answer ${asked.length}`;
    };
  });

  test("prompt waits for the user's answer, takes a default, and can hide what is typed", async () => {
    expect((await kernel.execute("const first = prompt('Name? '); first")).result).toBe("'answer 1'");
    expect((await kernel.execute("prompt('Key? ', { password: true })")).result).toBe("'answer 2'");
    expect(asked).toEqual([
      { prompt: "Name? ", password: false },
      { prompt: "Key? ", password: true },
    ]);
    kernel.answer = () => "";
    expect((await kernel.execute("[prompt('?', 'otherwise'), prompt()]")).result).toBe("[ 'otherwise', '' ]");
  });

  test("readline on process.stdin asks for a line at a time, and for none that nobody reads", async () => {
    const cell = await kernel.execute(`
      import { createInterface } from "node:readline/promises";
      const lines = createInterface({ input: process.stdin, output: process.stdout });
      const one = await lines.question("one? ");
      const two = await lines.question("two? ");
      lines.close();
      await new Promise((resolve) => setTimeout(resolve, 50));
      [one, two]`);
    expect(cell.error?.traceback).toBeUndefined();
    expect(cell.result).toBe("[ 'answer 1', 'answer 2' ]");
    expect(cell.stream("stdout")).toBe("one? two? ");
    expect(asked).toHaveLength(2);
    const again = await kernel.execute(`
      import readline from "node:readline";
      const reader = readline.createInterface({ input: process.stdin });
      const line = await new Promise((resolve) => reader.once("line", (text) => { reader.close(); resolve(text) }));
      line`);
    expect(again.result).toBe("'answer 3'");
  });

  test("a front end that takes no input makes it an error", async () => {
    for (const code of [
      "prompt('?')",
      "import readline from 'node:readline/promises'; await readline.createInterface({ input: process.stdin }).question('?')",
    ]) {
      const { error } = await kernel.execute(code, { allow_stdin: false });
      expect(error).toMatchObject({ ename: "StdinNotAvailable" });
      expect(error.evalue).toMatch(/takes no input/);
    }
    expect(asked).toEqual([]);
  });

  test.each(["prompt('?')", "for await (const chunk of process.stdin) void chunk"])(
    "an interrupt ends %s, and a late answer is nobody's",
    async (code) => {
      kernel.answer = undefined;
      const running = kernel.execute(`console.log("running"); ${code}`);
      const { length } = kernel.published;
      await kernel.until(() => kernel.published.slice(length).some(({ content }) => content.text === "running\n"));
      await new Promise((resolve) => setTimeout(resolve, 50));
      void kernel.request("control", "interrupt_request", {});
      expect((await running).error.ename).toBe("KeyboardInterrupt");
      kernel.answer = () => "new";
      expect((await kernel.execute("prompt('again?')")).result).toBe("'new'");
    },
  );
});

/** Sends a comm message and resolves with what it causes, when it is dealt with. */
async function comm(type: string, content: JsonObject, buffers: Buffer[] = []): Promise<Message[]> {
  const request = kernel.request("shell", type, content, buffers);
  request.catch(() => undefined); // it has no reply
  const isIdle = ({ content: { execution_state: state } }: Message) => state === "idle";
  await kernel.until(() => kernel.of(request.message).some(isIdle));
  return kernel.of(request.message);
}
const types = (messages: readonly Message[]) => messages.map(({ header }) => header.msg_type);
const openComms = async (content: JsonObject = {}) =>
  (await kernel.exchange("comm_info_request", content)).reply.content.comms as JsonObject;

describe("comms", () => {
  test("the front end opens one to a target of a cell's; messages and bytes go both ways", async () => {
    await kernel.execute(`
      const { comms } = (globalThis as any)[Symbol.for("marginalia.kernel")];
      comms.register("echo", (comm: any, data: any) => {
        comm.send({ opened: data.x });
        comm.onMessage = (data: any, buffers: Uint8Array[]) => {
          console.log("got", data.y);
          comm.send({ y: data.y + 1 }, { buffers: buffers.map((each) => each.map((byte) => byte + 1)) });
        };
        comm.onClose = () => console.log("closed");
      });`);
    const opened = await comm("comm_open", { comm_id: "c1", target_name: "echo", data: { x: 4 } });
    expect(types(opened)).toEqual(["status", "comm_msg", "status"]);
    expect(opened[1].content).toEqual({ comm_id: "c1", data: { opened: 4 } });
    expect(await openComms({ target_name: "echo" })).toEqual({ c1: { target_name: "echo" } });
    expect(await openComms({ target_name: "other" })).toEqual({});
    const answered = await comm("comm_msg", { comm_id: "c1", data: { y: 1 } }, [Buffer.from([1, 2])]);
    expect(types(answered)).toEqual(["status", "stream", "comm_msg", "status"]);
    expect(answered[2].content.data).toEqual({ y: 2 });
    expect(answered[2].buffers.map((each) => [...each])).toEqual([[2, 3]]);
    expect((await comm("comm_close", { comm_id: "c1", data: {} }))[1].content.text).toBe("closed\n");
    expect(await openComms({ target_name: "echo" })).toEqual({});
  });

  test("a target that is not there closes the comm, a handler that throws says so, and both leave the kernel well", async () => {
    const refused = await comm("comm_open", { comm_id: "c2", target_name: "nobody", data: {} });
    expect(types(refused)).toEqual(["status", "comm_close", "status"]);
    await kernel.execute(`comms.register("throws", () => { throw new Error("in a handler") });`);
    const thrown = await comm("comm_open", { comm_id: "c3", target_name: "throws", data: {} });
    expect(thrown[1].content.text).toMatch(/in a handler/);
    await comm("comm_msg", { comm_id: "unknown", data: {} });
    await comm("comm_msg", { data: 3 });
    expect((await kernel.execute("1")).result).toBe("1");
  });

  test("messages are handled between the awaits of a running cell", async () => {
    const running = kernel.execute(`
      const heard = await new Promise((resolve) => comms.register("now", (_comm: any, data: any) => resolve(data.v)));
      heard`);
    await new Promise((resolve) => setTimeout(resolve, 300));
    await comm("comm_open", { comm_id: "c4", target_name: "now", data: { v: "heard" } });
    expect((await running).result).toBe("'heard'");
  });
});

describe("progress", () => {
  const texts = (cell: Cell, type: string) =>
    cell.contents(type).map(({ data }) => (data as JsonObject)["text/plain"] as string);

  test("is a line of text that is renewed, and a widget, with its own layout and style", async () => {
    const cell = await kernel.execute(`
      let sum = 0;
      for (const x of progress([1, 2, 3], "adding")) { sum += x; await new Promise((resolve) => setTimeout(resolve, 120)) }
      sum`);
    expect(cell.result).toBe("6");
    expect(texts(cell, "display_data")).toEqual([expect.stringMatching(/^adding \|·{30}\| 0 %, 0 of 3, 0\.0 s$/)]);
    expect(texts(cell, "update_display_data").at(-1)).toMatch(/^adding \|█{30}\| 100 %, 3 of 3, 0\.\d s$/);
    const view = (cell.contents("display_data")[0].data as JsonObject)["application/vnd.jupyter.widget-view+json"];
    const opened = cell.contents("comm_open").map(({ comm_id, target_name, data }) => {
      const { state } = data as { state: JsonObject };
      return { id: comm_id, target_name, state };
    });
    expect(opened.every(({ target_name }) => target_name === "jupyter.widget")).toBe(true);
    const shown = opened.find(({ id }) => id === (view as JsonObject).model_id);
    const children = shown?.state.children as string[];
    const bar = opened.find(({ id }) => `IPY_MODEL_${id as string}` === children[0]);
    expect(bar?.state).toMatchObject({ _model_name: "FloatProgressModel", description: "adding", max: 3 });
    const updates = cell.contents("comm_msg").filter(({ comm_id }) => comm_id === bar?.id);
    expect(updates.at(-1)?.data).toMatchObject({ method: "update", state: { value: 3 } });
  });

  test("a front end that shows widgets gets all models on request, and the text only at the end", async () => {
    await kernel.execute("progress(1).end()");
    await comm("comm_open", { comm_id: "control", target_name: "jupyter.widget.control", data: {} });
    const answer = await comm("comm_msg", { comm_id: "control", data: { method: "request_states" } });
    const { method, states } = answer[1].content.data as { method: string; states: Record<string, JsonObject> };
    expect(method).toBe("update_states");
    expect(Object.values(states).map(({ model_name }) => model_name)).toContain("FloatProgressModel");
    const cell = await kernel.execute(`
      const bar = progress(4);
      for (let i = 0; i < 4; i++) { await new Promise((resolve) => setTimeout(resolve, 110)); bar.advance() }
      bar.end()`);
    expect(texts(cell, "update_display_data")).toEqual([expect.stringMatching(/100 %, 4 of 4/)]);
  });

  test("counts what comes without a known number, awaited items, and shows where a loop was left", async () => {
    const cell = await kernel.execute(`
      async function* some() { yield 1; yield 2 }
      for await (const x of progress(some(), "two")) void x;
      for (const x of progress(new Set([5, 6, 7]))) if (x === 6) break;
      const huge = progress(1e7);
      for (let i = 0; i < 1e6; i++) huge.advance();`);
    expect(cell.error?.traceback).toBeUndefined();
    expect(texts(cell, "update_display_data").slice(0, 2)).toEqual([
      expect.stringMatching(/^two 2, /),
      expect.stringMatching(/33 %, 1 of 3/),
    ]);
    expect(cell.published.length).toBeLessThan(200);
  });
});

const FLOOD = "const wide = 'x'.repeat(20_000);\nfor (let i = 0; i < 3000; i++) display(i + wide);\n'went on'";

test("a front end that reads late gets everything", { timeout: 120_000 }, async () => {
  const late = new Subscriber({ linger: 0, receiveHighWaterMark: 1 });
  late.connect(endpoint(kernel.connection, "iopub"));
  late.subscribe();
  await new Promise((resolve) => setTimeout(resolve, 300));
  const running = kernel.execute(FLOOD);
  await new Promise((resolve) => setTimeout(resolve, 2500));
  let displays = 0;
  for await (const frames of late) {
    const { header, content } = decodeMessage(frames, kernel.connection.key);
    if (header.msg_type === "display_data") displays++;
    if (header.msg_type === "status" && content.execution_state === "idle") break;
  }
  late.close();
  expect([displays, (await running).result]).toEqual([3000, "'went on'"]);
  expect(kernel.log).not.toMatch(/has stopped reading|could not be sent/);
});

test("a front end that stops reading delays the cells, but does not stop them", { timeout: 120_000 }, async () => {
  const stopped = new Subscriber({ linger: 0, receiveHighWaterMark: 1 });
  stopped.connect(endpoint(kernel.connection, "iopub"));
  stopped.subscribe(); // and never receives
  await new Promise((resolve) => setTimeout(resolve, 300));
  const cell = await kernel.execute(FLOOD);
  expect(cell.result).toBe("'went on'");
  stopped.close();
  expect(kernel.log).toMatch(/has stopped reading/);
});
