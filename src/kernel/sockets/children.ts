/**
 * The processes that cells have started and that are to end with what started them: those of the kernel's own process
 * group, so with what a shell has put in the background, but not what was started `detached` on purpose. As in a
 * terminal, an interrupt reaches them.
 */
import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import process from "node:process";
import { setTimeout as sleep } from "node:timers/promises";

interface Process {
  readonly id: number;
  readonly parent: number;
  readonly group: number;
  readonly command: string;
}

/** The kernel's own: the TypeScript service, what makes snapshots of it, and esbuild. They end when the kernel does. */
const OWN = /language-process\.js|--snapshot-blob|esbuild\S* --service=/;
/** So long children may take to end when they are told to. */
const GRACE = 300; // milliseconds
const LOOK_AGAIN = 20; // milliseconds

/** None on Windows, which has no such signals; there the front end ends the tree of processes. */
function childProcesses(): number[] {
  const all = process.platform === "win32" ? [] : process.platform === "linux" ? listProc() : listByPs();
  const self = all.find(({ id }) => id === process.pid);
  if (!self) return [];
  const descendants = new Set([process.pid]);
  for (let size = 0; size < descendants.size;) {
    size = descendants.size;
    for (const { id, parent } of all) if (descendants.has(parent)) descendants.add(id);
  }
  // Who leads the group has started all of it, also those whose parents have ended.
  const isOurs = (id: number) => self.group === process.pid || descendants.has(id);
  return all
    .filter(({ id, group, command }) => id !== process.pid && group === self.group && isOurs(id) && !OWN.test(command))
    .map(({ id }) => id);
}

export function signalChildren(signal: NodeJS.Signals, children: readonly number[] = childProcesses()): void {
  for (const id of children) {
    try {
      process.kill(id, signal);
    } catch {
      // it has ended
    }
  }
}

/** Ends them: when they do not end in time, by force. */
export async function endChildren(): Promise<void> {
  signalChildren("SIGTERM");
  for (const end = performance.now() + GRACE; childProcesses().length > 0; await sleep(LOOK_AGAIN))
    if (performance.now() > end) return signalChildren("SIGKILL");
}

function listProc(): Process[] {
  return readdirSync("/proc").flatMap((name) => {
    if (!/^\d+$/.test(name)) return [];
    try {
      // The program's name, in brackets, may hold anything.
      const stat = readFileSync(`/proc/${name}/stat`, "utf8");
      const [state, parent, group] = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      if (state === "Z") return [];
      const command = readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ");
      return [{ id: Number(name), parent: Number(parent), group: Number(group), command }];
    } catch {
      return []; // it has ended
    }
  });
}

function listByPs(): Process[] {
  try {
    const lines = execFileSync("ps", ["-axo", "pid=,ppid=,pgid=,stat=,args="], { encoding: "utf8" }).split("\n");
    return lines.flatMap((line) => {
      const found = /^\s*(\d+)\s+(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line);
      if (!found || found[4].startsWith("Z")) return [];
      return [{ id: Number(found[1]), parent: Number(found[2]), group: Number(found[3]), command: found[5] }];
    });
  } catch {
    return [];
  }
}
