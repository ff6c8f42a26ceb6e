#include "storage/inspection.hpp"

#include <algorithm>
#include <filesystem>

#include "storage/log_format.hpp"
#include "storage/recovery.hpp"
#include "storage/startup.hpp"

namespace raftbus {
namespace {

namespace fs = std::filesystem;

std::size_t behind_last_nonzero(std::string_view bytes) {
    const std::size_t last = bytes.find_last_not_of('\0');
    return last == std::string_view::npos ? 0 : last + 1;
}

class Inspector {
public:
    Inspector(Disk& disk, std::string directory, const InspectionProgress& progress)
        : disk_(disk), directory_(std::move(directory)), progress_(progress) {}

    Inspection run() {
        look_at_identity();
        look_at_log();
        look_at_state();
        if (found_.log && found_.state) {
            const auto together =
                judge_together(*found_.log, found_.state->applied, found_.installed);
            if (!together) add_damage(damage_from(together.error().message));
        }
        for (const std::string& name : disk_.list())
            if (name.starts_with("unfinished-recycled-"))
                found_.harmless.push_back({name, 0, "a dropped segment, kept for a later one"});
            else if (name.starts_with("unfinished-"))
                found_.harmless.push_back({name, 0, "a file that was being made"});
        return std::move(found_);
    }

private:
    void add_damage(Damage damage) {
        const bool known = std::ranges::any_of(found_.damages, [&](const Damage& other) {
            return other.file == damage.file && other.offset == damage.offset;
        });
        if (!known) found_.damages.push_back(std::move(damage));
    }

    void look_at_identity() {
        auto identity = load_identity(disk_);
        if (!identity)
            add_damage(damage_from(identity.error().message));
        else
            found_.identity = std::move(*identity);
    }

    // ---- the log

    std::vector<std::uint64_t> segments() {
        std::vector<std::uint64_t> numbers;
        for (const std::string& name : disk_.list())
            if (const auto number = segment_number(name)) numbers.push_back(*number);
        return numbers;
    }

    // The identity that the segments bear, for want of the file.
    std::uint64_t identity_of_log() {
        if (found_.identity) return identity_hash(*found_.identity);
        for (const std::uint64_t number : segments()) {
            const auto file = disk_.open(segment_name(number));
            const auto header = decode_segment_header(file->read(0, kSegmentHeaderBytes));
            if (header && *header) return (*header)->id.identity;
        }
        return 0;
    }

    void look_at_log() {
        const std::vector<std::uint64_t> numbers = segments();
        found_.segments = numbers.size();
        for (const std::uint64_t number : numbers)
            found_.log_bytes += disk_.open(segment_name(number))->size();
        const LogOptions options{.identity = identity_of_log()};
        auto judged = judge_log(disk_, options);
        if (judged) {
            found_.log = report_of(*judged);
            if (judged->torn_bytes > 0)
                found_.harmless.push_back(
                    {numbers.empty() ? std::string() : last_used(numbers), judged->end.offset,
                     std::to_string(judged->torn_bytes) +
                         " bytes of an unfinished write, of which nobody was told"});
        } else {
            add_damage(damage_from(judged.error().message));
        }
        std::uint64_t done = 0;
        for (const std::uint64_t number : numbers) {
            const std::string bytes = content(number);
            scan(bytes, {options.identity, number}, number == numbers.back());
            progress_("log", done += bytes.size(), found_.log_bytes);
        }
    }

    std::string content(std::uint64_t number) {
        const auto file = disk_.open(segment_name(number));
        return file->read(0, file->size());
    }

    std::string last_used(const std::vector<std::uint64_t>& numbers) {
        for (auto number = numbers.rbegin(); number != numbers.rend(); ++number)
            if (behind_last_nonzero(content(*number)) > 0) return segment_name(*number);
        return segment_name(numbers.front());
    }

