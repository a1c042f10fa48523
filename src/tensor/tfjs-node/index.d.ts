export * from "@tensorflow/tfjs";
/** Which library stands behind this name, and why. */
export const marginaliaEngine: { name: "tensorflow" | "tfjs"; why: string };
