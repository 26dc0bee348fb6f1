// Nothing is called by name: the library is named in LD_PRELOAD.
