// revision_order: what the returned revisions alone must obey. They are log indexes, and there is
// one log, so most broken promises show here at once, on all keys together and without any search.
//
// Owns: the rules. Must not know: the linearizability search, which it is independent of; neither
// finds all that the other does.
//
// 1. No two acknowledged writes share a revision.
// 2. A revision has one key and one value, those of the write that got it; and what is read was
//    written, with an unknown outcome if not acknowledged under that revision.
// 3. A value that was written once has one revision.
// 4. A write begun after revision r was returned, for whatever key, gets a greater one.
// 5. What looks at a key sees no older revision than one that was returned for it before. It sees
//    no absence then either, unless somebody may have erased the key.
// 6. No two writes replace the same revision, and a condition that fails names what it failed on.
#pragma once

#include <optional>
#include <span>
#include <string>

#include "sim/history.hpp"

namespace raftbus::sim {

// The first rule that is broken, in words with the operations concerned; none if all hold.
// "Before" means a smaller Moment: what ends in the moment in which another begins is concurrent.
std::optional<std::string> check_revisions(const History& history);
// Of part of a history. It must hold all operations on the keys that occur in it.
std::optional<std::string> check_revisions(std::span<const Operation* const> operations);

}  // namespace raftbus::sim
