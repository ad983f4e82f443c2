#include <algorithm>
#include <cmath>
#include <map>

#include "bluestem/cli/command.h"
#include "bluestem/cli/verify.h"
#include "bluestem/ir/evaluate.h"
#include "bluestem/predict/evaluate.h"
#include "bluestem/runtime/session.h"

namespace bluestem::cli {
namespace {

constexpr int64_t kTieShare = 1000;  // one element of so many may fall on the other side

struct Difference {
  double greatest = 0;
  int64_t at = -1;   // element
  double scale = 1;  // greatest |value| of the plain evaluation, at least 1
  bool within() const { return greatest <= kVerifyBound * scale; }
};

Difference Compare(const Tensor& plain, const Tensor& actual) {
  Difference difference;
  for (int64_t i = 0; i < plain.size(); ++i) {
    const double value = plain.At(i);
    const double distance = std::abs(value - actual.At(i));
    difference.scale = std::max(difference.scale, std::abs(value));
    if (!(distance <= difference.greatest)) {  // also where it is no number
      difference.greatest = std::isnan(distance) ? HUGE_VAL : distance;
      difference.at = i;
    }
  }
  return difference;
}

// Returns the class of each image of a call.
std::vector<int32_t> Classes(const Tensor& tensor, int64_t images) {
  std::vector<int32_t> classes;
  const int64_t count = tensor.size() / images;
  for (int64_t image = 0; image < images; ++image) {
    std::vector<float> scores;
    for (int64_t i = 0; i < count; ++i) {
      scores.push_back(static_cast<float>(tensor.At(image * count + i)));
    }
    classes.push_back(predict::TopClass(scores));
  }
  return classes;
}

// The first value of the compiled graph that differs from the value of the same name in the plain
// evaluation.
struct FirstDifference {
  std::string layer;  // empty where no value differs
  bool tie = false;
  std::string text;
};

// Returns codes as the reals that they mean, others as they are.
Tensor AsReal(const Tensor& tensor, const ir::Value& value) {
  Tensor real(DType::kF64, tensor.shape());
  for (int64_t i = 0; i < tensor.size(); ++i) {
    real.data<double>()[i] = value.quant == nullptr
                                 ? tensor.At(i)
                                 : (tensor.At(i) - value.quant->zero_point) * value.quant->scale;
  }
  return real;
}

FirstDifference Judge(const ir::Node& node, const ir::Value& value, const Tensor& plain,
                      const Tensor& actual) {
  const bool codes = value.quant != nullptr;
  const Tensor real = AsReal(actual, value);
  const double step = codes ? value.quant->scale : 0;
  int64_t differing = 0;
  const Difference worst = Compare(plain, real);
  const double bound = codes ? step / 2 : kVerifyBound * worst.scale;
  for (int64_t i = 0; i < plain.size(); ++i) {
    differing += std::abs(plain.At(i) - real.At(i)) <= bound ? 0 : 1;
  }
  if (differing == 0) return {};
  FirstDifference first{node.name, false, ""};
  first.tie = codes && worst.greatest < 1.5 * step &&
              differing <= std::max<int64_t>(1, plain.size() / kTieShare);
  first.text = fmt::format("first at {} '{}' (value {}): {} of {} elements, by at most {:.6g}",
                           node.op, node.name, value.name, differing, plain.size(), worst.greatest);
  return first;
}

Result<FirstDifference> FindFirstDifference(const core::LoadedModel& model,
                                            const core::Compiled& compiled, const Sample& sample) {
  std::map<std::string, Tensor> plain;
  BLUESTEM_ASSIGN_OR_RETURN(
      const auto outputs,
      ir::EvaluateDouble(model.graph, sample.inputs,
                         [&](const ir::Node& node, const std::vector<Tensor>& values) {
                           for (size_t i = 0; i < values.size(); ++i) {
                             plain[model.graph.value(node.outputs[i]).name] = values[i];
                           }
                         }));
  BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs,
                            ProgramInputs(sample, model, compiled.program->inputs));
  FirstDifference first;
  BLUESTEM_ASSIGN_OR_RETURN(
      const auto compiled_outputs,
      ir::Evaluate(compiled.graph, inputs,
                   [&](const ir::Node& node, const std::vector<Tensor>& values) {
                     for (size_t i = 0; i < values.size() && first.layer.empty(); ++i) {
                       const ir::Value& value = compiled.graph.value(node.outputs[i]);
                       const auto found = plain.find(value.name);
                       if (found == plain.end()) continue;
                       const Result<Tensor> same = InLayout(found->second, values[i].shape());
                       if (same.ok()) first = Judge(node, value, *same, values[i]);
                     }
                   }));
  return first;
}

Status CompareSample(const core::LoadedModel& model, const core::Compiled& compiled,
                     const Sample& sample, const std::vector<Tensor>& plain,
                     const std::vector<Tensor>& actual, PlainReport& report) {
  for (size_t o = 0; o < plain.size(); ++o) {
    BLUESTEM_ASSIGN_OR_RETURN(const Tensor expected, InLayout(plain[o], actual[o].shape()));
    const Difference difference = Compare(expected, actual[o]);
    if (difference.within()) {
      report.max_difference = std::max(report.max_difference, difference.greatest);
      continue;
    }
    BLUESTEM_ASSIGN_OR_RETURN(const FirstDifference first,
                              FindFirstDifference(model, compiled, sample));
    const bool class_kept =
        !model.classifier || Classes(expected, model.batch) == Classes(actual[o], model.batch);
    if (first.tie && class_kept) {
      if (report.ties++ == 0) report.tie = sample.name + ": " + first.text;
      continue;
    }
    return Error(Code::kMismatch,
                 "{}: the compiled program and a plain evaluation of the model differ: output {} "
                 "element {}: {:.9g} instead of {:.9g} (at most {:.3g} allowed); {}",
                 sample.name, compiled.program->outputs[o].name, difference.at,
                 actual[o].At(difference.at), expected.At(difference.at),
                 kVerifyBound * difference.scale,
                 first.layer.empty() ? "no layer before it differs" : first.text);
  }
  return OkStatus();
}

}  // namespace

Result<PlainReport> VerifyInterpreter(const core::LoadedModel& model,
                                      const core::Compiled& compiled,
                                      const std::vector<Sample>& samples,
                                      std::vector<std::vector<Tensor>>& expected) {
  BLUESTEM_ASSIGN_OR_RETURN(const auto session,
                            runtime::Interpret(compiled.program, "", 1, runtime::Kernels::kOwn));
  PlainReport report;
  for (const Sample& sample : samples) {
    if (Interrupted()) return InterruptedStatus();
    BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> plain,
                              ir::EvaluateDouble(model.graph, sample.inputs));
    BLUESTEM_ASSIGN_OR_RETURN(const std::vector<Tensor> inputs,
                              ProgramInputs(sample, model, session->inputs()));
    BLUESTEM_ASSIGN_OR_RETURN(std::vector<Tensor> actual, session->Run(inputs));
    if (plain.size() != actual.size()) {
      return Error(Code::kInternal, "the program has {} outputs, the model {}", actual.size(),
                   plain.size());
    }
    BLUESTEM_RETURN_IF_ERROR(CompareSample(model, compiled, sample, plain, actual, report));
    expected.push_back(std::move(actual));
  }
  return report;
}

}  // namespace bluestem::cli
