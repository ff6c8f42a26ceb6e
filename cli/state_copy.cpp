#include "cli/state_copy.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <random>

#include "cli/endpoints.hpp"
#include "cli/progress.hpp"
#include "messages/crc32c.hpp"
#include "storage/disk.hpp"

namespace raftbus::cli {
namespace {

using namespace std::chrono_literals;
namespace fs = std::filesystem;

// A big state takes its time to be flushed.
constexpr std::chrono::microseconds kBeginPatience = 60s;
constexpr std::uint64_t kNumbersEnd = std::uint64_t{1} << 53;

std::string fresh_directory(const Options& options) {
    std::error_code error;
    const fs::path parent =
        options.given("tmp") ? fs::path(options.text("tmp")) : fs::temp_directory_path(error);
    if (error || !fs::is_directory(parent, error))
        throw Failure(Exit::refused, "there is no directory " + parent.string(),
                      "say where temporary files may go with --tmp");
    std::random_device device;
    return (parent / fmt::format("raftbus-{}-{:08x}", ::getpid(), device())).string();
}

const Value& sound(const Value& piece) {
    const std::string_view bytes = piece["bytes"].text();
    if (crc32c(bytes) == piece["crc"].number()) return piece;
    throw Failure(Exit::refused, "a piece of the backup was damaged on its way", "do it again");
}

BackupHead head_of(const Value& piece, const Value& status) {
    using std::chrono::duration_cast;
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    BackupHead head;
    head.cluster = status["cluster"].text();
    head.node = status["node"].number();
    head.version = status["version"].text();
    head.revision = piece["revision"].number();
    head.term = piece["term"].number();
    head.digest = piece["digest"].text();
    head.time_us = piece["time_us"].number();
    head.size = piece["size"].number();
    head.made_ms =
        static_cast<std::uint64_t>(duration_cast<std::chrono::milliseconds>(now).count());
    return head;
}

}  // namespace

const OptionSpec kTmpOption{.name = "tmp",
                            .value = "DIR",
                            .help =
                                "where the unpacked state goes meanwhile (default TMPDIR, or "
                                "/tmp)"};

// All pieces come from one node: the one that has just answered a linearizable read has applied
// everything that was acknowledged before.
void fetch_backup(Session& session, const std::function<void(const BackupHead&)>& begin,
                  const std::function<void(std::string_view)>& add) {
    const Reply read = session.client->call(
        {{"op", "SCAN"}, {"prefix", ""}, {"limit", std::uint64_t(1)}, {"keys_only", true}},
        Effect::reads);
    succeeded(read);
    Client node({read.endpoint}, session.client->timeout());
    const Value status = succeeded(node.call({{"op", "STATUS"}}, Effect::reads)).body;
    Client patient({read.endpoint}, std::max(session.client->timeout(), kBeginPatience));
    Value piece = succeeded(patient.call({{"op", "BACKUP"}}, Effect::writes)).body;
    const std::uint64_t backup = piece["backup"].number(), size = piece["size"].number();
    CHECK(backup < kNumbersEnd);
    begin(head_of(piece, status));
    Progress progress(session.output);
    for (std::uint64_t at = 0;;) {
        const std::string_view bytes = sound(piece)["bytes"].text();
        if (piece["offset"].number() != at || (bytes.empty() && at < size))
            throw Failure(Exit::refused, "the node answers with other pieces than it was asked for",
                          "run the same release everywhere");
        add(bytes);
        at += bytes.size();
        progress.bytes("reading", at, size);
        if (at >= size) return;
        const Reply next =
            node.call({{"op", "BACKUP"}, {"backup", backup}, {"offset", at}}, Effect::reads);
        if (next.error() == "BAD_REQUEST")
            throw Failure(Exit::not_executed,
                          fmt::format("the node at {} does not have the backup any more: it was "
                                      "restarted, or not read from for too long",
                                      short_form(read.endpoint)),
                          "do it again");
        piece = succeeded(next).body;
    }
}

StateCopy::StateCopy(Session& session)
    : files_(std::make_unique<DirectoryIntake>(fresh_directory(session.options))) {}

StateCopy StateCopy::fetched(Session& session) {
    StateCopy copy(session);
    fetch_backup(
        session, [&](const BackupHead& head) { copy.head_ = head; },
        [&](std::string_view bytes) {
            if (!copy.files_->append(bytes))
                throw Failure(Exit::refused, "no room in " + copy.files_->directory(),
                              "say where there is some with --tmp");
        });
    if (const Status whole = copy.files_->finish(); !whole)
        throw Failure(Exit::refused, whole.error().message, "do it again");
    copy.open(session, "what the node sent");
    return copy;
}

StateCopy StateCopy::unpacked(Session& session, const std::string& path) {
    StateCopy copy(session);
    {
        Progress progress(session.output);
        const auto head = unpack_backup(path, *copy.files_, [&](auto done, auto all) {
            progress.bytes("unpacking", done, all);
        });
        if (!head)
            throw Failure(Exit::refused, head.error().message,
                          "take another copy of it, or another backup");
        copy.head_ = *head;
    }
    copy.open(session, path);
    return copy;
}

void StateCopy::open(Session& session, const std::string& what) {
    const auto refuse = [&](const std::string& why) {
        throw Failure(Exit::refused, fmt::format("{}: {}", what, why), "take another backup");
    };
    auto archive = KvArchive::open(files_->directory());
    if (!archive) refuse(archive.error().message);
    archive_ = std::move(*archive);
    Progress progress(session.output);
    const std::uint64_t all = archive_->bytes();
    const auto damages =
        archive_->verify([&](std::uint64_t done) { progress.bytes("checking", done, all); });
    if (!damages.empty()) refuse(fmt::format("{}: {}", damages[0].file, damages[0].what));
    const auto counts = archive_->count();
    if (!counts) refuse(counts.error().message);
    counts_ = *counts;
    const KvProgress& progress_of = archive_->progress();
    if (progress_of.applied.index.value != head_.revision ||
        progress_of.applied.term.value != head_.term ||
        fmt::format("{:016x}", progress_of.digest) != head_.digest)
        refuse("its head and the state in it do not belong together");
}

}  // namespace raftbus::cli
