/** What trace.ts writes: a line for each file and kind, as a JSON array [kind, absolute path]. */
export type TraceKind = "read" | "list" | "look" | "write";

/** Names the file to write to. */
export const TRACE_VARIABLE = "MARGINALIA_TRACE";
