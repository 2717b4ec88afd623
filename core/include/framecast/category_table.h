#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace framecast {

/// Ids and names of a model's classes, already as the first two fields of an `Instance` or a `Label` on the wire.
///
/// Made once per model and given to every `serialise_results`; any number of threads may read it.
class CategoryTable {
 public:
  /// `ids` and `names` are [C], by class; names are UTF-8, which is not checked.
  ///
  /// Throws std::invalid_argument, naming the argument, where the lengths differ or a name has 2 GiB or more.
  CategoryTable(std::span<const std::int32_t> ids, std::span<const std::string_view> names);

  std::size_t size() const { return splits_.size() - 1; }

  /// The fields `category_id` and `category` of a class below size().
  std::span<const std::uint8_t> fields(std::size_t index) const {
    return {bytes_.data() + splits_[index], splits_[index + 1] - splits_[index]};
  }

 private:
  std::vector<std::uint8_t> bytes_;
  std::vector<std::size_t> splits_;
};

}  // namespace framecast
