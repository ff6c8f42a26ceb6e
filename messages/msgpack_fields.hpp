// msgpack_fields: how structs with RAFTBUS_FIELDS become msgpack and come back. Used by codec.cpp
// and trace.cpp alone.
//
// Forms: a struct is an array of its fields; a strong number, an enum and a duration are integers;
// an optional is nil or the value; a variant is [index, value]; SharedBytes are bin, or the number
// of the frame that carries them.
#pragma once

#include <msgpack.hpp>
#include <optional>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "messages/codec.hpp"

namespace raftbus::wire {

template <class T>
concept Fielded = requires(T& t) {
    t.fields();
};
template <class T>
concept StrongNumber = requires(T& t) {
    typename T::rep;
    { t.value } -> std::convertible_to<typename T::rep>;
};
template <class T>
concept Number = std::is_arithmetic_v<T>;
template <class T>
concept Enumerator = std::is_enum_v<T>;

// Plain pairs and triples of the vocabulary, which have no fields() because they are literal types.
inline auto parts(EntryId& v) {
    return std::tie(v.index, v.term);
}
inline auto parts(const EntryId& v) {
    return std::tie(v.index, v.term);
}
inline auto parts(Address& v) {
    return std::tie(v.node, v.actor);
}
inline auto parts(const Address& v) {
    return std::tie(v.node, v.actor);
}
inline auto parts(RequestId& v) {
    return std::tie(v.node, v.number);
}
inline auto parts(const RequestId& v) {
    return std::tie(v.node, v.number);
}
template <Fielded T>
auto parts(T& v) {
    return v.fields();
}
template <class T>
concept Composite = requires(T& t) {
    parts(t);
};

// Packs values into `head`; long SharedBytes go to `bodies`.
class Packer {
public:
    explicit Packer(EncodedMessage& out) : out_(out), sink_{out.head}, packer_(sink_) {}

    void array(std::size_t size) { packer_.pack_array(static_cast<std::uint32_t>(size)); }
    template <Number T>
    void put(T v) {
        packer_.pack(v);
    }
    template <Enumerator T>
    void put(T v) {
        packer_.pack(static_cast<std::underlying_type_t<T>>(v));
    }
    template <StrongNumber T>
    void put(const T& v) {
        packer_.pack(v.value);
    }
    void put(Duration v) { packer_.pack(v.count()); }
    void put(const std::string& v) {
        packer_.pack_str(static_cast<std::uint32_t>(v.size()));
        packer_.pack_str_body(v.data(), static_cast<std::uint32_t>(v.size()));
    }
    void put(const SharedBytes& v) {
        if (v.size() >= kInlineBytesMax) {
            packer_.pack(out_.bodies.size());
            out_.bodies.push_back(v);
        } else {
            packer_.pack_bin(static_cast<std::uint32_t>(v.size()));
            packer_.pack_bin_body(v.data(), static_cast<std::uint32_t>(v.size()));
        }
    }
    template <class T>
    void put(const std::optional<T>& v) {
        if (v)
            put(*v);
        else
            packer_.pack_nil();
    }
    template <class T>
    void put(const std::vector<T>& v) {
        array(v.size());
        for (const T& item : v) put(item);
    }
    template <class... T>
    void put(const std::variant<T...>& v) {
        array(2);
        put(v.index());
        std::visit([&](const auto& alternative) { put(alternative); }, v);
    }
    template <Composite T>
    void put(const T& v) {
        std::apply(
            [&](const auto&... field) {
                array(sizeof...(field));
                (put(field), ...);
            },
            parts(v));
    }

private:
    struct Sink {  // what msgpack::packer writes to
        std::string& bytes;
        void write(const char* data, std::size_t size) { bytes.append(data, size); }
    };
    EncodedMessage& out_;
    Sink sink_;
    msgpack::packer<Sink> packer_;
};

// Thrown inside this header's users only; decode turns it into an Error.
struct Malformed {
    std::string what;
};

// Takes values out of a msgpack object whose bins point into `head`.
class Unpacker {
public:
    Unpacker(const SharedBytes& head, const std::vector<SharedBytes>& bodies)
        : head_(head), bodies_(bodies) {}

