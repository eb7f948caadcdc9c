// libstrata.so consists of the folders' static libraries; this file only gives it something of its own to compile.
