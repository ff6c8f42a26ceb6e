// transaction: several keys tested and changed as one command: if all conditions hold the steps of
// one branch are carried out, or else those of the other, each seeing what the earlier ones did.
//
// Owns: its bytes inside a command, and the order of its execution. Must not know: where keys live,
// who sends it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "messages/client_replies.hpp"
#include "messages/local.hpp"
#include "messages/result.hpp"
#include "storage/work.hpp"

namespace raftbus {

// Holds of a key; exactly one of the three is given.
struct TransactionCondition {
    std::string_view key;
    std::optional<std::string_view> value;
    std::optional<std::uint64_t> revision;  // of its last write; 0: it is absent
    std::optional<bool> present;
    bool operator==(const TransactionCondition&) const = default;
};

enum class StepKind : std::uint8_t { set = 1, erase = 2, get = 3, scan = 4 };

struct TransactionStep {
    StepKind kind = StepKind::get;
    std::string_view key;                 // of a scan: where it starts
    std::string_view value;               // set
    std::uint64_t ttl_ms = 0;             // set; 0: none
    std::optional<std::string_view> end;  // scan: exclusive; none: to the last key
    std::uint64_t limit = 0;              // scan
    bool keys_only = false;               // scan
    bool operator==(const TransactionStep&) const = default;
};

// Views into a command's value, or into whatever the caller keeps alive.
struct Transaction {
    // Of what all steps together answer: items of scans, and bytes of values and scanned keys. They
    // stand in the log, so that all nodes have the same.
    std::uint64_t items_max = 0;
    std::uint64_t bytes_max = 0;
    std::vector<TransactionCondition> conditions;
    std::vector<TransactionStep> then;
    std::vector<TransactionStep> otherwise;
    bool operator==(const Transaction&) const = default;
};

void append_transaction(std::string& out, const Transaction& transaction);
Result<Transaction> read_transaction(std::string_view bytes);

// What stands under a key.
struct KvFound;

// What a transaction works on.
class TransactionTarget {
public:
    // None if the key is not there. Good until the next call of any member.
    virtual std::optional<KvFound> look(std::string_view key) = 0;
    virtual void put(std::string_view key, std::string_view value, std::uint64_t revision,
                     std::uint64_t ttl_ms) = 0;
    // Returns whether the key was there.
    virtual bool remove(std::string_view key, std::uint64_t revision) = 0;
    // The conditions hold, or they don't, and that branch is carried out. Comes before the steps.
    virtual void choose(bool holds) = 0;
    // None: not done yet; ask again in a later turn.
    virtual std::optional<ScanAnswer> read(const ScanQuery& query, Work& work) = 0;

protected:
    ~TransactionTarget() = default;
};

struct TransactionRules {
    // What scans read counts against bytes_max, also values that they were not to answer with; and
    // what GETs would answer is added up no further than to what is too much.
    bool count_what_is_read = false;
};

// Carries it out at `revision`, in as many turns as the work takes. What its GETs are to answer is
// known beforehand: if it is more than bytes_max nothing is done, and the outcome is AnswerTooLarge.
// The scans get what is left of bytes_max, one after the other: they end early and say `more`, the
// one that ends it by one item at most.
class TransactionExecution {
public:
    // All must outlive it.
    TransactionExecution(const Transaction& transaction, std::uint64_t revision,
                         TransactionTarget& target, const TransactionRules& rules);

    // None: not done yet. Nobody else may change what it works on before it is.
    std::optional<CommandOutcome> go_on(Work& work);

private:
    enum class Stage : std::uint8_t { conditions, sizes, steps };

    bool test_conditions(Work& work);
    bool add_sizes(Work& work);
    bool carry_out(const TransactionStep& step, Work& work);
    std::optional<ScanAnswer> scan(const TransactionStep& step, Work& work);
    std::uint64_t bytes_found(std::size_t get, Work& work);

    const Transaction& transaction_;
    const std::uint64_t revision_;
    TransactionTarget& target_;
    const TransactionRules rules_;
    Stage stage_ = Stage::conditions;
    std::size_t at_ = 0;  // in this stage
    bool succeeded_ = true;
    const std::vector<TransactionStep>* steps_ = nullptr;
    std::uint64_t bytes_ = 0;  // of what GETs answer
    std::uint64_t bytes_left_ = 0;
    std::uint64_t items_left_ = 0;
    std::optional<client::TxnReplyWriter> reply_;
};

}  // namespace raftbus
