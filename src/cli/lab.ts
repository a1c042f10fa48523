/**
 * `marginalia lab`: JupyterLab with this kernel and a renderer of Plotly figures, in a Python environment of its own,
 * which nothing else uses and which can be thrown away.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import path from "node:path";
import { writeWholeSync } from "../base/whole-file.ts";
import { installKernelspec, jupyterFolder } from "../kernel/install/kernelspec.ts";
import { installLabExtension } from "../kernel/install/labextension.ts";
import { EXIT } from "./exit-codes.ts";

/** The widgets' package holds their front end alone, without ipywidgets. */
const PACKAGES = ["jupyterlab>=4.2,<5", "jupyterlab-widgets>=3,<4"];
const STAMP_FILE = "marginalia-lab.json";

export interface LabOptions {
  /** The folder of the environment. */
  readonly environment?: string;
  /** Only make the environment. */
  readonly prepare?: boolean;
}

const say = (text: string) => console.error(`marginalia lab: ${text}`);

function defaultEnvironment(): string {
  const caches =
    process.platform === "win32"
      ? (process.env.LOCALAPPDATA ?? path.join(homedir(), "AppData", "Local"))
      : process.env.XDG_CACHE_HOME || path.join(homedir(), ".cache");
  return path.join(caches, "marginalia", "lab");
}

const programIn = (folder: string, name: string) =>
  process.platform === "win32" ? path.join(folder, "Scripts", `${name}.exe`) : path.join(folder, "bin", name);

/** @param more arguments for JupyterLab itself, as notebooks to open or --port=8899 */
export async function lab(more: readonly string[], options: LabOptions): Promise<number> {
  const folder = path.resolve(options.environment ?? defaultEnvironment());
  const problem = makeEnvironment(folder);
  if (problem) {
    say(problem);
    return EXIT.failed;
  }
  installKernelspec({ prefix: folder });
  installLabExtension(jupyterFolder({ prefix: folder }));
  if (options.prepare) {
    say(`the environment is ready: ${folder}`);
    return EXIT.ok;
  }
  const child = spawn(programIn(folder, "jupyter-lab"), more, { stdio: "inherit" });
  // Ctrl-C reaches JupyterLab too, which asks whether it is meant; this process ends when that does.
  process.on("SIGINT", () => undefined);
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  return new Promise((resolve) => {
    child.on("error", (error) => {
      say(`cannot start ${programIn(folder, "jupyter-lab")}: ${error.message}. Delete ${folder} and try again.`);
      resolve(EXIT.failed);
    });
    child.on("exit", (code) => resolve(code ?? EXIT.failed));
  });
}

/** Makes the environment unless it is there; returns what is missing. */
function makeEnvironment(folder: string): string | undefined {
  const stamp = path.join(folder, STAMP_FILE);
  const wanted = JSON.stringify({ packages: PACKAGES });
  try {
    if (readFileSync(stamp, "utf8") === wanted) return undefined;
  } catch {
    // not made yet
  }
  const python = ["python3", "python"].find((name) => {
    const { status } = spawnSync(name, ["-c", "import sys; sys.exit(sys.version_info < (3, 9))"], { stdio: "ignore" });
    return status === 0;
  });
  if (!python)
    return 'JupyterLab needs Python 3.9 or newer, and neither python3 nor python is one. Install it (https://www.python.org), or use "marginalia run", which needs none.';
  say(`making a Python environment in ${folder} (about a minute, from PyPI)`);
  mkdirSync(folder, { recursive: true });
  if (spawnSync(python, ["-m", "venv", folder], { stdio: ["ignore", 2, 2] }).status !== 0)
    return `"${python} -m venv" failed; its message is above. On Debian and Ubuntu the package python3-venv is missing.`;
  const pip = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", ...PACKAGES];
  if (spawnSync(programIn(folder, "python"), pip, { stdio: ["ignore", 2, 2] }).status !== 0)
    return "pip could not install JupyterLab; its message is above. Is PyPI within reach?";
  // A private copy asks for no news on the network.
  const settings = path.join(folder, "etc", "jupyter", "labconfig");
  mkdirSync(settings, { recursive: true });
  const page = { disabledExtensions: { "@jupyterlab/apputils-extension:announcements": true } };
  writeWholeSync(path.join(settings, "page_config.json"), JSON.stringify(page));
  writeWholeSync(stamp, wanted);
  return undefined;
}
