// rot: a bit of a log's files changes on the disk.
//
// Owns: the choice of a bit whose change the log promises to find (docs/log-format.md): not one of
// the last group of writes, which can't be told from an unfinished write, nor one that only a seal
// vouches for which a power loss may take away.
#pragma once

#include "messages/random.hpp"
#include "sim/sim_disk.hpp"

namespace raftbus::sim {

// False, and nothing is changed, if the log holds nothing that is safe from doubt, or the disk has
// just failed.
bool rot_a_bit(SimDisk& disk, std::uint64_t identity, Random& random);

}  // namespace raftbus::sim
