/**
 * The process of the TypeScript service: answers questions one after another. When Node builds a snapshot of it
 * (language/snapshot.ts), it reads and checks what every session needs and stops there; sessions then go on from that
 * point.
 */
import path from "node:path";
import process from "node:process";
import { startupSnapshot } from "node:v8";
import ts from "typescript";
import { complete, inspect } from "./cell-assist.ts";
import { ParsedFiles } from "./cell-files.ts";
import { CellProgram } from "./cell-program.ts";
import { isComplete } from "./cell-syntax.ts";
import { connectLanguage, type LanguageArguments } from "./connection.ts";
import { cellOptions } from "./compiler-options.ts";
import { log } from "../protocol/log.ts";
import { SNAPSHOT_VARIABLE } from "../protocol/names.ts";
import type { LanguagePlace, LanguageQuestions, LanguageReply, SnapshotOf } from "./questions.ts";

/** Touches much of what cells use, so that a snapshot has it compiled. */
const WARM_UP = [
  "console.log(process.version)",
  "const numbers: number[] = [1, 2].map((x) => x * 2); numbers",
  'import { readFileSync } from "node:fs"; class Reader { read = (name: string) => readFileSync(name, "utf8"); } new Reader()',
  "for (const x of new Set([Promise.resolve(1)])) await x; display(HTML`<b>bold</b>`)",
  "const wrong: string = 1",
];

/** Out of the snapshot. */
let warm:
  | {
      /** For folders with different compiler options. */
      readonly programs: readonly CellProgram[];
      readonly parsed: ParsedFiles;
    }
  | undefined;

function serve(): void {
  const place = JSON.parse(process.argv.at(-1) ?? "{}") as LanguageArguments;
  process.on("SIGINT", () => undefined); // the kernel's business
  const fitting = warm?.programs.find((each) => each.moveTo(place.folder));
  const program =
    fitting ?? new CellProgram(place.folder, place.packageRoot, warm?.parsed ?? new ParsedFiles(place.libFolder));
  for (const problem of program.problems) log(problem);
  const answers: LanguageQuestions = {
    restore: (cells) => program.restore(cells),
    prepare: (code) => program.prepare(code),
    commit: () => program.commit(),
    isComplete: (code) => isComplete(code, program.options),
    complete: (code, cursor) => complete(program, code, cursor),
    inspect: (code, cursor) => inspect(program, code, cursor),
  };
  const connected = () => {
    send({ id: 0 });
    // Loads what the folder needs while the front end is still connecting: the first cell then waits less.
    if (!fitting) program.prepare(WARM_UP[0]);
  };
  const send = connectLanguage(place.address, connected, ({ id, name, parameters }) => {
    let reply: LanguageReply;
    try {
      reply = { id, value: (answers[name] as (...all: unknown[]) => unknown)(...parameters) };
    } catch (error) {
      reply = { id, failure: String((error as Error).stack ?? error) };
    }
    send(reply);
  });
}

function warmUp(place: LanguagePlace, readsOwn: boolean): NonNullable<typeof warm> {
  const parsed = new ParsedFiles(place.libFolder);
  // Without a tsconfig.json, and with the package's own.
  const folders = [...(readsOwn ? [] : [path.parse(place.packageRoot).root]), place.packageRoot];
  const expected = readsOwn ? ["marginalia"] : [];
  const programs = folders.map((folder) => new CellProgram(folder, place.packageRoot, parsed, expected));
  // For projects that leave the library to their target: it has the browser's half, too. None of them fits another's
  // settings, but all share what was read.
  if (!readsOwn) programs.push(withWholeLibrary(folders[0], place.packageRoot, parsed));
  for (const program of programs) {
    for (const cell of WARM_UP) {
      program.prepare(cell);
      program.commit();
    }
    inspect(program, "numbers", 3); // but no completion: it makes an Intl.Collator, which snapshots cannot hold
    program.clear();
  }
  return { programs, parsed };
}

function withWholeLibrary(folder: string, packageRoot: string, parsed: ParsedFiles): CellProgram {
  const { options, problems } = cellOptions(folder, packageRoot);
  const lib = [ts.getDefaultLibFileName({ target: ts.ScriptTarget.ES2022 })];
  return new CellProgram(folder, packageRoot, parsed, [], { options: { ...options, lib }, problems });
}

if (startupSnapshot.isBuildingSnapshot()) {
  const { place, readsOwn } = JSON.parse(process.env[SNAPSHOT_VARIABLE] ?? "{}") as SnapshotOf;
  warm = warmUp(place, readsOwn);
  startupSnapshot.setDeserializeMainFunction(serve);
} else serve();
