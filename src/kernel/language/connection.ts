/**
 * The way between the sockets' thread and a TypeScript service: a socket in a folder that nobody else may enter, one
 * message as JSON a line. Node's own channel to a process belongs to the thread that starts the process; with this one
 * the main thread starts the first service before there is any other thread, and user code that never ends does not
 * hold its answers up.
 */
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";
import { log } from "../protocol/log.ts";
import type { LanguagePlace, LanguageReply, LanguageRequest } from "./questions.ts";

/** What a service is told on its command line. */
export interface LanguageArguments extends LanguagePlace {
  /** The path of the socket that it connects to. */
  readonly address: string;
}

/** A service that has been started and will connect to `address`; one that could not be started has no `pid`. */
export interface StartedLanguage {
  readonly address?: string;
  readonly pid?: number;
}

/**
 * A service without a network needs no certificates, which Node reads at its start (70 ms); and where the C library is
 * glibc, large pages for the snapshot's bytes take an eighth of its time off.
 */
const FAST_START = { NODE_OPTIONS: "", NODE_EXTRA_CA_CERTS: "", GLIBC_TUNABLES: "glibc.malloc.hugetlb=1" };

/**
 * How Node is started to make a snapshot, and to start from one: the two must agree. Without new hashes for all that it
 * holds it starts in six sevenths of the time; they would protect from strangers' input, of which the service has none.
 */
export const SNAPSHOT_OPTIONS = ["--no-rehash-snapshot", "--snapshot-blob"] as const;

const LIVENESS_CHECK_MS = 50; // milliseconds between looks whether a service that has not connected yet still lives
const RECONNECT_MS = 5; // milliseconds until the service tries to connect again
/** The path of a socket may have 103 bytes on every system. */
const MAX_FOLDER_BYTES = 70;

/** @throws Error where no folder for a socket can be made, as on a full disk */
function newAddress(): string {
  if (process.platform === "win32") return `\\\\.\\pipe\\marginalia-${randomUUID()}`;
  const failures: string[] = [];
  for (const folder of [tmpdir(), process.env.XDG_RUNTIME_DIR, "/dev/shm", "/tmp"]) {
    if (!folder || folder.length > MAX_FOLDER_BYTES) continue;
    try {
      return path.join(mkdtempSync(path.join(folder, "marginalia-")), "language");
    } catch (error) {
      failures.push((error as Error).message);
    }
  }
  throw new Error(`no folder for a socket can be made (${failures.join("; ")}); set TMPDIR to a short, writable path`);
}

/** Starts a service, from a snapshot if one is given; logs why where it cannot. */
export function startLanguage(place: LanguagePlace, snapshot: string | undefined): StartedLanguage {
  let address: string;
  try {
    address = newAddress();
  } catch (error) {
    log(`the TypeScript service: ${(error as Error).message}`);
    return {};
  }
  const program = snapshot
    ? [...SNAPSHOT_OPTIONS, snapshot, "language"]
    : [fileURLToPath(new URL("./process.js", import.meta.url))];
  const told: LanguageArguments = { ...place, address };
  const child = spawn(process.execPath, [...program, JSON.stringify(told)], {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ...FAST_START },
  });
  child.on("error", (error) => log(`the TypeScript service: ${error.message}`));
  child.unref();
  return { address, pid: child.pid };
}

/** The sockets' thread's end. */
export class LanguageConnection {
  readonly #pid: number | undefined;
  readonly #address: string | undefined;
  readonly #server: Server;
  readonly #onEnd: () => void;
  readonly #watch: NodeJS.Timeout;
  /** Requests from before the service has connected. */
  readonly #early: string[] = [];
  #socket: Socket | undefined;
  #ended = false;

  /** @param onEnd is called once, when the service is gone, but not after `kill` */
  constructor({ address, pid }: StartedLanguage, onReply: (reply: LanguageReply) => void, onEnd: () => void) {
    this.#pid = pid;
    this.#address = address;
    this.#onEnd = onEnd;
    this.#server = createServer((socket) => {
      this.#stopListening();
      this.#socket = socket;
      receive(socket, onReply);
      socket.on("error", () => undefined); // it closes after that
      socket.on("close", () => this.#end());
      for (const line of this.#early.splice(0)) socket.write(line);
    });
    this.#server.on("error", (error) => {
      log(`the TypeScript service: ${error.message}`);
      this.#end();
    });
    if (address !== undefined) this.#server.listen(address);
    this.#watch = setInterval(() => isRunning(pid) || this.#end(), LIVENESS_CHECK_MS);
  }

  send(request: LanguageRequest): void {
    const line = `${JSON.stringify(request)}\n`;
    if (this.#socket) this.#socket.write(line);
    else this.#early.push(line);
  }

  kill(): void {
    const ended = this.#ended;
    this.#ended = true;
    this.#stopListening();
    this.#socket?.destroy();
    if (!ended && isRunning(this.#pid)) process.kill(this.#pid, "SIGKILL");
  }

  #end(): void {
    if (this.#ended) return;
    this.kill();
    this.#onEnd();
  }

  #stopListening(): void {
    clearInterval(this.#watch);
    this.#server.close();
    if (this.#address !== undefined && process.platform !== "win32")
      rmSync(path.dirname(this.#address), { recursive: true, force: true });
  }
}

/** The service's end: listens for requests once the other end is there; the process ends when that is gone. */
export function connectLanguage(address: string, onConnect: () => void, take: (request: LanguageRequest) => void) {
  const parent = process.ppid;
  const isOrphan = () => process.ppid !== parent || !isRunning(parent);
  let socket: Socket;
  const attempt = () => {
    let connected = false;
    socket = createConnection(address, () => {
      connected = true;
      receive(socket, take);
      onConnect();
    });
    socket.on("error", () => undefined); // it closes after that
    socket.on("close", () => {
      if (connected || isOrphan()) process.exit();
      setTimeout(attempt, RECONNECT_MS);
    });
  };
  attempt();
  return (reply: LanguageReply): void => void socket.write(`${JSON.stringify(reply)}\n`);
}

function receive<Message>(socket: Socket, take: (message: Message) => void): void {
  let rest = "";
  socket.setEncoding("utf8").on("data", (text: string) => {
    const lines = (rest + text).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) take(JSON.parse(line) as Message);
  });
}

function isRunning(pid: number | undefined): pid is number {
  try {
    return pid !== undefined && process.kill(pid, 0);
  } catch {
    return false;
  }
}
