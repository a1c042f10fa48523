/**
 * Puts the learned methods into the registry, which stands in a room below and cannot ask for them. Importing this is
 * enough.
 */
import { registerMethod } from "../inference/registry.ts";
import { bpnn } from "./bpnn/infer.ts";
import { gnn } from "./gnn/infer.ts";

registerMethod(gnn);
registerMethod(bpnn);
