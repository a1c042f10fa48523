// A kernel for tests, in plain JavaScript and with an own reading of the protocol: a cell's lines are commands.
//   print <text> | print-long <characters> | result <text> | late-result <text>: idle is published before the result,
//   as some kernels do error <name> <message> | sleep <seconds> (heeds interrupts) | hang (ignores interrupts) | exit
//   <code> record <name> <JSON> [<step>]: as src/report/record.ts | append <file> <text> | exit-if <a> <b>: exits when
//   the two are equal sleep-if <a> <b> <seconds>: sleeps when the two are equal | hold <MiB>: takes so much memory
//   outside of the heap a line "name = value;" as parameters are injected sets what $name stands for
//   late-error <name> <message>: 50 ms later
//   no-idle: replies, but never goes idle | ask: asks for input although that is not allowed | env <name> | cwd |
//   forged <text>
import { createHmac, randomUUID } from "node:crypto";
import { spawn } from "node:child_process";
import { Buffer } from "node:buffer";
import { appendFileSync, readFileSync, writeFileSync } from "node:fs";
import { setInterval, setTimeout } from "node:timers";
import { Publisher, Router } from "zeromq";

const [connectionFile, mode] = process.argv.slice(2);
const connection = JSON.parse(readFileSync(connectionFile, "utf8"));
if (mode === "dies") {
  console.error("scripted kernel: no such luck");
  process.exit(7);
}
// As Jupyter asks of kernels: end when the parent does.
const parent = Number(process.env.JPY_PARENT_PID);
setInterval(() => {
  try {
    process.kill(parent, 0);
  } catch {
    process.exit(0);
  }
}, 200).unref();
if (mode === "mute") setInterval(() => undefined, 1000);
if (mode === "with-child") {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  writeFileSync(process.argv[4], String(child.pid));
}

const address = (port) => `tcp://${connection.ip}:${port}`;
const sign = (parts, key = connection.key) => {
  const hmac = createHmac("sha256", key);
  parts.forEach((part) => hmac.update(part));
  return hmac.digest("hex");
};
const frames = (type, content, parent, key) => {
  const header = { msg_id: randomUUID(), session: "scripted", username: "k", date: new Date().toISOString(), msg_type: type, version: "5.3" }; // prettier-ignore
  const parts = [header, parent?.header ?? {}, {}, content].map((part) => JSON.stringify(part));
  return ["<IDS|MSG>", sign(parts, key), ...parts];
};

const [shell, control, stdin] = [new Router(), new Router(), new Router()];
const iopub = new Publisher({ sendHighWaterMark: 0 });
let count = 0;
const variables = new Map();
const held = [];
let interrupt = () => undefined;

const publish = (type, content, parent, key) => iopub.send([type, ...frames(type, content, parent, key)]);
const reply = (socket, request, type, content) =>
  socket.send([...request.identities, ...frames(type, content, request)]);

async function* requests(socket) {
  for await (const all of socket) {
    const start = all.findIndex((frame) => frame.toString() === "<IDS|MSG>");
    const parts = all.slice(start + 2, start + 6);
    if (sign(parts) !== all[start + 1].toString()) continue;
    const [header, , metadata, content] = parts.map((part) => JSON.parse(part.toString()));
    yield { identities: all.slice(0, start), header, metadata, content };
  }
}

/** Not by process.exit, with which ZeroMQ throws away what it has not sent yet; at a natural end it waits for that. */
function leave(code) {
  process.exitCode = code;
  for (const socket of [shell, control, stdin, iopub]) socket.close();
  return new Promise(() => undefined);
}

