// One of the files that know RocksDB, as kv_rocksdb.cpp.
#include "storage/kv_archive.hpp"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_reader.h>

#include <filesystem>

#include "storage/expiries.hpp"
#include "storage/kv_records.hpp"
#include "storage/sessions.hpp"

namespace raftbus {
namespace {

std::string_view view(const rocksdb::Slice& slice) {
    return {slice.data(), slice.size()};
}
rocksdb::Slice slice(std::string_view bytes) {
    return {bytes.data(), bytes.size()};
}

// RocksDB's own log would be written into the directory.
class Silent final : public rocksdb::Logger {
public:
    using rocksdb::Logger::Logv;
    void Logv(const char*, va_list) override {}
};

rocksdb::Options options_to_read() {
    rocksdb::Options options;
    options.create_if_missing = false;
    options.info_log = std::make_shared<Silent>();
    options.max_open_files = 256;
    return options;
}

// RocksDB says "… in /path/000012.sst offset 4096 size 1234".
Damage damage_in(const std::string& file, const rocksdb::Status& status) {
    Damage damage{file, 0, status.ToString()};
    constexpr std::string_view mark = " offset ";
    if (const std::size_t at = damage.what.rfind(mark); at != std::string::npos)
        damage.offset = std::strtoull(damage.what.c_str() + at + mark.size(), nullptr, 10);
    return damage;
}

class RocksdbArchive final : public KvArchive {
public:
    RocksdbArchive(std::string directory, std::unique_ptr<rocksdb::DB> db)
        : directory_(std::move(directory)), db_(std::move(db)) {
        db_->GetLiveFilesMetaData(&files_);
    }

    Status load() {
        std::string bytes;
        auto status = db_->Get(rocksdb::ReadOptions(), slice(kv::kProgressKey), &bytes);
        if (status.IsNotFound()) return Done{};
        if (!status.ok()) return Error{kv::damaged(directory_, status.ToString())};
        const auto progress = kv::decode_progress(bytes);
        if (!progress) return Error{kv::damaged(directory_, "its applied index can not be read")};
        progress_ = *progress;
        status = db_->Get(rocksdb::ReadOptions(), slice(kv::kConfigurationKey), &bytes);
        if (status.IsNotFound()) return Done{};
        const auto configuration =
            status.ok() ? kv::decode_configuration(bytes) : std::optional<StoredConfiguration>();
        if (!configuration)
            return Error{kv::damaged(directory_, "its configuration can not be read")};
        progress_.configuration = *configuration;
        return Done{};
    }

    const KvProgress& progress() const override { return progress_; }

    std::uint64_t bytes() const override {
        std::uint64_t bytes = 0;
        for (const auto& file : files_) bytes += file.size;
        return bytes;
    }

    std::vector<Damage> verify(const std::function<void(std::uint64_t)>& done) override {
        std::vector<Damage> damages;
        std::uint64_t behind = 0;
        for (const auto& file : files_) {
            const std::string path = file.db_path + file.name;
            rocksdb::SstFileReader reader(options_to_read());
            auto status = reader.Open(path);
            if (status.ok()) status = reader.VerifyChecksum();
            if (!status.ok())
                damages.push_back(
                    damage_in(std::filesystem::path(file.name).filename().string(), status));
            done(behind += file.size);
        }
        return damages;
    }

    Result<ArchiveCounts> count() override {
        ArchiveCounts counts;
        const auto wrong = [&](const std::string& what) {
            return Error{kv::damaged(directory_, what)};
        };
        rocksdb::ReadOptions options;
        options.fill_cache = false;
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
        Sessions sessions;
        Expiries expiries;
        for (at->SeekToFirst(); at->Valid(); at->Next()) {
            const std::string_view name = view(at->key());
            if (name.empty()) return wrong("a record without a name");
            if (name.front() == kv::kUserPrefix) {
                const auto found = kv::decode_record(view(at->value()));
                if (!found) return wrong("a value without a revision");
                if (found->revision > progress_.applied.index.value)
                    return wrong("a key was written later than the state says that it is");
                ++counts.keys;
                counts.key_bytes += name.size() - 1;
                counts.value_bytes += found->value.size();
            } else if (name.front() == Sessions::kSpace) {
                if (!sessions.load(name, view(at->value()))) return wrong("a session");
                ++counts.sessions;
            } else if (name.front() == Expiries::kSpace) {
                if (!expiries.load(name)) return wrong("an expiry");
            }
        }
        if (!at->status().ok()) return wrong(at->status().ToString());
        return counts;
    }

    Status each(std::string_view prefix, const Use& use) override {
        rocksdb::ReadOptions options;
        options.fill_cache = false;
        const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
        const std::string begin = std::string(1, kv::kUserPrefix) + std::string(prefix);
        for (at->Seek(begin); at->Valid() && view(at->key()).starts_with(begin); at->Next()) {
            const auto found = kv::decode_record(view(at->value()));
            if (!found) return Error{kv::damaged(directory_, "a value without a revision")};
            if (!use(view(at->key()).substr(1), *found)) return Done{};
        }
        if (!at->status().ok()) return Error{kv::damaged(directory_, at->status().ToString())};
        return Done{};
    }

private:
    const std::string directory_;
    const std::unique_ptr<rocksdb::DB> db_;
    std::vector<rocksdb::LiveFileMetaData> files_;
    KvProgress progress_;
};

}  // namespace

Result<std::unique_ptr<KvArchive>> KvArchive::open(const std::string& directory) {
    rocksdb::DB* raw = nullptr;
    const auto status = rocksdb::DB::OpenForReadOnly(options_to_read(), directory, &raw);
    std::unique_ptr<rocksdb::DB> db(raw);
    if (!status.ok()) return Error{kv::damaged(directory, status.ToString())};
    auto archive = std::make_unique<RocksdbArchive>(directory, std::move(db));
    if (const Status loaded = archive->load(); !loaded) return loaded.error();
    return std::unique_ptr<KvArchive>(std::move(archive));
}

}  // namespace raftbus
