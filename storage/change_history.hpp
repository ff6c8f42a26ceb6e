// change_history: what a batch did to keys, told from the log and its footnotes.
#pragma once

#include "messages/batch.hpp"
#include "storage/changes.hpp"
#include "storage/footnotes.hpp"

namespace raftbus {

// Tells the changes of a batch that was applied, in the order in which they happened, as whoever
// listened then was told. The footnotes are complete from its first index on.
void tell_changes(const Batch& batch, const Footnotes& footnotes, ChangeSink& sink);

}  // namespace raftbus
