// One of the files that know RocksDB; the others are kv_archive.cpp, rocksdb_hidden.hpp and state_files.hpp. RocksDB's own log and
// memtable never see data: each flush is one file, written sorted and ingested (kv_records.hpp says
// what it holds).
#include "storage/kv_rocksdb.hpp"

#include <rocksdb/cache.h>
#include <rocksdb/convenience.h>
#include <rocksdb/db.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/sst_file_reader.h>
#include <rocksdb/sst_file_writer.h>
#include <rocksdb/table.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <utility>

#include "storage/disk.hpp"
#include "storage/kv_records.hpp"
#include "storage/rocksdb_hidden.hpp"
#include "storage/snapshot_files.hpp"
#include "storage/state_directory.hpp"
#include "storage/state_files.hpp"

namespace raftbus {
namespace {

using kv::damaged;
using kv::kConfigurationKey;
using kv::kProgressKey;
using kv::kUserEnd;
using kv::kUserPrefix;
using state_directory::inaccessible;

constexpr std::uint64_t kRoomBesides = 1 << 20;           // manifests, small logs
// Of a file that is being made, before its blocks are sent to the disk: what is not sent yet is waited
// for by the log's next sync, wherever the file system writes data before its own journal.
constexpr std::uint64_t kDirtyBytes = 1 << 20;
constexpr std::string_view kTableSuffix = ".sst";
constexpr std::string_view kInstalledFile = "INSTALLED";  // inside, until the next flush

static_assert(kUserPrefix < kConfigurationKey[0] && kConfigurationKey < kProgressKey &&
                  kProgressKey[0] < Footnotes::kSpace && Footnotes::kSpace < Sessions::kSpace &&
                  Sessions::kSpace < Expiries::kSpace,
              "a flush writes the keys first, then how far it is, then the notes, in order");

rocksdb::Slice slice(std::string_view bytes) {
    return {bytes.data(), bytes.size()};
}
std::string_view view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}

[[noreturn]] void throw_damaged(const std::string& directory, const std::string& cause) {
    throw StateDamaged("the state in " + directory + " is damaged: " + cause);
}
std::string explain(const std::string& directory, const rocksdb::Status& status) {
    const std::string cause = status.ToString();
    return status.IsCorruption() ? damaged(directory, cause) : inaccessible(directory, cause);
}
void require(const std::string& directory, const rocksdb::Status& status) {
    if (status.ok()) return;
    if (status.IsCorruption()) throw_damaged(directory, status.ToString());
    throw DiskFailed(inaccessible(directory, status.ToString()));
}
// A sector that can not be read is as good as one that holds something else: what it held is lost.
void require_read(const std::string& directory, const rocksdb::Status& status) {
    if (status.IsIOError()) throw_damaged(directory, status.ToString());
    require(directory, status);
}

rocksdb::CompressionType compression() {
    const std::vector<rocksdb::CompressionType> built_in = rocksdb::GetSupportedCompressions();
    const bool lz4 =
        std::find(built_in.begin(), built_in.end(), rocksdb::kLZ4Compression) != built_in.end();
    return lz4 ? rocksdb::kLZ4Compression : rocksdb::kNoCompression;
}

rocksdb::Options make_options(const KvRocksdbOptions& ours, rocksdb::Env& env) {
    rocksdb::BlockBasedTableOptions table;
    table.filter_policy.reset(
        rocksdb::NewBloomFilterPolicy(10));  // bits a key: 1 % false positives
    // Indexes and filters count among the cache's bytes. They are cut into blocks, and the cache is
    // of one piece: a whole filter is larger than one of the 64 pieces it would have by default, so
    // it would never be kept, and each look-up would read a megabyte.
    table.block_cache = rocksdb::NewLRUCache(ours.block_cache_bytes, /*num_shard_bits=*/0);
    table.cache_index_and_filter_blocks = true;
    table.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
    table.partition_filters = true;

    rocksdb::Options options;
    options.env = &env;
    options.create_if_missing = true;
    options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    options.compression = compression();
    options.level_compaction_dynamic_level_bytes = true;
    options.max_open_files = ours.open_files_max;
    options.write_buffer_size = 64 << 10;  // never filled
    // Many flushes are merged at once: large values are written less often again.
    options.level0_file_num_compaction_trigger = 8;
    options.max_bytes_for_level_base = 512 << 20;
    options.bytes_per_sync = kDirtyBytes;
    options.info_log_level = rocksdb::WARN_LEVEL;
    options.max_log_file_size = 1 << 20;
    options.keep_log_file_num = 2;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    // Merges files in the background only if there is room for that, and goes on when there is
    // again.
    options.sst_file_manager.reset(rocksdb::NewSstFileManager(&env));
    return options;
}

// RocksDB bears no full disk: where its own assertions are built in, as in Debian's, a write after
// one that found no room ends the process. So the room is looked for first: for `bytes` and what it
// writes besides. False: there is none, also after what was kept aside has been given up.
bool find_room(const std::string& directory, std::uint64_t bytes,
               const std::function<bool(bool)>& make_room, bool start = false) {
    const auto has_room = [&] {
        std::error_code error;
        const auto space = std::filesystem::space(directory, error);
        return error || space.available >= bytes + kRoomBesides;
    };
    return has_room() || (make_room(start) && has_room());
}

class RocksdbCursor final : public KvCursor {
public:
    RocksdbCursor(rocksdb::DB& db, const std::string& directory, const ScanQuery& query,
                  std::uint64_t hidden_max)
        : directory_(directory) {
        if (query.end) {
            end_ = kUserPrefix;
            end_ += query.end->view();
        } else {
            end_ = kUserEnd;
        }
        end_slice_ = end_;
        rocksdb::ReadOptions options;
        options.iterate_upper_bound = &end_slice_;
        options.max_skippable_internal_keys = hidden_max;
        iterator_.reset(db.NewIterator(options));
        seek_to(query.start.view());
    }
    bool valid() const override { return iterator_->Valid(); }
    void next() override {
        const HiddenCount count(hidden_);
        iterator_->Next();
        check();
    }
    void seek(std::string_view key) override {
        hidden_ = 0;
        if (!valid() || this->key() >= key) return;
        if (view(end_slice_) <= kUserPrefix + std::string(key)) key = view(end_slice_).substr(1);
        seek_to(key);
    }
    bool lost() const override { return lost_; }
    std::uint64_t hidden() const override { return hidden_; }
    std::string_view key() const override { return view(iterator_->key()).substr(1); }
    bool erased() const override { return false; }
    std::string_view value() const override { return found_.value; }
    std::uint64_t revision() const override { return found_.revision; }

private:
    void seek_to(std::string_view key) {
        const HiddenCount count(hidden_);
        iterator_->Seek(kUserPrefix + std::string(key));
        check();
    }

