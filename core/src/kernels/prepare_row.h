// The part of the kernels of `prepare` that every instruction set shares; included once by each of their files, inside
// their unnamed namespace, after FRAMECAST_TARGET, FRAMECAST_INLINE, kLanes, Floats and its operations, and interleave.

/// What a block needs of a row, in registers: stores into the output could otherwise change it.
struct Constants {
  Floats gain[3];
  Floats bias[3];
  Floats y_scale, y_offset, red_v, green_u, green_v, blue_u;

  FRAMECAST_INLINE explicit Constants(const PreparedRow& row)
      : y_scale(broadcast(row.yuv.y_scale)),
        y_offset(broadcast(row.yuv.y_offset)),
        red_v(broadcast(row.yuv.red_v)),
        green_u(broadcast(row.yuv.green_u)),
        green_v(broadcast(row.yuv.green_v)),
        blue_u(broadcast(row.yuv.blue_u)) {
    for (int c = 0; c < 3; ++c) {
      gain[c] = broadcast(row.gain[c]);
      bias[c] = broadcast(row.bias[c]);
    }
  }
};

FRAMECAST_INLINE Floats limited(Floats value) { return min(broadcast(255), max(broadcast(0), value)); }

FRAMECAST_INLINE void to_rgb(const Constants& constants, Floats y, Floats u, Floats v, Floats* rgb) {
  const Floats luma = mul(sub(y, constants.y_offset), constants.y_scale);
  const Floats blue = sub(u, broadcast(128));
  const Floats red = sub(v, broadcast(128));
  rgb[0] = limited(add(luma, mul(red, constants.red_v)));
  rgb[1] = limited(sub(sub(luma, mul(blue, constants.green_u)), mul(red, constants.green_v)));
  rgb[2] = limited(add(luma, mul(blue, constants.blue_u)));
}

/// A plane's blended rows are read through Columns: `load(block)`, then `value(channel)`.
template <class Columns, Source source>
FRAMECAST_TARGET void prepare_row_from(const PreparedRow& given) {
  const PreparedRow row = given;
  const Constants constants(row);
  Columns first(row.planes[0]);
  Columns second(row.planes[source == Source::yuv_planes || source == Source::yuv_interleaved ? 1 : 0]);
  Columns third(row.planes[source == Source::yuv_planes ? 2 : 0]);
  const std::uint32_t* starts = row.planes[0].columns->starts.data();
  const std::size_t blocks = row.planes[0].columns->starts.size();
  for (std::size_t block = 0; block < blocks; ++block) {
    Floats values[3];
    first.load(block);
    if constexpr (source == Source::interleaved) {
      for (int c = 0; c < 3; ++c) values[c] = first.value(c);
    } else if constexpr (source == Source::gray) {
      values[0] = values[1] = values[2] = first.value(0);
    } else {
      second.load(block);
      if constexpr (source == Source::yuv_planes) {
        third.load(block);
        to_rgb(constants, first.value(0), second.value(0), third.value(0), values);
      } else {
        to_rgb(constants, first.value(0), second.value(0), second.value(1), values);
      }
    }
    const std::size_t x = starts[block];
    for (int c = 0; c < 3; ++c) {
      // Values are in [0, 255], where truncation is floor.
      if (row.round_to_uint8) values[c] = truncate(add(values[c], broadcast(0.5f)));
      store(row.out[c] + x, add(mul(values[c], constants.gain[c]), constants.bias[c]));
    }
  }
}

template <class Columns>
FRAMECAST_TARGET void prepare_row_with(const PreparedRow& row) {
  switch (row.source) {
    case Source::interleaved:
      return prepare_row_from<Columns, Source::interleaved>(row);
    case Source::gray:
      return prepare_row_from<Columns, Source::gray>(row);
    case Source::yuv_planes:
      return prepare_row_from<Columns, Source::yuv_planes>(row);
    case Source::yuv_interleaved:
      return prepare_row_from<Columns, Source::yuv_interleaved>(row);
  }
}

/// Rows narrower than a block are left to the plain kernel; else the last block overlaps the one before it.
template <class Element>
FRAMECAST_INLINE void store_row(const float* values, std::size_t width, Element* out) {
  std::size_t x = 0;
  for (; x + kLanes <= width; x += kLanes) store(out + x, load(values + x));
  if (x < width) store(out + width - kLanes, load(values + width - kLanes));
}

template <class Element>
FRAMECAST_INLINE void interleave_block(const StoredRow& row, std::size_t x, Element* out) {
  interleave(load(row.values[0] + x), load(row.values[1] + x), load(row.values[2] + x), out + 3 * x);
}

template <class Element>
FRAMECAST_INLINE void interleave_row(const StoredRow& row, Element* out) {
  std::size_t x = 0;
  for (; x + kLanes <= row.width; x += kLanes) interleave_block(row, x, out);
  if (x < row.width) interleave_block(row, row.width - kLanes, out);
}

FRAMECAST_TARGET void store_halves(const float* values, std::size_t width, Half* out) {
  if (width < kLanes) return kPrepareScalar.store_halves(values, width, out);
  store_row(values, width, out);
}

FRAMECAST_TARGET void store_bytes(const float* values, std::size_t width, std::uint8_t* out) {
  if (width < kLanes) return kPrepareScalar.store_bytes(values, width, out);
  store_row(values, width, out);
}

FRAMECAST_TARGET void interleave_floats(const StoredRow& row, float* out) {
  if (row.width < kLanes) return kPrepareScalar.interleave_floats(row, out);
  interleave_row(row, out);
}

FRAMECAST_TARGET void interleave_halves(const StoredRow& row, Half* out) {
  if (row.width < kLanes) return kPrepareScalar.interleave_halves(row, out);
  interleave_row(row, out);
}

FRAMECAST_TARGET void interleave_bytes(const StoredRow& row, std::uint8_t* out) {
  if (row.width < kLanes) return kPrepareScalar.interleave_bytes(row, out);
  interleave_row(row, out);
}

/// Aligned but for the ends: stores that straddle cache lines cost twice.
FRAMECAST_TARGET void fill(const std::uint8_t* pattern, std::size_t bytes, std::uint8_t* out) {
  if (bytes < kLineBytes) {
    std::memcpy(out, pattern, bytes);
    return;
  }
  store_line(out, load_line(pattern));
  std::size_t at = (kLineBytes - reinterpret_cast<std::uintptr_t>(out) % kLineBytes) % kLineBytes;
  // The lines repeat with the pattern, so three of them are all.
  const Line lines[3] = {load_line(pattern + at), load_line(pattern + at + kLineBytes),
                         load_line(pattern + at + 2 * kLineBytes)};
  for (; at + kFillPeriod <= bytes; at += kFillPeriod) {
    for (std::size_t i = 0; i < 3; ++i) store_line(out + at + i * kLineBytes, lines[i]);
  }
  for (std::size_t i = 0; i < 2 && at + kLineBytes <= bytes; ++i, at += kLineBytes) store_line(out + at, lines[i]);
  store_line(out + bytes - kLineBytes, load_line(pattern + (bytes - kLineBytes) % kFillPeriod));
}
