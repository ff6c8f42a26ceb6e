#include "storage/kv_scan.hpp"

namespace raftbus {

bool ScanCollector::add(std::string_view key, std::string_view value, std::uint64_t revision) {
    const std::uint64_t passed = query_.keys_only && query_.count_values ? value.size() : 0;
    if (query_.keys_only) value = {};
    const bool fits =
        bytes_.size() + passed_bytes_ + key.size() + value.size() + passed <= query_.bytes_max;
    if (places_.size() >= query_.limit || (!fits && !places_.empty())) {
        more_ = true;
        return false;
    }
    passed_bytes_ += passed;
    places_.push_back({bytes_.size(), key.size(), value.size(), revision});
    bytes_.append(key).append(value);
    return true;
}

ScanAnswer ScanCollector::finish() {
    ScanAnswer answer;
    answer.more = more_;
    answer.bytes_read = bytes_.size() + passed_bytes_;
    const SharedBytes memory = SharedBytes::own(std::move(bytes_));
    answer.items.reserve(places_.size());
    for (const Place& place : places_) {
        const std::string_view both =
            memory.view().substr(place.offset, place.key_bytes + place.value_bytes);
        answer.items.push_back({memory.part(both.substr(0, place.key_bytes)),
                                memory.part(both.substr(place.key_bytes)), place.revision});
    }
    return answer;
}

namespace {

// So many deleted keys in a row are worth remembering.
constexpr std::uint64_t kWorthAGap = 8;

class LayeredScan {
public:
    LayeredScan(const ScanQuery& query, const std::vector<std::unique_ptr<KvCursor>>& layers,
                KvGaps& gaps, const ScanBounds& bounds, Work& work)
        : query_(query),
          layers_(layers),
          gaps_(gaps),
          bounds_(bounds),
          work_(work),
          collector_(query),
          run_from_(query.start.view()) {
        work_.spend(layers.size() * Work::kFind);
        for (const auto& layer : layers_) pass(layer->hidden());
    }

    ScanStep run() {
        for (;;) {
            for (const auto& layer : layers_)
                if (layer->lost()) return lost();
            const KvCursor* newest = find_newest();
            if (!newest) break;
            if (learned_ + run_ >= bounds_.passed_max) {
                end_run(std::string(newest->key()));
                return {};
            }
            if (newest->erased()) {
                key_ = newest->key();
                pass(1);
                advance();
            } else if (!take(*newest)) {
                break;
            }
        }
        if (!full_) end_run(end());
        return {collector_.finish(), {}};
    }

private:
    KvCursor* find_newest() const {
        KvCursor* newest = nullptr;  // of those that stand at the smallest key
        for (const auto& layer : layers_)
            if (layer->valid() && (!newest || layer->key() < newest->key())) newest = layer.get();
        return newest;
    }

    // False: the answer is full.
    bool take(const KvCursor& newest) {
        key_ = newest.key();
        end_run(std::string(key_));
        full_ = !collector_.add(key_, newest.value(), newest.revision());
        if (full_) return false;
        work_.spend(Work::kItem + (key_.size() + newest.value().size()) / Work::kBytes);
        if (bounds_.may_end_early && !work_.left()) {
            collector_.end_early();
            full_ = true;
            return false;
        }
        run_from_ = successor(key_);
        run_ = 0;
        if (!hop()) advance();
        return true;
    }

    // Past key_ in all layers.
    void advance() {
        for (const auto& layer : layers_) {
            if (!layer->valid() || layer->key() != key_) continue;
            layer->next();
            pass(layer->hidden());
        }
    }

    // Over the gap that the run begins in. False: it begins in none.
    bool hop() {
        const KvGaps::End* gap = gaps_.find(run_from_);
        if (!gap) return false;
        // What lies behind the last key can't be sought: no key begins with more than these.
        const std::string to = gap->value_or(std::string(kBehindAllKeys, '\xff'));
        work_.spend(Work::kFind);
        for (const auto& layer : layers_) {
            layer->seek(to);
            pass(layer->hidden());
        }
        return true;
    }

    void pass(std::uint64_t entries) {
        run_ += entries;
        work_.spend(entries);
    }

    // From where the run began no key lies before `to`.
    void end_run(const KvGaps::End& to) {
        if (run_ < kWorthAGap) return;
        gaps_.add(run_from_, to);
        learned_ += run_;
    }
    KvGaps::End end() const {
        if (!query_.end) return std::nullopt;
        return std::string(query_.end->view());
    }

    // What lies before the key that was stepped from, or sought, is known.
    ScanStep lost() {
        std::string from = run_from_;
        if (const KvGaps::End* gap = gaps_.find(run_from_)) from = gap->value_or(from);
        if (!key_.empty() && std::string_view(from) <= key_) from = successor(key_);
        end_run(from);
        return {std::nullopt, from};
    }

    const ScanQuery& query_;
    const std::vector<std::unique_ptr<KvCursor>>& layers_;
    KvGaps& gaps_;
    const ScanBounds& bounds_;
    Work& work_;
    ScanCollector collector_;
    std::string run_from_;      // no key has been found from here on
    std::string key_;           // that was looked at last
    std::uint64_t run_ = 0;     // entries passed over in this run
    std::uint64_t learned_ = 0;  // of those in runs that were noted as gaps
    bool full_ = false;
};

}  // namespace

ScanStep scan_layers(const ScanQuery& query, const std::vector<std::unique_ptr<KvCursor>>& layers,
                     KvGaps& gaps, const ScanBounds& bounds, Work& work) {
    return LayeredScan(query, layers, gaps, bounds, work).run();
}

bool empty_range(const ScanQuery& query) {
    return query.end && query.end->view() <= query.start.view();
}

}  // namespace raftbus
