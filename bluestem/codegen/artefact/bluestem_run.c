/* bluestem-run: one compiled model as a program. Reads a picture (binary PPM or PGM), a .npy or a
 * raw tensor, runs the model, prints its scores and how long it took; or reads a row of raw inputs
 * and writes all raw outputs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bluestem/edge/model_abi.h"

enum { kExitUsage = 2, kExitData = 3, kExitIo = 5, kExitUnavailable = 6 };

typedef struct {
  const char* input;
  const char* raw_in;
  const char* raw_out;
  const char* isa;
  const char* normalize;
  long count;
  long threads;
  int profile;
} options;

typedef struct {
  unsigned char* data;
  size_t size;
} bytes;

static void fail(int code, const char* where, const char* what) {
  fprintf(stderr, "bluestem-run: %s: %s\n", where, what);
  exit(code);
}

static void usage(FILE* stream) {
  fprintf(
      stream,
      "usage: bluestem-run [INPUT] [options]\n"
      "  INPUT             a binary PPM/PGM picture of the model's size, a .npy, or a raw tensor; "
      "- or\n"
      "                    nothing reads it from standard input\n"
      "  --count N         run N times and print the latency (default 1)\n"
      "  --isa NAME        amx, avx512_vbmi, avx512_vnni, avx512, avx2, sse4, neon_dot, neon, "
      "portable or "
      "reference "
      "(default: "
      "best)\n"
      "  --threads N       threads of one inference, 1..64; 0: one a core (default 1)\n"
      "  --normalize HOW   for a picture and a model of real values: divide_by_255 (default), "
      "none,\n"
      "                    per_image_standardization\n"
      "  --profile         print the time of each call\n"
      "  --raw-in FILE     raw inputs, one after the other; with --raw-out\n"
      "  --raw-out FILE    their raw outputs, one after the other; - is standard output\n"
      "example: bluestem-run picture.ppm --count 100 --profile\n");
}

static void* allocate(size_t size) {
  void* memory = malloc(size > 0 ? size : 1);
  if (memory == NULL) fail(1, "memory", "not enough");
  return memory;
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Reads at most 1 GiB: an input is a tensor, and a pipe need not end. */
static bytes read_file(const char* name) {
  const size_t most = (size_t)1 << 30;
  FILE* file = strcmp(name, "-") == 0 ? stdin : fopen(name, "rb");
  bytes all = {allocate(1 << 16), 0};
  size_t room = 1 << 16;
  if (file == NULL) fail(kExitIo, name, "cannot open");
  for (;;) {
    size_t got = fread(all.data + all.size, 1, room - all.size, file);
    all.size += got;
    if (all.size < room) break;
    if (room >= most) fail(kExitData, name, "more than 1 GiB");
    room *= 2;
    all.data = realloc(all.data, room);
    if (all.data == NULL) fail(1, "memory", "not enough");
  }
  if (ferror(file)) fail(kExitIo, name, "cannot read");
  if (file != stdin) fclose(file);
  return all;
}

/* ---- pictures ---- */

/* Returns the next number of a PPM header and moves `at` behind it; -1 if there is none. */
static long header_number(const bytes* file, size_t* at) {
  long value = 0;
  int digits = 0;
  while (*at < file->size) {
    const unsigned char c = file->data[*at];
    if (c == '#') {
      while (*at < file->size && file->data[*at] != '\n') ++*at;
    } else if (c != ' ' && c != '\t' && c != '\r' && c != '\n') {
      break;
    } else {
      ++*at;
    }
  }
  while (*at < file->size && file->data[*at] >= '0' && file->data[*at] <= '9' && digits < 9) {
    value = value * 10 + (file->data[(*at)++] - '0');
    ++digits;
  }
  return digits > 0 ? value : -1;
}

/* The same numbers as bluestem/image: integers summed exactly, then double. */
static void standardize_pixels(const unsigned char* pixels, size_t count, float* values) {
  uint64_t sum = 0, squares = 0;
  double mean, deviation, least;
  size_t i;
  for (i = 0; i < count; ++i) {
    sum += pixels[i];
    squares += (uint64_t)pixels[i] * pixels[i];
  }
  mean = (double)sum / (double)count;
  deviation = sqrt((double)(count * squares - sum * sum)) / (double)count;
  least = 1.0 / sqrt((double)count);
  if (deviation < least) deviation = least;
  for (i = 0; i < count; ++i) values[i] = (float)((pixels[i] - mean) / deviation);
}

