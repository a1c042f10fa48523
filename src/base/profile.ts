/** How much of an experiment is done: "quick" in minutes, from committed weights; "paper" at the paper's own scale. */
export const profiles = ["quick", "paper"] as const;
export type Profile = (typeof profiles)[number];
