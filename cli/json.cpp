#include "cli/json.hpp"

#include <nlohmann/json.hpp>

#include "cli/display.hpp"

namespace raftbus::cli {
namespace {

using Json = nlohmann::ordered_json;

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

}  // namespace

std::string to_json(const Value& value) {
    return json_of(value).dump();
}

std::string base64(std::string_view bytes) {
    constexpr std::string_view alphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string text;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t here = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 3; ++k) {
            group = group << 8 | (k < here ? static_cast<unsigned char>(bytes[i + k]) : 0U);
        }
        for (std::size_t k = 0; k < 4; ++k) {
            text += k <= here ? alphabet[group >> (18 - 6 * k) & 63] : '=';
        }
    }
    return text;
}

}  // namespace raftbus::cli
