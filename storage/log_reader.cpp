#include "storage/log_reader.hpp"

#include <utility>

#include "storage/damage.hpp"
#include "storage/log_format.hpp"

namespace raftbus {

Batch LogReader::read(const BatchLocation& location) {
    const auto damaged = [&location](std::string_view what) {
        return DiskFailed(damage_text(segment_name(location.segment), location.offset, what));
    };
    if (!file_ || segment_ != location.segment) {
        file_ = disk_.open(segment_name(location.segment));
        segment_ = location.segment;
    }
    const SharedBytes bytes = SharedBytes::own(file_->read(location.offset, location.bytes));
    const auto record = parse_record(bytes.view(), {identity_, location.segment}, location.offset);
    if (!record || record->kind != RecordKind::batch)
        throw damaged("a batch that was written there is not readable any more");
    const Result<BatchView> batch = parse_batch(record->payload);
    if (!batch) throw damaged(batch.error().message);
    if (batch->header.first != location.first || batch->header.count != location.count)
        throw damaged("another batch stands there than the one that was written");
    return {batch->header, bytes.part(batch->body)};
}

}  // namespace raftbus
