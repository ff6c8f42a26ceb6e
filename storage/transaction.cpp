#include "storage/transaction.hpp"

#include <algorithm>
#include <msgpack/pack.hpp>

#include "messages/client_replies.hpp"
#include "messages/msgpack_reader.hpp"
#include "storage/kv_execute.hpp"

namespace raftbus {
namespace {

// ---- bytes: [items_max, bytes_max, [condition, ...], [step, ...], [step, ...]], where a condition
// is [key, value or nil, revision or nil, present or nil], and a step [kind, key, value, ttl_ms,
// end or nil, limit, keys_only].

struct Sink {  // what msgpack::packer writes to
    std::string& out;
    void write(const char* bytes, std::size_t size) { out.append(bytes, size); }
};

class Writer {
public:
    explicit Writer(std::string& out) : sink_{out}, packer_(sink_) {}

    void array(std::size_t size) { packer_.pack_array(static_cast<std::uint32_t>(size)); }
    void put(std::uint64_t number) { packer_.pack_uint64(number); }
    void put(bool truth) { truth ? packer_.pack_true() : packer_.pack_false(); }
    void put(std::string_view bytes) {
        const auto size = static_cast<std::uint32_t>(bytes.size());
        packer_.pack_bin(size).pack_bin_body(bytes.data(), size);
    }
    template <class T>
    void put(const std::optional<T>& value) {
        if (value)
            put(*value);
        else
            packer_.pack_nil();
    }
    void put(const TransactionCondition& condition) {
        array(4);
        put(condition.key);
        put(condition.value);
        put(condition.revision);
        put(condition.present);
    }
    void put(const TransactionStep& step) {
        array(7);
        put(static_cast<std::uint64_t>(step.kind));
        put(step.key);
        put(step.value);
        put(step.ttl_ms);
        put(step.end);
        put(step.limit);
        put(step.keys_only);
    }
    template <class T>
    void put(const std::vector<T>& all) {
        array(all.size());
        for (const T& one : all) put(one);
    }

private:
    Sink sink_;
    msgpack::packer<Sink> packer_;
};

// Every member: false if the next value is not of that type.
class Reader {
public:
    explicit Reader(std::string_view bytes) : in_(bytes) {}

