/** Runs the built command line as a user does, in a folder of its own, and sees which processes it leaves. */
import { execFileSync, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { notebook } from "../runner/notebooks.ts";

const repository = path.resolve(import.meta.dirname, "../..");
export const main = path.join(repository, "dist", "cli", "main.js");
const scriptedKernel = path.join(repository, "tests", "runner", "scripted-kernel.mjs");

if (!existsSync(main)) throw new Error("dist/ is not built: npm run setup");
const stale = spawnSync(process.execPath, [path.join(repository, "src", "cli", "setup.mjs"), "--check"]);
if (stale.status !== 0)
  console.warn(`tests of the command line run an OLD BUILD (npm run setup): ${String(stale.stdout)}`);

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A project in a temporary folder: a package.json, notebooks/, and a scripted kernel's kernel.json for quick tests. */
export class Project {
  readonly folder = realpathSync(mkdtempSync(path.join(tmpdir(), "cli-test-")));
  readonly temporary = path.join(this.folder, "temporary");

  constructor() {
    mkdirSync(path.join(this.folder, "notebooks"));
    mkdirSync(this.temporary);
    writeFileSync(this.in("package.json"), '{ "type": "module" }');
  }

  in(...names: string[]): string {
    return path.join(this.folder, ...names);
  }

  /** Writes notebooks/<name>.ipynb; returns its path below the project. */
  notebook(name: string, ...cells: object[]): string {
    return this.file(`notebooks/${name}.ipynb`, JSON.stringify(notebook(cells)));
  }

  file(name: string, content: string): string {
    mkdirSync(path.dirname(this.in(name)), { recursive: true });
    writeFileSync(this.in(name), content);
    return name;
  }

  scriptedKernel(...mode: string[]): string {
    const argv = [process.execPath, scriptedKernel, "{connection_file}", ...mode];
    const spec = { argv, display_name: "Scripted", language: "typescript", interrupt_mode: "message" };
    return this.file("scripted/kernel.json", JSON.stringify(spec));
  }

  /** Starts `marginalia`; the kernel's connection file lies in the project, by which its process can be found. */
  start(...args: string[]) {
    const child = spawn(process.execPath, [main, ...args], {
      cwd: this.folder,
      env: { ...process.env, TMPDIR: this.temporary, TEMP: this.temporary, NO_COLOR: "1", FORCE_COLOR: undefined },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let [stdout, stderr] = ["", ""];
    child.stdout.on("data", (piece: Buffer) => (stdout += piece.toString()));
    child.stderr.on("data", (piece: Buffer) => (stderr += piece.toString()));
    const ended = new Promise<Ended>((resolve) =>
      child.once("close", (code, signal) => resolve({ code, signal, stdout, stderr })),
    );
    /** Waits until stderr has said this. */
    const says = async (text: string) => {
      while (!stderr.includes(text)) {
        if (child.exitCode !== null) throw new Error(`ended without saying "${text}":\n${stderr}`);
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    return { child, ended, says };
  }

  run(...args: string[]): Promise<Ended> {
    return this.start(...args).ended;
  }

  /**
   * Command lines of processes that still have to do with this project; the ones that only wait to be reaped left out.
   */
  processes(): string[] {
    if (process.platform === "win32") return [];
    const all = execFileSync("ps", ["-eo", "stat=,args="], { encoding: "utf8", maxBuffer: 1e8 }).split("\n");
    return all.filter((line) => line.includes(this.folder) && !line.startsWith("Z"));
  }

  /** All files but those the test has put there, as paths below the project. */
  written(): string[] {
    const mine = /^(package\.json|notebooks[/\\]|scripted[/\\])/;
    return readdirSync(this.folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.relative(this.folder, path.join(entry.parentPath, entry.name)))
      .filter((name) => !mine.test(name))
      .sort();
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
