import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeMessage, makeMessage, type JsonObject } from "../../../src/kernel/protocol/wire.ts";
import { Cell, KernelClient, newConnection } from "../../kernel/client.ts";

let kernel: KernelClient;
beforeAll(async () => {
  kernel = await KernelClient.start({
    files: {
      "tool.ts":
        "interface Unused {\n  a: 1;\n}\nexport function fail(value: string): never {\n  throw new RangeError(`no ${value}`);\n}\n",
      "deep/index.ts": 'export { fail } from "../tool.js";\nexport enum Colour {\n  Red,\n}\n',
      "data.json": '{ "rows": [1, 2] }',
      "broken.ts": "export const = 3;\n",
      "node_modules/only-esm/package.json":
        '{ "name": "only-esm", "type": "module", "exports": { "./sub": "./sub.js" } }',
      "node_modules/only-esm/sub.js": "export const waited = await Promise.resolve(7);\n",
      "node_modules/old/package.json": '{ "name": "old", "main": "index.js" }',
      "node_modules/old/index.js": "module.exports = Object.fromEntries([['hidden', 5]]);\n",
    },
  });
});
afterAll(() => kernel.stop());

const published = (cell: Cell) => cell.published.map(({ header }) => header.msg_type);

describe("executing cells", () => {
  test("publishes busy, input, streams, result and idle in this order, and counts", async () => {
    const cell = await kernel.execute("console.log('one'); console.error('two'); 6 * 7");
    expect(published(cell)).toEqual(["status", "execute_input", "stream", "stream", "execute_result", "status"]);
    expect(cell.published.at(-1)?.content).toEqual({ execution_state: "idle" });
    expect([cell.stream("stdout"), cell.stream("stderr"), cell.result]).toEqual(["one\n", "two\n", "42"]);
    const count = cell.reply.content.execution_count as number;
    expect(cell.reply.content).toMatchObject({ status: "ok", user_expressions: {}, payload: [] });
    expect(cell.contents("execute_result")[0].execution_count).toBe(count);
    expect((await kernel.execute("0")).reply.content.execution_count).toBe(count + 1);
  });

  test("a variable assigned or declared anew is seen by functions of earlier cells", async () => {
    await kernel.execute("let s = 2; const f = () => s; function g(): number { return h() } function h() { return 1 }");
    expect((await kernel.execute("s = 5; f()")).result).toBe("5");
    expect((await kernel.execute("let s = 7; f()")).result).toBe("7");
    expect((await kernel.execute("function h() { return 2 }\ng()")).result).toBe("2");
  });

  test("any name can be declared anew as anything", async () => {
    const kinds = [
      "let n = 1",
      "const n = 2",
      "var n = 3",
      "function n() {}",
      "class n {}",
      "enum n { A }",
      "for (var n of [4]) {}",
    ];
    for (const first of kinds)
      for (const second of kinds) {
        expect((await kernel.execute(first)).status).toBe("ok");
        expect((await kernel.execute(second)).status, `${second} after ${first}`).toBe("ok");
      }
  });

  test("undefined shows nothing, every other value is a result", async () => {
    expect((await kernel.execute("undefined")).result).toBeUndefined();
    expect((await kernel.execute("void 0")).result).toBeUndefined();
    for (const [code, shown] of [
      ["null", "null"],
      ["NaN", "NaN"],
      ["''", "''"],
      ["0", "0"],
      ["false", "false"],
      ["-0", "-0"],
      ["12n", "12n"],
    ])
      expect((await kernel.execute(code)).result, code).toBe(shown);
    expect((await kernel.execute("let only = 3")).result).toBeUndefined();
    expect((await kernel.execute("({ a: [1, { b: 2 }], m: new Map([[1, 2]]) })")).result).toBe(
      "{ a: [ 1, { b: 2 } ], m: Map(1) { 1 => 2 } }",
    );
  });

  test("top-level await, for await, using, decorators and namespaces run", async () => {
    const cell = await kernel.execute(`
      const order: string[] = [];
      function mark(target: unknown, context: ClassDecoratorContext) { order.push(String(context.name)) }
      @mark class Marked {}
      { using a = { [Symbol.dispose]() { order.push("disposed") } }; void a }
      for await (const x of [Promise.resolve("awaited")]) order.push(x);
      namespace N { export const n = "inside" }
      order.push(N.n, await Promise.resolve("last"));
      order.join()`);
    expect(cell.result).toBe("'Marked,disposed,awaited,inside,last'");
  });

  test("silent runs publish nothing and do not count; user_expressions are answered", async () => {
    const before = (await kernel.execute("1")).reply.content.execution_count;
    const silent = await kernel.execute("console.log('x'); 5", { silent: true });
    expect(published(silent)).toEqual(["status", "status"]);
    const unstored = await kernel.execute("6", { store_history: false });
    expect([unstored.result, unstored.reply.content.execution_count]).toEqual(["6", before]);
    const { reply } = await kernel.execute("const base = 3", {
      user_expressions: { good: "base * 2", bad: "nope", thrown: "(() => { throw new Error('x') })()" },
    });
    expect(reply.content.user_expressions).toMatchObject({
      good: { status: "ok", data: { "text/plain": "6" } },
      bad: { status: "error", ename: "TypeScriptError" },
      thrown: { status: "error", ename: "Error", evalue: "x" },
    });
  });

  test("a cell that is sent as soon as an error's reply is there is executed", async () => {
    // An abort that came after the reply took such a cell for one that had waited, one time in fourteen.
    for (let round = 0; round < 60; round++) {
      await kernel.request("shell", "execute_request", { code: "throw 1" });
      const { content } = await kernel.request("shell", "execute_request", { code: "1" });
      expect(content.status).toBe("ok");
    }
  });

  test("after an error the waiting cells are aborted, unless stop_on_error is false", async () => {
    const send = (code: string, stop_on_error = true) => kernel.exchange("execute_request", { code, stop_on_error });
    const stopped = await Promise.all([
      send("await 1; throw new Error('stop')"),
      send("globalThis.ran = 1"),
      send("2"),
    ]);
    expect(stopped.map(({ reply }) => reply.content.status)).toEqual(["error", "aborted", "aborted"]);
    const going = await Promise.all([
      send("await 1; throw new Error('go on')", false),
      send("typeof (globalThis as any).ran"),
    ]);
    expect(going.map(({ reply }) => reply.content.status)).toEqual(["error", "ok"]);
    expect(new Cell(going[1]).result).toBe("'undefined'");
  });
});

