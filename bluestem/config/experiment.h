// Experiment: a config.yaml as typed values. One field table (config/fields.cc) parses it, checks
// ranges, writes the annotated file of `bluestem init` and the reference of `bluestem config keys`:
// a key cannot exist in one and not in the others.
//
// Ownership: a value. Paths are as written; relative ones are resolved against the config's folder
// by Load.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bluestem/base/file.h"
#include "bluestem/base/status.h"

namespace bluestem::config {

struct DataConfig {
  std::string format = "folder";  // data.format: auto, folder, idx, cifar10, cifar100, csv
  std::string path;        // data.path: train images (or a folder with train/ and validation/)
  std::string validation;  // data.validation: "" takes a seeded share of data.path
  double validation_fraction = 0.1;  // data.validation_fraction, 0.01..0.5
  int64_t height = 32;               // data.image_size: [height, width]
  int64_t width = 32;
  int64_t channels = 3;             // data.channels: 1 or 3
  std::string resize = "bilinear";  // data.resize: nearest, bilinear, area
  std::string normalize =
      "divide_by_255";         // data.normalize: divide_by_255, per_image_standardization, none
  int64_t loader_threads = 1;  // data.loader_threads
  std::string unreadable = "refuse";  // refuse, skip: pictures that cannot be decoded
  // Of a CSV file: the column of the pictures ("": the first), of the labels, what means none, and
  // what -1 means: refuse, zero, one.
  std::string image_column;
  std::vector<std::string> label_columns;
  std::string no_label = "No Finding";
  std::string uncertain = "refuse";
  bool operator==(const DataConfig&) const = default;
};

// 0 or false: off. All are reproducible from train.seed.
struct AugmentationConfig {
  int64_t pad_crop = 0;   // pixels of reflect padding before a random crop
  bool flip = false;      // left-right, probability 1/2
  double brightness = 0;  // relative range 0..1: factor in [1-b, 1+b]
  double contrast = 0;
  double saturation = 0;
  double hue = 0;      // turns, 0..0.5
  double rotate = 0;   // degrees, 0..180
  int64_t cutout = 0;  // side in pixels
  double mixup = 0;    // alpha of the Beta distribution, 0..1
  double cutmix = 0;
  bool operator==(const AugmentationConfig&) const = default;
};

struct NetworkConfig {
  std::string name = "lmnet_v1";    // network.name: lmnet_v0, lmnet_v1, bluestem_s (ours), ...
  int64_t width = 0;                // of our nets' first stage; 0: the network's own default
  std::string shortcut = "stream";  // or codes: what our nets' shortcuts add
  std::string weight_quantizer = "binary_mean_scaling";        // or lsq_4bit, none, ...
  std::string activation_quantizer = "linear_mid_tread_half";  // or pact, lsq, none
  std::string weight_ste = "identity";     // or clipped, approx_sign, ede: of 1-bit weights
  std::string activation_ste = "clipped";  // or identity, approx_sign: of linear_mid_tread_half
  int64_t activation_bits = 2;             // 1..8
  double activation_max = 2.0;             // where a quantizer that learns it begins
  std::vector<std::string> layer_bits;     // "deep1=w4a4": bits of that layer's weights and codes
  double dropout = 0.0;                    // where the network has one
  bool mirror = false;  // answer by the mean of the scores of a picture and of its mirror image
  bool operator==(const NetworkConfig&) const = default;
};

struct TrainConfig {
  int64_t batch = 64;
  int64_t epochs = 100;
  double max_minutes = 0;  // 0: no limit; else the schedule is stretched over the steps that fit,
                           // measured in the first epoch's start
  int64_t seed = 1;
  int64_t threads = 0;                 // 0: all cores
  std::string optimizer = "momentum";  // sgd, momentum, nesterov, adam, adamw, lars, lamb, muon
  double learning_rate = 0.001;
  int64_t rate_batch = 0;  // the batch that learning_rate is for: the rate is in proportion; 0: off
  double momentum = 0.9;
  double weight_decay = 0.0005;
  std::string schedule =
      "cosine";       // constant, cosine, linear, one-cycle, 2-step, 3-step, 3-step-with-warmup
  double warmup = 0;  // share of all steps, 0..0.5
  double label_smoothing = 0;
  double gradient_clip = 0;            // greatest norm of all gradients together, 0: off
  double ema = 0;                      // decay of the weights' average that becomes the model
  std::string class_weights = "none";  // none, balanced
  double float_weights = -1;  // share of all steps before weights are quantized; -1: the network's
  double beta_rate = -1;  // factor on the rate of betas (shifts of batch norms); -1: the network's
  double lookahead = -1;  // decay of the slow weights, 0: off; -1: the network's
  std::string arithmetic = "auto";  // auto, integer, float: how 1-bit blocks take their steps
  std::string device = "auto";      // auto, cpu, cuda
  std::string backend = "auto";     // auto, gloo, nccl, mpi: what ranks talk through
  std::string select = "best";      // best, last: the epoch whose weights become the model
  int64_t patience = 0;  // epochs without a better one before the run ends; 0: no early end
  int64_t checkpoint_steps = 1000;
  int64_t keep_checkpoints = 5;
  int64_t rank_timeout = 60;  // seconds that a rank waits for the others within a step
  bool fp32_baseline =
      false;  // also train the same net without quantizers, same budget, for the report's table
  bool operator==(const TrainConfig&) const = default;
};

struct DistillationConfig {
  std::string teacher;     // folder of a finished run; "": off
  double temperature = 4;  // 0.1..100
  double weight = 0.5;     // of the teacher's answers; the labels have the rest
  bool operator==(const DistillationConfig&) const = default;
};

struct Experiment {
  int64_t version = 1;
  std::string name = "experiment";
  std::string task = "classification";  // or multi_label_classification
  double threshold = 0.5;               // least score of a class that is answered, of the second
  std::vector<std::string> classes;     // empty: from the dataset
  DataConfig data;
  AugmentationConfig augmentation;
  NetworkConfig network;
  TrainConfig train;
  DistillationConfig distillation;
  bool operator==(const Experiment&) const = default;
};

// Parses and checks. `place` is the file name for messages.
// Errors: kInvalidArgument with file:line:column, key, value, what is allowed, and for an unknown
// key the nearest known one.
Result<Experiment> Parse(const std::string& yaml, const std::string& place);
// As Parse, with relative paths resolved against the folder of `path`. Errors: also kIo.
Result<Experiment> Load(const Path& path);

// Sets one key from text ("train.batch", "64"), as --set does. Lists are "a,b,c" or "[a, b, c]";
// sizes are "32x32" or "[32, 32]". Errors: kInvalidArgument as Parse, without a place; rules that
// join several keys are left to Check.
Status Set(Experiment& experiment, const std::string& key, const std::string& value);

// Checks what joins several keys (picture size and network, say), so after the last Set.
// Errors: kInvalidArgument "key: got value; expected ...", with the reason.
Status Check(const Experiment& experiment);

// Checks that the batch can be divided between `ranks` processes.
// Errors: kInvalidArgument naming train.batch and what would do.
Status CheckRanks(const Experiment& experiment, int64_t ranks);

// Returns the annotated YAML: every key with its value, and default, range and meaning as a
// comment. Parse(ToYaml(e)) == e.
std::string ToYaml(const Experiment& experiment);
// Returns the reference of all keys as Markdown, and as JSON (an array of {key, type, default,
// allowed, help}).
std::string KeysMarkdown();
std::string KeysJson();

}  // namespace bluestem::config