    void check() {
        lost_ = iterator_->status().IsIncomplete();
        if (lost_) return;
        require_read(directory_, iterator_->status());
        if (!iterator_->Valid()) return;
        const std::optional<KvFound> found = kv::decode_record(view(iterator_->value()));
        if (!found) throw_damaged(directory_, "a value without a revision");
        found_ = *found;
    }

    const std::string& directory_;
    std::string end_;
    rocksdb::Slice end_slice_;  // of end_
    std::unique_ptr<rocksdb::Iterator> iterator_;
    KvFound found_;  // where it stands
    bool lost_ = false;
    std::uint64_t hidden_ = 0;
};

class RocksdbBase final : public KvBase {
public:
    // Opens the database. The error names the directory, the cause and the next step.
    static Result<std::shared_ptr<RocksdbBase>> open(const std::string& directory,
                                                     const KvRocksdbOptions& ours) {
        const std::shared_ptr<rocksdb::Env> env =
            rocksdb::NewCompositeEnv(make_state_files([directory, failed = ours.failed](auto& what) {
                if (failed) failed(inaccessible(directory, what));
            }));
        const rocksdb::Options options = make_options(ours, *env);
        auto opened = open_database(directory, options, ours.make_room);
        if (!opened) return opened.error();
        const Result<KvProgress> progress = read_progress(**opened, directory);
        if (!progress) return progress.error();
        return std::shared_ptr<RocksdbBase>(
            new RocksdbBase(directory, env, options, ours.make_room, std::move(*opened), *progress));
    }

