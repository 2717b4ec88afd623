#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace framecast {

inline float sigmoid(float logit) { return 1.0f / (1.0f + std::exp(-logit)); }

/// A logit below which no sigmoid can exceed `score`; lets most positions go without an exponential.
inline float lowest_logit(float score) {
  if (score <= 0) return -std::numeric_limits<float>::infinity();
  if (score >= 1) return std::numeric_limits<float>::infinity();
  const double exact = std::log(static_cast<double>(score)) - std::log1p(-static_cast<double>(score));
  // Near 1 neighbouring float scores are many logits apart, so the margin grows with the logit.
  return static_cast<float>(exact - 0.01 - 0.1 * std::fabs(exact));
}

/// The natural logarithm of a normal positive number to within 0.01, without a call.
inline float rough_log(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const float mantissa = std::bit_cast<float>((bits & 0x007fffffu) | 0x3f800000u);  // In [1, 2).
  const float exponent = static_cast<float>(static_cast<std::int32_t>(bits >> 23) - 127);
  // A parabola through log2 at 1 and 2.
  return 0.6931472f * (exponent + (-1.0f / 3 * mantissa + 2) * mantissa - 5.0f / 3);
}

/// A logit below which object * sigmoid(logit) cannot exceed `threshold`, for object in (threshold, 1].
///
/// Much closer than `lowest_logit(threshold)` where the object is doubtful, and cheap, for it is asked per position.
inline float lowest_factor_logit(float object, float threshold) {
  const float least = threshold / object;
  if (!(least >= 1e-30f)) return -std::numeric_limits<float>::infinity();
  // The addend covers the rounding of products close to the threshold.
  const float rest = (object - threshold) / object + 1e-6f;
  const float logit = rough_log(least) - rough_log(rest);
  return logit - 0.03f - 0.1f * std::fabs(logit);
}

}  // namespace framecast
