#include "framecast/category_table.h"

#include "argument.h"
#include "wire_writer.h"

namespace framecast {

CategoryTable::CategoryTable(std::span<const std::int32_t> ids, std::span<const std::string_view> names) {
  require(names.size() == ids.size(), "names: must have one entry per id");
  std::size_t total = 0;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    require(names[i].size() <= kMostWireBytes, "names: must be shorter than 2 GiB");
    total += int_field_size(ids[i]) + (names[i].empty() ? 0 : bytes_field_size(names[i].size()));
  }
  bytes_.resize(total);
  splits_.assign(ids.size() + 1, 0);
  splits_.back() = total;
  WireWriter writer(bytes_);
  for (std::size_t i = ids.size(); i-- > 0;) {
    if (!names[i].empty()) {
      writer.bytes(names[i].data(), names[i].size());
      writer.length(field_tag(2, WireType::bytes), names[i].size());
    }
    writer.int_field(field_tag(1, WireType::varint), ids[i]);
    splits_[i] = writer.left();
  }
}

}  // namespace framecast
