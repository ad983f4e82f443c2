/* Classifies a picture on any device:
 *   classify_c MODEL PICTURE.ppm [DEVICE]
 * MODEL: a run folder, an artefact, an .onnx, a .pb, or an exported file. The picture is a binary
 * PPM of the model's size. Built with the tests; the C++ form is classify.cc. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bluestem/core/bluestem.h"

static void fail(int code, const char* what) {
  fprintf(stderr, "classify_c: %s\n", what);
  exit(code);
}

static void check(int code) {
  if (code != 0) fail(code, bluestem_last_error());
}

static unsigned char* read_ppm(const char* path, const bluestem_port* port) {
  FILE* file = fopen(path, "rb");
  long width = 0, height = 0;
  unsigned char* pixels = malloc((size_t)port->bytes);
  if (file == NULL || pixels == NULL) fail(5, "cannot open the picture");
  if (fscanf(file, "P6 %ld %ld 255", &width, &height) != 2 || fgetc(file) == EOF ||
      strcmp(port->dtype, "u8") != 0 || 3 * (int64_t)width * height != port->bytes) {
    fail(3, "the picture is not a binary PPM of the model's input");
  }
  if (fread(pixels, 1, (size_t)port->bytes, file) != (size_t)port->bytes)
    fail(3, "the picture is too short");
  fclose(file);
  return pixels;
}

int main(int argc, char** argv) {
  bluestem_settings settings = {.device = argc > 3 ? argv[3] : "CPU"};
  if (argc < 3 || argc > 4) fail(2, "usage: classify_c MODEL PICTURE.ppm [DEVICE]");
  bluestem_network* network = bluestem_open(argv[1], &settings);
  if (network == NULL) fail(3, bluestem_last_error());
  const bluestem_port* input = bluestem_network_input(network, 0);
  const bluestem_port* output = bluestem_network_output(network, 0);
  unsigned char* pixels = read_ppm(argv[2], input);
  float* scores = malloc((size_t)output->bytes);
  if (scores == NULL) fail(1, "not enough memory");

  bluestem_request* request = bluestem_request_create(network);
  if (request == NULL) fail(1, bluestem_last_error());
  check(bluestem_request_set_input(request, input->name, pixels, input->bytes));
  check(bluestem_request_start(request));
  while (!bluestem_request_wait_for(request, 10)) fputc('.', stderr);
  check(bluestem_request_wait(request));
  check(bluestem_request_output(request, output->name, scores, output->bytes));

  int best = 0;
  for (int i = 1; i < (int)(output->bytes / (int64_t)sizeof(float)); ++i) {
    if (scores[i] > scores[best]) best = i;
  }
  printf("class %d: %.4f (%s)\n", best, (double)scores[best], settings.device);
  bluestem_request_destroy(request);
  bluestem_close(network);
  free(pixels);
  free(scores);
  return 0;
}
