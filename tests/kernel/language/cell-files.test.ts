import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { ParsedFiles } from "../../../src/kernel/language/cell-files.ts";
import { CellProgram } from "../../../src/kernel/language/cell-program.ts";

const packageRoot = fileURLToPath(new URL("../../../", import.meta.url));

test("what one program has read of declarations serves programs with other options", () => {
  const parsed = new ParsedFiles();
  const folder = mkdtempSync(path.join(tmpdir(), "marginalia-shared-"));
  const declarations = (compilerOptions: object) => {
    writeFileSync(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions }));
    const { service } = new CellProgram(folder, packageRoot, parsed).open("process.version");
    const files = service.getProgram()!.getSourceFiles();
    return new Map(files.filter((file) => file.isDeclarationFile && !file.fileName.includes("__notebook__")).map((file) => [file.fileName, file])); // prettier-ignore
  };
  try {
    const lib = ["es2023"];
    const first = declarations({ lib });
    expect(first.size).toBeGreaterThan(50);
    for (const options of [
      { strict: false },
      { jsx: "react-jsx", jsxImportSource: "preact" },
      { paths: { "@a/*": ["./a/*"] } },
      { target: "es2018", module: "commonjs", moduleResolution: "bundler" },
      { experimentalDecorators: true, emitDecoratorMetadata: true },
    ])
      for (const [name, file] of declarations({ lib, ...options }))
        if (first.has(name)) expect(file === first.get(name), name).toBe(true);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
