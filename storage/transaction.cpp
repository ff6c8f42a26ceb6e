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

using Steps = std::vector<TransactionStep>;

// What the step at `get` will find: what an earlier step has put there, or what stands.
std::uint64_t bytes_found(const Steps& steps, std::size_t get, TransactionTarget& target) {
    for (std::size_t i = get; i-- > 0;) {
        const TransactionStep& earlier = steps[i];
        if (earlier.key != steps[get].key) continue;
        if (earlier.kind == StepKind::set) return earlier.value.size();
        if (earlier.kind == StepKind::erase) return 0;
    }
    const std::optional<KvFound> found = target.look(steps[get].key);
    return found ? found->value.size() : 0;
}

class Execution {
public:
    Execution(const Transaction& transaction, std::uint64_t revision, TransactionTarget& target)
        : transaction_(transaction), revision_(revision), target_(target) {}

    CommandOutcome run() {
        const bool succeeded =
            std::all_of(transaction_.conditions.begin(), transaction_.conditions.end(),
                        [this](const TransactionCondition& condition) {
                            return holds(condition, target_.look(condition.key));
                        });
        const Steps& steps = succeeded ? transaction_.then : transaction_.otherwise;
        std::uint64_t bytes = 0;
        for (std::size_t i = 0; i < steps.size(); ++i)
            if (steps[i].kind == StepKind::get) bytes += bytes_found(steps, i, target_);
        if (bytes > transaction_.bytes_max) return AnswerTooLarge{bytes, transaction_.bytes_max};
        bytes_left_ = transaction_.bytes_max - bytes;
        items_left_ = transaction_.items_max;
        target_.choose(succeeded);
        client::TxnReplyWriter reply(succeeded, revision_, steps.size());
        for (const TransactionStep& step : steps) carry_out(step, reply);
        return reply.finish();
    }

private:
    void carry_out(const TransactionStep& step, client::TxnReplyWriter& reply) {
        switch (step.kind) {
            case StepKind::set:
                target_.put(step.key, step.value, revision_, step.ttl_ms);
                return reply.set(revision_);
            case StepKind::erase:
                return reply.erased(revision_, target_.remove(step.key, revision_));
            case StepKind::get: {
                const std::optional<KvFound> found = target_.look(step.key);
                if (!found) return reply.got(std::nullopt, 0);
                return reply.got(found->value, found->revision);
            }
            case StepKind::scan:
                return reply.scanned(scan(step));
        }
    }

    ScanAnswer scan(const TransactionStep& step) {
        ScanQuery query;
        query.start = SharedBytes(nullptr, step.key);
        if (step.end) query.end = SharedBytes(nullptr, *step.end);
        query.limit = bytes_left_ == 0 ? 0 : std::min(step.limit, items_left_);
        query.bytes_max = bytes_left_;
        query.keys_only = step.keys_only;
        ScanAnswer answer = target_.read(query);
        std::uint64_t bytes = 0;
        for (const Item& item : answer.items) bytes += item.key.size() + item.value.size();
        bytes_left_ -= std::min(bytes_left_, bytes);
        items_left_ -= std::min<std::uint64_t>(items_left_, answer.items.size());
        return answer;
    }

    const Transaction& transaction_;
    const std::uint64_t revision_;
    TransactionTarget& target_;
    std::uint64_t bytes_left_ = 0;
    std::uint64_t items_left_ = 0;
};

}  // namespace

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

CommandOutcome execute(const Transaction& transaction, std::uint64_t revision,
                       TransactionTarget& target) {
    return Execution(transaction, revision, target).run();
}

}  // namespace raftbus
