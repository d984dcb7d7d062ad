#include "engines/deep.h"
#include "engines/engine.h"
#include "engines/oblivious.h"
#include "engines/ranked.h"

namespace arsenal::runtime {

template <typename T>
std::unique_ptr<TreeEngine<T>> choose_engine(const Ensemble<T>& ensemble, Isa isa) {
  if (suits_ranked(ensemble)) {
    if (auto trees = rank_trees(ensemble)) {
      if (auto levels = find_levels(ensemble, *trees)) {
        return make_oblivious_engine(ensemble, std::move(*trees), std::move(*levels), isa);
      }
      return make_ranked_engine(ensemble, std::move(*trees), isa);
    }
  }
  if (suits_deep(ensemble)) {
    if (auto trees = lay_out_trees(ensemble)) return make_deep_engine(ensemble, std::move(*trees), isa);
  }
  return make_walk_engine(ensemble);
}

template std::unique_ptr<TreeEngine<float>> choose_engine(const Ensemble<float>&, Isa);
template std::unique_ptr<TreeEngine<double>> choose_engine(const Ensemble<double>&, Isa);

}  // namespace arsenal::runtime