    std::optional<KvFound> find(std::string_view key) override {
        key_.assign(1, kUserPrefix).append(key);
        value_.Reset();
        const rocksdb::Status status =
            db_->Get(rocksdb::ReadOptions(), db_->DefaultColumnFamily(), key_, &value_);
        if (status.IsNotFound()) return std::nullopt;
        require_read(directory_, status);
        const std::optional<KvFound> found = kv::decode_record(view(value_));
        if (!found) throw_damaged(directory_, "a value without a revision");
        return found;
    }

    std::unique_ptr<KvCursor> cursor(const ScanQuery& query, std::uint64_t hidden_max) override {
        return std::make_unique<RocksdbCursor>(*db_, directory_, query, hidden_max);
    }

    std::optional<std::string> next_key(const std::string& from,
                                        const std::optional<std::string>& end) override {
        ScanQuery query;
        query.start = SharedBytes(nullptr, from);
        if (end) query.end = SharedBytes(nullptr, *end);
        const RocksdbCursor cursor(*db_, directory_, query, 0);
        return cursor.valid() ? std::optional<std::string>(cursor.key()) : std::nullopt;
    }

    std::uint64_t keys() override {
        std::uint64_t keys = 0;
        db_->GetIntProperty(rocksdb::DB::Properties::kEstimateNumKeys, &keys);
        const std::uint64_t others = 1 + notes_;  // the progress, too
        return keys > others ? keys - others : 0;
    }

    void each_note(char space, const UseNote& use) override {
        const std::string begin(1, space), end(1, static_cast<char>(space + 1));
        const rocksdb::Slice end_slice = end;
        rocksdb::ReadOptions options;
        options.iterate_upper_bound = &end_slice;
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
        for (at->Seek(begin); at->Valid(); at->Next()) {
            use(view(at->key()), view(at->value()));
            ++notes_;
        }
        require_read(directory_, at->status());
    }

    bool write(const KvTable& table, const KvProgress& progress) override {
        if (!find_room(directory_, table.bytes(), make_room_)) return false;
        const rocksdb::Status status = try_write(table, progress);
        if (status.IsNoSpace()) return false;
        require(directory_, status);
        progress_ = progress;
        std::error_code ignored;  // it matters only as long as the log has not heard of it
        if (std::exchange(installed_, false)) std::filesystem::remove(mark(directory_), ignored);
        return true;
    }

    std::shared_ptr<Snapshot> snapshot() override {
        // Several may be there at a time: one for peers, one for a backup.
        const std::string copy =
            directory_ + std::string(state_directory::kSnapshotSuffix) + std::to_string(++snapshots_made_);
        remove_directory(copy);
        rocksdb::Checkpoint* raw = nullptr;
        require(directory_, rocksdb::Checkpoint::Create(db_.get(), &raw));
        const std::unique_ptr<rocksdb::Checkpoint> checkpoint(raw);
        if (!find_room(directory_, 0, make_room_)) return nullptr;
        const rocksdb::Status status = checkpoint->CreateCheckpoint(copy);
        if (status.IsNoSpace()) {
            remove_directory(copy);
            return nullptr;
        }
        require(directory_, status);
        // The list of files, which is small, is read here; each file before its first byte is sent.
        const Result<KvProgress> progress = read_copy(copy, nullptr);
        if (!progress || progress->applied != progress_.applied) {
            remove_directory(copy);
            throw_damaged(directory_, progress ? "it is of another entry" : progress.error().message);
        }
        return std::make_shared<DirectorySnapshot>(
            copy, progress_.applied,
            [env = env_, options = options_, directory = directory_](const std::string& file) {
                verify(options, directory, file);
            });
    }

    std::unique_ptr<IncomingSnapshot> receive() override {
        return std::make_unique<DirectoryIntake>(directory_ + std::string(state_directory::kIncomingSuffix));
    }

    Status install(IncomingSnapshot& snapshot, EntryId last,
                   std::optional<std::uint64_t> digest) override {
        auto& intake = static_cast<DirectoryIntake&>(snapshot);
        if (Status whole = intake.finish(); !whole) return whole;
        if (Status fits = check_incoming(intake.directory(), last, digest); !fits) return fits;
        std::ofstream(mark(intake.directory())) << last.index.value << "\n";
        sync_directory(intake.directory());
        db_.reset();
        put_in_place(intake.directory());
        auto opened = open_database(directory_, options_, make_room_);
        if (!opened) throw DiskFailed(opened.error().message);
        db_ = std::move(*opened);
        progress_ = read_progress(*db_, directory_).value();
        installed_ = true;
        return Done{};
    }

