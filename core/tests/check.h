#pragma once

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <string>
#include <vector>

#include "isa.h"

/// A test program in one header: TEST(name) { CHECK(...); } and a main that runs them all.
namespace check {

struct Test {
  const char* name;
  void (*run)();
};

inline std::vector<Test>& tests() {
  static std::vector<Test> all;
  return all;
}

inline int& failures() {
  static int count = 0;
  return count;
}

inline void fail(const char* file, int line, const std::string& what) {
  std::fprintf(stderr, "%s:%d: %s\n", file, line, what.c_str());
  ++failures();
}

struct Registration {
  Registration(const char* name, void (*run)()) { tests().push_back({name, run}); }
};

}  // namespace check

#define TEST(name)                                                          \
  static void test_##name();                                                \
  static const check::Registration registration_##name{#name, test_##name}; \
  static void test_##name()

#define CHECK(condition) \
  if (!(condition)) check::fail(__FILE__, __LINE__, #condition)

/// The statement must throw std::invalid_argument with a message that begins with the argument's name.
#define CHECK_REFUSES(argument, ...)                                                         \
  try {                                                                                      \
    __VA_ARGS__;                                                                             \
    check::fail(__FILE__, __LINE__, "nothing thrown by " #__VA_ARGS__);                      \
  } catch (const std::invalid_argument& error) {                                             \
    if (std::string(error.what()).rfind(argument ": ", 0) != 0) {                            \
      check::fail(__FILE__, __LINE__, std::string("wrong argument named: ") + error.what()); \
    }                                                                                        \
  }

int main() {
  try {
    framecast::active_isa();
  } catch (const std::exception& error) {
    std::printf("skipped: %s\n", error.what());
    return 77;
  }
  for (const check::Test& test : check::tests()) {
    const int before = check::failures();
    try {
      test.run();
    } catch (const std::exception& error) {
      check::fail(test.name, 0, std::string("threw ") + error.what());
    }
    if (check::failures() != before) std::fprintf(stderr, "FAILED %s\n", test.name);
  }
  std::printf("%zu tests, %d failures\n", check::tests().size(), check::failures());
  return check::failures() == 0 ? 0 : 1;
}
