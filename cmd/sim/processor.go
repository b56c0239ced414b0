package main

import (
	"syscall"
	"time"
)

// processor is how much processor time this process has used.
func processor() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // there is no other reason than a bad argument
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