    bool installed() const override { return installed_; }
    KvProgress progress() override { return progress_; }

private:
    RocksdbBase(std::string directory, std::shared_ptr<rocksdb::Env> env, rocksdb::Options options,
                std::function<bool(bool)> make_room, std::unique_ptr<rocksdb::DB> db,
                const KvProgress& progress)
        : directory_(std::move(directory)),
          env_(std::move(env)),
          options_(std::move(options)),
          make_room_(std::move(make_room)),
          db_(std::move(db)),
          progress_(progress),
          installed_(std::filesystem::exists(mark(directory_))) {}

    static std::string mark(const std::string& directory) {
        return directory + "/" + std::string(kInstalledFile);
    }

    // RocksDB writes a little whenever it opens.
    static Result<std::unique_ptr<rocksdb::DB>> open_database(
        const std::string& directory, const rocksdb::Options& options,
        const std::function<bool(bool)>& make_room) {
        if (!find_room(directory, 0, make_room, true))
            return Error{inaccessible(directory, "no room on the disk")};
        rocksdb::DB* db = nullptr;
        const rocksdb::Status status = rocksdb::DB::Open(options, directory, &db);
        if (!status.ok()) return Error{explain(directory, status)};
        return std::unique_ptr<rocksdb::DB>(db);
    }

    static Result<KvProgress> read_progress(rocksdb::DB& db, const std::string& directory) {
        std::string bytes;
        const rocksdb::Status status = db.Get(rocksdb::ReadOptions(), slice(kProgressKey), &bytes);
        if (!status.ok() && !status.IsNotFound()) return Error{explain(directory, status)};
        std::optional<KvProgress> found =
            status.IsNotFound() ? KvProgress{} : kv::decode_progress(bytes);
        if (!bytes.empty() && bytes[0] > kv::kProgressVersion)
            return Error{"the state in " + directory + " has format version " +
                         std::to_string(static_cast<int>(bytes[0])) +
                         ", this program reads versions 1 to " +
                         std::to_string(static_cast<int>(kv::kProgressVersion)) +
                         ": it was written by a newer release, so run that one"};
        if (!found) return Error{damaged(directory, "its applied index can not be read")};
        return with_configuration(db, directory, std::move(*found));
    }

    static Result<KvProgress> with_configuration(rocksdb::DB& db, const std::string& directory,
                                                 KvProgress progress) {
        std::string bytes;
        const rocksdb::Status status =
            db.Get(rocksdb::ReadOptions(), slice(kConfigurationKey), &bytes);
        if (status.IsNotFound()) return progress;
        if (!status.ok()) return Error{explain(directory, status)};
        auto configuration = kv::decode_configuration(bytes);
        if (!configuration) return Error{damaged(directory, "its configuration can not be read")};
        progress.configuration = std::move(*configuration);
        return progress;
    }

    // Opens a state that is not this one's. `whole` becomes what its blocks' checksums say, unless it
    // is null.
    Result<KvProgress> read_copy(const std::string& copy, rocksdb::Status* whole) {
        rocksdb::DB* raw = nullptr;
        const rocksdb::Status opened = rocksdb::DB::OpenForReadOnly(options_, copy, &raw);
        const std::unique_ptr<rocksdb::DB> db(raw);
        if (!opened.ok()) return Error{opened.ToString()};
        if (whole) *whole = db->VerifyChecksum();
        return read_progress(*db, copy);
    }

    // Errors: throws StateDamaged if the file does not hold what was written into it.
    static void verify(const rocksdb::Options& options, const std::string& directory,
                       const std::string& file) {
        if (!file.ends_with(kTableSuffix)) return;
        rocksdb::SstFileReader reader(options);
        rocksdb::Status status = reader.Open(file);
        if (status.ok()) status = reader.VerifyChecksum();
        require_read(directory, status);
    }

