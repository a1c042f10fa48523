/** The methods of this folder, for the registry. */
import type { Method } from "../method.ts";
import { mplpMethod } from "./mplp.ts";
import { meanFieldMethod } from "./naive-mean-field.ts";
import { structuredMeanFieldMethod } from "./structured-mean-field.ts";

export const variationalMethods: readonly Method[] = [meanFieldMethod, structuredMeanFieldMethod, mplpMethod];
