/* The Node-API addon: operations(), call(index, parameter count, parameters, ...typed arrays), threads(count), describe(). */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <node_api.h>
#include <stdlib.h>
#include <string.h>

#include "boundary.h"
#include "platform.h"

#if defined(__x86_64__) && !defined(MARGINALIA_DOUBLE)
#define SEVERAL_LEVELS
#endif

#ifdef MARGINALIA_DOUBLE
static const napi_typedarray_type floatArray = napi_float64_array;
#else
static const napi_typedarray_type floatArray = napi_float32_array;
#endif

#ifdef SEVERAL_LEVELS
extern const Operation operations_baseline[], operations_avx2[], operations_avx512[];
#else
extern const Operation operations_baseline[];
#endif

static const Operation *operations = 0;
static const char *instructionSet = 0;
static int operationCount = 0;

static void choose_instruction_set(void) {
  if (operations) return;
  const Operation *chosen = operations_baseline;
  instructionSet = "baseline";
#ifdef SEVERAL_LEVELS
  const char *most = getenv("MARGINALIA_SIMD"); /* caps the choice, for tests: baseline, avx2 */
  const int baseline = most && !strcmp(most, "baseline"), avx2 = most && !strcmp(most, "avx2");
  __builtin_cpu_init();
  if (!baseline && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
    chosen = operations_avx2;
    instructionSet = "AVX2";
    if (!avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      chosen = operations_avx512;
      instructionSet = "AVX-512";
    }
  }
#elif defined(__aarch64__)
  instructionSet = "NEON";
#endif
  for (operationCount = 0; chosen[operationCount].name;) operationCount++;
  operations = chosen;
}

static napi_value refuse(napi_env env, const char *text) {
  napi_throw_range_error(env, 0, text);
  return 0;
}

static napi_value call(napi_env env, napi_callback_info info) {
  napi_value given[MOST_ARRAYS + 3];
  size_t count = MOST_ARRAYS + 3;
  if (napi_get_cb_info(env, info, &count, given, 0, 0) != napi_ok) return refuse(env, "call: no arguments");
  if (count < 3 || count > MOST_ARRAYS + 3) return refuse(env, "call: from 0 to 256 arrays");
  double index, paramCount;
  if (napi_get_value_double(env, given[0], &index) != napi_ok || !(index >= 0 && index < operationCount))
    return refuse(env, "call: unknown operation");
  Array arrays[MOST_ARRAYS];
  napi_typedarray_type type;
  size_t length;
  void *params;
  if (napi_get_typedarray_info(env, given[2], &type, &length, &params, 0, 0) != napi_ok || type != napi_float64_array)
    return refuse(env, "call: parameters must be a Float64Array");
  if (napi_get_value_double(env, given[1], &paramCount) != napi_ok || !(paramCount >= 0 && paramCount <= (double)length))
    return refuse(env, "call: wrong number of parameters");
  for (size_t i = 3; i < count; i++) {
    Array *array = &arrays[i - 3];
    if (napi_get_typedarray_info(env, given[i], &type, &length, &array->data, 0, 0) != napi_ok)
      return refuse(env, "call: arrays must be typed arrays");
    array->type = type == floatArray ? FLOAT32
                  : type == napi_int32_array ? INT32
                  : type == napi_uint8_array ? UINT8
                                             : -1;
    array->length = array->data ? (int64_t)length : 0;
  }
  if (run_operation(&operations[(int)index], arrays, (int)count - 3, params, (int)paramCount)) {
    char text[256] = "";
    strncat(text, operations[(int)index].name, 60);
    strcat(text, ": ");
    strncat(text, mg_message(), 180);
    return refuse(env, text);
  }
  return 0;
}

static napi_value text_of(napi_env env, const char *text) {
  napi_value value = 0;
  napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value);
  return value;
}

/* [name, signature, name, signature, ...] in the order of their numbers. */
static napi_value list_operations(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value list;
  if (napi_create_array(env, &list) != napi_ok) return 0;
  for (int i = 0; i < operationCount; i++) {
    napi_set_element(env, list, (uint32_t)(2 * i), text_of(env, operations[i].name));
    napi_set_element(env, list, (uint32_t)(2 * i + 1), text_of(env, operations[i].signature));
  }
  return list;
}

/* threads(): how many; threads(count): sets how many, at most the machine's cores. */
static napi_value threads(napi_env env, napi_callback_info info) {
  napi_value argument, result;
  size_t count = 1;
  double wanted;
  napi_get_cb_info(env, info, &count, &argument, 0, 0);
  if (count > 0 && napi_get_value_double(env, argument, &wanted) == napi_ok)
    mg_set_threads(wanted >= 1 ? wanted < 1024 ? (int)wanted : 1024 : 1);
  return napi_create_int32(env, mg_thread_count(), &result) == napi_ok ? result : 0;
}

static napi_value describe(napi_env env, napi_callback_info info) {
  (void)info;
  return text_of(env, instructionSet);
}

NAPI_MODULE_INIT() {
  /* The pool's threads outlive a worker's environment, so the code must never be unmapped. */
  Dl_info self;
  if (dladdr((void *)&mg_parallel, &self)) dlopen(self.dli_fname, RTLD_LAZY | RTLD_NODELETE);
  choose_instruction_set();
  const struct {
    const char *name;
    napi_callback function;
  } functions[] = {{"call", call}, {"operations", list_operations}, {"threads", threads}, {"describe", describe}};
  for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
    napi_value function;
    if (napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].function, 0, &function) != napi_ok ||
        napi_set_named_property(env, exports, functions[i].name, function) != napi_ok)
      return 0;
  }
  return exports;
}