    bool array(std::uint64_t& size) {
        size = 0;
        if (!in_.enter(value_) || value_.kind != MsgpackKind::array) return false;
        size = value_.number;
        return size <= in_.left();
    }
    bool get(std::uint64_t& number) {
        if (!in_.enter(value_) || value_.kind != MsgpackKind::unsigned_integer) return false;
        number = value_.number;
        return true;
    }
    bool get(bool& truth) {
        if (!in_.enter(value_) || value_.kind != MsgpackKind::boolean) return false;
        truth = value_.boolean;
        return true;
    }
    bool get(std::string_view& bytes) {
        if (!in_.enter(value_) || value_.kind != MsgpackKind::binary) return false;
        bytes = value_.bytes;
        return true;
    }
    template <class T>
    bool get(std::optional<T>& value) {
        MsgpackReader ahead = in_;
        if (!ahead.enter(value_)) return false;
        if (value_.kind != MsgpackKind::nil) return get(value.emplace());
        in_ = ahead;
        return true;
    }
    bool get(TransactionCondition& condition) {
        std::uint64_t size;
        return array(size) && size == 4 && get(condition.key) && get(condition.value) &&
               get(condition.revision) && get(condition.present);
    }
    bool get(TransactionStep& step) {
        std::uint64_t size, kind;
        if (!array(size) || size != 7 || !get(kind)) return false;
        if (kind < 1 || kind > std::uint64_t(StepKind::scan)) return false;
        step.kind = static_cast<StepKind>(kind);
        return get(step.key) && get(step.value) && get(step.ttl_ms) && get(step.end) &&
               get(step.limit) && get(step.keys_only);
    }
    template <class T>
    bool get(std::vector<T>& all) {
        std::uint64_t size;
        if (!array(size) || size > in_.left()) return false;
        for (; size > 0; --size)  // room is taken for what is there, not for what is claimed
            if (!get(all.emplace_back())) return false;
        return true;
    }
    bool done() const { return in_.done(); }

private:
    MsgpackReader in_;
    MsgpackValue value_;
};

// ---- execution

bool holds(const TransactionCondition& condition, const std::optional<KvFound>& found) {
    if (condition.value) return found && found->value == *condition.value;
    if (condition.revision) return *condition.revision == (found ? found->revision : 0);
    return condition.present.value_or(true) == found.has_value();
}

}  // namespace

TransactionExecution::TransactionExecution(const Transaction& transaction, std::uint64_t revision,
                                           TransactionTarget& target,
                                           const TransactionRules& rules)
    : transaction_(transaction), revision_(revision), target_(target), rules_(rules) {}

std::optional<CommandOutcome> TransactionExecution::go_on(Work& work) {
    if (stage_ == Stage::conditions) {
        if (!test_conditions(work)) return std::nullopt;
        steps_ = succeeded_ ? &transaction_.then : &transaction_.otherwise;
        stage_ = Stage::sizes;
        at_ = 0;
    }
    if (stage_ == Stage::sizes) {
        if (!add_sizes(work)) return std::nullopt;
        if (bytes_ > transaction_.bytes_max)
            return AnswerTooLarge{bytes_, transaction_.bytes_max};
        bytes_left_ = transaction_.bytes_max - bytes_;
        items_left_ = transaction_.items_max;
        target_.choose(succeeded_);
        reply_.emplace(succeeded_, revision_, steps_->size());
        stage_ = Stage::steps;
        at_ = 0;
    }
    for (; at_ < steps_->size(); ++at_)
        if (!work.left() || !carry_out((*steps_)[at_], work)) return std::nullopt;
    return reply_->finish();
}

bool TransactionExecution::test_conditions(Work& work) {
    const auto& conditions = transaction_.conditions;
    for (; at_ < conditions.size() && succeeded_; ++at_) {
        if (!work.left()) return false;
        const std::optional<KvFound> found = target_.look(conditions[at_].key);
        work.spend_find(found ? found->value.size() : 0);
        succeeded_ = holds(conditions[at_], found);
    }
    return true;
}

bool TransactionExecution::add_sizes(Work& work) {
    for (; at_ < steps_->size(); ++at_) {
        if (!work.left()) return false;
        if ((*steps_)[at_].kind == StepKind::get) bytes_ += bytes_found(at_, work);
        if (rules_.count_what_is_read && bytes_ > transaction_.bytes_max) return true;
    }
    return true;
}

// What the step at `get` will find: what an earlier step has put there, or what stands.
std::uint64_t TransactionExecution::bytes_found(std::size_t get, Work& work) {
    const std::vector<TransactionStep>& steps = *steps_;
    for (std::size_t i = get; i-- > 0;) {
        const TransactionStep& earlier = steps[i];
        if (earlier.key != steps[get].key) continue;
        if (earlier.kind == StepKind::set) return earlier.value.size();
        if (earlier.kind == StepKind::erase) return 0;
    }
    const std::optional<KvFound> found = target_.look(steps[get].key);
    work.spend_find(found ? found->value.size() : 0);
    return found ? found->value.size() : 0;
}

// False: not done yet.
bool TransactionExecution::carry_out(const TransactionStep& step, Work& work) {
    work.spend(Work::kCommand + Work::kFind + step.value.size() / Work::kBytes);
    switch (step.kind) {
        case StepKind::set:
            target_.put(step.key, step.value, revision_, step.ttl_ms);
            reply_->set(revision_);
            return true;
        case StepKind::erase:
            reply_->erased(revision_, target_.remove(step.key, revision_));
            return true;
        case StepKind::get: {
            const std::optional<KvFound> found = target_.look(step.key);
            if (!found) {
                reply_->got(std::nullopt, 0);
                return true;
            }
            work.spend(found->value.size() / Work::kBytes);
            reply_->got(found->value, found->revision);
            return true;
        }
        case StepKind::scan: {
            const std::optional<ScanAnswer> answer = scan(step, work);
            if (answer) reply_->scanned(*answer);
            return answer.has_value();
        }
    }
    CHECK(false, "a step of no known kind");
    return true;
}

std::optional<ScanAnswer> TransactionExecution::scan(const TransactionStep& step, Work& work) {
    ScanQuery query;
    query.start = SharedBytes(nullptr, step.key);
    if (step.end) query.end = SharedBytes(nullptr, *step.end);
    query.limit = bytes_left_ == 0 ? 0 : std::min(step.limit, items_left_);
    query.bytes_max = bytes_left_;
    query.keys_only = step.keys_only;
    query.count_values = rules_.count_what_is_read;
    std::optional<ScanAnswer> answer = target_.read(query, work);
    if (!answer) return answer;
    const std::uint64_t bytes = answer->bytes_read;
    bytes_left_ -= std::min(bytes_left_, bytes);
    items_left_ -= std::min<std::uint64_t>(items_left_, answer->items.size());
    return answer;
}

void append_transaction(std::string& out, const Transaction& transaction) {
    Writer writer(out);
    writer.array(5);
    writer.put(transaction.items_max);
    writer.put(transaction.bytes_max);
    writer.put(transaction.conditions);
    writer.put(transaction.then);
    writer.put(transaction.otherwise);
}

Result<Transaction> read_transaction(std::string_view bytes) {
    Reader reader(bytes);
    Transaction transaction;
    std::uint64_t size;
    const bool whole = reader.array(size) && size == 5 && reader.get(transaction.items_max) &&
                       reader.get(transaction.bytes_max) && reader.get(transaction.conditions) &&
                       reader.get(transaction.then) && reader.get(transaction.otherwise) &&
                       reader.done();
    if (!whole) return Error{"malformed transaction"};
    return transaction;
}

}  // namespace raftbus
