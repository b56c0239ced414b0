package sim

import (
	"fmt"
	"syscall"

	"github.com/tetratelabs/wazero/experimental"
)

// allocator gives guests memory that need not be copied when it grows: all that
// it may become is reserved at once, and costs nothing until it is touched.
type allocator struct{ to *machine }

// maxMemory is the most that one guest may use.
const maxMemory = 1 << 30

func (a allocator) Allocate(_, most uint64) experimental.LinearMemory {
	b, err := syscall.Mmap(-1, 0, int(min(most, maxMemory)), syscall.PROT_READ|syscall.PROT_WRITE, syscall.MAP_ANON|syscall.MAP_PRIVATE|syscall.MAP_NORESERVE)
	if err != nil {
		panic(fmt.Sprintf("reserve memory for a guest: %v", err))
	}
	return reserved{b, a.to}
}

// reserved is a guest's memory, which tells its machine how much of it is used.
type reserved struct {
	all []byte
	to  *machine
}

// Reallocate gives nil, and so refuses, when the guest wants too much.
func (r reserved) Reallocate(size uint64) []byte {
	if size > uint64(len(r.all)) {
		return nil
	}
	r.to.memory = max(r.to.memory, size)
	return r.all[:size]
}

func (r reserved) Free() {
	if err := syscall.Munmap(r.all); err != nil {
		panic(fmt.Sprintf("give back a guest's memory: %v", err))
	}
}
