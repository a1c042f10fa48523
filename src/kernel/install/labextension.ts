/**
 * Installs the extension that shows Plotly figures in JupyterLab (labextension/remote-entry.js): prebuilt, so no Node
 * is needed there.
 */
import { copyFileSync, existsSync, mkdirSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeWholeSync } from "../../base/whole-file.ts";

const EXTENSION_NAME = "marginalia-plotly";

const folderIn = (jupyter: string) => path.join(jupyter, "labextensions", EXTENSION_NAME);

/**
 * Writes below one of Jupyter's data folders, as `prefix`/share/jupyter, where a JupyterLab that reads it finds it;
 * returns the folder.
 */
export function installLabExtension(jupyter: string): string {
  const folder = folderIn(jupyter);
  mkdirSync(path.join(folder, "static"), { recursive: true });
  // Built or not, this file lies two folders below the package's root.
  const entry = fileURLToPath(new URL("../../../src/kernel/install/remote-entry.js", import.meta.url));
  copyFileSync(entry, path.join(folder, "static", "remote-entry.js"));
  const plotly = createRequire(import.meta.url).resolve("plotly.js-dist-min");
  copyFileSync(plotly, path.join(folder, "static", "plotly.min.js"));
  const description = {
    name: EXTENSION_NAME,
    version: "0.1.0",
    description: "Shows Plotly figures",
    license: "MIT",
    jupyterlab: {
      mimeExtension: true,
      _build: { load: "static/remote-entry.js", mimeExtension: "./mimeExtension" },
    },
  };
  writeWholeSync(path.join(folder, "package.json"), `${JSON.stringify(description, null, 2)}\n`);
  return folder;
}

/** Removes it; returns the folder, or undefined when it was not installed there. */
export function uninstallLabExtension(jupyter: string): string | undefined {
  const folder = folderIn(jupyter);
  if (!existsSync(folder)) return undefined;
  rmSync(folder, { recursive: true });
  return folder;
}
