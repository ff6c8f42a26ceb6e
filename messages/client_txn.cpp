#include "messages/client_txn.hpp"

namespace raftbus::client {
namespace {

// The field's value in the map that `body` is; raw is empty if it has none or nil.
MsgpackValue find(std::string_view body, std::string_view wanted) {
    MsgpackReader reader(body);
    MsgpackValue map, name, value;
    if (!reader.enter(map) || map.kind != MsgpackKind::map) return {};
    for (std::uint64_t i = 0; i < map.number; ++i) {
        if (!reader.read(name) || !reader.read(value)) return {};
        const bool found = name.kind == MsgpackKind::string && name.bytes == wanted;
        if (found) return value.kind == MsgpackKind::nil ? MsgpackValue() : value;
    }
    return {};
}

class TxnDecoder {
public:
    TxnDecoder(std::string_view body, Fields& fields, const Limits& limits,
               const ReadTxnStep& read_step)
        : body_(body), fields_(fields), limits_(limits), read_step_(read_step) {}

    TxnParts decode() {
        TxnParts txn;
        each("if", [&](const MsgpackValue& map) { txn.conditions.push_back(condition(map)); });
        each("then", [&](const MsgpackValue& map) { add_step(txn.then, map); });
        each("else", [&](const MsgpackValue& map) { add_step(txn.otherwise, map); });
        if (count_ > kTxnPartsMax)
            bad("a TXN takes at most " + std::to_string(kTxnPartsMax) +
                " conditions and ops in 'if', 'then' and 'else' together, not " +
                std::to_string(count_));
        if (!given_)
            bad("TXN needs at least one of the fields 'if', 'then' and 'else' (array of maps)");
        return txn;
    }

private:
    // Calls `use` for each map of the list, as long as nothing is wrong and there are not too many.
    template <class Use>
    void each(std::string_view list, Use use) {
        const MsgpackValue found = find(body_, list);
        if (found.raw.empty()) return;
        given_ = true;
        MsgpackReader reader(found.raw);
        MsgpackValue array, map;
        if (!reader.enter(array) || array.kind != MsgpackKind::array)
            return bad("field '" + std::string(list) + "' must be an array of maps, not " +
                       std::string(to_string(found.kind)));
        count_ += array.number;
        for (std::uint64_t i = 0; i < array.number && count_ <= kTxnPartsMax; ++i) {
            place_ = std::string(list) + "[" + std::to_string(i) + "]";
            if (fields_.failure() || !reader.read(map)) return;
            if (map.kind == MsgpackKind::map)
                use(map);
            else
                bad(place_ + " must be a map, not " + std::string(to_string(map.kind)));
        }
    }

    void add_step(std::vector<TxnStep>& steps, const MsgpackValue& map) {
        Fields fields(map.raw);
        std::optional<Operation> operation;
        if (!fields.failure()) operation = read_step_(map.raw, fields);
        if (pass_on(fields) || !operation) return;
        std::visit(
            [&](auto& step) {
                if constexpr (std::is_constructible_v<TxnStep, decltype(step)>)
                    steps.emplace_back(step);
            },
            *operation);
    }

    TxnCondition condition(const MsgpackValue& map) {
        Fields fields(map.raw);
        TxnCondition condition;
        const auto key = fields.bytes(Field::key, limits_.key_bytes_max);
        condition.key = key.value_or(std::string_view());
        condition.value = fields.bytes(Field::value, limits_.value_bytes_max);
        const MsgpackValue revision = find(map.raw, "revision");
        const MsgpackValue present = find(map.raw, "present");
        if (!revision.raw.empty()) condition.revision = revision.number;
        if (!present.raw.empty()) condition.present = present.boolean;
        const int given = condition.value.has_value() + condition.revision.has_value() +
                          condition.present.has_value();
        if (condition.revision && revision.kind != MsgpackKind::unsigned_integer)
            fields.fail(ErrorCode::bad_request,
                        "field 'revision' must be an unsigned integer, not " +
                            std::string(to_string(revision.kind)));
        else if (condition.present && present.kind != MsgpackKind::boolean)
            fields.fail(ErrorCode::bad_request, "field 'present' must be a boolean, not " +
                                                    std::string(to_string(present.kind)));
        else if (condition.key.empty())
            fields.fail(ErrorCode::bad_request, "a condition needs the field 'key' (bin or str)");
        else if (given != 1)
            fields.fail(ErrorCode::bad_request,
                        "a condition needs exactly one of the fields 'value', 'revision' and "
                        "'present'");
        pass_on(fields);
        return condition;
    }

    // True if something is wrong with a map of a list.
    bool pass_on(const Fields& inner) {
        if (!inner.failure()) return false;
        fields_.fail(inner.failure()->code, place_ + ": " + inner.failure()->message);
        return true;
    }
    void bad(std::string message) { fields_.fail(ErrorCode::bad_request, std::move(message)); }

    std::string_view body_;
    Fields& fields_;
    const Limits& limits_;
    const ReadTxnStep& read_step_;
    std::string place_;        // of the map that is looked at
    bool given_ = false;       // there is a list at all
    std::uint64_t count_ = 0;  // of maps in all lists so far
};

}  // namespace

TxnParts decode_txn(std::string_view body, Fields& fields, const Limits& limits,
                    const ReadTxnStep& read_step) {
    return TxnDecoder(body, fields, limits, read_step).decode();
}

}  // namespace raftbus::client
