/** Names and numbers that the kernel's processes and threads agree on. */

/** The export condition under which a package offers its TypeScript sources. */
export const SOURCE_CONDITION = "marginalia-source";
/**
 * `marginalia-import:<number>:<specifier>` is an import by a cell; the number keeps Node from remembering the answer.
 */
export const CELL_IMPORT = "marginalia-import:";

/** The global object that emitted cells use; runtime.ts provides it. */
export const RUNTIME_GLOBAL = "__marginalia";

/** Indices into the control words that main and sockets' thread share. */
export const ACKNOWLEDGED_INDEX = 0; // the number of the last interrupt or ping that the main thread has dealt with
export const INPUT_ANSWERED_INDEX = 1; // counts the answers to `prompt` that have arrived
export const WAITS_FOR_CHILD = 2; // 1 while the main thread waits for a process (`execSync` and the like)
export const NUM_CONTROL_WORDS = 3;

/** The environment variable that tells a language process of what to build a snapshot: SnapshotOf as JSON. */
export const SNAPSHOT_VARIABLE = "MARGINALIA_LANGUAGE_SNAPSHOT";
