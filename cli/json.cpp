#include "cli/json.hpp"

#include <nlohmann/json.hpp>
#include <optional>

#include "cli/display.hpp"

namespace raftbus::cli {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

Json json_of(const Value& value) {
    return std::visit(
        []<class T>(const T& data) -> Json {
            if constexpr (std::is_same_v<T, std::monostate>) {
                return nullptr;
            } else if constexpr (std::is_same_v<T, Blob>) {
                if (is_utf8(data.bytes)) return data.bytes;
                return {{"base64", base64(data.bytes)}};
            } else if constexpr (std::is_same_v<T, std::string>) {
                return is_utf8(data) ? data : escaped(data);
            } else if constexpr (std::is_same_v<T, Value::List>) {
                Json items = Json::array();
                for (const Value& item : data) items.push_back(json_of(item));
                return items;
            } else if constexpr (std::is_same_v<T, Value::Map>) {
                Json fields = Json::object();
                for (const auto& [name, field] : data) fields[name] = json_of(field);
                return fields;
            } else {
                return data;
            }
        },
        value.data);
}

// The bytes; none if the text is not base64.
std::optional<std::string> from_base64(std::string_view text) {
    while (text.ends_with('=')) text.remove_suffix(1);
    std::string bytes;
    std::uint32_t bits = 0;
    int have = 0;
    for (const char c : text) {
        const std::size_t digit = kBase64.find(c);
        if (digit == std::string_view::npos) return std::nullopt;
        bits = bits << 6 | static_cast<std::uint32_t>(digit);
        have += 6;
        if (have < 8) continue;
        have -= 8;
        bytes += static_cast<char>(bits >> have & 0xff);
    }
    return bytes;
}

Value value_of(const Json& json) {
    if (json.is_string()) return json.get<std::string>();
    if (json.is_boolean()) return json.get<bool>();
    if (json.is_number_unsigned()) return json.get<std::uint64_t>();
    if (json.is_number_integer()) return json.get<std::int64_t>();
    if (json.is_number()) return json.get<double>();
    if (json.is_array()) {
        Value::List items;
        for (const Json& item : json) items.push_back(value_of(item));
        return items;
    }
    if (!json.is_object()) return {};
    if (json.size() == 1 && json.contains("base64") && json["base64"].is_string())
        if (auto bytes = from_base64(json["base64"].get_ref<const std::string&>()))
            return Blob{std::move(*bytes)};
    Value::Map fields;
    for (const auto& [name, field] : json.items()) fields.emplace_back(name, value_of(field));
    return fields;
}

}  // namespace

Result<Value> from_json(std::string_view text) {
    try {
        return value_of(Json::parse(text));
    } catch (const Json::parse_error& wrong) {
        return Error{"not JSON, at byte " + std::to_string(wrong.byte)};
    }
}

std::string to_json(const Value& value) {
    return json_of(value).dump();
}

std::string base64(std::string_view bytes) {
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8 | (k < here ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            text += k <= here ? kBase64[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return text;
}

}  // namespace raftbus::cli
