/* score MODEL.onnx < rows.csv: prints a regressor's prediction, or the classes' probabilities, for each row.
 *
 * One row per line, numbers with commas between them; "nan" is missing. The model takes one input of float [N, F].
 * Loading is the only step that allocates. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arsenal/runtime.h"

enum { LINE = 1 << 16, COLUMNS = 1 << 12 };

static int fail(const char* message) {
  fprintf(stderr, "score: %s\n", message);
  return 1;
}

int main(int argc, char** argv) {
  static char line[LINE];
  static float row[COLUMNS];
  static float scores[COLUMNS];
  arsenal_session* session = NULL;
  arsenal_value_info in;
  arsenal_value_info out;

  if (argc != 2) return fail("usage: score MODEL.onnx < rows.csv");
  if (arsenal_abi_version() != ARSENAL_ABI_VERSION) return fail("the library does not fit its header");
  if (arsenal_session_load(argv[1], NULL, &session) != ARSENAL_OK) return fail(arsenal_last_error());

  /* A regressor has one output; a classifier's second one holds the probabilities. */
  const size_t which = arsenal_session_output_count(session) - 1;
  if (arsenal_session_input_count(session) != 1 || arsenal_session_input_info(session, 0, &in) != ARSENAL_OK ||
      arsenal_session_output_info(session, which, &out) != ARSENAL_OK || in.dtype != ARSENAL_FLOAT || in.rank != 2 ||
      out.dtype != ARSENAL_FLOAT || out.rank != 2 || in.dims[1] < 0 || in.dims[1] > COLUMNS || out.dims[1] > COLUMNS) {
    arsenal_session_free(session);
    return fail("the model does not take one table of floats and give another");
  }

  const int64_t in_shape[2] = {1, in.dims[1]};
  const int64_t out_shape[2] = {1, out.dims[1]};
  const arsenal_input input = {row, ARSENAL_FLOAT, 2, in_shape, NULL};
  const arsenal_output output = {scores, ARSENAL_FLOAT, 2, out_shape, NULL};
  int status = 0;
  while (status == 0 && fgets(line, sizeof(line), stdin) != NULL) {
    char* field = line;
    for (int64_t column = 0; column < in_shape[1]; ++column) {
      row[column] = strtof(field, &field);
      if (*field == ',') ++field;
    }
    if (arsenal_session_run(session, &input, 1, &which, &output, 1, NULL, 0) != ARSENAL_OK) {
      status = fail(arsenal_last_error());
      break;
    }
    for (int64_t column = 0; column < out_shape[1]; ++column) printf("%s%g", column == 0 ? "" : ",", scores[column]);
    printf("\n");
  }
  arsenal_session_free(session);
  return status;
}