describe("errors", () => {
  test("a type error is reported with line and column before anything of the cell runs", async () => {
    const cell = await kernel.execute("console.log('ran');\nconst x: number = 'a';");
    expect(cell.stream("stdout")).toBe("");
    expect(cell.error.ename).toBe("TypeScriptError");
    expect(cell.error.traceback[0]).toMatch(/^cell \[\d+\]:2:7 - TypeScriptError TS2322: Type 'string'/);
    expect(cell.error.traceback.slice(-2)).toEqual(["> 2 | const x: number = 'a';", "    |       ^"]);
    expect(cell.reply.content).toMatchObject({ status: "error", ename: "TypeScriptError" });
  });

  test("a run-time error points into the cell, without a frame of the kernel's", async () => {
    const { error } = await kernel.execute(
      "interface Shape {\n  sides: number;\n}\nfunction area(shape: Shape): number {\n  return (shape as any).missing.x;\n}\narea({ sides: 3 });",
    );
    expect([error.ename, error.evalue]).toEqual(["TypeError", "Cannot read properties of undefined (reading 'x')"]);
    const place = /cell \[\d+\]/.exec(error.traceback[0])?.[0];
    expect(error.traceback).toEqual([
      `${place}:5:33`,
      "  3 | }",
      "  4 | function area(shape: Shape): number {",
      "> 5 |   return (shape as any).missing.x;",
      "    |                                 ^",
      "",
      "TypeError: Cannot read properties of undefined (reading 'x')",
      `    at area (${place}:5:33)`,
      `    at ${place}:7:1`,
    ]);
  });

  test("a frame of an earlier cell and of a .ts module keep their own places", async () => {
    await kernel.execute('import { fail } from "./tool";\nconst relay = (x: string) => {\n  fail(x);\n};');
    const { error } = await kernel.execute("await null;\nrelay('luck')");
    expect(error.traceback.filter((line) => line.startsWith("    at "))).toEqual([
      "    at fail (tool.ts:5:9)",
      expect.stringMatching(/^ {4}at relay \(cell \[\d+\]:3:3\)$/),
      expect.stringMatching(/^ {4}at cell \[\d+\]:2:1$/),
    ]);
    expect(error.traceback).toContain("> 5 |   throw new RangeError(`no ${value}`);");
    expect(error.traceback).toContain(">  3 |   fail(x);".replace(">  ", "> "));
  });

  test("causes, thrown values and errors without a message are told", async () => {
    const { error } = await kernel.execute("throw new Error('outer', { cause: new TypeError('inner') })");
    expect(error.traceback.join("\n")).toMatch(/Error: outer[^]*\[cause\]: TypeError: inner\n\s+at cell/);
    expect((await kernel.execute("throw { code: 3 }")).error).toMatchObject({ ename: "Thrown", evalue: "{ code: 3 }" });
    expect((await kernel.execute("throw 7n")).error.evalue).toBe("7n");
    expect((await kernel.execute("throw undefined")).error.evalue).toBe("undefined");
    expect((await kernel.execute("throw new Error()")).error).toMatchObject({ ename: "Error", evalue: "" });
  });

  test("process.exit, uncaught exceptions and unhandled rejections end the cell with a message and leave the kernel alive", async () => {
    const exit = await kernel.execute("let kept = 1; process.exit(3)");
    expect(exit.error).toMatchObject({ ename: "ProcessExit" });
    const thrown = await kernel.execute(
      "setTimeout(() => { throw new Error('from a timer') }, 5);\nawait new Promise(() => {})",
    );
    expect(thrown.error.evalue).toBe("from a timer");
    const rejected = await kernel.execute("void Promise.reject(new Error('unheard'));\n1");
    expect(rejected.error.evalue).toBe("unheard");
    const late = kernel.request("shell", "execute_request", {
      code: "setTimeout(() => { throw new Error('too late') }, 200); kept",
    });
    await late;
    const isLate = (content: JsonObject) => content.evalue === "too late";
    await kernel.until(() => kernel.of(late.message).some(({ content }) => isLate(content)));
    expect((await kernel.execute("kept")).result).toBe("1");
  });
});

