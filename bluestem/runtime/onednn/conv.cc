#ifdef BLUESTEM_HAS_ONEDNN

#include "bluestem/runtime/onednn/conv.h"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "bluestem/edge/cpu_features.h"
#include "bluestem/kernels/qconv/layout.h"
#include "bluestem/runtime/aligned.h"
#include "bluestem/runtime/onednn/api.h"
#include "bluestem/runtime/onednn/lines.h"
#include "bluestem/runtime/onednn/plan.h"

namespace bluestem::runtime {
namespace {

using kernels::QConvArgs;
using kernels::QConvEpilogue;
using kernels::QConvParams;

// The calling thread uses no other while this lives, and what it used before afterwards.
class Alone {
 public:
  explicit Alone(const OnednnApi& api) : api_(api), before_(api.get_threads()) {
    if (before_ != 1) api_.set_threads(1);
  }
  Alone(const Alone&) = delete;
  Alone& operator=(const Alone&) = delete;
  ~Alone() {
    if (before_ != 1) api_.set_threads(before_);
  }

 private:
  const OnednnApi& api_;
  int before_;
};

// A handle that the api destroys.
template <typename Handle>
class Owned {
 public:
  using Destroy = dnnl_status_t (*)(Handle);
  explicit Owned(Destroy destroy) : destroy_(destroy) {}
  Owned(Owned&& other) noexcept
      : destroy_(other.destroy_), handle_(std::exchange(other.handle_, nullptr)) {}
  Owned& operator=(Owned&&) = delete;
  ~Owned() {
    if (handle_ != nullptr) destroy_(handle_);
  }
  Handle* out() { return &handle_; }
  Handle get() const { return handle_; }

 private:
  Destroy destroy_;
  Handle handle_ = nullptr;
};

// Why not, by what is cheap to know; "" where nothing speaks against it.
std::string Objection(const QConvParams& p, const ConvConstants& constants, kernels::IsaSet isas,
                      dnnl_cpu_isa_t isa) {
  if (p.epilogue == QConvEpilogue::kAffine) return "real results, whose f32 has another order";
  if (p.residual_bits != 0) return "a residual";
  if (constants.weights == nullptr) return "weights are no constants";
  if (p.epilogue == QConvEpilogue::kThreshold &&
      (constants.thresholds == nullptr || constants.directions == nullptr || p.levels < 2)) {
    return "thresholds are no constants";
  }
  if (isas != edge::CpuIsas() && (isas & kernels::IsaBit(NeededIsa(isa))) == 0) {
    return fmt::format("it would use {}, which this session does not", IsaText(isa));
  }
  return "";
}

// Per channel what sums are added to and multiplied by, and the greatest code.
struct Finish {
  std::vector<float> shifts, scales;
};

Result<Finish> FinishOf(const QConvParams& p, const ConvConstants& constants,
                        const PlainWeights& weights) {
  Finish finish;
  const int32_t count = p.levels - 1;
  for (int32_t co = 0; co < p.co; ++co) {
    const auto line =
        LineThrough(constants.thresholds + int64_t{co} * count, count, constants.directions[co],
                    weights.ranges[static_cast<size_t>(co)]);
    if (!line) {
      return Refuse(
          fmt::format("the thresholds of channel {} of {} lie on no line in f32", co, p.co));
    }
    finish.shifts.push_back(line->shift);
    finish.scales.push_back(line->scale);
  }
  return finish;
}

// Memory that is where a call says. Saying it again costs oneDNN a good part of a microsecond.
struct Buffer {
  explicit Buffer(const OnednnApi& api) : memory(api.memory_destroy) {}
  Owned<dnnl_memory_t> memory;
  const void* at = nullptr;
};

// oneDNN's convolution of one part, and the buffers that it is given at each run.
struct Part {
  explicit Part(const OnednnApi& api)
      : primitive(api.primitive_destroy),
        stream(api.stream_destroy),
        x(api),
        y(api),
        scratch(api),
        shifts(api.memory_destroy) {}

