// The benchmark's cases in libDAI. Arguments: model.fg JTREE prints the milliseconds of its junction tree, planning included (min-fill, Hugin;
// the best of five). Arguments: model.fg updates iterations repeats.
// Prints {"updatesPerSecond", "bytesPerEdge", "logZ"}: the best repeat by processor time; an update is one direction of one variable-factor edge.
#include <dai/alldai.h>

#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>

static double bytesInUse() {
  const struct mallinfo2 info = mallinfo2();
  return double(info.uordblks) + double(info.hblkhd);
}

int main(int, char **arguments) {
  dai::FactorGraph graph;
  graph.ReadFromFile(arguments[1]);
  if (std::string(arguments[2]) == "JTREE") {
    dai::PropertySet options;
    options.set("updates", std::string("HUGIN"));
    options.set("heuristic", std::string("MINFILL"));
    options.set("inference", std::string("SUMPROD"));
    options.set("verbose", std::string("0"));
    double least = 1e300;
    for (int repeat = 0; repeat < 5; repeat++) {
      const std::clock_t start = std::clock();
      dai::JTree tree(graph, options);
      tree.init();
      tree.run();
      tree.logZ();
      least = std::min(least, 1e3 * double(std::clock() - start) / CLOCKS_PER_SEC);
    }
    std::printf("%.6g\n", least);
    return 0;
  }
  dai::PropertySet options;
  options.set("updates", std::string(arguments[2]));
  options.set("logdomain", std::string("0"));
  options.set("inference", std::string("SUMPROD"));
  options.set("tol", std::string("0"));
  options.set("maxiter", std::string(arguments[3]));
  options.set("verbose", std::string("0"));
  const double before = bytesInUse();
  dai::BP bp(graph, options);
  const double bytes = (bytesInUse() - before) / graph.nrEdges();
  double best = 0;
  for (int repeat = 0; repeat < std::atoi(arguments[4]); repeat++) {
    bp.init();
    const std::clock_t start = std::clock();
    bp.run();
    const double seconds = double(std::clock() - start) / CLOCKS_PER_SEC;
    best = std::max(best, 2.0 * graph.nrEdges() * bp.Iterations() / seconds);
  }
  std::printf("{\"updatesPerSecond\":%.6g,\"bytesPerEdge\":%.6g,\"logZ\":%.15g}\n", best, bytes, double(bp.logZ()));
}
