import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";

/** Python's nbformat, where there is one (MARGINALIA_PYTHON, else python3 on PATH): Jupyter's own validation. */
const python = process.env.MARGINALIA_PYTHON ?? "python3";
export const hasNbformat = (() => {
  try {
    execFileSync(python, ["-c", "import nbformat"], { stdio: "ignore" });
    return true;
  } catch {
    console.warn(`${python} has no nbformat: checks against Jupyter's own validation are SKIPPED (MARGINALIA_PYTHON)`);
    return false;
  }
})();

/** "same" when nbformat holds the text valid and would write it byte for byte so itself. */
export function nbformatVerdict(text: string): string {
  const folder = mkdtempSync(path.join(tmpdir(), "nbformat-"));
  try {
    writeFileSync(path.join(folder, "x.ipynb"), text);
    const script = [
      "import nbformat, sys",
      "text = open(sys.argv[1], encoding='utf8').read()",
      "nb = nbformat.reads(text, as_version=4)",
      "nbformat.validate(nb)",
      "print('same' if nbformat.writes(nb) + '\\n' == text else 'different layout')",
    ].join("\n");
    return execFileSync(python, ["-c", script, path.join(folder, "x.ipynb")], { encoding: "utf8" }).trim();
  } finally {
    rmSync(folder, { recursive: true });
  }
}