  Owned<dnnl_primitive_t> primitive;
  Owned<dnnl_stream_t> stream;
  Buffer x, y, scratch;
  Owned<dnnl_memory_t> shifts;
  dnnl_memory_t weights = nullptr;
  dnnl_memory_desc_t weights_layout{};
  size_t scratch_bytes = 0;
  int64_t x_offset = 0, y_offset = 0;
};

// Weights in the layout that some parts asked for.
struct LaidOut {
  LaidOut(const OnednnApi& api, const dnnl_memory_desc_t& layout_of)
      : layout(layout_of), memory(api.memory_destroy) {}
  dnnl_memory_desc_t layout;
  AlignedBytes bytes;
  Owned<dnnl_memory_t> memory;
};

class OnednnConv : public PreparedConv {
 public:
  explicit OnednnConv(const OnednnApi& api) : api_(api) {}

  // Errors: as PrepareOnednnConv.
  Status Prepare(const QConvParams& params, PlainWeights weights, Finish finish, int32_t threads) {
    params_ = params;
    plain_ = std::move(weights);
    finish_ = std::move(finish);
    const Alone alone(api_);
    const int32_t parts = edge::PartCount(params, threads);
    for (int32_t part = 0; part < parts; ++part) {
      BLUESTEM_ASSIGN_OR_RETURN(const Cut cut, CutPart(params, part, parts));
      if (cut.params.ho <= 0 || cut.params.wo <= 0) continue;
      BLUESTEM_RETURN_IF_ERROR(AddPart(cut));
    }
    plain_ = {};
    return OkStatus();
  }

  const char* symbol() const override { return "onednn_u8s8"; }

  size_t scratch_bytes() const override {
    size_t most = 0;
    for (const Part& part : parts_) most = std::max(most, part.scratch_bytes);
    return (most + 63) / 64 * 64;
  }

  void Run(const QConvArgs& args, const edge::Workers& workers) override {
    if (parts_.size() == 1) return RunPart(parts_[0], args, workers.scratch);
    edge::RunInParts(workers.pool, static_cast<int32_t>(parts_.size()),
                     [this, args, workers](int32_t part, int32_t worker) {
                       RunPart(
                           parts_[static_cast<size_t>(part)], args,
                           workers.scratch + static_cast<size_t>(worker) * workers.scratch_bytes);
                     });
  }

 private:
  void RunPart(Part& part, const QConvArgs& args, uint8_t* scratch) const {
    const Alone alone(api_);
    Point(part.x, args.x + part.x_offset);
    Point(part.y, static_cast<uint8_t*>(args.y) + part.y_offset);
    if (part.scratch_bytes > 0) Point(part.scratch, scratch);
    const std::array<dnnl_exec_arg_t, 5> all = {{{DNNL_ARG_SRC, part.x.memory.get()},
                                                 {DNNL_ARG_DST, part.y.memory.get()},
                                                 {DNNL_ARG_WEIGHTS, part.weights},
                                                 {DNNL_ARG_SCRATCHPAD, part.scratch.memory.get()},
                                                 {DNNL_ARG_BIAS, part.shifts.get()}}};
    const int count = finish_.shifts.empty() ? 4 : 5;
    Must(api_.primitive_execute(part.primitive.get(), part.stream.get(), count, all.data()));
  }

  void Point(Buffer& buffer, const void* at) const {
    if (buffer.at == at) return;
    Must(api_.memory_set_data_handle(buffer.memory.get(), const_cast<void*>(at)));
    buffer.at = at;
  }

  // What a call does with buffers that it was made for does not fail.
  static void Must(dnnl_status_t status) {
    BLUESTEM_CHECK(status == dnnl_success, "oneDNN does not run what it has prepared");
  }

