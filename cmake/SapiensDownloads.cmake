# Defines sapiens::transfer, libcurl and OpenSSL's libcrypto, where they are installed. Only the module that is
# loaded when something is downloaded links them. Installed programs do not need it.
if(NOT SAPIENS_DOWNLOADS OR TARGET sapiens::transfer)
  return()
endif()
find_package(CURL 7.62 QUIET)
find_package(OpenSSL 3.0 QUIET COMPONENTS Crypto)
if(NOT CURL_FOUND OR NOT OPENSSL_FOUND)
  message(STATUS "libcurl or libcrypto was not found: no downloads. On Debian and Ubuntu: "
                 "apt-get install libcurl4-openssl-dev libssl-dev")
  return()
endif()
add_library(sapiens::transfer INTERFACE IMPORTED)
set_target_properties(sapiens::transfer PROPERTIES INTERFACE_LINK_LIBRARIES "CURL::libcurl;OpenSSL::Crypto")
