# Debian's own compiler, for ports that run on the host.
set(CMAKE_C_COMPILER gcc)
set(CMAKE_CXX_COMPILER g++)