  Status AddPart(const Cut& cut) {
    const QConvParams& p = cut.params;
    const bool codes = p.epilogue == QConvEpilogue::kThreshold;
    const dnnl_dims_t xs = {1, p.ci, p.h, p.w};
    const dnnl_dims_t ys = {1, p.co, p.ho, p.wo};
    const dnnl_dims_t shift_sizes = {p.co};
    dnnl_memory_desc_t x, w, shifts, y;
    bool described = Describe(x, 4, xs, dnnl_u8, dnnl_nhwc) && Describe(w, dnnl_format_tag_any) &&
                     Describe(shifts, 1, shift_sizes, dnnl_f32, dnnl_a) &&
                     Describe(y, 4, ys, codes ? dnnl_u8 : dnnl_s32, dnnl_nhwc);
    const dnnl_dims_t strides = {p.stride_h, p.stride_w};
    const dnnl_dims_t dilations = {p.dilation_h - 1, p.dilation_w - 1};
    const dnnl_dims_t before = {p.pad_top, p.pad_left};
    const dnnl_dims_t after = {cut.pad_bottom, cut.pad_right};
    dnnl_convolution_desc_t conv;
    described = described && Good(api_.dilated_convolution_forward_desc_init(
                                 &conv, dnnl_forward_inference, dnnl_convolution_direct, &x, &w,
                                 codes ? &shifts : nullptr, &y, strides, dilations, before, after));
    if (!described) return Refuse("it does not describe this shape");
    Owned<dnnl_primitive_desc_t> chosen(api_.primitive_desc_destroy);
    BLUESTEM_RETURN_IF_ERROR(Choose(conv, codes, chosen));
    Part part(api_);
    const dnnl_memory_desc_t& scratch =
        *api_.primitive_desc_query_md(chosen.get(), dnnl_query_scratchpad_md, 0);
    part.weights_layout = *api_.primitive_desc_query_md(chosen.get(), dnnl_query_weights_md, 0);
    part.scratch_bytes = api_.memory_desc_get_size(&scratch);
    part.x_offset = cut.x_offset;
    part.y_offset = cut.y_offset;
    const bool made =
        Good(api_.primitive_create(part.primitive.out(), chosen.get())) &&
        Good(api_.stream_create(part.stream.out(), api_.engine, dnnl_stream_default_flags)) &&
        Good(api_.memory_create(part.x.memory.out(), &x, api_.engine, nullptr)) &&
        Good(api_.memory_create(part.y.memory.out(), &y, api_.engine, nullptr)) &&
        Good(api_.memory_create(part.scratch.memory.out(), &scratch, api_.engine, nullptr)) &&
        (!codes ||
         Good(api_.memory_create(part.shifts.out(), &shifts, api_.engine, finish_.shifts.data())));
    if (!made) return Refuse("it does not make what it has chosen");
    BLUESTEM_ASSIGN_OR_RETURN(part.weights, Weights(part));
    parts_.push_back(std::move(part));
    return OkStatus();
  }

  // Finds oneDNN's kernel: with its scales, its clip and memory that we give it.
  Status Choose(const dnnl_convolution_desc_t& conv, bool codes,
                Owned<dnnl_primitive_desc_t>& chosen) const {
    Owned<dnnl_primitive_attr_t> attributes(api_.primitive_attr_destroy);
    Owned<dnnl_post_ops_t> clip(api_.post_ops_destroy);
    bool good =
        Good(api_.primitive_attr_create(attributes.out())) &&
        Good(api_.primitive_attr_set_scratchpad_mode(attributes.get(), dnnl_scratchpad_mode_user));
    if (codes) {
      good = good && Good(api_.primitive_attr_set_output_scales(attributes.get(), params_.co,
                                                                1 << 1, finish_.scales.data()));
    }
    if (codes && params_.levels < 256) {  // a u8 result is clipped to 0 .. 255 anyway
      good = good && Good(api_.post_ops_create(clip.out())) &&
             Good(api_.post_ops_append_eltwise(clip.get(), 1, dnnl_eltwise_clip, 0,
                                               static_cast<float>(params_.levels - 1))) &&
             Good(api_.primitive_attr_set_post_ops(attributes.get(), clip.get()));
    }
    good = good && Good(api_.primitive_desc_create(chosen.out(), &conv, attributes.get(),
                                                   api_.engine, nullptr));
    return good ? OkStatus() : Refuse("it has no int8 kernel for this shape");
  }