static void normalize_pixels(const unsigned char* pixels, size_t count, const char* how,
                             float* values) {
  size_t i;
  if (strcmp(how, "per_image_standardization") == 0) {
    /* count * squares stays below 2^62 */
    if (count > (size_t)1 << 23) fail(kExitData, how, "more than 8,388,608 values");
    standardize_pixels(pixels, count, values);
  } else if (strcmp(how, "none") == 0) {
    for (i = 0; i < count; ++i) values[i] = (float)pixels[i];
  } else {
    for (i = 0; i < count; ++i) values[i] = (float)pixels[i] / 255.0f;
  }
}

/* Writes the picture as input `info` reads it. */
static void decode_picture(const char* name, const bytes* file, const bluestem_tensor_info* info,
                           const char* normalize, unsigned char* input) {
  const long channels = file->data[1] == '6' ? 3 : 1;
  size_t at = 2, pixels;
  const long width = header_number(file, &at);
  const long height = header_number(file, &at);
  const long most = header_number(file, &at);
  char text[160];
  if (width <= 0 || height <= 0 || most != 255 || at >= file->size) {
    fail(kExitData, name, "not a whole 8-bit PPM or PGM header");
  }
  ++at; /* the one space after the header */
  if (info->rank != 4 || info->shape[1] != height || info->shape[2] != width ||
      info->shape[3] != channels) {
    snprintf(text, sizeof text,
             "a picture of %ldx%ld with %ld channels; the model reads %ldx%ld with %ld", height,
             width, channels, info->rank == 4 ? (long)info->shape[1] : 0,
             info->rank == 4 ? (long)info->shape[2] : 0,
             info->rank == 4 ? (long)info->shape[3] : 0);
    fail(kExitData, name, text);
  }
  if (info->shape[0] != 1) {
    snprintf(text, sizeof text,
             "one picture; the model takes %ld images a call: give all of them as .npy or raw",
             (long)info->shape[0]);
    fail(kExitData, name, text);
  }
  pixels = (size_t)width * (size_t)height * (size_t)channels;
  if (file->size - at < pixels) fail(kExitData, name, "the picture is cut short");
  if (info->dtype == BLUESTEM_U8) {
    memcpy(input, file->data + at, pixels);
  } else if (info->dtype == BLUESTEM_F32) {
    normalize_pixels(file->data + at, pixels, normalize, (float*)(void*)input);
  } else {
    fail(kExitData, name, "the model reads neither pixels nor real values");
  }
}

/* ---- .npy and raw tensors ---- */

/* Copies the elements of a .npy of the input's dtype; the shape may differ, the number of bytes may
 * not. */
static void decode_npy(const char* name, const bytes* file, const bluestem_tensor_info* info,
                       unsigned char* input) {
  static const char* const kDescr[] = {"'<f4'", "'|u1'", "'<i4'"};
  size_t head, start;
  char* text;
  if (file->size < 12) fail(kExitData, name, "a .npy that is cut short");
  head = file->data[6] == 1 ? (size_t)file->data[8] | (size_t)file->data[9] << 8
                            : (size_t)file->data[8] | (size_t)file->data[9] << 8 |
                                  (size_t)file->data[10] << 16 | (size_t)file->data[11] << 24;
  start = (file->data[6] == 1 ? 10 : 12) + head;
  if (head > (size_t)1 << 20 || start > file->size)
    fail(kExitData, name, "a .npy with a lying header");
  text = allocate(head + 1);
  memcpy(text, file->data + start - head, head);
  text[head] = '\0';
  if (strstr(text, kDescr[info->dtype]) == NULL) {
    fail(kExitData, name, "a .npy of another dtype than the model's input");
  }
  if (strstr(text, "'fortran_order': False") == NULL)
    fail(kExitData, name, "a .npy in Fortran order");
  free(text);
  if (file->size - start != info->bytes)
    fail(kExitData, name, "a .npy with another number of elements than the input");
  memcpy(input, file->data + start, info->bytes);
}

static void read_input(const options* o, const bluestem_tensor_info* info, unsigned char* input) {
  const char* name = o->input == NULL ? "-" : o->input;
  bytes file = read_file(name);
  if (file.size == info->bytes) {
    memcpy(input, file.data, info->bytes);
  } else if (file.size > 10 && file.data[0] == 'P' &&
             (file.data[1] == '5' || file.data[1] == '6')) {
    decode_picture(name, &file, info, o->normalize, input);
  } else if (file.size > 10 && memcmp(file.data, "\x93NUMPY", 6) == 0) {
    decode_npy(name, &file, info, input);
  } else {
    char text[120];
    snprintf(text, sizeof text, "no PPM, PGM or .npy, and %zu bytes where a raw input has %zu",
             file.size, info->bytes);
    fail(kExitData, name, text);
  }
  free(file.data);
}

