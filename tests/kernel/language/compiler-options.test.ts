import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CellProgram } from "../../../src/kernel/language/cell-program.ts";
import { cellOptions } from "../../../src/kernel/language/compiler-options.ts";

const ownModules = fileURLToPath(new URL("../../node_modules", import.meta.url));
let root: string;
beforeAll(() => {
  root = realpathSync(mkdtempSync(path.join(tmpdir(), "marginalia-options-")));
});
afterAll(() => rmSync(root, { recursive: true }));

/** What `console`, `process` and Node's modules need: links to the types that are installed here. */
function installTypes(modules: string): void {
  mkdirSync(path.join(modules, "@types"), { recursive: true });
  symlinkSync(path.join(ownModules, "@types/node"), path.join(modules, "@types/node"), "junction");
}

/** Makes a package's folder and gives it back. */
function makePackage(folder: string): string {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, "package.json"), '{ "name": "marginalia", "type": "module" }');
  return folder;
}

describe("in a notebook outside the project that has the kernel, Node's types are found where the package manager put them", () => {
  const layouts: Record<string, (at: string) => string> = {
    "npm and yarn, above the package": (at) => {
      installTypes(path.join(at, "node_modules"));
      return makePackage(path.join(at, "node_modules/marginalia"));
    },
    "npm, within the package, since the project has others": (at) => {
      mkdirSync(path.join(at, "node_modules/@types/node"), { recursive: true });
      const own = makePackage(path.join(at, "node_modules/marginalia"));
      installTypes(path.join(own, "node_modules"));
      return own;
    },
    "a workspace, above the member's folder": (at) => {
      installTypes(path.join(at, "node_modules"));
      return makePackage(path.join(at, "packages/app/node_modules/marginalia"));
    },
    "pnpm, beside the package in its store": (at) => {
      installTypes(path.join(at, "node_modules/.pnpm/marginalia@0.1.0/node_modules"));
      return makePackage(path.join(at, "node_modules/.pnpm/marginalia@0.1.0/node_modules/marginalia"));
    },
  };

  test.each(Object.entries(layouts))("%s", (name, make) => {
    const at = path.join(root, name.replaceAll(/\W+/g, "-"));
    const packageRoot = make(at);
    const notebook = path.join(root, "elsewhere");
    mkdirSync(notebook, { recursive: true });
    const program = new CellProgram(notebook, packageRoot);
    const code = 'import { readFileSync } from "node:fs"; console.log(process.version, readFileSync.length)';
    expect(program.prepare(code).mistakes).toEqual([]);
    expect(program.prepare("process.cwd().nonsense").mistakes).toMatchObject([{ code: 2339 }]);
  });
});

test("the notebook's own types come before the kernel's", () => {
  const notebook = path.join(root, "with-types");
  installTypes(path.join(notebook, "node_modules"));
  const { typeRoots } = cellOptions(notebook, path.dirname(ownModules)).options;
  expect(typeRoots?.[0]).toBe(path.join(notebook, "node_modules/@types"));
});
