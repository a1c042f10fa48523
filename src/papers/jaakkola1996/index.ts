/**
 * marginalia/papers/jaakkola1996: what belongs to the experiments of Jaakkola & Jordan 1996, "Recursive algorithms for
 * approximating probabilities in graphical models".
 */
export { binaryDigits } from "./digits.ts";