/* ---- running ---- */

static void run(bluestem_session* session, const void* const* inputs, void* const* outputs) {
  const bluestem_status status = bluestem_run(session, inputs, outputs);
  if (status != BLUESTEM_OK) fail(1, "run", bluestem_status_text(status));
}

/* All inputs of one run lie one after the other; so do its outputs. */
static size_t lay_out(int32_t count, const bluestem_tensor_info* (*get)(int32_t), size_t* offsets) {
  size_t total = 0;
  int32_t i;
  for (i = 0; i < count; ++i) {
    offsets[i] = total;
    total += get(i)->bytes;
  }
  return total;
}

static void run_raw(const options* o, bluestem_session* session) {
  const int32_t in_count = bluestem_input_count(), out_count = bluestem_output_count();
  size_t* in_offsets = allocate(sizeof(size_t) * (size_t)in_count);
  size_t* out_offsets = allocate(sizeof(size_t) * (size_t)out_count);
  const void** inputs = allocate(sizeof(void*) * (size_t)in_count);
  void** outputs = allocate(sizeof(void*) * (size_t)out_count);
  const size_t in_bytes = lay_out(in_count, bluestem_input, in_offsets);
  const size_t out_bytes = lay_out(out_count, bluestem_output, out_offsets);
  unsigned char* out = allocate(out_bytes);
  bytes file = read_file(o->raw_in);
  FILE* result = strcmp(o->raw_out, "-") == 0 ? stdout : fopen(o->raw_out, "wb");
  size_t at;
  int32_t i;
  if (result == NULL) fail(kExitIo, o->raw_out, "cannot write");
  if (file.size == 0 || file.size % in_bytes != 0) {
    char text[120];
    snprintf(text, sizeof text, "%zu bytes; expected a multiple of %zu", file.size, in_bytes);
    fail(kExitData, o->raw_in, text);
  }
  for (at = 0; at < file.size; at += in_bytes) {
    for (i = 0; i < in_count; ++i) inputs[i] = file.data + at + in_offsets[i];
    for (i = 0; i < out_count; ++i) outputs[i] = out + out_offsets[i];
    run(session, inputs, outputs);
    if (fwrite(out, 1, out_bytes, result) != out_bytes) fail(kExitIo, o->raw_out, "cannot write");
  }
  if (fflush(result) != 0 || (result != stdout && fclose(result) != 0))
    fail(kExitIo, o->raw_out, "cannot write");
  free(file.data);
  free(out);
  free(outputs);
  free(inputs);
  free(out_offsets);
  free(in_offsets);
}

static int compare_seconds(const void* a, const void* b) {
  const double x = *(const double*)a, y = *(const double*)b;
  return (x > y) - (x < y);
}

static void print_output(const bluestem_tensor_info* info, const unsigned char* data) {
  size_t count = 1, i;
  int32_t axis;
  for (axis = 0; axis < info->rank; ++axis) count *= (size_t)info->shape[axis];
  printf("%s\n", info->name);
  for (i = 0; i < count; ++i) {
    if (info->dtype == BLUESTEM_F32) {
      float value;
      memcpy(&value, data + 4 * i, 4);
      printf("%6zu  %.9g\n", i, (double)value);
    } else if (info->dtype == BLUESTEM_U8) {
      printf("%6zu  %.9g  (code %d)\n", i, ((double)data[i] - info->zero_point) * info->scale,
             data[i]);
    } else {
      int32_t value;
      memcpy(&value, data + 4 * i, 4);
      printf("%6zu  %ld\n", i, (long)value);
    }
  }
}

static void print_profile(bluestem_session* session, const void* const* inputs,
                          void* const* outputs) {
  const int32_t count = bluestem_op_count();
  bluestem_op_info* ops = allocate(sizeof(bluestem_op_info) * (size_t)count);
  int32_t i;
  if (bluestem_profile(session, inputs, outputs, ops) != BLUESTEM_OK) fail(1, "profile", "failed");
  printf("      us          MACs  bits x*w  kernel  (op)\n");
  for (i = 0; i < count; ++i) {
    printf("%8.1f  %12lld  %4ld*%-3ld  %s  (%s)\n", 1e-3 * (double)ops[i].nanoseconds,
           (long long)ops[i].macs, (long)ops[i].x_bits, (long)ops[i].w_bits, ops[i].kernel,
           ops[i].op);
  }
  free(ops);
}

