// What the search leaves out, and why nothing is lost by it. L is any linearization.
//
// Forced looks. A move without effect that fits an exact state is put there at once, and nothing
//   else is tried in its place: if L has it later, it fits here as well, and nobody misses it
//   there. (While the state's revision is open it would settle that; then it is tried, not forced.)
// Ranks. Revisions rise along L, and who saw revision r stands between the write of r and the next
//   write. So moves that name revisions come in the order of what they name: the write of r, those
//   who saw r, the next write.
// Unknown writes are there to be seen. If the move after an unknown write in L does not depend on
//   the state, it overwrites it unseen; if it is a write that would be possible without, it leaves
//   the same with or without. Then the unknown write can be taken out of L: the bound on later
//   revisions only falls. So the next move must look, and need what it sees.
// Equal unknown writes (unconditional SETs of one value, or of any values that nobody names;
//   unconditional DELETEs) differ in their begins alone. The one that began first may take the
//   place of another in L, so they are tried in the order of their begins.
// Dead states. What was searched in vain is not searched again, nor what is worse: a state that
//   differs only in that fewer unknown writes are left, not counting those that can't take effect
//   any more, can be continued in no other way.
//
// So where all outcomes are known there is next to nothing to choose, and unknown writes are tried
// only when nothing else can come next.
#include "sim/register_search.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "sim/dead_states.hpp"
#include "sim/search_plan.hpp"

namespace raftbus::sim {
namespace {

class Search {
public:
    Search(SearchPlan plan, std::uint64_t states_max)
        : plan_(std::move(plan)),
          timeline_(plan_.timeline),
          open_in_rank_(plan_.rank_sizes),
          placed_(plan_.words),
          dead_(plan_.known_words, plan_.unknown_words),
          states_left_(states_max) {}

    std::variant<Linearizable, Stuck, GaveUp> run() {
        Index candidate = first_candidate();
        while (known_placed_ < plan_.known_count) {
            if (candidate == kNone) {
                keep_evidence();
                if (order_.empty()) return std::move(evidence_);
                candidate = step_back();
            } else if (try_to_place(candidate)) {
                if (states_left_-- == 0) return GaveUp{};
                candidate = first_candidate();
            } else {
                candidate = candidate_after(candidate);
            }
        }
        return Linearizable{};
    }

private:
    struct Placed {
        Index step;
        RegisterState before;
        bool forced;  // nothing else needs to be tried in its place
    };
    // Candidates at one state are tried in this order.
    enum class Pass : std::uint8_t { looks, writes, unknown };

    // ---- candidates: unplaced operations that began before any unplaced one ended

    static Pass pass_of(const Step& step) {
        if (step.is_unknown()) return Pass::unknown;
        return step.move.effect == RegisterMove::Effect::none ? Pass::looks : Pass::writes;
    }

    // kNone if all known ones are placed.
    Index first_candidate() const {
        if (known_placed_ == plan_.known_count) return kNone;
        return known_candidate(Timeline::kHead, Pass::looks);
    }

    // Also after a candidate that was placed and taken back.
    Index candidate_after(Index candidate) const {
        const Step& step = plan_.steps[candidate];
        if (step.is_unknown()) return unknown_candidate(candidate + 1);
        return known_candidate(step.begin, pass_of(step));
    }

    // The first one behind `position` in `pass`, or else the first of the passes that follow.
    Index known_candidate(Index position, Pass pass) const {
        for (;;) {
            position = timeline_.after(position);
            const Index candidate = timeline_.step_at(position);
            if (plan_.steps[candidate].end == position) {  // all behind began after this one ended
                if (pass == Pass::writes) return unknown_candidate(plan_.known_count);
                pass = Pass::writes;
                position = Timeline::kHead;
            } else if (pass_of(plan_.steps[candidate]) == pass) {
                return candidate;
            }
        }
    }

    Index unknown_candidate(std::size_t from) const {
        const Index limit = first_end();
        for (std::size_t i = from; i < plan_.steps.size() && plan_.steps[i].begin < limit; ++i) {
            const Index twin = plan_.steps[i].twin_before;
            if (is_placed(plan_.steps[i])) continue;
            if (twin == kNone || is_placed(plan_.steps[twin])) return static_cast<Index>(i);
        }
        return kNone;
    }

