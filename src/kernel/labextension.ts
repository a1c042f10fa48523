/** Installs the extension that shows Plotly figures in JupyterLab (labextension/remote-entry.js): prebuilt, so no Node is needed there. */
import { copyFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { writeWholeSync } from "../files/whole-file.ts";

const NAME = "marginalia-plotly";

/** Writes below `prefix`/share/jupyter/labextensions, where a JupyterLab with that prefix finds it; returns the folder. */
export function installLabExtension(prefix: string): string {
  const folder = path.join(prefix, "share", "jupyter", "labextensions", NAME);
  mkdirSync(path.join(folder, "static"), { recursive: true });
  // Built or not, this file lies two folders below the package's root.
  const entry = fileURLToPath(new URL("../../src/kernel/labextension/remote-entry.js", import.meta.url));
  copyFileSync(entry, path.join(folder, "static", "remote-entry.js"));
  const plotly = createRequire(import.meta.url).resolve("plotly.js-dist-min");
  copyFileSync(plotly, path.join(folder, "static", "plotly.min.js"));
  const description = {
    name: NAME,
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
