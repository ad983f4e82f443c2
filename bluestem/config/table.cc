#include <algorithm>
#include <array>

#include "bluestem/config/fields.h"

namespace bluestem::config {
namespace {

using E = Experiment;

constexpr double kMaxSeed = 9007199254740992.0;  // 2^53: exact in JSON readers too

constexpr std::array kFields = {
    Field{.key = "version",
          .ref = [](E& e) -> Ref { return &e.version; },
          .min = 1,
          .max = 1,
          .help = "Version of this file's format."},
    Field{.key = "name",
          .ref = [](E& e) -> Ref { return &e.name; },
          .help = "Name of the experiment; it names run folders and artefacts."},
    Field{.key = "task",
          .ref = [](E& e) -> Ref { return &e.task; },
          .choices = "classification multi_label_classification",
          .help = "What the network answers: one class a picture, or any number of them, none "
                  "included, by a score of each (data.format csv)."},
    Field{.key = "threshold",
          .ref = [](E& e) -> Ref { return &e.threshold; },
          .max = 1,
          .help = "Least score of a class that multi_label_classification answers."},
    Field{.key = "classes",
          .ref = [](E& e) -> Ref { return &e.classes; },
          .help = "Class names in the order of the outputs; [] takes those of the data set."},

    Field{.key = "data.format",
          .ref = [](E& e) -> Ref { return &e.data.format; },
          .choices = "auto folder idx cifar10 cifar100 csv",
          .help = "Layout of the data set: class folders, idx (MNIST family), CIFAR batches, a CSV "
                  "file of labels, or found by looking."},
    Field{.key = "data.path",
          .ref = [](E& e) -> Ref { return &e.data.path; },
          .is_path = true,
          .help = "Training images; may hold train/ and validation/. Relative to this file."},
    Field{.key = "data.validation",
          .ref = [](E& e) -> Ref { return &e.data.validation; },
          .is_path = true,
          .help = "Validation images; empty takes the data set's own validation split or a seeded "
                  "share of data.path."},
    Field{.key = "data.validation_fraction",
          .ref = [](E& e) -> Ref { return &e.data.validation_fraction; },
          .min = 0.01,
          .max = 0.5,
          .help = "Share of each class held out when there is no validation set."},
    Field{.key = "data.image_size",
          .ref = [](E& e) -> Ref {
            return SizeRef{&e.data.height, &e.data.width};
          },
          .min = 4,
          .max = 1024,
          .help = "Size of the network's input in pixels."},
    Field{.key = "data.channels",
          .ref = [](E& e) -> Ref { return &e.data.channels; },
          .min = 1,
          .max = 3,
          .help = "1 for grey, 3 for RGB."},
    Field{.key = "data.resize",
          .ref = [](E& e) -> Ref { return &e.data.resize; },
          .choices = "nearest bilinear area",
          .help = "How pictures of other sizes are resized."},
    Field{.key = "data.normalize",
          .ref = [](E& e) -> Ref { return &e.data.normalize; },
          .choices = "divide_by_255 per_image_standardization none",
          .help = "How pixels become the network's input."},
    Field{.key = "data.loader_threads",
          .ref = [](E& e) -> Ref { return &e.data.loader_threads; },
          .min = 1,
          .max = 64,
          .help = "Threads that prepare batches; the batches do not depend on their number."},
    Field{.key = "data.unreadable",
          .ref = [](E& e) -> Ref { return &e.data.unreadable; },
          .choices = "refuse skip",
          .help = "What happens with a picture that cannot be decoded: the run ends before its "
                  "first step, or goes on without it and says which."},
    Field{.key = "data.image_column",
          .ref = [](E& e) -> Ref { return &e.data.image_column; },
          .help = "Column of a CSV file that names the pictures; empty takes the first."},
    Field{.key = "data.label_columns",
          .ref = [](E& e) -> Ref { return &e.data.label_columns; },
          .help = "Columns of a CSV file: one that lists labels with | between them, or one of 0 "
                  "and 1 for each class; [] takes the column named labels or label, else all "
                  "others."},
    Field{.key = "data.no_label",
          .ref = [](E& e) -> Ref { return &e.data.no_label; },
          .help = "Label of a CSV file that means no class, as an empty field does."},
    Field{.key = "data.uncertain",
          .ref = [](E& e) -> Ref { return &e.data.uncertain; },
          .choices = "refuse zero one",
          .help = "What -1 means in a CSV file's columns of 0 and 1, where CheXpert has it for an "
                  "uncertain label: an error, 0 or 1."},

    Field{.key = "augmentation.pad_crop",
          .ref = [](E& e) -> Ref { return &e.augmentation.pad_crop; },
          .max = 128,
          .help = "Pixels of reflected border before a random crop; 0 is off."},
    Field{.key = "augmentation.flip",
          .ref = [](E& e) -> Ref { return &e.augmentation.flip; },
          .help = "Mirror left to right, with probability 1/2."},
    Field{.key = "augmentation.brightness",
          .ref = [](E& e) -> Ref { return &e.augmentation.brightness; },
          .max = 1,
          .help = "Multiply pixels by a random factor in [1 - b, 1 + b]; 0 is off."},
    Field{.key = "augmentation.contrast",
          .ref = [](E& e) -> Ref { return &e.augmentation.contrast; },
          .max = 1,
          .help = "Scale around the mean grey by a random factor in [1 - c, 1 + c]; 0 is off."},
    Field{.key = "augmentation.saturation",
          .ref = [](E& e) -> Ref { return &e.augmentation.saturation; },
          .max = 1,
          .help = "Scale around each pixel's grey by a random factor in [1 - s, 1 + s]; 0 is off."},
    Field{.key = "augmentation.hue",
          .ref = [](E& e) -> Ref { return &e.augmentation.hue; },
          .max = 0.5,
          .help = "Turn the hue by up to this many turns either way; 0 is off."},
    Field{.key = "augmentation.rotate",
          .ref = [](E& e) -> Ref { return &e.augmentation.rotate; },
          .max = 180,
          .help = "Rotate by up to this many degrees either way; 0 is off."},
    Field{.key = "augmentation.cutout",
          .ref = [](E& e) -> Ref { return &e.augmentation.cutout; },
          .max = 512,
          .help = "Side in pixels of a square painted grey at a random place; 0 is off."},
    Field{
        .key = "augmentation.mixup",
        .ref = [](E& e) -> Ref { return &e.augmentation.mixup; },
        .max = 1,
        .help = "Blend pairs of pictures and labels (mixup) in shares from Beta(a, a); 0 is off."},
    Field{.key = "augmentation.cutmix",
          .ref = [](E& e) -> Ref { return &e.augmentation.cutmix; },
          .max = 1,
          .help =
              "Put a box of one picture into another and mix the labels (CutMix) in shares from "
              "Beta(a, a); 0 is off."},

    Field{.key = "network.name",
          .ref = [](E& e) -> Ref { return &e.network.name; },
          .choices = "lmnet_v0 lmnet_v1 bluestem_s bluestem_m bluestem_l bluestem_xl resnet20 "
                     "resnet18",
          .help = "The network."},
    Field{.key = "network.width",
          .ref = [](E& e) -> Ref { return &e.network.width; },
          .max = 1024,
          .help = "Channels of the first stage of bluestem_s to bluestem_xl, resnet20 and "
                  "resnet18; 0 is the network's own default."},
    Field{.key = "network.shortcut",
          .ref = [](E& e) -> Ref { return &e.network.shortcut; },
          .choices = "stream codes",
          .help = "What the shortcuts of bluestem_s to bluestem_xl add: the value "
                  "before the quantizer, a stream of f32, or its codes, so that all between two "
                  "layers is integers. Those of resnet20 and resnet18 are of codes."},
    Field{.key = "network.weight_quantizer",
          .ref = [](E& e) -> Ref { return &e.network.weight_quantizer; },
          .choices = "binary_mean_scaling binary_channel_wise_mean_scaling ternary_mean_scaling "
                     "linear_symmetric_3bit linear_symmetric_4bit linear_symmetric_5bit "
                     "linear_symmetric_6bit linear_symmetric_7bit linear_symmetric_8bit lsq_2bit "
                     "lsq_3bit lsq_4bit lsq_5bit lsq_6bit lsq_7bit lsq_8bit none",
          .help = "How weights are quantized: sign times the mean magnitude of the layer or "
                  "channel; sign or 0; 3 to 8 bits; 2 to 8 bits with a step that each layer learns "
                  "(lsq); none is fp32."},
    Field{.key = "network.activation_quantizer",
          .ref = [](E& e) -> Ref { return &e.network.activation_quantizer; },
          .choices = "linear_mid_tread_half pact lsq none",
          .help = "How activations are quantized: with a fixed activation_max or one that each "
                  "layer learns (pact, lsq); none is fp32."},
    Field{.key = "network.weight_ste",
          .ref = [](E& e) -> Ref { return &e.network.weight_ste; },
          .choices = "identity clipped approx_sign ede",
          .help = "What takes the place of the sign's derivative for 1-bit weights: 1; 1 within "
                  "the layer's root mean square; a triangle there (Bi-Real Net); a tanh's that "
                  "narrows as the run goes on (IR-Net)."},
    Field{.key = "network.activation_ste",
          .ref = [](E& e) -> Ref { return &e.network.activation_ste; },
          .choices = "clipped identity approx_sign",
          .help = "What takes the place of linear_mid_tread_half's derivative: 1 within the range; "
                  "1 everywhere; a triangle over each step (Bi-Real Net)."},
    Field{.key = "network.activation_bits",
          .ref = [](E& e) -> Ref { return &e.network.activation_bits; },
          .min = 1,
          .max = 8,
          .help = "Bits of an activation."},
    Field{.key = "network.activation_max",
          .ref = [](E& e) -> Ref { return &e.network.activation_max; },
          .min = 0.01,
          .max = 100,
          .help = "Activations are clipped to 0..max before they are quantized; pact and lsq begin "
                  "here."},
    Field{.key = "network.layer_bits",
          .ref = [](E& e) -> Ref { return &e.network.layer_bits; },
          .help = "Layers with other bits, as NAME=w4a4: weights (1 the sign, 2 ternary, 3 to 8 "
                  "linear; 2 to 8 lsq where weight_quantizer is) and the codes that they put out; "
                  "w4 or a4 alone leave the other."},
    Field{.key = "network.dropout",
          .ref = [](E& e) -> Ref { return &e.network.dropout; },
          .max = 0.9,
          .help = "Share of activations dropped in training, where the network has such a place."},
    Field{.key = "network.mirror",
          .ref = [](E& e) -> Ref { return &e.network.mirror; },
          .help = "Answer by the mean of the scores of a picture and of its mirror image: more "
                  "accurate where left and right do not matter, at twice the multiply-accumulates. "
                  "Steps do not change."},

    Field{.key = "train.batch",
          .ref = [](E& e) -> Ref { return &e.train.batch; },
          .min = 1,
          .max = 65536,
          .help = "Images a step, of all ranks together."},
    Field{.key = "train.epochs",
          .ref = [](E& e) -> Ref { return &e.train.epochs; },
          .min = 1,
          .max = 100000,
          .help = "Passes over the training images."},
    Field{.key = "train.max_minutes",
          .ref = [](E& e) -> Ref { return &e.train.max_minutes; },
          .max = 100000,
          .help = "Time limit; the schedule is fitted to the steps that it allows; 0 is no limit."},
    Field{.key = "train.seed",
          .ref = [](E& e) -> Ref { return &e.train.seed; },
          .max = kMaxSeed,
          .help = "Seed of the weights, the split, the order and the augmentation."},
    Field{.key = "train.threads",
          .ref = [](E& e) -> Ref { return &e.train.threads; },
          .max = 1024,
          .help =
              "Threads that compute, of each rank; 0 takes all cores, or a rank's share of them."},
    Field{.key = "train.optimizer",
          .ref = [](E& e) -> Ref { return &e.train.optimizer; },
          .choices = "sgd momentum nesterov adam adamw lars lamb muon",
          .help = "The optimizer."},
    Field{.key = "train.learning_rate",
          .ref = [](E& e) -> Ref { return &e.train.learning_rate; },
          .min = 1e-8,
          .max = 100,
          .help = "The schedule's highest learning rate."},
    Field{.key = "train.rate_batch",
          .ref = [](E& e) -> Ref { return &e.train.rate_batch; },
          .max = 65536,
          .help = "The batch that train.learning_rate is for: with another train.batch the rate is "
                  "in proportion to it; 0 leaves the rate as it is."},
    Field{.key = "train.momentum",
          .ref = [](E& e) -> Ref { return &e.train.momentum; },
          .max = 0.9999,
          .help = "Momentum of momentum, nesterov, lars and muon."},
    Field{.key = "train.weight_decay",
          .ref = [](E& e) -> Ref { return &e.train.weight_decay; },
          .max = 1,
          .help = "Weight decay (L2)."},
    Field{.key = "train.schedule",
          .ref = [](E& e) -> Ref { return &e.train.schedule; },
          .choices = "constant cosine linear one-cycle 2-step 3-step 3-step-with-warmup",
          .help = "How the learning rate falls."},
    Field{.key = "train.warmup",
          .ref = [](E& e) -> Ref { return &e.train.warmup; },
          .max = 0.5,
          .help = "Share of all steps over which the learning rate rises."},
    Field{.key = "train.label_smoothing",
          .ref = [](E& e) -> Ref { return &e.train.label_smoothing; },
          .max = 0.5,
          .help = "Share of the target spread over all classes."},
    Field{.key = "train.gradient_clip",
          .ref = [](E& e) -> Ref { return &e.train.gradient_clip; },
          .max = 1e9,
          .help = "Gradients longer together than this are scaled down to it; 0 is off."},
    Field{.key = "train.ema",
          .ref = [](E& e) -> Ref { return &e.train.ema; },
          .max = 0.99999,
          .help = "Decay of a moving average of the weights, which is validated and becomes the "
                  "model; 0 is off."},
    Field{.key = "train.class_weights",
          .ref = [](E& e) -> Ref { return &e.train.class_weights; },
          .choices = "none balanced",
          .help = "How much a picture counts in the loss: all the same, or each class as much as "
                  "any other however many pictures it has."},
    Field{.key = "train.float_weights",
          .ref = [](E& e) -> Ref { return &e.train.float_weights; },
          .min = -1,
          .max = 1,
          .help =
              "Share of all steps taken with float weights before they are quantized; -1 is the "
              "network's own share."},
    Field{.key = "train.beta_rate",
          .ref = [](E& e) -> Ref { return &e.train.beta_rate; },
          .min = -1,
          .max = 1000,
          .help = "Factor on the learning rate of batch norms' shifts; -1 is the network's own."},
    Field{.key = "train.lookahead",
          .ref = [](E& e) -> Ref { return &e.train.lookahead; },
          .min = -1,
          .max = 0.9999,
          .help =
              "Decay of slow weights that the weights return to every 5 steps (Lookahead); 0 is "
              "off, -1 is the network's own."},
    Field{.key = "train.arithmetic",
          .ref = [](E& e) -> Ref { return &e.train.arithmetic; },
          .choices = "auto integer float",
          .help = "How the convolutions of 1-bit layers are trained: exact sums of codes and of "
                  "gradients rounded to 8 bits, or float; auto is integer where the CPU has AVX2."},
    Field{.key = "train.device",
          .ref = [](E& e) -> Ref { return &e.train.device; },
          .choices = "auto cpu cuda",
          .help = "What computes the steps; auto is cuda where LibTorch has such a device (then "
                  "train.arithmetic is float), else the CPU."},
    Field{.key = "train.backend",
          .ref = [](E& e) -> Ref { return &e.train.backend; },
          .choices = "auto gloo nccl mpi",
          .help = "What the ranks talk through, of what LibTorch was built with; auto is nccl on "
                  "CUDA where it is built, else gloo."},
    Field{.key = "train.select",
          .ref = [](E& e) -> Ref { return &e.train.select; },
          .choices = "best last",
          .help = "The epoch whose weights become the model: the best on the validation images, or "
                  "the last, whose accuracy on them is not a chosen maximum."},
    Field{.key = "train.patience",
          .ref = [](E& e) -> Ref { return &e.train.patience; },
          .max = 100000,
          .help = "End the run after so many epochs without a better one (needs train.select: "
                  "best); 0 is off."},
    Field{.key = "train.checkpoint_steps",
          .ref = [](E& e) -> Ref { return &e.train.checkpoint_steps; },
          .min = 1,
          .max = 1e9,
          .help = "Steps between checkpoints."},
    Field{.key = "train.keep_checkpoints",
          .ref = [](E& e) -> Ref { return &e.train.keep_checkpoints; },
          .min = 1,
          .max = 1000,
          .help = "Newest checkpoints that are kept."},
    Field{.key = "train.rank_timeout",
          .ref = [](E& e) -> Ref { return &e.train.rank_timeout; },
          .min = 1,
          .max = 3600,
          .help = "Seconds that a rank waits within a step for one that is silent; one that has "
                  "died is noticed at once."},
    Field{.key = "train.fp32_baseline",
          .ref = [](E& e) -> Ref { return &e.train.fp32_baseline; },
          .help = "Also train the same network without quantizers, for the report's table."},

    Field{.key = "distillation.teacher",
          .ref = [](E& e) -> Ref { return &e.distillation.teacher; },
          .is_path = true,
          .help = "Folder of a finished run with the same classes and input, whose answers are "
                  "learned besides the labels; empty is off. Relative to this file."},
    Field{.key = "distillation.temperature",
          .ref = [](E& e) -> Ref { return &e.distillation.temperature; },
          .min = 0.1,
          .max = 100,
          .help = "What both networks' scores are divided by before they are compared: the higher, "
                  "the more the lesser answers count."},
    Field{.key = "distillation.weight",
          .ref = [](E& e) -> Ref { return &e.distillation.weight; },
          .min = 0.01,
          .max = 1,
          .help = "Share of the teacher's answers in the loss; the labels have the rest."},
};

}  // namespace

std::span<const Field> Fields() {
  return kFields;
}

const Field* FindField(const std::string& key) {
  const auto found = std::find_if(kFields.begin(), kFields.end(),
                                  [&](const Field& field) { return key == field.key; });
  return found == kFields.end() ? nullptr : &*found;
}

}  // namespace bluestem::config
