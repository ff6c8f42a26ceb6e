#include "storage/kv_scan.hpp"

namespace raftbus {

bool ScanCollector::add(std::string_view key, std::string_view value, std::uint64_t revision) {
    if (query_.keys_only) value = {};
    const bool fits = bytes_.size() + key.size() + value.size() <= query_.bytes_max;
    if (places_.size() >= query_.limit || (!fits && !places_.empty())) {
        more_ = true;
        return false;
    }
    places_.push_back({bytes_.size(), key.size(), value.size(), revision});
    bytes_.append(key).append(value);
    return true;
}

ScanAnswer ScanCollector::finish() {
    const SharedBytes memory = SharedBytes::own(std::move(bytes_));
    ScanAnswer answer;
    answer.more = more_;
    answer.items.reserve(places_.size());
    for (const Place& place : places_) {
        const std::string_view both =
            memory.view().substr(place.offset, place.key_bytes + place.value_bytes);
        answer.items.push_back({memory.part(both.substr(0, place.key_bytes)),
                                memory.part(both.substr(place.key_bytes)), place.revision});
    }
    return answer;
}

ScanAnswer scan_layers(const ScanQuery& query, std::vector<std::unique_ptr<KvCursor>> layers) {
    ScanCollector collector(query);
    for (;;) {
        KvCursor* newest = nullptr;  // of those that stand at the smallest key
        for (const auto& layer : layers)
            if (layer->valid() && (!newest || layer->key() < newest->key())) newest = layer.get();
        if (!newest) break;
        if (!newest->erased() && !collector.add(newest->key(), newest->value(), newest->revision()))
            break;
        for (const auto& layer : layers)
            if (layer.get() != newest && layer->valid() && layer->key() == newest->key())
                layer->next();
        newest->next();
    }
    return collector.finish();
}

bool empty_range(const ScanQuery& query) {
    return query.end && query.end->view() <= query.start.view();
}

}  // namespace raftbus
