/**
 * `marginalia doctor`: what works here, what is missing, and what to do about it. Only what everyone needs can fail.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createRequire } from "node:module";
import { accessSync, constants, existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { arch, cpus, platform, release, tmpdir, totalmem } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import pc from "picocolors";
import { KernelClient } from "../runner/client/kernel-client.ts";
import { findKernel } from "../runner/client/kernelspecs.ts";
import { EXIT } from "./exit-codes.ts";

interface Finding {
  readonly state: "ok" | "absent" | "broken";
  readonly text: string;
}

const ok = (text: string): Finding => ({ state: "ok", text });
const absent = (text: string): Finding => ({ state: "absent", text });
const broken = (text: string): Finding => ({ state: "broken", text });

const fromHere = createRequire(import.meta.url);
const root = fileURLToPath(new URL("../../", import.meta.url));

/** Prints one line for each check; exits with `failed` when something that everyone needs is broken. */
export async function doctor(): Promise<number> {
  const checks: readonly (readonly [string, () => Finding | Promise<Finding>])[] = [
    ["node", () => ok(`${process.versions.node}, V8 ${process.versions.v8}`)],
    ["machine", () => ok(`${platform()} ${release()} ${arch()}, ${cpus().length} x ${cpus()[0]?.model.trim() ?? "unknown processor"}, ${(totalmem() / 2 ** 30).toFixed(1)} GiB`)], // prettier-ignore
    ["set-up", setup],
    ["kernel", startKernel],
    ["figures", figures],
    ["tables", tables],
    ["tensors", tensorEngine],
    ["Danfo's tfjs", danfoEngine],
    [
      "C compiler",
      () =>
        tool(
          ["cc", "gcc", "clang"],
          "--version",
          "native tensor kernels can be compiled",
          "tensors use the WebAssembly build",
        ),
    ],
    [
      "Python",
      () =>
        tool(["python3", "python"], "--version", "other kernels and nbformat's own checks can be used", "not needed"),
    ],
    [
      "Jupyter",
      () =>
        tool(
          ["jupyter-lab", "jupyter"],
          "--version",
          "notebooks can be opened in it: marginalia kernel install",
          "not needed to run notebooks; VS Code or JupyterLab to edit them",
        ),
    ],
    [
      "browser",
      () =>
        tool(
          ["chromium", "google-chrome", "chrome", "firefox"],
          "--version",
          "pages can be checked in it",
          "not needed",
        ),
    ],
  ];
  let isWell = true;
  for (const [name, check] of checks) {
    const finding = await Promise.resolve()
      .then(check)
      .catch((error: unknown) => broken((error as Error).message));
    const mark = { ok: pc.green("✓"), absent: pc.dim("–"), broken: pc.red("✗") }[finding.state];
    console.log(`${mark} ${name.padEnd(12)} ${finding.text.replaceAll("\n", "\n               ")}`);
    if (finding.state === "broken") isWell = false;
  }
  return isWell ? EXIT.ok : EXIT.failed;
}

/** The set-up knows what it would have to do. */
function setup(): Finding {
  if (!existsSync(path.join(root, "tsconfig.json"))) return ok("an installed package, which is built already");
  const script = path.join(root, "src", "cli", "setup.mjs");
  const { status, stdout } = spawnSync(process.execPath, [script, "--check"], { encoding: "utf8" });
  return status === 0
    ? ok("modules as in package-lock.json, build up to date")
    : broken(`${stdout.trim()}; run: npm run setup`);
}

async function startKernel(): Promise<Finding> {
  const folder = mkdtempSync(path.join(tmpdir(), "marginalia-doctor-"));
  try {
    const start = performance.now();
    const client = await KernelClient.start(findKernel(), { cwd: folder, environment: process.env, startTimeout: 30 });
    let printed = "";
    const reply = await client.execute({
      code: "const six: number = 6;\nconsole.log(six * 7);",
      cellId: "doctor",
      onMessage: (type, content) => (printed += type === "stream" ? String(content.text) : ""),
    });
    await client.shutdown();
    const seconds = ((performance.now() - start) / 1000).toFixed(1);
    if (reply.status === "ok" && printed === "42\n") return ok(`started, ran a cell and ended in ${seconds} s`);
    const why = reply.status === "ok" ? "" : `\n${String(reply.ename)}: ${String(reply.evalue)}`;
    return broken(`a cell that prints 42 gave status ${String(reply.status)} and ${JSON.stringify(printed)}${why}`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function figures(): Finding {
  const { Resvg } = fromHere("@resvg/resvg-js") as typeof import("@resvg/resvg-js");
  const drawn = new Resvg(`<svg xmlns="http://www.w3.org/2000/svg" width="4" height="4"/>`).render();
  return ok(
    `resvg ${version("@resvg/resvg-js")} draws (${drawn.width} x ${drawn.height}), plotly.js ${version("plotly.js-dist-min")}`,
  );
}

function tables(): Finding {
  return ok(`danfo ${version("danfojs-node")}, arquero ${version("arquero")}`);
}

/**
 * Which build of the kernels computes tensors here, and why; a missing engine is broken only where one was insisted on.
 */
async function tensorEngine(): Promise<Finding> {
  const { describeBackend } = await import("../tensor/index.ts");
  const { backend, build, instructionSet, threads, why } = describeBackend();
  const kernels = build === "native" ? `native kernels, ${instructionSet}, up to ${threads} threads` : instructionSet;
  return ok(`${build ? `${backend}: ${kernels}` : backend} (${why})`);
}

function danfoEngine(): Finding {
  const { marginaliaEngine: engine } = fromHere("@tensorflow/tfjs-node") as typeof import("@tensorflow/tfjs-node");
  return ok(`${engine.name}: ${engine.why}`);
}

function version(name: string): string {
  for (const folder of fromHere.resolve.paths(name) ?? []) {
    try {
      return (JSON.parse(readFileSync(path.join(folder, name, "package.json"), "utf8")) as { version: string }).version;
    } catch {
      // not in this node_modules: look further up
    }
  }
  throw new Error(`${name} is not installed; run: npm ci`);
}

/** The first of `names` on PATH. */
function tool(names: readonly string[], flag: string, gained: string, otherwise: string): Finding {
  for (const name of names) {
    if (!isOnPath(name)) continue;
    try {
      const said = execFileSync(name, [flag], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
        timeout: 10_000,
      });
      return ok(`${said.trim().split("\n")[0] || name}: ${gained}`);
    } catch {
      // there, but it does not run: the next name
    }
  }
  return absent(`none: ${otherwise}`);
}

function isOnPath(name: string): boolean {
  const suffixes = process.platform === "win32" ? [".exe", ".cmd", ".bat"] : [""];
  return (process.env.PATH ?? "").split(path.delimiter).some((folder) =>
    suffixes.some((suffix) => {
      try {
        accessSync(path.join(folder, name + suffix), constants.X_OK);
        return true;
      } catch {
        return false;
      }
    }),
  );
}
