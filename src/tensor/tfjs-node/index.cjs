// Owns the name `@tensorflow/tfjs-node`, which danfojs-node requires. The real package downloads
// libtensorflow when it is installed, so it is an optional dependency under an alias: where that
// download works Danfo gets native TensorFlow, everywhere else it gets @tensorflow/tfjs.
let tf;
let engine;
try {
  const chosen = require("@tensorflow/tfjs").engine().backendName;
  tf = require("tfjs-node-native");
  if (chosen) tf.setBackend(chosen); // it puts itself in place when it is loaded, but a choice was made already
  engine = { name: "tensorflow", why: "the native @tensorflow/tfjs-node library is installed" };
} catch (error) {
  tf = require("@tensorflow/tfjs");
  tf.enableProdMode(); // silences the advice to install the package that could not be installed
  engine = { name: "tfjs", why: String(error.message).split("\n")[0] };
}
// The library's own object, not a copy: its exports are getters, and two copies would be two engines.
module.exports = Object.defineProperty(tf, "marginaliaEngine", { value: engine, enumerable: true });