    // Where the first of the unplaced known operations ends.
    Index first_end() const {
        Index position = timeline_.after(Timeline::kHead);
        while (plan_.steps[timeline_.step_at(position)].end != position)
            position = timeline_.after(position);
        return position;
    }

    // ---- placing and taking back

    bool is_placed(const Step& step) const { return placed_[step.bit / 64] >> (step.bit % 64) & 1; }
    void flip_placed(const Step& step) {
        placed_[step.bit / 64] ^= std::uint64_t{1} << (step.bit % 64);
    }

    bool try_to_place(Index candidate) {
        const Step& step = plan_.steps[candidate];
        if (step.rank != kNone && step.rank > lowest_open_rank_) return false;
        const std::optional<RegisterState> after = step.move.apply(state_);
        if (!after || needs_no_look(step)) return false;
        flip_placed(step);
        if (!after->owes_a_look && dead_.covers(placed_, *after)) {
            flip_placed(step);
            return false;
        }
        const bool forced = pass_of(step) == Pass::looks && state_.exact;
        order_.push_back({candidate, std::exchange(state_, *after), forced});
        if (!step.is_unknown()) {
            timeline_.take_out(step.begin, step.end);
            ++known_placed_;
        }
        if (step.rank != kNone) {
            --open_in_rank_[step.rank];
            while (lowest_open_rank_ < open_in_rank_.size() && !open_in_rank_[lowest_open_rank_])
                ++lowest_open_rank_;
        }
        return true;
    }

    // A write that is possible without the unknown write that owes a look.
    bool needs_no_look(const Step& step) const {
        return state_.owes_a_look && step.move.effect != RegisterMove::Effect::none &&
               step.move.apply(order_.back().before);
    }

    // Leaves a state in which nothing is left to try, and returns what to try next in the one
    // before; kNone: nothing.
    Index step_back() {
        // A look that is owed is a matter of the next move, and of the state before the unknown
        // write too: such a state is not remembered.
        if (!state_.owes_a_look) dead_.add(placed_, state_);
        const Placed last = order_.back();
        order_.pop_back();
        const Step& step = plan_.steps[last.step];
        state_ = last.before;
        flip_placed(step);
        if (!step.is_unknown()) {
            timeline_.put_back(step.begin, step.end);
            --known_placed_;
        }
        if (step.rank != kNone) {
            ++open_in_rank_[step.rank];
            lowest_open_rank_ = step.rank;
        }
        return last.forced ? kNone : candidate_after(last.step);
    }

    // Of the longest linearization so far, by known operations.
    void keep_evidence() {
        constexpr std::size_t kPlacedShown = 4;
        if (known_placed_ < evidence_for_) return;
        evidence_for_ = known_placed_ + 1;
        evidence_ = {};
        const std::size_t shown = std::min(order_.size(), kPlacedShown);
        for (auto placed = order_.end() - shown; placed != order_.end(); ++placed)
            evidence_.placed.push_back(plan_.steps[placed->step].operation);
        const Index limit = first_end();
        for (Index at = timeline_.after(Timeline::kHead); at != limit; at = timeline_.after(at))
            evidence_.waiting.push_back(plan_.steps[timeline_.step_at(at)].operation);
    }

    const SearchPlan plan_;

    // Where the search stands.
    Timeline timeline_;                      // of the known ones that are not placed
    std::vector<std::size_t> open_in_rank_;  // how many of a rank are not placed
    Index lowest_open_rank_ = 0;             // one past the last if there is none
    PlacedBits placed_;
    std::size_t known_placed_ = 0;
    std::vector<Placed> order_;  // the linearization so far
    RegisterState state_;        // after it

    DeadStates dead_;
    std::uint64_t states_left_;
    Stuck evidence_;
    std::size_t evidence_for_ = 0;  // known operations that a longer linearization would place
};

}  // namespace

std::variant<Linearizable, Stuck, GaveUp> search_linearization(
    std::span<const Operation* const> operations, std::uint64_t states_max) {
    return Search(plan_search(operations), states_max).run();
}

}  // namespace raftbus::sim
