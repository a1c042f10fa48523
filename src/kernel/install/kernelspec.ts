/**
 * The kernelspec: how Jupyter front ends and our runner start this kernel, and where the file that says so is
 * installed. Paths in it are absolute, so that it works whatever PATH and folder the front end has.
 */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeWholeSync } from "../../base/whole-file.ts";

export const KERNEL_NAME = "marginalia";

const LOGO_SIZES = [32, 64]; // pixels
const logoName = (size: number) => `logo-${size}x${size}.png`;

export interface KernelSpec {
  /** The command; "{connection_file}" stands for the connection file's path. */
  readonly argv: readonly string[];
  readonly display_name: string;
  readonly language: "typescript";
  readonly interrupt_mode: "message" | "signal";
  readonly metadata: { readonly debugger: boolean };
}

/** Where a kernelspec is installed: for the user, in the active Python environment, or under a given prefix. */
export type InstallPlace = "user" | "sys-prefix" | { readonly prefix: string };

/** The content of kernel.json for this copy of Marginalia. The kernel runs from the built dist/. */
export function kernelSpec(): KernelSpec {
  const main = fileURLToPath(new URL("../../../dist/kernel/main.js", import.meta.url));
  return {
    // Without the flag, interrupting a timer's callback aborts the process ("async hook stack corrupted").
    argv: [process.execPath, "--no-force-async-hooks-checks", main, "{connection_file}"],
    display_name: "TypeScript (Marginalia)",
    language: "typescript",
    interrupt_mode: "message",
    metadata: { debugger: false },
  };
}

/**
 * The folder that holds (or would hold) the installed kernelspec. Throws when "sys-prefix" finds no Python environment.
 */
export function kernelspecFolder(place: InstallPlace, environment: NodeJS.ProcessEnv = process.env): string {
  if (place === "user") return path.join(userDataFolder(environment), "kernels", KERNEL_NAME);
  const prefix = place === "sys-prefix" ? pythonPrefix(environment) : path.resolve(place.prefix);
  return path.join(prefix, "share", "jupyter", "kernels", KERNEL_NAME);
}

/** Writes kernel.json and the logo; returns the folder. An older copy is replaced. */
export function installKernelspec(place: InstallPlace, environment?: NodeJS.ProcessEnv): string {
  const folder = kernelspecFolder(place, environment);
  mkdirSync(folder, { recursive: true });
  writeWholeSync(path.join(folder, "logo-svg.svg"), LOGO_SVG);
  const { Resvg } = createRequire(import.meta.url)("@resvg/resvg-js") as typeof import("@resvg/resvg-js");
  for (const size of LOGO_SIZES) {
    const image = new Resvg(LOGO_SVG, { fitTo: { mode: "width", value: size } }).render().asPng();
    writeWholeSync(path.join(folder, logoName(size)), image);
  }
  writeWholeSync(path.join(folder, "kernel.json"), `${JSON.stringify(kernelSpec(), null, 2)}\n`);
  return folder;
}

/**
 * Removes what `installKernelspec` wrote, and nothing else; returns the folder, or undefined when nothing was installed
 * there.
 *
 * @throws Error when the kernelspec of this name is another program's
 */
export function uninstallKernelspec(place: InstallPlace, environment?: NodeJS.ProcessEnv): string | undefined {
  const folder = kernelspecFolder(place, environment);
  const spec = path.join(folder, "kernel.json");
  if (!existsSync(spec)) return undefined;
  if (!isOurs(spec))
    throw new Error(`${spec} does not start Marginalia: it is another program's, and is left as it is`);
  for (const name of ["logo-svg.svg", ...LOGO_SIZES.map(logoName), "kernel.json"])
    rmSync(path.join(folder, name), { force: true });
  if (readdirSync(folder).length === 0) rmdirSync(folder);
  return folder;
}

function isOurs(spec: string): boolean {
  try {
    const { argv } = JSON.parse(readFileSync(spec, "utf8")) as Partial<KernelSpec>;
    return Array.isArray(argv) && argv.some((word) => /[/\\]kernel[/\\]main\.js$/.test(String(word)));
  } catch {
    return false;
  }
}

/** Where Jupyter keeps kernelspecs and extensions of that place. */
export function jupyterFolder(place: InstallPlace, environment?: NodeJS.ProcessEnv): string {
  return path.dirname(path.dirname(kernelspecFolder(place, environment)));
}

/** Jupyter's data folder of the user, as `jupyter --paths` gives it. */
function userDataFolder(environment: NodeJS.ProcessEnv): string {
  if (environment.JUPYTER_DATA_DIR) return environment.JUPYTER_DATA_DIR;
  if (process.platform === "darwin") return path.join(homedir(), "Library", "Jupyter");
  if (process.platform === "win32")
    return path.join(environment.APPDATA ?? path.join(homedir(), "AppData", "Roaming"), "jupyter");
  return path.join(environment.XDG_DATA_HOME || path.join(homedir(), ".local", "share"), "jupyter");
}

function pythonPrefix(environment: NodeJS.ProcessEnv): string {
  const active = environment.VIRTUAL_ENV || environment.CONDA_PREFIX;
  if (active) return active;
  for (const python of ["python3", "python"]) {
    try {
      return execFileSync(python, ["-c", "import sys; print(sys.prefix)"], {
        encoding: "utf8",
        env: environment,
        stdio: ["ignore", "pipe", "ignore"],
      }).trim();
    } catch {
      // not there: try the next name
    }
  }
  throw new Error('no Python found for "sys-prefix": install for the user, or under a given prefix, instead');
}

/** A page with a marginal distribution written in its margin. */
const LOGO_SVG = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64">
<rect x="4" y="4" width="56" height="56" rx="8" fill="#3178c6"/>
<path d="M20 12v40" stroke="#fff" stroke-width="3"/>
<path d="M20 14C22 24 50 24 50 32S22 40 20 50" fill="#fff" fill-opacity=".35" stroke="#fff" stroke-width="3"/>
</svg>
`;
