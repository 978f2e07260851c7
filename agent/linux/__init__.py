"""Reading a Linux host from the kernel's own files. Every root is passed in, so trees can be recorded."""
