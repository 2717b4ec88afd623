#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <stdexcept>

namespace framecast {

// Protobuf's wire format, as far as results need it: https://protobuf.dev/programming-guides/encoding.
// Fields of proto3 without presence are left out when all bits are zero, so -0.0 and NaN are written.

static_assert(std::endian::native == std::endian::little, "floats go to the wire as they lie in memory");

/// Protobuf refuses longer messages.
constexpr std::size_t kMostWireBytes = 0x7fffffff;

enum class WireType : std::uint8_t { varint = 0, bytes = 2, fixed32 = 5 };

/// Field numbers here are below 16, so a tag is one byte.
constexpr std::uint8_t field_tag(unsigned number, WireType type) {
  return static_cast<std::uint8_t>(number << 3 | static_cast<unsigned>(type));
}

/// Seven bits to a byte.
constexpr std::size_t varint_size(std::uint64_t value) {
  return (static_cast<std::size_t>(std::bit_width(value | 1)) * 9 + 64) / 64;
}

/// Of an int32 or int64 with its tag; a negative one takes ten bytes.
constexpr std::size_t int_field_size(std::int64_t value) {
  return value == 0 ? 0 : 1 + varint_size(static_cast<std::uint64_t>(value));
}

inline std::size_t float_field_size(float value) { return std::bit_cast<std::uint32_t>(value) == 0 ? 0 : 5; }

/// Of a string, a packed field or a message that is there, with tag and length.
constexpr std::size_t bytes_field_size(std::size_t size) { return 1 + varint_size(size) + size; }

/// Of the values of a packed field of uint32, without tag and length.
inline std::size_t packed_size(std::span<const std::uint32_t> values) {
  std::size_t size = 0;
  for (std::uint32_t value : values) size += varint_size(value);
  return size;
}

/// Of a repeated field that is not written where it is empty.
constexpr std::size_t packed_field_size(std::size_t size) { return size == 0 ? 0 : bytes_field_size(size); }

/// Writes a message from its last byte to its first, so that every length is known when it is due.
///
/// Throws std::length_error instead of writing before the memory it was given.
class WireWriter {
 public:
  explicit WireWriter(std::span<std::uint8_t> out) : begin_(out.data()), at_(out.data() + out.size()) {}

  /// Bytes that are not written yet; how much it falls is the size of what was written in between.
  std::size_t left() const { return static_cast<std::size_t>(at_ - begin_); }

  void bytes(const void* data, std::size_t size) {
    std::uint8_t* target = take(size);
    if (size > 0) std::memcpy(target, data, size);
  }

  /// The tag and the length of what was just written.
  void length(std::uint8_t tag, std::size_t size) {
    if (size < 128) {
      std::uint8_t* target = take(2);
      target[0] = tag;
      target[1] = static_cast<std::uint8_t>(size);
      return;
    }
    varint(size);
    *take(1) = tag;
  }

  /// A packed field of uint32; nothing where there are no values.
  void packed_field(std::uint8_t tag, std::span<const std::uint32_t> values) {
    if (values.empty()) return;
    const std::size_t end = left();
    for (std::size_t i = values.size(); i-- > 0;) varint(values[i]);
    length(tag, end - left());
  }

  /// A packed field of floats; nothing where there are no values.
  void packed_field(std::uint8_t tag, std::span<const float> values) {
    if (values.empty()) return;
    bytes(values.data(), values.size_bytes());
    length(tag, values.size_bytes());
  }

  void int_field(std::uint8_t tag, std::int64_t value) {
    if (value == 0) return;
    varint(static_cast<std::uint64_t>(value));
    *take(1) = tag;
  }

  void float_field(std::uint8_t tag, float value) {
    if (std::bit_cast<std::uint32_t>(value) != 0) present_float_field(tag, value);
  }

  /// Of a field with presence, so zero is written too.
  void present_float_field(std::uint8_t tag, float value) {
    std::uint8_t* target = take(5);
    target[0] = tag;
    std::memcpy(target + 1, &value, 4);
  }

 private:
  void varint(std::uint64_t value) {
    std::uint8_t* target = take(varint_size(value));
    for (; value >= 128; value >>= 7) *target++ = static_cast<std::uint8_t>(value | 128);
    *target = static_cast<std::uint8_t>(value);
  }

  std::uint8_t* take(std::size_t size) {
    if (size > left()) throw std::length_error("a message is longer than it was measured");
    return at_ -= size;
  }

  std::uint8_t* begin_;
  std::uint8_t* at_;
};

}  // namespace framecast