    template <Number T>
    void get(const msgpack::object& o, T& v) const {
        try {
            o.convert(v);
        } catch (const msgpack::type_error&) {
            throw Malformed{"a number was expected"};
        }
    }
    template <Enumerator T>
    void get(const msgpack::object& o, T& v) const {
        std::underlying_type_t<T> raw;
        get(o, raw);
        v = static_cast<T>(raw);
    }
    template <StrongNumber T>
    void get(const msgpack::object& o, T& v) const {
        get(o, v.value);
    }
    void get(const msgpack::object& o, Duration& v) const {
        Duration::rep raw;
        get(o, raw);
        v = Duration(raw);
    }
    void get(const msgpack::object& o, std::string& v) const {
        if (o.type != msgpack::type::STR) throw Malformed{"a string was expected"};
        v.assign(o.via.str.ptr, o.via.str.size);
    }
    void get(const msgpack::object& o, SharedBytes& v) const {
        if (o.type == msgpack::type::BIN) {
            v = head_.part({o.via.bin.ptr, o.via.bin.size});
        } else if (o.type == msgpack::type::POSITIVE_INTEGER && o.via.u64 < bodies_.size()) {
            v = bodies_[o.via.u64];
        } else {
            throw Malformed{"bytes or the number of a frame were expected"};
        }
    }
    template <class T>
    void get(const msgpack::object& o, std::optional<T>& v) const {
        if (o.is_nil())
            v.reset();
        else
            get(o, v.emplace());
    }
    template <class T>
    void get(const msgpack::object& o, std::vector<T>& v) const {
        const auto [items, count] = array(o);
        v.resize(count);
        for (std::size_t i = 0; i < count; ++i) get(items[i], v[i]);
    }
    template <class... T>
    void get(const msgpack::object& o, std::variant<T...>& v) const {
        const auto [items, count] = array(o);
        std::size_t index;
        if (count < 2) throw Malformed{"a choice of two fields was expected"};
        get(items[0], index);
        get_alternative(index, items[1], v);
    }
    template <Composite T>
    void get(const msgpack::object& o, T& v) const {
        const auto [items, count] = array(o);
        std::size_t i = 0;
        auto next = [&, items = items, count = count](auto& field) {
            if (i < count) get(items[i], field);
            ++i;
        };
        std::apply([&](auto&... field) { (next(field), ...); }, parts(v));
    }
    // Makes the index-th alternative of `v` and fills it.
    template <class... T>
    void get_alternative(std::size_t index, const msgpack::object& o, std::variant<T...>& v) const {
        using Fill = void (*)(const Unpacker&, const msgpack::object&, std::variant<T...>&);
        static constexpr Fill fills[] = {
            [](const Unpacker& u, const msgpack::object& from, std::variant<T...>& to) {
                u.get(from, to.template emplace<T>());
            }...};
        if (index >= sizeof...(T)) throw Malformed{"no such kind: " + std::to_string(index)};
        fills[index](*this, o, v);
    }

    static std::pair<const msgpack::object*, std::size_t> array(const msgpack::object& o) {
        if (o.type != msgpack::type::ARRAY) throw Malformed{"an array was expected"};
        return {o.via.array.ptr, o.via.array.size};
    }

private:
    const SharedBytes& head_;
    const std::vector<SharedBytes>& bodies_;
};

// Runs `use(object)` on the one msgpack object in `bytes`. Sizes and nesting are bounded by the
// number of bytes there are, so that a few bytes can not ask for much memory. Returns what is
// wrong, if anything.
template <class Use>
std::optional<Error> with_object(std::string_view bytes, Use use) {
    constexpr std::size_t kDepthMax = 16;
    const std::size_t n = bytes.size();
    try {
        msgpack::zone zone;
        std::size_t offset = 0;
        bool referenced = false;
        const auto refer = [](msgpack::type::object_type, std::size_t, void*) { return true; };
        const msgpack::object object =
            msgpack::unpack(zone, bytes.data(), n, offset, referenced, refer, nullptr,
                            msgpack::unpack_limit(n, 0, n, n, 0, kDepthMax));
        if (offset != n) return Error{"surplus bytes after the msgpack object"};
        use(object);
        return std::nullopt;
    } catch (const Malformed& malformed) {
        return Error{malformed.what};
    } catch (
        const std::exception& e) {  // msgpack's own: parse_error, size_overflow, insufficient_bytes
        return Error{std::string("not msgpack: ") + e.what()};
    }
}

}  // namespace raftbus::wire