    // All of it is read: what comes from another node may have been damaged there, or on the way here.
    Status check_incoming(const std::string& incoming, EntryId last,
                          std::optional<std::uint64_t> digest) {
        rocksdb::Status whole;
        const Result<KvProgress> progress = read_copy(incoming, &whole);
        if (!progress) return progress.error();
        if (!whole.ok()) return Error{whole.ToString()};
        if (progress->applied != last) return Error{"it is not of the entry that it was sent for"};
        if (digest && *digest != progress->digest)
            return Error{"its digest is not that which this node's state had at that entry"};
        return Done{};
    }

    // A crash in between leaves the old one under another name: see prepare().
    void put_in_place(const std::string& incoming) {
        const std::string old = directory_ + std::string(state_directory::kOldSuffix);
        move_directory(directory_, old);
        move_directory(incoming, directory_);
        sync_directory(std::filesystem::path(directory_).parent_path().string());
        remove_directory(old);
    }

    rocksdb::Status try_write(const KvTable& table, const KvProgress& progress) {
        const std::string file = directory_ + "/" + std::string(state_directory::kFlushFile);
        rocksdb::Status status = write_file(file, table, progress);
        rocksdb::IngestExternalFileOptions ingest;
        ingest.move_files = true;           // a hard link, synced, then the manifest, synced
        ingest.write_global_seqno = false;  // the file is not touched again
        if (status.ok() && std::exchange(resume_, false)) status = db_->Resume();
        if (status.ok()) status = db_->IngestExternalFile({file}, ingest);
        if (!status.ok()) {
            resume_ = true;  // it may have stopped because its manifest found no room
            std::error_code ignored;
            std::filesystem::remove(file, ignored);
        }
        return status;
    }

    rocksdb::Status write_file(const std::string& file, const KvTable& table,
                               const KvProgress& progress) {
        rocksdb::EnvOptions files;
        files.bytes_per_sync = kDirtyBytes;
        rocksdb::SstFileWriter writer(files, options_, nullptr,
                                      /*invalidate_page_cache=*/false);
        rocksdb::Status status = writer.Open(file);
        std::string key, value;
        for (const auto& [user_key, entry] : table.entries()) {
            if (!status.ok()) return status;
            const KvTable::Record* record = entry->record;
            key.assign(1, kUserPrefix).append(user_key.view());
            value.clear();
            if (record)
                kv::append_record(value, {record->value(), record->revision, record->expires_at()});
            status = record ? writer.Put(key, value) : writer.Delete(key);
        }
        if (const StoredConfiguration& stored = progress.configuration; status.ok() && stored.index)
            status = writer.Put(slice(kConfigurationKey), kv::encode_configuration(stored));
        if (status.ok()) status = writer.Put(slice(kProgressKey), kv::encode(progress));
        for (const auto& [name, content] : table.notes()) {
            if (!status.ok()) return status;
            status = content ? writer.Put(name, *content) : writer.Delete(name);
        }
        return status.ok() ? writer.Finish() : status;  // syncs the file
    }

    const std::string directory_;
    const std::shared_ptr<rocksdb::Env> env_;  // of options_
    const rocksdb::Options options_;
    const std::function<bool(bool)> make_room_;
    std::unique_ptr<rocksdb::DB> db_;
    KvProgress progress_;  // as written or installed last
    bool installed_;
    bool resume_ = false;               // before the next file is taken in
    std::string key_;                   // of find, kept for its memory
    rocksdb::PinnableSlice value_;      // what find's answer points at
    std::uint64_t notes_ = 0;           // that there were at start
    std::uint64_t snapshots_made_ = 0;  // in the job's thread alone
};

}  // namespace

Result<std::unique_ptr<KvRocksdb>> KvRocksdb::open(const std::string& directory,
                                                   const KvRocksdbOptions& options) {
    std::string path = directory;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    if (Status ready = state_directory::prepare(path); !ready) return ready.error();
    auto base = RocksdbBase::open(path, options);
    if (!base) return base.error();
    try {
        return std::unique_ptr<KvRocksdb>(new KvRocksdb(std::move(*base), options.layers));
    } catch (const DiskFailed& failed) {
        return Error{failed.what()};
    }
}

}  // namespace raftbus
