package messages

// Version of this build; the linker sets it.
var Version = "dev"
