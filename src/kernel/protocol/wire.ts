/**
 * Jupyter's wire format 5.3 as pure functions (https://jupyter-client.readthedocs.io/en/stable/messaging.html):
 *
 *     identities... | "<IDS|MSG>" | HMAC signature, hex | header | parent header | metadata | content | buffers...
 *
 * The four dictionaries are UTF-8 JSON; the signature covers exactly their bytes. Shared by the kernel (sockets.ts) and
 * by any client of a kernel.
 */
import { createHmac, randomUUID, timingSafeEqual } from "node:crypto";
import { readFileSync } from "node:fs";
import { z } from "zod/v3"; // loads in a third of version 4's time, which was a quarter of a kernel's start

export const PROTOCOL_VERSION = "5.3";
const DELIMITER = Buffer.from("<IDS|MSG>");

export interface Header {
  readonly msg_id: string;
  readonly session: string;
  readonly username: string;
  /** ISO 8601. */
  readonly date: string;
  readonly msg_type: string;
  readonly version: string;
  /** Of requests: the subshell that they are for (JEP 91); the main shell without one. */
  readonly subshell_id?: string | null;
}

export type JsonObject = Record<string, unknown>;

export interface Message {
  /** Routing identities of a ROUTER socket, or the topic on the publishing socket; often empty. */
  readonly identities: Buffer[];
  readonly header: Header;
  /** The header of the request that caused this message; `{}` when there is none. */
  readonly parentHeader: Partial<Header>;
  readonly metadata: JsonObject;
  readonly content: JsonObject;
  /** Binary data (comms); unsigned by the protocol. */
  readonly buffers: Buffer[];
}

/** A message that must not be acted upon: malformed, or signed with another key. */
export class WireError extends Error {
  override readonly name = "WireError";
}

const text = z.string();
const headerSchema = z
  .object({
    msg_id: text,
    session: text.default(""),
    username: text.default(""),
    date: text.default(""),
    msg_type: text,
    version: text.default(""),
    subshell_id: text.nullish(),
  })
  .passthrough();
const parentSchema = z
  .object({ msg_id: text.optional(), session: text.optional(), msg_type: text.optional() })
  .passthrough();
const dictionary = z.record(z.string(), z.unknown());

function sign(parts: readonly Uint8Array[], key: string): string {
  if (key === "") return "";
  const hmac = createHmac("sha256", key);
  for (const part of parts) hmac.update(part);
  return hmac.digest("hex");
}

/** The frames of `message`, signed with `key`; an empty key means unsigned, as the protocol has it. */
export function encodeMessage(message: Message, key: string): Buffer[] {
  const parts = [message.header, message.parentHeader, message.metadata, message.content].map((part) =>
    Buffer.from(JSON.stringify(part)),
  );
  return [...message.identities, DELIMITER, Buffer.from(sign(parts, key)), ...parts, ...message.buffers];
}

/**
 * The message in `frames`. Throws WireError for frames that are malformed or whose signature is not `key`'s; nothing of
 * a message is parsed before its signature is known to be right.
 */
export function decodeMessage(frames: readonly Uint8Array[], key: string): Message {
  const buffers = frames.map((frame) => Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength));
  const start = buffers.findIndex((frame) => frame.equals(DELIMITER));
  if (start < 0) throw new WireError(`no <IDS|MSG> delimiter in ${frames.length} frames`);
  if (buffers.length < start + 6)
    throw new WireError(`got ${buffers.length - start - 1} frames after the delimiter, expected at least 5`);
  const [signature, ...parts] = buffers.slice(start + 1, start + 6);
  if (key !== "" && !sameText(signature, Buffer.from(sign(parts, key)))) throw new WireError("wrong signature");
  return {
    identities: buffers.slice(0, start),
    header: parse(parts[0], headerSchema, "header"),
    parentHeader: parse(parts[1], parentSchema, "parent header"),
    metadata: parse(parts[2], dictionary, "metadata"),
    content: parse(parts[3], dictionary, "content"),
    buffers: buffers.slice(start + 6),
  };
}

/** Equality in a time that tells nothing about where the two differ. */
function sameText(a: Buffer, b: Buffer): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}

function parse<T>(bytes: Buffer, schema: z.ZodType<T, z.ZodTypeDef, unknown>, part: string): T {
  let value: unknown;
  try {
    value = JSON.parse(bytes.toString("utf8"));
  } catch {
    throw new WireError(`the ${part} is not JSON`);
  }
  const checked = schema.safeParse(value);
  if (!checked.success) throw new WireError(`the ${part} is not one: ${checked.error.issues[0]?.message}`);
  return checked.data;
}

function makeHeader(type: string, session: string, username = "marginalia"): Header {
  return {
    msg_id: randomUUID(),
    session,
    username,
    date: new Date().toISOString(),
    msg_type: type,
    version: PROTOCOL_VERSION,
  };
}

/** A new message; `parent` is the request that it answers. */
export function makeMessage(
  type: string,
  content: JsonObject,
  options: { session: string; parent?: Message; identities?: Buffer[]; metadata?: JsonObject; buffers?: Buffer[] },
): Message {
  return {
    identities: options.identities ?? [],
    header: makeHeader(type, options.session),
    parentHeader: options.parent?.header ?? {},
    metadata: options.metadata ?? {},
    content,
    buffers: options.buffers ?? [],
  };
}

/** With tcp a port's number; with ipc the number that ends the socket file's name. */
const port = z.number().int().min(1).max(65535);

/** What a connection file says: where the five sockets are bound, and the key that signs. */
const connectionSchema = z.object({
  transport: z.enum(["tcp", "ipc"]).default("tcp"),
  ip: z.string().min(1),
  shell_port: port,
  iopub_port: port,
  stdin_port: port,
  control_port: port,
  hb_port: port,
  signature_scheme: z.literal("hmac-sha256").default("hmac-sha256"),
  key: z.string().default(""),
  kernel_name: z.string().optional(),
});
export type ConnectionInfo = z.infer<typeof connectionSchema>;

export const CHANNELS = ["shell", "iopub", "stdin", "control", "hb"] as const;
export type Channel = (typeof CHANNELS)[number];

/** The ZeroMQ address of one channel. */
export function endpoint(connection: ConnectionInfo, channel: Channel): string {
  const number = connection[`${channel}_port`];
  return connection.transport === "ipc"
    ? `ipc://${connection.ip}-${number}`
    : `tcp://${connection.ip.includes(":") ? `[${connection.ip}]` : connection.ip}:${number}`;
}

/** What is wrong with something that was checked, and where in it. */
export function describeIssues({ issues }: z.ZodError): string {
  return issues.map(({ path, message }) => (path.length > 0 ? `${path.join(".")}: ${message}` : message)).join("; ");
}

/** Reads and checks a connection file; throws an Error that says what is wrong with which file. */
export function readConnectionFile(file: string): ConnectionInfo {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Error(`cannot read the connection file ${file}: ${(error as Error).message}`, { cause: error });
  }
  const checked = connectionSchema.safeParse(content);
  if (!checked.success) throw new Error(`${file} is not a connection file: ${describeIssues(checked.error)}`);
  return checked.data;
}