test("a cell that is left waiting for ever does no harm when the garbage is collected", async () => {
  await kernel.execute("setTimeout(() => { throw new Error('left') }, 1); await new Promise(() => {})");
  await kernel.execute(
    "import v8 from 'node:v8'; import vm from 'node:vm'; v8.setFlagsFromString('--expose-gc'); const gc = vm.runInNewContext('gc') as () => void",
  );
  expect(
    (await kernel.execute("for (let i = 0; i < 3; i++) { gc(); await new Promise((r) => setTimeout(r, 5)) }\n'alive'"))
      .result,
  ).toBe("'alive'");
});

describe("output", () => {
  test("every one of 100,000 printed lines arrives, in order, in few messages", async () => {
    const cell = await kernel.execute("for (let i = 0; i < 100_000; i++) console.log(`line ${i}`)");
    const lines = cell.stream("stdout").trimEnd().split("\n");
    expect(lines).toHaveLength(100_000);
    expect(lines.every((line, index) => line === `line ${index}`)).toBe(true);
    expect(cell.contents("stream").length).toBeLessThan(1000);
  });

  test("one long text, bytes and wide characters arrive unharmed", async () => {
    const cell = await kernel.execute(
      "process.stdout.write('😀é'.repeat(200_000)); process.stdout.write(Buffer.from('ü\\n')); process.stdout.write('c3a9', 'hex')",
    );
    expect(cell.stream("stdout")).toBe(`${"😀é".repeat(200_000)}ü\né`);
  });

  test("child processes that inherit the streams print into the cell", async () => {
    const cell = await kernel.execute(`
      import { execSync, fork, spawn, spawnSync } from "node:child_process";
      const node = process.execPath;
      const prints = (text: string) => ["-e", \`console.log("\${text}"); console.error("\${text}!")\`];
      const child = spawn(node, prints("spawned"), { stdio: "inherit" });
      await new Promise((resolve) => child.on("close", resolve));
      spawnSync(node, prints("waited"), { stdio: ["ignore", "inherit", "inherit"] });
      const shown = execSync(\`"\${node}" -e "console.log('shell')"\`, { stdio: "inherit" });
      const kept = spawnSync(node, prints("kept"), { encoding: "utf8" }).stdout;
      let failure = "";
      try { execSync("exit 3", { stdio: "inherit" }) } catch (error) { failure = (error as Error).message }
      [child.stdout, kept.trim(), failure].join()`);
    expect(cell.error?.traceback).toBeUndefined();
    expect(cell.stream("stdout")).toBe("spawned\nwaited\nshell\n");
    expect(cell.stream("stderr")).toBe("spawned!\nwaited!\n");
    expect(cell.result).toBe("',kept,Command failed: exit 3'");
  });

  test("what is written to the descriptors 1 and 2 is the cell's output, as for threads of its own", async () => {
    const cell = await kernel.execute(`
      import fs, { write, writeSync } from "node:fs";
      import { promisify } from "node:util";
      import { Worker } from "node:worker_threads";
      const counts = [writeSync(1, "sync\\n"), fs.writeSync(2, Buffer.from("--error\\n--"), 2, 6), fs.writevSync(1, [Buffer.from("a"), Buffer.from("b\\n")])];
      const { bytesWritten } = await promisify(write)(1, "c3bc0a", null, "hex");
      fs.writeFileSync(1, "file\\n");
      fs.appendFileSync("/dev/stdout", "device\\n");
      const stream = fs.createWriteStream("", { fd: 1, autoClose: false });
      await new Promise<void>((resolve) => stream.end("stream\\n", resolve));
      const worker = new Worker("console.log('thread')", { eval: true });
      await new Promise((resolve) => worker.on("exit", resolve));
      [...counts, bytesWritten].join()`);
    expect(cell.error?.traceback).toBeUndefined();
    expect(cell.stream("stdout")).toBe("sync\nab\nü\nfile\ndevice\nstream\nthread\n");
    expect(cell.stream("stderr")).toBe("error\n");
    expect(cell.result).toBe("'5,6,3,3'");
  });

  const million = 1_000_000;
  test.skipIf(!process.env.MARGINALIA_LONG_TESTS)(
    "every one of 1,000,000 printed lines arrives, in order, in bounded memory ($MARGINALIA_LONG_TESTS)",
    { timeout: 180_000 },
    async () => {
      const cell = await kernel.execute(`
        for (let i = 0; i < ${million}; i++) console.log("line " + i);
        Math.round(process.memoryUsage().rss / 2 ** 20)`);
      const lines = cell.stream("stdout").trimEnd().split("\n");
      expect(lines).toHaveLength(million);
      expect(lines.findIndex((line, index) => line !== `line ${index}`)).toBe(-1);
      expect(Number(cell.result), "MiB").toBeLessThan(400);
    },
  );

  test("late prints belong to the cell whose code prints them", async () => {
    const first = kernel.request("shell", "execute_request", {
      code: "setTimeout(() => console.log('late'), 300); (async () => { await new Promise((r) => setTimeout(r, 250)); console.log('awaited') })(); 0",
    });
    await first;
    const second = await kernel.execute(
      "await new Promise((resolve) => setTimeout(resolve, 500)); console.log('second')",
    );
    expect(second.stream("stdout")).toBe("second\n");
    const texts = kernel
      .of(first.message)
      .map(({ content }) => content.text)
      .join("");
    expect(texts).toBe("awaited\nlate\n");
  });

  test("displays, updates and clearing go out in order with the prints", async () => {
    const cell = await kernel.execute(`
      console.log("a");
      const shown = display({ [Symbol.for("Jupyter.display")]: () => ({ "text/html": "<b>1</b>", "image/png": new Uint8Array([1, 2]) }), [Symbol.for("Jupyter.displayMetadata")]: () => ({ "image/png": { width: 5 } }) }, { id: "mine" });
      console.log("b");
      clearOutput(true);
      shown.update({ "text/plain": "2" }, { raw: true });
      (globalThis as any)[Symbol.for("marginalia.kernel")].display({ "text/plain": "hook" }, { m: 1 }, { displayId: "hooked" });
      const later = { [Symbol.for("Jupyter.display")]: async () => { await null; return { "text/plain": "later" } } };
      display(later);
      later`);
    const shown = cell.published.slice(2, -1).map(({ header, content }) => [header.msg_type, content]);
    expect(shown).toEqual([
      ["stream", { name: "stdout", text: "a\n" }],
      [
        "display_data",
        {
          data: { "text/html": "<b>1</b>", "image/png": "AQI=", "text/plain": expect.any(String) as string },
          metadata: { "image/png": { width: 5 } },
          transient: { display_id: "mine" },
        },
      ],
      ["stream", { name: "stdout", text: "b\n" }],
      ["clear_output", { wait: true }],
      ["update_display_data", { data: { "text/plain": "2" }, metadata: {}, transient: { display_id: "mine" } }],
      ["display_data", { data: { "text/plain": "hook" }, metadata: { m: 1 }, transient: { display_id: "hooked" } }],
      ["display_data", expect.objectContaining({ data: { "text/plain": "later" } })],
      ["execute_result", expect.objectContaining({ data: { "text/plain": "later" } })],
    ]);
  });

  test("a display as the last expression is shown once", async () => {
    const cell = await kernel.execute("display(HTML`<b>1</b>`)");
    expect([cell.contents("display_data").length, cell.result]).toEqual([1, undefined]);
  });

  test("a display method that throws or returns no bundle is an error of the cell", async () => {
    const cell = await kernel.execute("({ [Symbol.for('Jupyter.display')]() { throw new Error('cannot draw') } })");
    expect(cell.error.evalue).toBe("cannot draw");
    expect((await kernel.execute("({ [Symbol.for('Jupyter.display')]: () => 3 })")).error.evalue).toMatch(
      /a MIME bundle is an object/,
    );
  });
});

