// Belief propagation in libDAI on many models, each run until it converges. Arguments: updates tolerance iterations model.fg...
// Prints {"milliseconds", "converged"}: processor time of BP alone, summed over the models, and how many converged.
#include <dai/alldai.h>

#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

int main(int count, char **arguments) {
  dai::PropertySet options;
  options.set("updates", std::string(arguments[1]));
  options.set("logdomain", std::string("0"));
  options.set("inference", std::string("SUMPROD"));
  options.set("tol", std::string(arguments[2]));
  options.set("maxiter", std::string(arguments[3]));
  options.set("verbose", std::string("0"));
  double milliseconds = 0;
  int converged = 0;
  for (int at = 4; at < count; at++) {
    dai::FactorGraph graph;
    graph.ReadFromFile(arguments[at]);
    dai::BP bp(graph, options);
    const std::clock_t start = std::clock();
    bp.init();
    const double change = bp.run();
    milliseconds += 1000 * double(std::clock() - start) / CLOCKS_PER_SEC;
    if (change <= std::atof(arguments[2])) converged++;
  }
  std::printf("{\"milliseconds\":%.6g,\"converged\":%d}\n", milliseconds, converged);
}
