/* Bluestem for C: models opened on any device, and inferences of them, one after the other or many
 * at once. It is core.h and runtime/compiled_model.h, function by function.
 *
 *   bluestem_settings settings = {.device = "AUTO"};
 *   bluestem_network* network = bluestem_open("run", &settings);
 *   if (network == NULL) { puts(bluestem_last_error()); exit(1); }
 *   bluestem_request* request = bluestem_request_create(network);
 *   bluestem_request_set_input(request, "image", pixels, sizeof pixels);
 *   bluestem_request_infer(request);
 *   bluestem_request_output(request, "scores", scores, sizeof scores);
 *
 * Functions that return int give 0 where all went well, else a code of docs/formats/exit_codes.md
 * (2 wrong use, 3 bad file, 4 unsupported, 5 missing file, 6 not here, 130 cancelled); then
 * bluestem_last_error() says what. Functions that return a pointer give NULL.
 *
 * Threads: a network may be used from any thread. One request belongs to one thread at a time, but
 * for bluestem_request_cancel, which any thread may call. The last error is each thread's own.
 * Ownership: who creates or opens also destroys or closes; a request keeps its network alive.
 * Strings that are returned live as long as the network, the last error until the thread's next
 * call. */
#ifndef BLUESTEM_CORE_BLUESTEM_H_
#define BLUESTEM_CORE_BLUESTEM_H_

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct bluestem_network bluestem_network;
typedef struct bluestem_request bluestem_request;

enum { BLUESTEM_HINT_LATENCY = 0, BLUESTEM_HINT_THROUGHPUT = 1 };

/* Zeros are the defaults. */
typedef struct {
  const char* device; /* a device string: "CPU" (NULL), "AUTO", "HETERO:FPGA-MODEL,CPU" */
  const char* meta;   /* a meta.yaml other than that beside the model */
  const char* isa;    /* "avx2", ...; NULL is the best of the CPU */
  int32_t hint;
  int32_t streams; /* inferences at a time; 0: by the hint */
  int32_t threads; /* of one inference; 0: by the hint */
  int32_t batch;   /* inferences that a stream runs together at most; 0: by the hint */
} bluestem_settings;

typedef struct {
  const char* name;
  const char* dtype; /* "f32", "u8", "s32", ... */
  int32_t rank;
  const int64_t* shape;
  int64_t bytes;
} bluestem_port;

typedef struct {
  const char* name;
  const char* value;
} bluestem_property;

/* What a call of the model did. */
typedef struct {
  const char* op;
  const char* kernel; /* of a transfer: "encode", "transfer in", "transfer out", "decode" */
  const char* device;
  int32_t x_bits, w_bits;
  int64_t macs;
  int64_t nanoseconds;     /* of wall time */
  int64_t cpu_nanoseconds; /* of the calling thread; 0 where it was not measured */
  int64_t cycles;          /* of a device that counts them, else 0 */
} bluestem_op_profile;

const char* bluestem_last_error(void);

/* What `bluestem devices` lists. The reason is why a device is not here and what to do; NULL where
 * it is here. All are NULL for another index. */
int32_t bluestem_device_count(void);
const char* bluestem_device_name(int32_t index);
const char* bluestem_device_summary(int32_t index);
const char* bluestem_device_reason(int32_t index);
int32_t bluestem_device_properties(int32_t index); /* how many; 0 for another index */
const bluestem_property* bluestem_device_property(int32_t index, int32_t property);

/* `model`: a run folder, an artefact, an .onnx, a .pb, a compiled library or an exported file.
 * `settings` may be NULL. */
bluestem_network* bluestem_open(const char* model, const bluestem_settings* settings);
void bluestem_close(bluestem_network* network); /* NULL is allowed */
int bluestem_export(const bluestem_network* network, const char* path);

int32_t bluestem_network_inputs(const bluestem_network* network);
int32_t bluestem_network_outputs(const bluestem_network* network);
/* NULL for another index. */
const bluestem_port* bluestem_network_input(const bluestem_network* network, int32_t index);
const bluestem_port* bluestem_network_output(const bluestem_network* network, int32_t index);
int32_t bluestem_network_streams(const bluestem_network* network);
/* How many of the requests that wait a stream takes at once; 1 where no device gains by it. */
int32_t bluestem_network_batch(const bluestem_network* network);
/* SHA-256 of the model file, in hexadecimal digits. */
const char* bluestem_network_model_hash(const bluestem_network* network);

bluestem_request* bluestem_request_create(const bluestem_network* network);
/* Cancels it and waits for its end; so not from its own callback. NULL is allowed. */
void bluestem_request_destroy(bluestem_request* request);

/* Copies `bytes` bytes, which must be the port's. */
int bluestem_request_set_input(bluestem_request* request, const char* name, const void* data,
                               int64_t bytes);
int bluestem_request_output(const bluestem_request* request, const char* name, void* data,
                            int64_t bytes);

int bluestem_request_infer(bluestem_request* request);
/* Returns at once; wait says how it ended. */
int bluestem_request_start(bluestem_request* request);
/* Starts requests of one network at once, so that a stream can take them together. Where it does
 * not give 0, none was started. */
int bluestem_requests_start(bluestem_request* const* requests, int32_t count);
int bluestem_request_wait(bluestem_request* request);
/* 1 where it ended within the time, else 0. */
int bluestem_request_wait_for(bluestem_request* request, int64_t milliseconds);
void bluestem_request_cancel(bluestem_request* request);
/* Called with `user` and the inference's code after each asynchronous inference, on a thread of
 * the network; it must not wait for its own request. NULL takes it away. Set while the request is
 * idle. */
typedef void (*bluestem_callback)(void* user, int code);
void bluestem_request_set_callback(bluestem_request* request, bluestem_callback callback,
                                   void* user);

/* Asks for a row a call from the next inference on (0: no more). Rows are those of the last
 * inference; their texts live until the next one starts. */
void bluestem_request_enable_profile(bluestem_request* request, int enable);
int32_t bluestem_request_profile_rows(const bluestem_request* request);
int bluestem_request_profile_row(const bluestem_request* request, int32_t index,
                                 bluestem_op_profile* row);

#ifdef __cplusplus
}
#endif

#endif