describe("imports", () => {
  test("reach .ts files with or without extension, folders, JSON and Node's own modules", async () => {
    const cell = await kernel.execute(`
      import { fail } from "./tool.ts";
      import { fail as same, Colour } from "./deep";
      import data from "./data.json";
      import withType from "./data.json" with { type: "json" };
      import { readFileSync } from "node:fs";
      const again = await import("./tool.js");
      [fail === same, again.fail === fail, Colour.Red, data.rows.length, withType.rows[1], readFileSync(new URL("./data.json", import.meta.url), "utf8").length].join()`);
    expect(cell.result).toBe("'true,true,0,2,2,18'");
  });

  test("reach ESM-only packages with top-level await, subpaths, and CommonJS names that Node's lexer misses", async () => {
    const cell = await kernel.execute(
      'import { waited } from "only-esm/sub"; import { hidden } from "old"; waited + hidden',
    );
    expect(cell.error?.evalue).toBeUndefined();
    expect(cell.result).toBe("12");
  });

  test("of this package come to a session whose earlier cells stay known", async () => {
    const before = await kernel.execute('let before: 2 | 3 = 2; const text = "kept"; interface Kept { a: 1 }');
    expect(before.status).toBe("ok");
    const own = await kernel.execute(
      'import { Random } from "marginalia"; before = 3; const kept: Kept = { a: 1 }; text.length',
    );
    expect(own.result).toBe("4");
    const wrong = await kernel.execute("before = 4; Random.fromSeed(text)");
    expect(wrong.contents("error")[0]).toMatchObject({ evalue: expect.stringMatching(/and 1 more/) as string });
    expect((await kernel.execute("[before, kept.a, typeof Random.fromSeed(1)].join()")).result).toBe("'3,1,object'");
  });

  test('reach the sources of "marginalia" and its packages from a folder outside any project', async () => {
    const cell = await kernel.execute(
      'import { Random } from "marginalia"; import { table } from "arquero"; [typeof Random, table({ a: [1, 2] }).numRows(), import.meta.resolve("marginalia").endsWith("src/index.ts")].join()',
    );
    expect(cell.result).toBe("'function,2,true'");
  });

  test("of changed files load the whole affected graph anew, once, and say so", async () => {
    const write = (name: string, text: string) => writeFileSync(path.join(kernel.folder, name), text);
    write("foo.ts", "export const foo = 1;\n");
    write(
      "bar.ts",
      'import { foo } from "./foo.ts";\nexport const bar = () => foo * 10;\nexport { foo as viaBar } from "./foo.ts";\n',
    );
    write("apart.ts", "export const state = { hits: 0 };\n");
    const use =
      'import { foo } from "./foo"; import { bar, viaBar } from "./bar"; import { state } from "./apart"; state.hits++; [foo, bar(), viaBar, state.hits].join()';
    expect((await kernel.execute(use)).result).toBe("'1,10,1,1'");
    write("foo.ts", "export const foo = 200;\n");
    const anew = await kernel.execute(use);
    expect(anew.result).toBe("'200,2000,200,2'");
    expect(anew.stream("stderr")).toMatch(
      /^Loaded anew, since it has changed: foo\.ts, and what imports it \(bar\.ts\)\./,
    );
    const same = await kernel.execute(use);
    expect([same.result, same.stream("stderr")]).toEqual(["'200,2000,200,3'", ""]);
  });

  test("that fail say what is missing or wrong, with the place", async () => {
    expect((await kernel.execute('import { x } from "./nowhere"')).error.evalue).toMatch(
      /Cannot find module ".\/nowhere"/,
    );
    expect((await kernel.execute('await import("./no" + "where")')).error.evalue).toMatch(/Cannot find module/);
    expect((await kernel.execute('await import("./broken.ts" as string)')).error.evalue).toMatch(/broken\.ts:1:13/);
  });
});

