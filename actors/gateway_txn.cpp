#include "actors/gateway_txn.hpp"

#include <deque>

#include "storage/transaction.hpp"

namespace raftbus {
namespace {

class TxnPacker {
public:
    std::string pack(const client::TxnParts& txn, const GatewayOptions& options) {
        Transaction transaction;
        transaction.items_max = options.scan_items_max;
        transaction.bytes_max = options.scan_bytes_max;
        for (const client::TxnCondition& condition : txn.conditions)
            transaction.conditions.push_back(
                {condition.key, condition.value, condition.revision, condition.present});
        transaction.then = steps_of(txn.then);
        transaction.otherwise = steps_of(txn.otherwise);
        std::string bytes;
        append_transaction(bytes, transaction);
        return bytes;
    }

private:
    std::vector<TransactionStep> steps_of(const std::vector<client::TxnStep>& steps) {
        std::vector<TransactionStep> all;
        for (const client::TxnStep& step : steps)
            all.push_back(std::visit([this](const auto& one) { return step_of(one); }, step));
        return all;
    }
    TransactionStep step_of(const client::Set& set) {
        return {.kind = StepKind::set,
                .key = set.key,
                .value = set.value,
                .ttl_ms = set.ttl_ms.value_or(0)};
    }
    TransactionStep step_of(const client::Delete& erase) {
        return {.kind = StepKind::erase, .key = erase.key};
    }
    TransactionStep step_of(const client::Get& get) {
        return {.kind = StepKind::get, .key = get.key};
    }
    TransactionStep step_of(const client::Scan& scan) {
        TransactionStep step{
            .kind = StepKind::scan, .limit = scan.limit, .keys_only = scan.keys_only};
        if (const auto* range = std::get_if<client::Range>(&scan.keys)) {
            step.key = range->start;
            step.end = range->end;
        } else {
            step.key = std::get<client::Prefix>(scan.keys).prefix;
            if (auto end = end_of(step.key)) step.end = ends_.emplace_back(std::move(*end));
        }
        return step;
    }

    std::deque<std::string> ends_;  // that steps view
};

}  // namespace

std::string pack_transaction(const client::TxnParts& txn, const GatewayOptions& options) {
    return TxnPacker().pack(txn, options);
}

std::optional<std::string> end_of(std::string_view prefix) {
    while (!prefix.empty() && prefix.back() == '\xff') prefix.remove_suffix(1);
    if (prefix.empty()) return std::nullopt;
    std::string end(prefix);
    end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
    return end;
}

}  // namespace raftbus
