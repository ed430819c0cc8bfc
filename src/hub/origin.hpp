#pragma once

#include <string>

namespace sapiens::hub {

/// "scheme://host:port" of an address, as libcurl understands it; empty for one that is not http or
/// https.
std::string origin_of(const std::string& address);

}  // namespace sapiens::hub