describe("requests beside cells", () => {
  const ask = async (type: string, content: JsonObject) => (await kernel.exchange(type, content)).reply.content;

  test("kernel_info, comm_info and is_complete are answered", async () => {
    expect(await ask("kernel_info_request", {})).toMatchObject({
      status: "ok",
      protocol_version: "5.3",
      implementation: "marginalia",
      language_info: { name: "typescript", file_extension: ".ts" },
      debugger: false,
    });
    expect(await ask("comm_info_request", {})).toEqual({ status: "ok", comms: {} });
    expect(await ask("is_complete_request", { code: "if (1) {" })).toEqual({ status: "incomplete", indent: "  " });
  });

  test("history gives inputs and results back", async () => {
    const count = (await kernel.execute("40 + 2 // remember")).reply.content.execution_count;
    expect(await ask("history_request", { hist_access_type: "tail", n: 1, output: true, raw: true })).toEqual({
      status: "ok",
      history: [[1, count, ["40 + 2 // remember", "42"]]],
    });
    const found = await ask("history_request", { hist_access_type: "search", pattern: "*remember*", unique: true });
    expect(found.history).toHaveLength(1);
  });

  test("completion and inspection count characters as the protocol does, and work while a cell runs", async () => {
    const running = kernel.execute(
      "const numbers = [1]; await new Promise((resolve) => setTimeout(resolve, 400)); numbers",
    );
    const code = "'😀'; 'a'.repea";
    expect(await ask("complete_request", { code, cursor_pos: 14 })).toMatchObject({
      matches: ["repeat"],
      cursor_start: 9,
      cursor_end: 14,
    });
    const told = await ask("inspect_request", { code: "'a'.repeat", cursor_pos: 8, detail_level: 0 });
    expect((told.data as JsonObject)["text/plain"]).toContain("repeat(count: number): string");
    expect((await running).result).toBe("[ 1 ]");
  });

  test("malformed, unsigned, wrongly signed and repeated messages are dropped, logged, and harm nothing", async () => {
    const request = makeMessage(
      "execute_request",
      { code: "globalThis.hacked = (globalThis.hacked ?? 0) + 1" },
      { session: "x" },
    );
    await kernel.shell.send(encodeMessage(request, ""));
    await kernel.shell.send(encodeMessage(request, "another key"));
    await kernel.shell.send(["nonsense"]);
    const code = "(globalThis as any).hacked = ((globalThis as any).hacked ?? 0) + 1";
    const signed = encodeMessage(makeMessage("execute_request", { code }, { session: "x" }), kernel.connection.key);
    await kernel.shell.send(signed);
    await kernel.shell.send(signed);
    expect((await kernel.execute("(globalThis as any).hacked")).result).toBe("1");
    expect(kernel.log).toMatch(/wrong signature/);
    expect(kernel.log).toMatch(/no <IDS\|MSG> delimiter/);
    expect(kernel.log).toMatch(/sent again: dropped/);
    expect((await ask("is_complete_request", { code: 3 })).status).toBe("error");
  });
});

