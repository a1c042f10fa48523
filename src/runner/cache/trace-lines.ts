/**
 * What the tracer writes: a line for each thing of the world outside that the kernel's process has met, as a JSON array
 * [kind, what].
 *
 * read, list, look, status, write: absolute path of a file whose content, names, presence, or size and times were read,
 * or that was written. variable: name of an environment variable ("*" for all names). beyond: words for something that
 * no later look can tell whether it has changed: "starts other programs (cat)".
 */
export type FileKind = "read" | "list" | "look" | "status" | "write";
export type TraceKind = FileKind | "variable" | "beyond";
export type Tell = (kind: TraceKind, what: string) => void;

/** Names the file to write to. */
export const TRACE_VARIABLE = "MARGINALIA_TRACE";

/** Stands for the names of all variables. */
export const ALL_NAMES = "*";
