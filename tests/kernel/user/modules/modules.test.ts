import { realpathSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { KernelClient } from "../../client.ts";

const report = "export const seen = [__dirname, __filename, require('./plain.cjs'), require.main === module];\n";
/** Everything lies in a CommonJS package, in an ES package within, and in one within that. */
const folders = { sub: "{}", "sub/esm": '{ "type": "module" }', "sub/esm/old": '{ "type": "commonjs" }' };
const files: Record<string, string> = { "plain.cjs": "module.exports = 'beside the notebook'" };
for (const [folder, description] of Object.entries(folders)) {
  files[`${folder}/package.json`] = description;
  files[`${folder}/plain.cjs`] = `module.exports = 'beside ${folder}'`;
  for (const extension of ["ts", "mts", "tsx"]) files[`${folder}/m.${extension}`] = report;
  files[`${folder}/m.cts`] = report.replace("export const seen", "exports.seen");
  files[`${folder}/typed.cts`] = 'import { where } from "./typed2.cjs"; export const seen: string = where;';
  files[`${folder}/typed2.cts`] = "export const where: string = __filename;";
  files[`${folder}/relay.ts`] = 'export * from "./m"; export { seen as common } from "./m.cjs";';
  files[`${folder}/requires.ts`] =
    'export const seen = [require("./m"), require("./m.cjs"), require("./meta")].map((each) => each.seen[1]);';
  files[`${folder}/meta.ts`] = "export const seen: [string, string] = [import.meta.dirname, import.meta.url];";
  files[`${folder}/shadow.ts`] =
    "const __dirname = 'mine'; const own = (require: string, module: number) => [require, module];\nexport const seen = [__dirname, ...own('r', 1)];";
  files[`${folder}/assigned.ts`] = "module.exports = { seen: __dirname };";
}
files["node_modules/asks/package.json"] = '{ "name": "asks", "type": "module", "exports": "./index.js" }';
files["node_modules/asks/index.js"] =
  "export const seen = [typeof require, typeof module, typeof exports, typeof __dirname, typeof __filename].join();";

let kernel: KernelClient;
let root: string;
beforeAll(async () => {
  kernel = await KernelClient.start({ files });
  root = realpathSync(kernel.folder);
});
afterAll(() => kernel.stop());

const evaluate = async (code: string) => {
  const cell = await kernel.execute(`JSON.stringify(${code})`);
  expect(cell.error?.traceback).toBeUndefined();
  return JSON.parse(String(cell.result).slice(1, -1)) as unknown;
};
const seen = (file: string) => evaluate(`(await import("./${file}" as string)).seen`);

describe.each(Object.keys(folders))("a module in %s", (folder) => {
  test.each(["m.ts", "m.mts", "m.tsx", "m.cts"])("has its own names of CommonJS: %s", async (name) => {
    const own = [`${root}/${folder}`, `${root}/${folder}/${name}`, `beside ${folder}`, false];
    expect(await seen(`${folder}/${name}`)).toEqual(own);
  });

  test("has them when another module imports or requires it", async () => {
    expect(await seen(`${folder}/relay.ts`)).toEqual([
      `${root}/${folder}`,
      `${root}/${folder}/m.ts`,
      `beside ${folder}`,
      false,
    ]);
    const names = ["m.ts", "m.cts", "meta.ts"].map((name) => `${root}/${folder}/${name}`);
    expect(await seen(`${folder}/requires.ts`)).toEqual([names[0], names[1], `file://${names[2]}`]);
    expect(await seen(`${folder}/typed.cts`)).toBe(`${root}/${folder}/typed2.cts`);
  });

  test("may declare them itself, and may be CommonJS by what it assigns", async () => {
    expect(await seen(`${folder}/shadow.ts`)).toEqual(["mine", "r", 1]);
    const assigned = await evaluate(`((await import("./${folder}/assigned.ts")) as any).default`);
    expect(assigned).toEqual({ seen: `${root}/${folder}` });
  });
});

test("a cell has them, for the notebook's folder", async () => {
  expect(await evaluate("[__dirname, __filename, require('./plain.cjs'), require.main === module]")).toEqual([
    root,
    `${root}/__cell__.mts`,
    "beside the notebook",
    true,
  ]);
  expect(await evaluate("[module.exports === exports, eval('typeof require'), (0, eval)('typeof require')]")).toEqual([
    true,
    "function",
    "function",
  ]);
  expect(await evaluate("require('./sub/m').seen[1]")).toBe(`${root}/sub/m.ts`);
  expect(await evaluate("(() => { const module = 1, require = 2; return module + require })()")).toBe(3);
});

test("an ES module of an installed package has none of them, as in Node", async () => {
  expect(await seen("node_modules/asks/index.js")).toBe("undefined,undefined,undefined,undefined,undefined");
});