describe("a full heap", { timeout: 120_000 }, () => {
  test("ends the cell that fills it with the limit and what to do, and keeps the variables", async () => {
    const small = await KernelClient.start({ environment: { NODE_OPTIONS: "--max-old-space-size=400" } });
    try {
      const cell = await small.execute(
        "const kept = 7; const hoard: number[][] = []; for (;;) hoard.push(Array.from({ length: 10_000 }, (_, i) => i + hoard.length))",
      );
      expect(cell.error?.ename, small.log).toBe("OutOfMemory");
      expect(cell.error.evalue).toMatch(
        /^cell \[1\] was ended: the heap holds \d+ MiB of at most 4\d\d MiB\. .*--max-old-space-size/,
      );
      expect((await small.execute("const { length } = hoard; hoard.length = 0; length > 100 && kept")).result).toBe(
        "7",
      );
      const garbage = "let sum = 0; for (let i = 0; i < 200_000; i++) sum += new Array(2000).fill(i).length; sum";
      expect((await small.execute(garbage)).result, "garbage is nobody's fault").toBe("400000000");
    } finally {
      await small.stop();
    }
  });
});

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8")); // a zombie is only waiting to be counted
  } catch (error) {
    return (error as NodeJS.ErrnoException).syscall === "open" && process.platform !== "linux";
  }
}