static void run_once(const options* o, bluestem_session* session) {
  const int32_t out_count = bluestem_output_count();
  unsigned char* input = allocate(bluestem_input(0)->bytes);
  const void* inputs[1];
  void** outputs = allocate(sizeof(void*) * (size_t)out_count);
  double* seconds = allocate(sizeof(double) * (size_t)o->count);
  long n;
  int32_t i;
  if (bluestem_input_count() != 1) {
    fail(kExitUsage, "INPUT", "the model has several inputs; use --raw-in and --raw-out");
  }
  read_input(o, bluestem_input(0), input);
  inputs[0] = input;
  for (i = 0; i < out_count; ++i) outputs[i] = allocate(bluestem_output(i)->bytes);
  run(session, inputs, outputs); /* warms caches up */
  for (n = 0; n < o->count; ++n) {
    const double start = seconds_now();
    run(session, inputs, outputs);
    seconds[n] = seconds_now() - start;
  }
  qsort(seconds, (size_t)o->count, sizeof(double), compare_seconds);
  for (i = 0; i < out_count; ++i) print_output(bluestem_output(i), outputs[i]);
  printf("latency of %ld runs on %s, %ld thread%s: p50 %.1f us, p90 %.1f us\n", o->count,
         bluestem_session_isa(session), (long)bluestem_session_threads(session),
         bluestem_session_threads(session) == 1 ? "" : "s", 1e6 * seconds[o->count / 2],
         1e6 * seconds[o->count * 9 / 10]);
  if (o->profile) print_profile(session, inputs, outputs);
  for (i = 0; i < out_count; ++i) free(outputs[i]);
  free(seconds);
  free(outputs);
  free(input);
}

/* ---- options ---- */

static const char* value_of(int argc, char** argv, int* i) {
  if (*i + 1 >= argc) fail(kExitUsage, argv[*i], "needs a value; see --help");
  return argv[++*i];
}

static options parse(int argc, char** argv) {
  options o = {NULL, NULL, NULL, NULL, "divide_by_255", 1, 1, 0};
  int i;
  for (i = 1; i < argc; ++i) {
    const char* word = argv[i];
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
      usage(stdout);
      exit(0);
    } else if (strcmp(word, "--count") == 0) {
      char* end;
      const char* text = value_of(argc, argv, &i);
      o.count = strtol(text, &end, 10);
      if (*end != '\0' || o.count < 1 || o.count > 1000000)
        fail(kExitUsage, "--count", "expected 1..1000000");
    } else if (strcmp(word, "--threads") == 0) {
      char* end;
      const char* text = value_of(argc, argv, &i);
      o.threads = strtol(text, &end, 10);
      if (*end != '\0' || end == text || o.threads < 0 || o.threads > 64)
        fail(kExitUsage, "--threads", "expected 1..64, or 0 for one a core");
    } else if (strcmp(word, "--isa") == 0) {
      o.isa = value_of(argc, argv, &i);
    } else if (strcmp(word, "--normalize") == 0) {
      o.normalize = value_of(argc, argv, &i);
      if (strcmp(o.normalize, "divide_by_255") != 0 && strcmp(o.normalize, "none") != 0 &&
          strcmp(o.normalize, "per_image_standardization") != 0) {
        fail(kExitUsage, "--normalize",
             "expected divide_by_255, none or per_image_standardization");
      }
    } else if (strcmp(word, "--raw-in") == 0) {
      o.raw_in = value_of(argc, argv, &i);
    } else if (strcmp(word, "--raw-out") == 0) {
      o.raw_out = value_of(argc, argv, &i);
    } else if (strcmp(word, "--profile") == 0) {
      o.profile = 1;
    } else if (word[0] == '-' && word[1] != '\0') {
      fail(kExitUsage, word, "unknown option; see --help");
    } else if (o.input != NULL) {
      fail(kExitUsage, word, "one INPUT at a time");
    } else {
      o.input = word;
    }
  }
  if ((o.raw_in == NULL) != (o.raw_out == NULL))
    fail(kExitUsage, "--raw-in", "goes with --raw-out");
  return o;
}

int main(int argc, char** argv) {
  const options o = parse(argc, argv);
  bluestem_session* session = NULL;
  const bluestem_options how = {sizeof how, o.isa, (int32_t)o.threads};
  const bluestem_status status = bluestem_create_with(&how, &session);
  if (status != BLUESTEM_OK) {
    fail(kExitUnavailable, o.isa == NULL ? "session" : o.isa, bluestem_status_text(status));
  }
  if (o.raw_in != NULL) {
    run_raw(&o, session);
  } else {
    run_once(&o, session);
  }
  bluestem_destroy(session);
  return 0;
}