    // The judgement ends at the first thing that is wrong. This looks for all others: places
    // without a valid record that valid ones stand behind. In the last segment only if one of
    // those says that the place had been synced.
    void scan(std::string_view bytes, const SegmentId& id, bool last) {
        const std::size_t used = behind_last_nonzero(bytes);
        std::uint64_t at = kSegmentHeaderBytes;
        while (at + kRecordHeaderBytes <= used) {
            const auto record = parse_record(bytes.substr(at), id, at);
            if (record) {
                at += record->bytes;
                if (record->kind == RecordKind::end) return;
                continue;
            }
            bool proven = !last;
            std::uint64_t next = 0;
            for (std::uint64_t ahead = at + kRecordAlignment; ahead + kRecordHeaderBytes <= used;
                 ahead += kRecordAlignment) {
                const auto later = parse_record(bytes.substr(ahead), id, ahead);
                if (!later) continue;
                if (next == 0) next = ahead;
                proven = proven || later->group_start > at;
                if (proven) break;
                ahead += later->bytes - kRecordAlignment;
            }
            if (next == 0 || !proven) return;
            add_damage({segment_name(id.number), at,
                        std::to_string(next - at) +
                            " bytes are damaged: no valid record, and valid ones behind"});
            at = next;
        }
    }

    // ---- the state

    void look_at_state() {
        std::string path = state_directory(directory_);
        std::error_code error;
        leftover(path + "-incoming", "what had come in of a snapshot");
        if (fs::exists(path, error)) {
            leftover(path + "-old", "the state before a snapshot was installed");
        } else if (fs::exists(path + "-old", error)) {
            found_.harmless.push_back(
                {"state-old", 0, "the state: a snapshot was being put in its place"});
            path += "-old";
        }
        for (const auto& entry : fs::directory_iterator(directory_, error))
            if (entry.path().filename().string().starts_with("state-snapshot"))
                leftover(entry.path().string(), "a copy of the state that was being read");
        leftover(path + "/flush.pending", "a flush that was not finished");
        found_.has_state = fs::exists(path, error);
        if (!found_.has_state) {
            if (found_.log && found_.log->before_first.index)
                found_.state = KvProgress{};  // which does not fit the log
            return;
        }
        found_.installed = fs::exists(path + "/INSTALLED", error);
        auto archive = KvArchive::open(path);
        if (!archive) return add_damage({"state", 0, archive.error().message});
        read_state(**archive);
    }

    void read_state(KvArchive& archive) {
        found_.state = archive.progress();
        found_.state_bytes = archive.bytes();
        const std::uint64_t all = 2 * archive.bytes();  // once by blocks, once by records
        auto damages = archive.verify([&](std::uint64_t done) { progress_("state", done, all); });
        for (Damage& damage : damages) {
            damage.file = "state/" + damage.file;
            add_damage(std::move(damage));
        }
        if (auto counts = archive.count())
            found_.counts = *counts;
        else if (damages.empty())
            add_damage({"state", 0, counts.error().message});
        progress_("state", all, all);
    }

    void leftover(const std::string& path, const char* what) {
        std::error_code error;
        if (!fs::exists(path, error)) return;
        found_.harmless.push_back(
            {fs::relative(path, directory_, error).string(), 0, std::string("left over: ") + what});
    }

    Disk& disk_;
    const std::string directory_;
    const InspectionProgress& progress_;
    Inspection found_;
};

}  // namespace

std::optional<Configuration> Inspection::configuration() const {
    const SharedBytes* body = nullptr;
    if (log && !log->configurations.empty())
        body = &log->configurations.back().body;
    else if (state && state->configuration.index)
        body = &state->configuration.body;
    if (!body) return std::nullopt;
    const auto configuration = decode_configuration(body->view());
    return configuration ? std::optional(*configuration) : std::nullopt;
}

Inspection inspect(Disk& disk, const std::string& directory, const InspectionProgress& progress) {
    return Inspector(disk, directory, progress).run();
}

std::string state_directory(const std::string& directory) {
    std::string path = directory;
    while (path.size() > 1 && path.back() == '/') path.pop_back();
    return path + "/state";
}

}  // namespace raftbus