/** Waits some seconds for processes to end: those that have not. */
async function remaining(pids: readonly number[]): Promise<number[]> {
  for (let waited = 0; pids.some(isAlive) && waited < 50; waited++)
    await new Promise((resolve) => setTimeout(resolve, 100));
  return pids.filter(isAlive);
}

/** Processes that the kernel has started, where /proc tells (Linux). */
function childrenOf(pid: number): number[] {
  const threads = `/proc/${pid}/task`;
  if (!existsSync(threads)) return [];
  const lists = readdirSync(threads).map((thread) => readFileSync(`${threads}/${thread}/children`, "utf8"));
  return lists.join(" ").split(" ").filter(Boolean).map(Number);
}

describe("a kernel's process", () => {
  const main = fileURLToPath(new URL("../../../dist/kernel/main.js", import.meta.url));
  const fails = (file: string): string => {
    try {
      execFileSync(process.execPath, [main, file], { stdio: "pipe" });
    } catch (error) {
      return (error as { stderr: Buffer }).stderr.toString();
    }
    throw new Error("it started");
  };

  test("refuses a missing or broken connection file, and ports that are taken, with the reason", () => {
    expect(fails("/nonexistent.json")).toMatch(/cannot read the connection file \/nonexistent\.json/);
    const file = path.join(kernel.folder, "taken.json");
    writeFileSync(file, JSON.stringify(kernel.connection));
    expect(fails(file)).toMatch(/cannot bind the sockets of the connection file: .*in use/);
  });

  test("ends at a shutdown request, also in an endless loop, and leaves no process behind", async () => {
    for (const code of ["1", "import { spawnSync } from 'node:child_process'; import './tool'; for (;;) {}"]) {
      const other = await KernelClient.start({ files: { "tool.ts": "export {};\n" } });
      if (code === "1") await other.execute(code);
      else void other.request("shell", "execute_request", { code }).catch(() => undefined);
      await new Promise((resolve) => setTimeout(resolve, 1500));
      const children = childrenOf(other.process.pid ?? 0);
      const reply = await other.request("control", "shutdown_request", { restart: false });
      expect(reply.content).toEqual({ status: "ok", restart: false });
      await other.exited;
      expect(await remaining(children)).toEqual([]);
      await other.stop();
    }
  });

  test("ends when the process that started it dies", async () => {
    const file = path.join(kernel.folder, "orphan.json");
    writeFileSync(file, JSON.stringify(await newConnection()));
    // The shell starts the kernel in the background, prints its id and dies.
    const started = execFileSync("sh", [
      "-c",
      `JPY_PARENT_PID=$$ "${process.execPath}" "${main}" "${file}" >/dev/null 2>&1 & echo $!; sleep 1`,
    ]);
    const pid = Number(started.toString());
    expect(await remaining([pid])).toEqual([]);
  });
});
