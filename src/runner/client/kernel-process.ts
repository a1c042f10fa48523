/**
 * A kernel's process: its sockets, the connection file (mode 0600 in a folder of its own), start, signals, the end.
 *
 * Everybody on the machine may connect to a loopback port and listen to what is published, so our own kernel's sockets
 * lie in the private folder where the system has such sockets. Other kernels may know ports alone.
 *
 * The process leads its own process group: a Ctrl-C in the terminal reaches the runner alone, which then interrupts the
 * kernel in order, and a kill takes whatever the kernel has started with it. However the runner ends (return, uncaught
 * error, signal), the group is killed and the connection file removed.
 */
import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomUUID } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { onExit } from "signal-exit";
import { KERNEL_NAME } from "../../kernel/install/kernelspec.ts";
import { CHANNELS, type ConnectionInfo } from "../../kernel/protocol/wire.ts";
import { InputError } from "../../base/input-error.ts";
import type { Kernel } from "./kernelspecs.ts";

export interface KernelExit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** The end of what the process wrote past Jupyter's sockets: crash messages. */
  readonly lastWords: string;
}

const MAX_STDERR_CHARACTERS = 4000; // characters
/** Of a socket's path, without the "-" and the digit that follow: systems take 103. */
const LONGEST_PATH = 100; // bytes
const alive = new Set<KernelProcess>();
let watchingOurExit = false;

export class KernelProcess {
  readonly connection: ConnectionInfo;
  /** Settles when the process has ended, for whatever reason; never rejects. */
  readonly exited: Promise<KernelExit>;
  readonly #child: ChildProcess;
  readonly #folder: string;

  static async start(kernel: Kernel, place: { cwd: string; environment: NodeJS.ProcessEnv }): Promise<KernelProcess> {
    const folder = privateFolder();
    try {
      const named = { signature_scheme: "hmac-sha256", key: randomUUID(), kernel_name: kernel.name } as const;
      return new KernelProcess(kernel, place, { ...(await addresses(kernel.name, folder)), ...named }, folder);
    } catch (error) {
      rmSync(folder, { recursive: true, force: true });
      throw error;
    }
  }

  private constructor(
    kernel: Kernel,
    place: { cwd: string; environment: NodeJS.ProcessEnv },
    connection: ConnectionInfo,
    folder: string,
  ) {
    this.connection = connection;
    this.#folder = folder;
    const file = path.join(this.#folder, "connection.json");
    writeFileSync(file, JSON.stringify(connection), { mode: 0o600 });
    const [command, ...rest] = kernel.argv.map((word) =>
      word.replaceAll("{connection_file}", file).replaceAll("{resource_dir}", kernel.resourceFolder),
    );
    // JPY_PARENT_PID is Jupyter's way to let a kernel end itself should its parent be killed.
    const environment = { ...place.environment, ...kernel.env, JPY_PARENT_PID: String(process.pid) };
    this.#child = spawn(command, rest, {
      cwd: place.cwd,
      env: environment,
      stdio: ["ignore", "pipe", "pipe"],
      detached: process.platform !== "win32",
      windowsHide: true,
    });
    watchOurExit();
    alive.add(this);
    this.exited = this.#watch();
  }

  /** Undefined when it could not be started. */
  get pid(): number | undefined {
    return this.#child.pid;
  }

  get running(): boolean {
    return this.#child.pid !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Interrupts as Jupyter's "signal" mode does. */
  interrupt(): void {
    this.#signal("SIGINT");
  }

  /** Ends the process and all that it started, without asking. */
  kill(): void {
    if (process.platform !== "win32") this.#signal("SIGKILL");
    else if (this.running) spawnSync("taskkill", ["/pid", String(this.#child.pid), "/T", "/F"]);
  }

  #signal(signal: NodeJS.Signals): void {
    const { pid } = this.#child;
    if (pid === undefined) return;
    try {
      if (process.platform === "win32") this.#child.kill(signal);
      else process.kill(-pid, signal);
    } catch {
      // the group is gone already
    }
  }

  #watch(): Promise<KernelExit> {
    let words = "";
    for (const pipe of [this.#child.stdout, this.#child.stderr])
      pipe?.setEncoding("utf8").on("data", (piece: string) => (words = (words + piece).slice(-MAX_STDERR_CHARACTERS)));
    return new Promise((resolve) => {
      const finish = (code: number | null, signal: NodeJS.Signals | null) => {
        this.#cleanUp();
        resolve({ code, signal, lastWords: words.trim() });
      };
      this.#child.once("error", (error) => {
        words += error.message;
        finish(null, null);
      });
      // A grandchild may hold the pipes open after the kernel's end: what it was about to say gets a moment, not more.
      this.#child.once("exit", (code, signal) => {
        this.kill();
        const late = setTimeout(() => finish(code, signal), 300);
        this.#child.once("close", () => {
          clearTimeout(late);
          finish(code, signal);
        });
      });
    });
  }

  #cleanUp(): void {
    alive.delete(this);
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** For our own exit, where nothing can be waited for. */
  endNow(): void {
    this.kill();
    this.#cleanUp();
  }
}

function watchOurExit(): void {
  if (watchingOurExit) return;
  watchingOurExit = true;
  onExit(() => {
    for (const kernel of alive) kernel.endNow();
  });
}

/** @throws InputError where there is no folder for temporary files */
function privateFolder(): string {
  try {
    return mkdtempSync(path.join(tmpdir(), "marginalia-kernel-"));
  } catch (error) {
    const { message } = error as Error;
    throw new InputError(
      `no temporary folder can be made in ${tmpdir()} (${message}); set TMPDIR to a folder that is there and can be written to`,
      { cause: error },
    );
  }
}

type Addresses = Pick<ConnectionInfo, "transport" | "ip" | "shell_port" | "iopub_port" | "stdin_port" | "control_port" | "hb_port">; // prettier-ignore

async function addresses(kernelName: string, folder: string): Promise<Addresses> {
  const socket = path.join(folder, "socket");
  const isPrivate =
    kernelName === KERNEL_NAME && process.platform !== "win32" && Buffer.byteLength(socket) <= LONGEST_PATH;
  const [shell_port, iopub_port, stdin_port, control_port, hb_port] = isPrivate ? [1, 2, 3, 4, 5] : await freePorts();
  const ports = { shell_port, iopub_port, stdin_port, control_port, hb_port };
  return isPrivate ? { transport: "ipc", ip: socket, ...ports } : { transport: "tcp", ip: "127.0.0.1", ...ports };
}

/** Five ports that were free a moment ago; a kernel that loses the race says so and is started again by its client. */
async function freePorts(): Promise<number[]> {
  const servers = CHANNELS.map(() => createServer());
  const ports = await Promise.all(
    servers.map(
      (server) =>
        new Promise<number>((resolve, reject) => {
          server.once("error", reject);
          server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
        }),
    ),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
