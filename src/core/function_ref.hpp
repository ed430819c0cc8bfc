#pragma once

#include <concepts>
#include <memory>
#include <type_traits>
#include <utility>

namespace sapiens {

template <class Signature>
class FunctionRef;

/// A borrowed callable: two pointers, no allocation. It is valid as long as the callable that it
/// was made from.
template <class Result, class... Args>
class FunctionRef<Result(Args...)> {
 public:
  // Implicit, so that lambdas convert. clang-tidy 14 does not see that copies are ruled out.
  template <class F>
  requires(!std::same_as<std::remove_cvref_t<F>, FunctionRef> &&
           std::is_invocable_r_v<Result, F&, Args...>)
      // NOLINTNEXTLINE(bugprone-forwarding-reference-overload)
      FunctionRef(F&& function)
  noexcept
      : object_(const_cast<void*>(static_cast<const void*>(std::addressof(function)))),
        call_([](void* object, Args... args) -> Result {
          return (*static_cast<std::add_pointer_t<std::remove_reference_t<F>>>(object))(
              std::forward<Args>(args)...);
        }) {}

  Result operator()(Args... args) const { return call_(object_, std::forward<Args>(args)...); }

 private:
  void* object_;
  Result (*call_)(void*, Args...);
};

}  // namespace sapiens
