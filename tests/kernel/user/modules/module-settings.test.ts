import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { candidates } from "../../../../src/kernel/user/modules/module-settings.ts";
import { KernelClient } from "../../client.ts";

describe("the paths that a specifier may stand for", () => {
  const paths = {
    "@t": ["./src/t.ts"],
    "@lib/*": ["./lib/*", "./more/*"],
    "@lib/deep/*": ["./deep/*/index.ts"],
    "*.json5": ["./data/*"],
    typed: ["./typed.d.ts", "./node_modules/typed/index.js"],
  };
  const found = (specifier: string, more = {}) => candidates({ paths, pathsBasePath: "/p", ...more }, specifier);

  test("are those of the pattern that is it, else of the longest before its star", () => {
    expect(found("@t")).toEqual(["/p/src/t.ts"]);
    expect(found("@lib/a/b")).toEqual(["/p/lib/a/b", "/p/more/a/b"]);
    expect(found("@lib/deep/x")).toEqual(["/p/deep/x/index.ts"]);
    expect(found("x.json5")).toEqual(["/p/data/x"]);
    expect(found("@tt")).toEqual([]);
  });

  test("are never declarations or installed packages, and never of a path or URL", () => {
    expect(found("typed")).toEqual([]);
    for (const each of ["./@t", "../x", "/x", "node:fs", "."]) expect(found(each, { baseUrl: "/b" })).toEqual([]);
  });

  test("begin at baseUrl, which is one itself", () => {
    expect(found("@t", { baseUrl: "/b" })).toEqual(["/b/src/t.ts", "/b/@t"]);
    expect(candidates({ baseUrl: "/b" }, "tools/a")).toEqual(["/b/tools/a"]);
  });
});

describe("a project with a tsconfig.json of its own", () => {
  let kernel: KernelClient;
  beforeAll(async () => {
    const compilerOptions = {
      paths: { "@t": ["./src/t.ts"], "@lib/*": ["./lib/*"] },
      jsx: "react",
      jsxFactory: "h",
      jsxFragmentFactory: "Fragment",
      experimentalDecorators: true,
      emitDecoratorMetadata: true,
    };
    kernel = await KernelClient.start({
      files: {
        "base.json": JSON.stringify({ compilerOptions }),
        "tsconfig.json": '{ "extends": "./base.json", /* nothing more */ }',
        "src/t.ts": 'import { inner } from "@lib/inner";\nexport const t: string = `t of ${inner}`;\n',
        "lib/inner.ts": 'export const inner = "inner";\n',
        "lib/folder/index.ts": "export const folder = 7;\n",
        "h.ts": `export const Fragment = "fragment";
          export const h = (tag: string, props: object | null, ...inside: unknown[]) => ({ tag, ...props, inside });
          export declare namespace h { namespace JSX { interface IntrinsicElements { p: { id?: string } } } }`,
        "view.tsx": 'import { h } from "./h";\nexport const view = <p id="v">text</p>;\n',
        "inject.ts": `export const asked: unknown[] = [];
          (Reflect as unknown as { metadata: (key: string, value: unknown) => (...at: unknown[]) => void }).metadata =
            (key, value) => () => void asked.push(key, value);
          export const injectable = (made: new (...all: never[]) => object) => void made;
          export class Engine {}
          @injectable export class Car { constructor(readonly engine: Engine) {} }`,
        "old.cts": "const value: number = 5;\nexport = { value, fail() { throw new Error('old') } };\n",
      },
    });
  });
  afterAll(() => kernel.stop());

  test("is imported from by its paths, with and without extension, in cells and in modules", async () => {
    for (const [code, result] of [
      ['import { t } from "@t"; t', "'t of inner'"],
      ['import { inner } from "@lib/inner.ts"; inner', "'inner'"],
      ['import { inner as second } from "@lib/inner.js"; second', "'inner'"],
      ['import { folder } from "@lib/folder"; folder', "7"],
      ['(await import("@lib/inner")).inner', "'inner'"],
    ]) {
      const cell = await kernel.execute(code);
      expect([cell.reply.content.evalue, cell.result], code).toEqual([undefined, result]);
    }
    expect((await kernel.execute('import { x } from "@lib/missing"; x')).reply.content.evalue).toContain(
      "@lib/missing",
    );
  });

  test("has JSX as it says, in cells and in modules", async () => {
    await kernel.execute('import { h, Fragment } from "./h"; import { view } from "./view";');
    expect((await kernel.execute("view")).result).toBe("{ tag: 'p', id: 'v', inside: [ 'text' ] }");
    expect((await kernel.execute("<p>{1 + 1}</p>")).result).toBe("{ tag: 'p', inside: [ 2 ] }");
    expect((await kernel.execute("(<><p /></>).inside.length")).result).toBe("1");
    expect((await kernel.execute("<p idd='x' />")).reply.content.evalue).toContain("TS2322");
    expect((await kernel.execute("const same = <T,>(x: T) => x; const cast = <T>(x: T) => x; cast(3)")).result).toBe(
      "3",
    );
  });

  test("has its decorators' metadata, in cells and in modules", async () => {
    const first = await kernel.execute(
      'import { asked, injectable, Car, Engine } from "./inject"; (asked[1] as unknown[])[0] === Engine',
    );
    expect([first.reply.content.evalue, first.result]).toEqual([undefined, "true"]);
    const code =
      "class Wheel {}; asked.length = 0; @injectable class Cart { constructor(readonly w: Wheel, readonly n: number) {} }";
    expect((await kernel.execute(code)).reply.content.evalue).toBeUndefined();
    expect((await kernel.execute("(asked[1] as unknown[])[0] === Wheel && (asked[1] as unknown[])[1] === Number")).result).toBe("true"); // prettier-ignore
  });

  test("may require its own CommonJS TypeScript, whose frames keep their places", async () => {
    const cell = await kernel.execute('import old = require("./old.cts"); old.value');
    expect([cell.reply.content.evalue, cell.result]).toEqual([undefined, "5"]);
    expect((await kernel.execute("old.fail()")).reply.content.traceback).toContainEqual(
      expect.stringContaining("old.cts:2:"),
    );
  });
});
