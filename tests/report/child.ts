/** Runs TypeScript against the sources in another process, as a second run of a notebook would. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import path from "node:path";
import { buildSync } from "esbuild";

const root = path.resolve(import.meta.dirname, "../..");

/** Standard output and standard error of `code`, whose imports are relative to tests/report. */
export function runElsewhere(code: string): { stdout: string; stderr: string } {
  // Inside node_modules, so that packages are found from there.
  const cache = path.join(root, "node_modules", ".cache");
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(path.join(cache, "report-test-"));
  try {
    const outfile = path.join(folder, "code.mjs");
    buildSync({
      stdin: { contents: code, resolveDir: import.meta.dirname, loader: "ts" },
      bundle: true,
      packages: "external",
      platform: "node",
      format: "esm",
      outfile,
      logLevel: "error",
    });
    const { status, stdout, stderr } = spawnSync(process.execPath, [outfile], { encoding: "utf8", cwd: root });
    if (status !== 0) throw new Error(`the other process ended with ${status}: ${stderr}`);
    return { stdout, stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const git = (folder: string, ...args: string[]): string =>
  execFileSync("git", ["-C", folder, "-c", "user.name=test", "-c", "user.email=test@localhost", ...args], {
    encoding: "utf8",
  });
