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
#include <utility>
#include <variant>
#include <vector>

#include "messages/codec.hpp"
#include "messages/msgpack_reader.hpp"

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

// Takes values out of msgpack bytes, one after the other, without a tree of them in between. Throws
// Malformed. What it makes shares the memory of `head`.
//
// Sizes are bounded by the number of bytes there are, so that a few bytes can not ask for much
// memory, and nesting by the types.
class Unpacker {
public:
    // `bytes` lie in `head`, or `head` is empty and no bytes are wanted.
    Unpacker(std::string_view bytes, const SharedBytes& head,
             const std::vector<SharedBytes>& bodies)
        : reader_(bytes), head_(head), bodies_(bodies) {}

    template <Number T>
    void get(T& v) {
        const MsgpackValue value = next("a number");
        if constexpr (std::is_same_v<T, bool>) {
            if (value.kind != MsgpackKind::boolean) throw Malformed{"a boolean was expected"};
            v = value.boolean;
        } else {
            static_assert(std::is_integral_v<T>, "messages bear whole numbers alone");
            const bool negative = value.kind == MsgpackKind::negative_integer;
            if (!negative && value.kind != MsgpackKind::unsigned_integer)
                throw Malformed{"a number was expected"};
            const bool fits = negative ? std::in_range<T>(static_cast<std::int64_t>(value.number))
                                       : std::in_range<T>(value.number);
            if (!fits) throw Malformed{"a smaller number was expected"};
            v = static_cast<T>(value.number);
        }
    }
    template <Enumerator T>
    void get(T& v) {
        std::underlying_type_t<T> raw;
        get(raw);
        v = static_cast<T>(raw);
    }
    template <StrongNumber T>
    void get(T& v) {
        get(v.value);
    }
    void get(Duration& v) {
        Duration::rep raw;
        get(raw);
        v = Duration(raw);
    }
    void get(std::string& v) {
        const MsgpackValue value = next("a string");
        if (value.kind != MsgpackKind::string) throw Malformed{"a string was expected"};
        v.assign(value.bytes);
    }
    void get(SharedBytes& v) {
        const MsgpackValue value = next("bytes");
        if (value.kind == MsgpackKind::binary)
            v = head_.part(value.bytes);
        else if (value.kind == MsgpackKind::unsigned_integer && value.number < bodies_.size())
            v = bodies_[value.number];
        else
            throw Malformed{"bytes or the number of a frame were expected"};
    }
    template <class T>
    void get(std::optional<T>& v) {
        MsgpackReader ahead = reader_;
        MsgpackValue value;
        if (ahead.enter(value) && value.kind == MsgpackKind::nil) {
            reader_ = ahead;
            v.reset();
        } else {
            get(v.emplace());
        }
    }
    template <class T>
    void get(std::vector<T>& v) {
        const std::uint64_t count = array();
        if (count > reader_.left()) throw Malformed{"an array is longer than the message"};
        v.clear();
        // Room is taken for what is there, not for what is claimed.
        v.reserve(std::min<std::uint64_t>(count, 64));
        for (std::uint64_t i = 0; i < count; ++i) get(v.emplace_back());
    }
    template <class... T>
    void get(std::variant<T...>& v) {
        const std::uint64_t count = array();
        std::size_t index;
        if (count < 2) throw Malformed{"a choice of two fields was expected"};
        get(index);
        get_alternative(index, v);
        skip(count - 2);
    }
    // Fields that are missing at the end stay as they are; surplus ones are skipped.
    template <Composite T>
    void get(T& v) {
        std::uint64_t count = array();
        const auto one = [&](auto& field) {
            if (count == 0) return;
            get(field);
            --count;
        };
        std::apply([&](auto&... field) { (one(field), ...); }, parts(v));
        skip(count);
    }
    // Makes the index-th alternative of `v` and fills it.
    template <class... T>
    void get_alternative(std::size_t index, std::variant<T...>& v) {
        using Fill = void (*)(Unpacker&, std::variant<T...>&);
        static constexpr Fill fills[] = {
            [](Unpacker& u, std::variant<T...>& to) { u.get(to.template emplace<T>()); }...};
        if (index >= sizeof...(T)) throw Malformed{"no such kind: " + std::to_string(index)};
        fills[index](*this, v);
    }

    // Enters an array and returns how many values follow.
    std::uint64_t array() {
        const MsgpackValue value = next("an array");
        if (value.kind != MsgpackKind::array) throw Malformed{"an array was expected"};
        return value.number;
    }
    void skip(std::uint64_t values) {
        MsgpackValue value;
        for (; values > 0; --values)
            if (!reader_.read(value)) throw Malformed{"not msgpack: it breaks off"};
    }
    bool done() const { return reader_.done(); }

private:
    // One value; of an array or map its head alone.
    MsgpackValue next(const char* expected) {
        MsgpackValue value;
        if (!reader_.enter(value))
            throw Malformed{std::string("not msgpack, or it breaks off: ") + expected +
                            " was expected"};
        return value;
    }

    MsgpackReader reader_;
    const SharedBytes& head_;
    const std::vector<SharedBytes>& bodies_;
};

// Runs `use` on an Unpacker of the one msgpack value in `bytes`. Returns what is wrong, if
// anything.
template <class Use>
std::optional<Error> unpack(std::string_view bytes, const SharedBytes& head,
                            const std::vector<SharedBytes>& bodies, Use use) {
    try {
        Unpacker unpacker(bytes, head, bodies);
        use(unpacker);
        if (!unpacker.done()) return Error{"surplus bytes after the msgpack value"};
        return std::nullopt;
    } catch (const Malformed& malformed) {
        return Error{malformed.what};
    }
}

}  // namespace raftbus::wire
