/* score MODEL.onnx < rows.csv: prints a regressor's prediction, or the classes' probabilities, for each row.
 *
 * One row per line, fields with commas between them and no quotes; an empty field or "nan" is a missing number, an
 * empty field a missing string. The model takes one table [N, F], or one input [N, 1] for each column, such as numbers
 * and strings. Loading is the only step that allocates. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "arsenal/runtime.h"

enum { LINE = 1 << 16, COLUMNS = 1 << 12 };

/* A field of a row, as the dtype of its column says. */
typedef union value {
  float f;
  double d;
  int64_t i;
  arsenal_string s;
} value;

/* A row of the model's inputs: all that a run needs, made once. */
typedef struct row {
  size_t n_columns;
  int32_t dtypes[COLUMNS];
  value values[COLUMNS];
  size_t n_inputs;
  arsenal_input inputs[COLUMNS];
} row;

static const int64_t one_value[2] = {1, 1};
static int64_t wide_shape[2] = {1, 0};
static const int64_t wide_strides[2] = {sizeof(value), sizeof(value)};

static int fail(const char* message) {
  fprintf(stderr, "score: %s\n", message);
  return 1;
}

static int is_readable(int32_t dtype) {
  return dtype == ARSENAL_FLOAT || dtype == ARSENAL_DOUBLE || dtype == ARSENAL_INT64 || dtype == ARSENAL_STRING;
}

/* Lays out the inputs over the row's values; 0 if the model takes something else than rows of a table. */
static int lay_out(const arsenal_session* session, row* row) {
  row->n_inputs = arsenal_session_input_count(session);
  if (row->n_inputs > COLUMNS) return 0;
  for (size_t i = 0; i < row->n_inputs; ++i) {
    arsenal_value_info info;
    if (arsenal_session_input_info(session, i, &info) != ARSENAL_OK) return 0;
    if (info.rank != 2 || !is_readable(info.dtype)) return 0;
    const int is_wide = row->n_inputs == 1;
    if (is_wide ? info.dims[1] < 1 || info.dims[1] > COLUMNS : info.dims[1] != 1) return 0;
    for (int64_t c = 0; c < info.dims[1]; ++c) row->dtypes[row->n_columns++] = info.dtype;
    wide_shape[1] = info.dims[1];
    const arsenal_input input = {&row->values[i], info.dtype, 2, is_wide ? wide_shape : one_value, wide_strides};
    row->inputs[i] = input;
  }
  return 1;
}

/* Reads a field, which ends with a zero byte; 0 if it is no number where one is wanted. */
static int read_field(char* text, int32_t dtype, value* to) {
  char* end = text;
  if (dtype == ARSENAL_STRING) {
    to->s.data = text;
    to->s.size = strlen(text);
    return 1;
  }
  if (dtype == ARSENAL_INT64) {
    errno = 0;
    to->i = strtoll(text, &end, 10);
    return end != text && *end == '\0' && errno == 0;
  }
  const int is_missing = *text == '\0';
  if (dtype == ARSENAL_FLOAT) to->f = is_missing ? NAN : strtof(text, &end);
  if (dtype == ARSENAL_DOUBLE) to->d = is_missing ? NAN : strtod(text, &end);
  return is_missing || (end != text && *end == '\0');
}

/* Reads a line's fields into a row; 0 if there are more or fewer than columns, or one cannot be read. */
static int read_line(char* line, row* row) {
  line[strcspn(line, "\r\n")] = '\0';
  for (size_t c = 0; c < row->n_columns; ++c) {
    const size_t size = strcspn(line, ",");
    const int is_last = line[size] == '\0';
    if (is_last != (c + 1 == row->n_columns)) return 0;
    line[size] = '\0';
    if (!read_field(line, row->dtypes[c], &row->values[c])) return 0;
    line += size + 1;
  }
  return 1;
}

/* Scores each line. Nine and seventeen digits tell every float and double apart. */
static int score(const arsenal_session* session) {
  static char line[LINE];
  static row row;
  static value scores[COLUMNS];
  arsenal_value_info out;

  /* A regressor has one output; a classifier's second one holds the probabilities. */
  const size_t which = arsenal_session_output_count(session) - 1;
  if (arsenal_session_output_info(session, which, &out) != ARSENAL_OK) return fail(arsenal_last_error());
  if (!lay_out(session, &row) || (out.dtype != ARSENAL_FLOAT && out.dtype != ARSENAL_DOUBLE) || out.rank != 2 ||
      out.dims[1] < 1 || out.dims[1] > COLUMNS) {
    return fail("the model does not take rows of a table and give scores");
  }
  const int64_t shape[2] = {1, out.dims[1]};
  const arsenal_output output = {scores, out.dtype, 2, shape, wide_strides};
  while (fgets(line, sizeof(line), stdin) != NULL) {
    if (!read_line(line, &row))
      return fail("a line does not have the model's columns, with numbers where it wants them");
    if (arsenal_session_run(session, row.inputs, row.n_inputs, &which, &output, 1, NULL, 0) != ARSENAL_OK) {
      return fail(arsenal_last_error());
    }
    for (int64_t c = 0; c < shape[1]; ++c) {
      const int is_float = out.dtype == ARSENAL_FLOAT;
      printf("%s%.*g", c == 0 ? "" : ",", is_float ? 9 : 17, is_float ? (double)scores[c].f : scores[c].d);
    }
    printf("\n");
  }
  return 0;
}

int main(int argc, char** argv) {
  arsenal_session* session = NULL;
  if (argc != 2) return fail("usage: score MODEL.onnx < rows.csv");
  if (arsenal_abi_version() != ARSENAL_ABI_VERSION) return fail("the library does not fit its header");
  if (arsenal_session_load(argv[1], NULL, &session) != ARSENAL_OK) return fail(arsenal_last_error());
  const int status = score(session);
  arsenal_session_free(session);
  return status;
}
