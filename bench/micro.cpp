// micro: what the parts of a write and of a read cost by themselves: nanoseconds, and bytes where
// there are any.
//
// Owns: one benchmark for each hop of docs/performance.md. The figures say what a hop costs one
// thread that does nothing else; how hops add up, `raftbus bench` shows.

#include <benchmark/benchmark.h>

#include <filesystem>
#include <string>
#include <vector>

#include "bench/requests.hpp"
#include "bus/mailbox.hpp"
#include "messages/client_codec.hpp"
#include "messages/client_replies.hpp"
#include "messages/codec.hpp"
#include "messages/crc32c.hpp"
#include "storage/command.hpp"
#include "storage/disk_posix.hpp"
#include "storage/kv_rocksdb.hpp"
#include "storage/log.hpp"

namespace raftbus {
namespace {

constexpr std::uint64_t kKeys = 100'000;

std::string key_of(std::uint64_t n) {
    std::string key = std::to_string(n * 2654435761 % kKeys);
    return "key" + std::string(13 - key.size(), '0') + key;
}

// `count` SETs of 16-byte keys and 64-byte values.
Batch batch_of(std::uint64_t first, std::uint32_t count) {
    std::string body;
    for (std::uint64_t i = first; i < first + count; ++i) {
        const std::string key = key_of(i), value(64, static_cast<char>('a' + i % 26));
        Command command;
        command.kind = CommandKind::set;
        command.key = key;
        command.value = value;
        append_command(body, command);
    }
    Batch batch;
    batch.header = {.first = LogIndex(first),
                    .count = count,
                    .term = Term(1),
                    .leader = NodeId(1),
                    .time = WallTime(1),
                    .origin = NodeId(2),
                    .proposal = ProposalNumber(first),
                    .body_crc = crc32c(body)};
    batch.body = SharedBytes::own(std::move(body));
    return batch;
}

class Directory {
public:
    Directory() {
        path_ = (std::filesystem::current_path() / "micro-XXXXXX").string();
        if (::mkdtemp(path_.data()) == nullptr) std::abort();
    }
    ~Directory() { std::filesystem::remove_all(path_); }
    const std::string& path() const { return path_; }

private:
    std::string path_;
};

// ---- the gateway

void GatewayParse(benchmark::State& state) {
    bench::Requests requests({});
    const auto op = static_cast<bench::Op>(state.range(0));
    const std::string body(requests.make(op, 7, 42));
    const client::Limits limits;
    for (auto _ : state) {
        auto decoded = client::decode_request(body, limits);
        benchmark::DoNotOptimize(decoded);
    }
    state.SetLabel(std::string(to_string(op)) + ", " + std::to_string(body.size()) + " B");
}
BENCHMARK(GatewayParse)->Arg(0)->Arg(1)->Arg(2);

void PackCommand(benchmark::State& state) {
    const std::string key = key_of(1), value(64, 'v');
    Command command;
    command.kind = CommandKind::set;
    command.key = key;
    command.value = value;
    std::string body;
    for (auto _ : state) {
        if (body.size() > 1'000'000) body.clear();
        append_command(body, command);
    }
}
BENCHMARK(PackCommand);

void Reply(benchmark::State& state) {
    std::string out;
    for (auto _ : state) {
        out.clear();
        client::append_reply(out, client::ReplyHead{.id = "\x07"}, client::WriteReply{123'456, {}});
        benchmark::DoNotOptimize(out.data());
    }
}
BENCHMARK(Reply);

// ---- messages

void Codec(benchmark::State& state) {
    const auto count = static_cast<std::uint32_t>(state.range(0));
    const Envelope envelope{.from = {NodeId(1), ActorName::replicator},
                            .to = {NodeId(2), ActorName::replicator}};
    const AnyMessage message =
        AppendEntries{Term(1), {LogIndex(9), Term(1)}, LogIndex(8), {batch_of(10, count)}};
    std::size_t bytes = 0;
    for (auto _ : state) {
        EncodedMessage encoded = encode(envelope, message);
        bytes = encoded.head.size();
        const auto delivery = decode(SharedBytes::own(std::move(encoded.head)), encoded.bodies);
        benchmark::DoNotOptimize(delivery);
    }
    state.SetLabel("AppendEntries there and back, head " + std::to_string(bytes) + " B");
}
BENCHMARK(Codec)->Arg(1)->Arg(256);

// Between actors of one worker (1), or as between two (0), but for the other thread.
void MailboxHop(benchmark::State& state) {
    const bool near = state.range(0) != 0;
    zmq::context_t context;
    std::uint64_t taken = 0;
    Mailbox mailbox(context, ActorName::storage, [&](const Delivery&) { ++taken; });
    Outboxes outboxes(context, {ActorName::storage}, [near](ActorName) { return near; });
    const Envelope envelope{.from = {NodeId(1), ActorName::replicator},
                            .to = {NodeId(1), ActorName::storage}};
    for (auto _ : state) {
        outboxes.send(ActorName::storage, encode(envelope, AskReport{1}));
        near ? mailbox.expect() : mailbox.set_ready(true);
        mailbox.take(1);
    }
    if (taken == 0) state.SkipWithError("nothing came through");
}
BENCHMARK(MailboxHop)->Arg(1)->Arg(0);

// ---- the log

void LogAppend(benchmark::State& state) {
    const auto count = static_cast<std::uint32_t>(state.range(0));
    const bool synced = state.range(1) != 0;
    const Directory directory;
    const auto disk = open_posix_disk(directory.path());
    auto opened = Log::open(**disk, {.segment_bytes = 64 << 20});
    const std::unique_ptr<Log> log = std::move(*opened);
    const Batch shape = batch_of(1, count);
    std::uint64_t next = 1;
    for (auto _ : state) {
        Batch batch = shape;
        batch.header.first = LogIndex(next);
        next += count;
        if (!log->stage({}, {batch})) std::abort();
        if (synced || next % (1 << 16) < count) log->sync();
    }
    log->sync();
    state.SetItemsProcessed(static_cast<std::int64_t>(next - 1));
    state.SetBytesProcessed(static_cast<std::int64_t>(state.iterations() * shape.body.size()));
    state.SetLabel(synced ? "each synced" : "gathered");
}
BENCHMARK(LogAppend)->Args({256, 0})->Args({1, 1})->Args({256, 1})->UseRealTime();

// ---- the state

class State : public benchmark::Fixture {
public:
    void SetUp(benchmark::State&) override {
        directory_ = std::make_unique<Directory>();
        auto opened = KvRocksdb::open(directory_->path(), {});
        state_ = std::move(*opened);
    }
    void TearDown(benchmark::State&) override {
        state_.reset();
        directory_.reset();
    }
    void flush() {
        state_->begin_flush()();
        state_->end_flush();
    }

protected:
    std::unique_ptr<Directory> directory_;
    std::unique_ptr<KvState> state_;
};

BENCHMARK_DEFINE_F(State, Apply)(benchmark::State& state) {
    const auto count = static_cast<std::uint32_t>(state.range(0));
    std::vector<Batch> batches;
    for (std::uint64_t i = 0; i < kKeys; i += count) batches.push_back(batch_of(1 + i, count));
    std::uint64_t next = 1, at = 0;
    std::vector<CommandOutcome> outcomes;
    for (auto _ : state) {
        Batch batch = batches[at++ % batches.size()];
        batch.header.first = LogIndex(next);
        next += count;
        outcomes.clear();
        state_->apply(batch, &outcomes);
        if (state_->wants_flush()) {
            state.PauseTiming();
            flush();
            state.ResumeTiming();
        }
    }
    state.SetItemsProcessed(static_cast<std::int64_t>(next - 1));
}
BENCHMARK_REGISTER_F(State, Apply)->Arg(1)->Arg(256);

BENCHMARK_DEFINE_F(State, Get)(benchmark::State& state) {
    for (std::uint64_t i = 0; i < kKeys; i += 256) state_->apply(batch_of(1 + i, 256), nullptr);
    if (state.range(0) != 0) flush();
    std::uint64_t n = 0;
    for (auto _ : state) {
        auto item = state_->get(key_of(++n));
        benchmark::DoNotOptimize(item);
    }
    state.SetLabel(state.range(0) != 0 ? "flushed" : "in memory");
}
BENCHMARK_REGISTER_F(State, Get)->Arg(0)->Arg(1);

}  // namespace
}  // namespace raftbus

BENCHMARK_MAIN();
