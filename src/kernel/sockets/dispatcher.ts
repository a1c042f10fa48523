/**
 * Answers to every request of the protocol except execute_request, for which each shell has a queue (cell-queue.ts).
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { CellQueue } from "./cell-queue.ts";
import { shellOf, type Execution } from "./execution.ts";
import type { LanguageService } from "../language/service.ts";
import { log } from "../protocol/log.ts";
import type { Sockets } from "./sockets.ts";
import type { CommMessage } from "../protocol/threads.ts";
import { PROTOCOL_VERSION, type JsonObject, type Message } from "../protocol/wire.ts";

type Answer = readonly [type: string, content: JsonObject] | undefined;

const versionOf = (file: string) => (JSON.parse(readFileSync(file, "utf8")) as { version: string }).version;
const ownRequire = createRequire(import.meta.url);
const ownVersion = versionOf(ownRequire.resolve("../../../package.json"));
const typescriptVersion = versionOf(ownRequire.resolve("typescript/package.json"));

export class Dispatcher {
  readonly #sockets: Sockets;
  readonly #execution: Execution;
  readonly #language: LanguageService;
  readonly #exit: (restart: boolean) => Promise<void>;

  constructor(parts: {
    sockets: Sockets;
    execution: Execution;
    language: LanguageService;
    exit: (restart: boolean) => Promise<void>;
  }) {
    this.#sockets = parts.sockets;
    this.#execution = parts.execution;
    this.#language = parts.language;
    this.#exit = parts.exit;
  }

  /** Never rejects: what goes wrong is logged, and the request still gets its idle status. */
  async handle(channel: "shell" | "control", request: Message): Promise<void> {
    const type = request.header.msg_type;
    const shell = this.#execution.shell(channel === "shell" ? shellOf(request) : undefined);
    if (shell && channel === "shell" && type === "execute_request") return shell.enqueue(request);
    await this.#sockets.publish("status", { execution_state: "busy" }, request);
    let answer: Answer;
    try {
      if (!shell) throw new RangeError(`there is no subshell ${JSON.stringify(shellOf(request))}`);
      answer = await this.#answer(type, request, shell);
    } catch (error) {
      log(`a ${type} failed: ${(error as Error).stack}`);
      const { name, message } = error as Error;
      answer = [type.replace(/_request$/, "_reply"), { status: "error", ename: name, evalue: message, traceback: [] }];
    }
    if (answer) await this.#sockets.reply(channel, request, ...answer);
    await this.#sockets.publish("status", { execution_state: "idle" }, request);
    if (type === "shutdown_request") await this.#exit(request.content.restart === true);
  }

  async #answer(type: string, request: Message, shell: CellQueue): Promise<Answer> {
    const { content } = request;
    switch (type) {
      case "kernel_info_request":
        return ["kernel_info_reply", kernelInfo];
      case "is_complete_request":
        return ["is_complete_reply", { ...(await this.#language.ask("isComplete", text(content.code))) }];
      case "complete_request":
        return ["complete_reply", await this.#complete(text(content.code), content.cursor_pos)];
      case "inspect_request":
        return ["inspect_reply", await this.#inspect(text(content.code), content.cursor_pos)];
      case "history_request":
        return ["history_reply", { status: "ok", history: shell.history.find(content) }];
      case "comm_info_request":
        return ["comm_info_reply", { status: "ok", comms: this.#comms(content.target_name) }];
      case "create_subshell_request":
        return ["create_subshell_reply", { status: "ok", subshell_id: this.#execution.createSubshell() }];
      case "delete_subshell_request":
        if (!(await this.#execution.deleteSubshell(text(content.subshell_id))))
          throw new RangeError(`there is no subshell ${JSON.stringify(content.subshell_id)}`);
        return ["delete_subshell_reply", { status: "ok" }];
      case "list_subshell_request":
        return ["list_subshell_reply", { status: "ok", subshell_id: this.#execution.subshells }];
      case "interrupt_request":
        await this.#execution.interrupt();
        return ["interrupt_reply", { status: "ok" }];
      case "shutdown_request":
        return ["shutdown_reply", { status: "ok", restart: content.restart === true }];
      case "debug_request":
        return ["debug_reply", { type: "response", success: false, message: "this kernel has no debugger" }];
      case "comm_open":
      case "comm_msg":
      case "comm_close":
        await this.#execution.handleComm(request, commMessage(type, request));
        return undefined;
      default:
        log(`got a ${type}, which this kernel does not know`);
        return undefined;
    }
  }

  #comms(target: unknown): JsonObject {
    const found = [...this.#execution.comms].filter(([, name]) => typeof target !== "string" || name === target);
    return Object.fromEntries(found.map(([id, target_name]) => [id, { target_name }]));
  }

  async #complete(code: string, position: unknown): Promise<JsonObject> {
    const found = await this.#language.ask("complete", code, utf16Offset(code, position));
    const [start, end] = [codePoints(code, found.start), codePoints(code, found.end)];
    const experimental = found.items.map(({ kind, ...item }) => ({ start, end, type: kind, ...item }));
    const metadata = { _jupyter_types_experimental: experimental };
    return {
      status: "ok",
      matches: found.items.map(({ text }) => text),
      cursor_start: start,
      cursor_end: end,
      metadata,
    };
  }

  async #inspect(code: string, position: unknown): Promise<JsonObject> {
    const found = await this.#language.ask("inspect", code, utf16Offset(code, position), 0);
    const data = found === undefined ? {} : { "text/plain": found, "text/markdown": asMarkdown(found) };
    return { status: "ok", found: found !== undefined, data, metadata: {} };
  }
}

function commMessage(type: CommMessage["type"], { content, metadata, buffers }: Message): CommMessage {
  const { comm_id: id, target_name: target = "", data } = content;
  if (typeof id !== "string" || typeof target !== "string") throw new TypeError(`a ${type} without comm_id`);
  const checked = typeof data === "object" && data !== null ? (data as JsonObject) : {};
  return { type, id, target, data: checked, metadata, buffers };
}

/** The signature as TypeScript code, the documentation as it is. */
function asMarkdown(found: string): string {
  const [signature, ...documentation] = found.split("\n\n");
  return [`\`\`\`typescript\n${signature}\n\`\`\``, ...documentation].join("\n\n");
}

const kernelInfo: JsonObject = {
  status: "ok",
  protocol_version: PROTOCOL_VERSION,
  implementation: "marginalia",
  implementation_version: ownVersion,
  language_info: {
    name: "typescript",
    version: typescriptVersion,
    mimetype: "application/typescript",
    file_extension: ".ts",
    pygments_lexer: "typescript",
    codemirror_mode: "typescript",
    nbconvert_exporter: "script",
  },
  banner: `Marginalia ${ownVersion}: TypeScript ${typescriptVersion} on Node ${process.versions.node}`,
  help_links: [
    { text: "TypeScript", url: "https://www.typescriptlang.org/docs/" },
    { text: "Node.js", url: "https://nodejs.org/docs/latest/api/" },
  ],
  debugger: false,
  supported_features: ["kernel subshells"],
};

function text(value: unknown): string {
  if (typeof value === "string") return value;
  throw new TypeError(`the request has ${typeof value} where a string is expected`);
}

/** The protocol counts Unicode characters, TypeScript counts UTF-16 units. Without a position: the end. */
function utf16Offset(code: string, position: unknown): number {
  if (typeof position !== "number" || !(position >= 0)) return code.length;
  return Array.from(code).slice(0, position).join("").length;
}

function codePoints(code: string, offset: number): number {
  return Array.from(code.slice(0, offset)).length;
}
