#include "model/encoder_layers.hpp"

#include "model/params.hpp"

namespace sapiens {

LoadedEncoder load_encoder(const EncoderConfig& config, const ParamSource& source, const Ops& ops,
                           const std::function<void(double)>& progress) {
  ParamLoader params(encoder_params(config), source, ops, progress);
  LoadedEncoder loaded{.layers = config.family == Family::Sapiens2 ? load_sapiens2(config, params)
                                                                   : load_sapiens(config, params)};
  loaded.non_finite = params.take_non_finite();
  loaded.unquantized = params.take_unquantized();
  return loaded;
}

}  // namespace sapiens
