# Finds libcurl and OpenSSL's libcrypto, where they are installed. Only the library sapiens::downloads and the program
# sapiens-pull are linked to them.
if(NOT SAPIENS_DOWNLOADS)
  return()
endif()
find_package(CURL 7.62 QUIET GLOBAL)
find_package(OpenSSL 3.0 QUIET GLOBAL COMPONENTS Crypto)
if(NOT CURL_FOUND OR NOT OPENSSL_FOUND)
  message(STATUS "libcurl or libcrypto was not found: no downloads. On Debian and Ubuntu: "
                 "apt-get install libcurl4-openssl-dev libssl-dev")
endif()
