#pragma once

namespace sapiens {

/// Lets the process survive a file that another program cuts short, or that the disk cannot give
/// any more, while the library reads it: the function that reads then throws `Error(CorruptFile)`
/// with its name. Without this, such a file ends the process with SIGBUS, because files are read
/// through mapped memory.
///
/// It installs a handler of SIGBUS for the whole process, and so is for the program to call: early,
/// and before it starts threads. Further calls do nothing. The handler acts on faults in files that
/// this library has mapped alone; all others go to the handler that was there before, or end the
/// process as before. A SIGBUS that the process sends to itself by raise() is ignored, because
/// handlers such as Python's faulthandler pass faults on so, and the fault itself then comes again.
/// The programs and the Python package call it.
void guard_mapped_files() noexcept;

}  // namespace sapiens
