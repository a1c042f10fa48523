/** The methods of this folder, for the registry. */
import type { Method } from "../method.ts";
import { bp, maxProductMethod } from "./belief-propagation.ts";
import { fractionalBp } from "./fractional.ts";
import { gbp, hak } from "./generalised-belief-propagation.ts";
import { trbp } from "./tree-reweighted.ts";

export const messageMethods: readonly Method[] = [bp, maxProductMethod, trbp, fractionalBp, gbp, hak];
