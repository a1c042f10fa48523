// Owns the name `@tensorflow/tfjs-node`, which danfojs-node requires. The real package downloads
// libtensorflow when it is installed, so it is an optional dependency under an alias: where that
// download works Danfo gets native TensorFlow, everywhere else it gets @tensorflow/tfjs.
let tf;
let engine;
try {
  tf = require("tfjs-node-native");
  engine = { name: "tensorflow", why: "the native @tensorflow/tfjs-node library is installed" };
} catch (error) {
  tf = require("@tensorflow/tfjs");
  tf.enableProdMode(); // silences the advice to install the package that could not be installed
  engine = { name: "tfjs", why: String(error.message).split("\n")[0] };
}
// The library's own object, not a copy: its exports are getters, and two copies would be two engines.
module.exports = Object.defineProperty(tf, "marginaliaEngine", { value: engine, enumerable: true });
