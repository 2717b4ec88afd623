#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "box_code.h"
#include "framecast/box.h"
#include "kernels/nms.h"

namespace framecast {

/// Greedy suppression among the boxes of one group, those that can suppress each other.
///
/// The best box that is left stays and strikes out all others that overlap it too much, sixteen at a time, until none
/// is left; the struck ones are moved out of the way whenever they are the majority. How many must be looked at for a
/// box that stays depends on how many there are. A few are all compared. Of more, each has a code of four bytes, its
/// corners on a coarse grid, and only those are compared whose code lies in a window around the box. Many are sorted
/// by strips of y1 and by x1, so that only the codes of a part are looked at. All this only leaves out boxes that
/// cannot overlap enough: the answer is that of comparing all.
class GroupSuppression {
 public:
  void start(const kernels::NmsKernels& kernels, float threshold);

  /// Sets `stays[member]` for each member that stays, at most `limit` of them.
  ///
  /// `members` are indexes of `boxes`, the best first; they are changed. Boxes that are not finite are left out.
  void run(const Box* boxes, std::span<std::uint32_t> members, std::size_t limit, std::uint8_t* stays);

 private:
  void lay_out(const Box* boxes, std::span<const std::uint32_t> members);
  std::size_t strike_in_order(std::span<std::uint32_t> members, std::uint8_t* stays);
  std::size_t strike_by_place(std::span<std::uint32_t> members, std::uint8_t* stays);
  void sort_by_place(std::size_t count);
  Box box_at(std::size_t at) const;
  std::size_t strike(std::size_t begin, std::size_t end, std::size_t at, const CodeWindow* window);

  bool is_left(std::size_t at) const { return left_[at / 64] >> at % 64 & 1; }

  kernels::NmsKernels kernels_{};
  kernels::OverlapLimit limit_;
  CodeWindows windows_;
  CodeFrame frame_{};
  std::size_t may_stay_ = 0;  ///< How many more.
  std::size_t left_count_ = 0;
  std::vector<kernels::CodedBoxes> blocks_;  ///< In order, or by place.
  std::vector<kernels::CodedBoxes> moved_;
  std::vector<std::uint64_t> left_;  ///< A bit per box: not struck out.
  std::uint32_t strip_shift_ = 0;
  std::vector<std::uint32_t> ends_;   ///< [strips, 257]: where in a strip the boxes of each x1 begin, and its end.
  std::vector<std::uint32_t> place_;  ///< Per member: where it lies.
};

}  // namespace framecast