async function execute(request) {
  const code = request.content.code;
  count++;
  await publish("execute_input", { code, execution_count: count }, request);
  let afterIdle;
  for (const written of code.split("\n")) {
    const assignment = /^(?:let |const )?(\w+)(?:: [^=]+)? = (.*);$/.exec(written);
    if (assignment) variables.set(assignment[1], assignment[2]);
    const line = written.replace(/\$(\w+)/g, (all, name) => variables.get(name) ?? all);
    let [command, ...words] = line.split(" ");
    if (command === "sleep-if") [command, words] = words[0] === words[1] ? ["sleep", [words[2]]] : ["nothing", []];
    const text = words.join(" ");
    const result = { execution_count: count, data: { "text/plain": text }, metadata: {} };
    if (command === "print") await publish("stream", { name: "stdout", text: `${text}\n` }, request);
    else if (command === "print-long")
      await publish("stream", { name: "stdout", text: "x".repeat(Number(text)) }, request);
    else if (command === "forged") await publish("stream", { name: "stdout", text }, request, "wrong key");
    else if (command === "result") await publish("execute_result", result, request);
    else if (command === "late-error") {
      const error = { ename: words[0], evalue: words.slice(1).join(" "), traceback: [] };
      setTimeout(() => publish("error", error, request), 50);
    } else if (command === "late-result") afterIdle = () => publish("execute_result", result, request);
    else if (command === "env")
      await publish("stream", { name: "stdout", text: process.env[text] ?? "unset" }, request);
    else if (command === "cwd") await publish("stream", { name: "stdout", text: process.cwd() }, request);
    else if (command === "ask")
      await stdin.send([...request.identities, ...frames("input_request", { prompt: "?", password: false }, request)]); // prettier-ignore
    else if (command === "append") appendFileSync(words[0], `${words.slice(1).join(" ")}\n`);
    else if (command === "record") {
      const data = { "application/vnd.marginalia.record+json": { name: words[0], value: JSON.parse(words[1]), ...(words[2] && { step: Number(words[2]) }) } }; // prettier-ignore
      await publish("display_data", { data, metadata: {}, transient: {} }, request);
    } else if (command === "hold") {
      held.push(Buffer.alloc(Number(text) * 2 ** 20, 1));
    } else if (command === "exit-if") {
      if (words[0] === words[1]) await leave(3);
    } else if (command === "exit") {
      console.error(`scripted kernel: leaving with ${text}`);
      await leave(Number(text));
    } else if (command === "hang") {
      process.on("SIGINT", () => undefined);
      await new Promise(() => undefined);
    } else if (command === "sleep" || command === "error") {
      const isStopped =
        command === "error" ||
        (await new Promise((resolve) => {
          interrupt = () => resolve(true);
          setTimeout(() => resolve(false), Number(text) * 1000);
        }));
      if (!isStopped) continue;
      const [ename, evalue] =
        command === "error" ? [words[0], words.slice(1).join(" ")] : ["Interrupted", "by request"];
      const error = {
        ename,
        evalue,
        traceback: [`\u001b[31m${ename}\u001b[0m: ${evalue}`, `    at cell [${count}]:2:1`],
      };
      await publish("error", error, request);
      return { content: { status: "error", execution_count: count, ...error } };
    } else if (command === "no-idle") return { content: { status: "ok", execution_count: count }, isNeverIdle: true };
  }
  return { content: { status: "ok", execution_count: count }, afterIdle };
}

async function serve(socket) {
  for await (const request of requests(socket)) {
    const type = request.header.msg_type;
    if (mode === "mute") continue;
    await publish("status", { execution_state: "busy" }, request);
    let done = {};
    if (type === "kernel_info_request") {
      const info = { status: "ok", protocol_version: "5.3", implementation: "scripted", language_info: { name: "typescript", file_extension: ".ts" }, banner: "" }; // prettier-ignore
      await reply(socket, request, "kernel_info_reply", info);
    } else if (type === "execute_request") {
      done = await execute(request);
      await reply(socket, request, "execute_reply", done.content);
    } else if (type === "interrupt_request") {
      interrupt();
      await reply(socket, request, "interrupt_reply", { status: "ok" });
    } else if (type === "shutdown_request") {
      await reply(socket, request, "shutdown_reply", { status: "ok", restart: false });
      if (mode !== "stubborn") setTimeout(() => process.exit(0), 20);
    }
    if (!done.isNeverIdle) await publish("status", { execution_state: "idle" }, request);
    await done.afterIdle?.();
  }
}

await shell.bind(address(connection.shell_port));
await control.bind(address(connection.control_port));
await stdin.bind(address(connection.stdin_port));
await iopub.bind(address(connection.iopub_port));
process.on("SIGINT", () => interrupt());
void serve(shell);
void serve(control);
void (async () => {
  for await (const request of requests(stdin)) await publish("stream", { name: "stdout", text: `got ${JSON.stringify(request.content.value)}` }, request); // prettier-ignore
})();
