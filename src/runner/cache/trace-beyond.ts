/**
 * For the tracer: what a process does of which nobody can tell afterwards whether it would come out the same. Other
 * programs, the network, and compiled code that is not this package's and reads what it likes.
 */
import childProcess, { ChildProcess } from "node:child_process";
import dgram from "node:dgram";
import dns from "node:dns";
import { createRequire } from "node:module";
import net from "node:net";
import path from "node:path";
import workers, { type WorkerOptions } from "node:worker_threads";
import { isCalledByPackage, isStartedByPackage } from "./trace-callers.ts";
import { TRACE_VARIABLE, type Tell } from "./trace-lines.ts";

type Function = (this: unknown, ...all: unknown[]) => unknown;
type Members = Record<string, Function | undefined>;

export function traceBeyond(tell: Tell): void {
  traceChildren(tell);
  traceThreads(tell);
  traceNetwork(tell);
  traceAddons(tell);
}

/** Calls `before` first; keeps what else the function has (util.promisify's own form). */
export function watch(object: object, name: string, before: (all: unknown[]) => void): void {
  const members = object as Members;
  const original = members[name];
  if (typeof original !== "function") return;
  const watched: Function = function (...all) {
    before(all);
    return original.apply(this, all);
  };
  members[name] = Object.defineProperties(watched, Object.getOwnPropertyDescriptors(original));
}

function traceChildren(tell: Tell): void {
  const started = (program: unknown) => {
    if (!isStartedByPackage())
      tell("beyond", `starts other programs (${path.basename(String(program).split(" ")[0])})`);
  };
  // Every way to start a child without waiting for it ends here.
  watch(ChildProcess.prototype, "spawn", ([options]) => started((options as { file?: unknown }).file));
  for (const name of ["spawnSync", "execFileSync", "execSync"])
    watch(childProcess, name, ([program]) => started(program));
}

/**
 * Threads trace by themselves, but for those that get a text for a program or another environment: there Node preloads
 * nothing.
 */
function traceThreads(tell: Tell): void {
  const { Worker } = workers;
  class TracedWorker extends Worker {
    constructor(file: string | URL, options: WorkerOptions = {}) {
      super(file, options);
      const { env } = options;
      const isOther = typeof env === "object" && env?.[TRACE_VARIABLE] !== process.env[TRACE_VARIABLE];
      if (options.eval || isOther || (file instanceof URL && file.protocol === "data:"))
        tell("beyond", "starts a thread from a text or with another environment");
    }
  }
  Object.defineProperty(TracedWorker, "name", { value: "Worker" });
  workers.Worker = TracedWorker;
}

function traceNetwork(tell: Tell): void {
  const used = () => {
    if (!isCalledByPackage()) tell("beyond", "uses the network");
  };
  // http, https, tls, fetch and WebSocket end here, too.
  for (const name of ["connect"]) watch(net.Socket.prototype, name, used);
  watch(net.Server.prototype, "listen", used);
  for (const name of ["bind", "connect", "send"]) watch(dgram.Socket.prototype, name, used);
  for (const object of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
    const names = new Set([
      ...Object.keys(object),
      ...Object.getOwnPropertyNames(Object.getPrototypeOf(object) as object),
    ]);
    for (const name of names) if (/^(lookup|lookupService|reverse|resolve\w*)$/.test(name)) watch(object, name, used);
  }
}

/** Packages with compiled code that this one uses: what they read is what they are given. */
const KNOWN_ADDONS = /[/\\]node_modules[/\\](\.cache[/\\]marginalia|zeromq|@resvg|@tensorflow|msgpackr-extract|@msgpackr-extract|bufferutil|utf-8-validate|canvas)[/\\]/; // prettier-ignore
/** Parts of Node that open files by themselves. */
const OPENING = ["sqlite", "wasi"];

function traceAddons(tell: Tell): void {
  watch(process, "dlopen", ([, file]) => {
    if (!KNOWN_ADDONS.test(String(file))) tell("beyond", `runs compiled code that reads unseen (${path.basename(String(file))})`); // prettier-ignore
  });
  const module = createRequire(import.meta.url)("node:module") as Members;
  watch(module, "_load", ([name]) => tellOpening(String(name), tell));
  watch(process, "getBuiltinModule", ([name]) => tellOpening(String(name), tell));
}

export function tellOpening(name: string, tell: Tell): void {
  const plain = name.replace(/^node:/, "");
  if (OPENING.includes(plain)) tell("beyond", `uses node:${plain}, which reads unseen`);
}
