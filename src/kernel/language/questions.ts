/** What the TypeScript service is asked, and where it works. Its answers come over a socket (connection.ts). */
import type { PreparedCell } from "./cell-program.ts";

export interface CompletionItem {
  readonly text: string;
  /** As TypeScript calls it ("method", "const", "module"), or "file", "directory". */
  readonly kind: string;
  /** Its type in TypeScript; only the first items have one. */
  readonly signature?: string;
  readonly documentation?: string;
}

/** Positions are UTF-16 offsets into the cell. */
export interface Completions {
  readonly start: number;
  readonly end: number;
  readonly items: readonly CompletionItem[];
}

/** Where the language process works. */
export interface LanguagePlace {
  /** The notebook's folder. */
  readonly folder: string;
  /** The folder of the package that the kernel belongs to. */
  readonly packageRoot: string;
  /** Where TypeScript's own library lies. */
  readonly libFolder: string;
}

export interface SnapshotOf {
  readonly place: LanguagePlace;
  /** With the declarations of the kernel's own package. */
  readonly readsOwn: boolean;
}

/** Questions to the language process and their answers. */
export interface LanguageQuestions {
  /** Cells that have run: of a session whose language process had to be replaced. */
  restore(cells: readonly string[]): void;
  prepare(code: string): PreparedCell;
  commit(): void;
  isComplete(code: string): { status: "complete" | "incomplete" | "invalid"; indent?: string };
  complete(code: string, cursor: number): Completions;
  inspect(code: string, cursor: number, detail: number): string | undefined;
}

export type LanguageRequest = {
  [Name in keyof LanguageQuestions]: {
    readonly id: number;
    readonly name: Name;
    readonly parameters: Parameters<LanguageQuestions[Name]>;
  };
}[keyof LanguageQuestions];

export interface LanguageReply {
  /** The question's; 0 when the process begins to listen. */
  readonly id: number;
  readonly value?: unknown;
  /** The question failed: with this. */
  readonly failure?: string;
}