  // Returns the weights as `part` wants them: once for all parts that want the same.
  Result<dnnl_memory_t> Weights(const Part& part) {
    for (const LaidOut& weights : weights_) {
      if (api_.memory_desc_equal(&weights.layout, &part.weights_layout) != 0) {
        return weights.memory.get();
      }
    }
    LaidOut weights(api_, part.weights_layout);
    weights.bytes = AllocateAligned(api_.memory_desc_get_size(&weights.layout));
    dnnl_memory_desc_t plain;
    Owned<dnnl_memory_t> from(api_.memory_destroy);
    Owned<dnnl_primitive_desc_t> chosen(api_.primitive_desc_destroy);
    Owned<dnnl_primitive_t> reorder(api_.primitive_destroy);
    const bool made =
        weights.bytes != nullptr &&
        Good(api_.memory_create(weights.memory.out(), &weights.layout, api_.engine,
                                weights.bytes.get())) &&
        Describe(plain, params_.groups == 1 ? dnnl_ohwi : dnnl_gohwi) &&
        Good(api_.memory_create(from.out(), &plain, api_.engine, plain_.values.data())) &&
        Good(api_.reorder_primitive_desc_create(chosen.out(), &plain, api_.engine, &weights.layout,
                                                api_.engine, nullptr)) &&
        Good(api_.primitive_create(reorder.out(), chosen.get()));
    if (!made) return Refuse("it does not lay out the weights");
    const std::array<dnnl_exec_arg_t, 2> args = {
        {{DNNL_ARG_FROM, from.get()}, {DNNL_ARG_TO, weights.memory.get()}}};
    if (!Good(api_.primitive_execute(reorder.get(), part.stream.get(), 2, args.data()))) {
      return Refuse("it does not lay out the weights");
    }
    weights_.push_back(std::move(weights));
    return weights_.back().memory.get();
  }

  bool Describe(dnnl_memory_desc_t& desc, int axes, const dnnl_dims_t& sizes, dnnl_data_type_t type,
                dnnl_format_tag_t tag) const {
    return Good(api_.memory_desc_init_by_tag(&desc, axes, sizes, type, tag));
  }

  // Of the weights.
  bool Describe(dnnl_memory_desc_t& desc, dnnl_format_tag_t tag) const {
    const QConvParams& p = params_;
    const int32_t inputs = kernels::GroupInputs(p);
    if (p.groups == 1) {
      return Describe(desc, 4, {p.co, inputs, p.kernel_h, p.kernel_w}, dnnl_s8, tag);
    }
    return Describe(desc, 5, {p.groups, kernels::GroupOutputs(p), inputs, p.kernel_h, p.kernel_w},
                    dnnl_s8, tag);
  }

  static bool Good(dnnl_status_t status) { return status == dnnl_success; }

  const OnednnApi& api_;
  QConvParams params_{};
  PlainWeights plain_;  // while it is prepared
  Finish finish_;
  std::vector<LaidOut> weights_;
  std::vector<Part> parts_;
};

}  // namespace

std::string OnednnText() {
  const auto api = LoadOnednn();
  if (!api.ok()) return api.status().message();
  return fmt::format("oneDNN, up to {}", IsaText((*api)->get_effective_cpu_isa()));
}

Result<std::unique_ptr<PreparedConv>> PrepareOnednnConv(const QConvParams& params,
                                                        const ConvConstants& constants,
                                                        kernels::IsaSet isas, int32_t threads) {
  BLUESTEM_ASSIGN_OR_RETURN(const OnednnApi* const api, LoadOnednn());
  const dnnl_cpu_isa_t isa = api->get_effective_cpu_isa();
  const std::string objection = Objection(params, constants, isas, isa);
  if (!objection.empty()) return Refuse(objection);
  PlainWeights weights = Unpack(params, constants.weights);
  const int64_t pair = 2 * ((int64_t{1} << params.x_bits) - 1) * weights.greatest;
  if (!SumsInWords(isa) && pair > INT16_MAX) {
    return Refuse(fmt::format("a sum of two products may be {}, more than its 16 bits", pair));
  }
  Finish finish;
  if (params.epilogue == QConvEpilogue::kThreshold) {
    BLUESTEM_ASSIGN_OR_RETURN(finish, FinishOf(params, constants, weights));
  } else {
    for (const SumRange& range : weights.ranges) {
      if (std::max(range.greatest, -range.least) > int64_t{1} << 24) {
        return Refuse("sums that are not exact in f32, through which they go");
      }
    }
  }
  auto conv = std::make_unique<OnednnConv>(*api);
  BLUESTEM_RETURN_IF_ERROR(conv->Prepare(params, std::move(weights), std::move(finish), threads));
  return std::unique_ptr<PreparedConv>(std::move(conv));
}

}  // namespace bluestem::runtime

#endif  // BLUESTEM_HAS_ONEDNN
