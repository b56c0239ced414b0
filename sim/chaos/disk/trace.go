//go:build linux && amd64

package disk

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

const (
	waitThread = 0x20000000 // __WNOTHREAD: only what this thread traces
	waitAll    = 0x40000000 // __WALL
	syscallBit = 0x80
)

// Trace starts a command and follows its threads (not the processes that it
// starts) by ptrace until it ends; each fsync below the image's root is
// recorded. done is closed when the process is gone. The command is not to be
// waited for by anyone else; it may be killed by its pid.
func Trace(cmd *exec.Cmd, image *Image) (pid int, done <-chan struct{}, err error) {
	started, ended := make(chan error), make(chan struct{})
	go func() {
		defer close(ended)
		runtime.LockOSThread() // ptrace belongs to a thread; it ends with this goroutine
		t := &tracer{image: image, pending: map[int][]*synced{}, inside: map[int]bool{}}
		err := t.start(cmd)
		started <- err
		if err == nil {
			t.follow()
		}
	}()
	if err := <-started; err != nil {
		if errors.Is(err, syscall.EPERM) {
			err = fmt.Errorf("%w: %w", ErrNotTraced, err)
		}
		return 0, nil, fmt.Errorf("trace %s: %w", cmd.Path, err)
	}
	return cmd.Process.Pid, ended, nil
}

type tracer struct {
	image   *Image
	pid     int
	inside  map[int]bool      // threads that are in a system call
	pending map[int][]*synced // threads that are in a sync, with what it will make durable
}

func (t *tracer) start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Ptrace = true
	if err := cmd.Start(); err != nil {
		return err
	}
	t.pid = cmd.Process.Pid
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(t.pid, &status, waitAll, nil); err != nil {
		return err
	}
	const exitKill = 0x100000 // PTRACE_O_EXITKILL
	if err := syscall.PtraceSetOptions(t.pid, syscall.PTRACE_O_TRACESYSGOOD|syscall.PTRACE_O_TRACECLONE|exitKill); err != nil {
		return err
	}
	return syscall.PtraceSyscall(t.pid, 0)
}

// follow handles stops until the process has ended.
func (t *tracer) follow() {
	for {
		var status syscall.WaitStatus
		tid, err := syscall.Wait4(-1, &status, waitAll|waitThread, nil)
		switch {
		case err == syscall.EINTR:
			continue
		case err != nil:
			return
		case status.Exited() || status.Signaled():
			if tid == t.pid {
				return
			}
			continue
		}
		signal := 0
		switch stop := status.StopSignal(); {
		case stop == syscall.SIGTRAP|syscallBit:
			t.call(tid)
		case stop == syscall.SIGTRAP || stop == syscall.SIGSTOP: // an event, or a new thread
		default:
			signal = int(stop)
		}
		_ = syscall.PtraceSyscall(tid, signal) // fails only when the thread is gone
	}
}

// call handles a thread's entry into a system call, or its way out of one.
func (t *tracer) call(tid int) {
	t.inside[tid] = !t.inside[tid]
	var regs syscall.PtraceRegs
	if syscall.PtraceGetRegs(tid, &regs) != nil {
		return
	}
	if !t.inside[tid] {
		if s := t.pending[tid]; s != nil && int64(regs.Rax) == 0 {
			t.image.commit(s)
		}
		delete(t.pending, tid)
		return
	}
	switch regs.Orig_rax {
	case syscall.SYS_FSYNC, syscall.SYS_FDATASYNC:
		t.file(tid, regs.Rdi)
	case unix.SYS_SYNCFS:
		t.tree(tid, regs.Rdi)
	}
}

// tree notes what a sync of a file system will make durable: what is below the
// directory that was named. The rest of the file system comes with it by chance.
func (t *tracer) tree(tid int, descriptor uint64) {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/fd/%d", t.pid, descriptor))
	if err != nil || !t.image.below(filepath.Clean(path)) {
		return
	}
	if all, err := t.image.readBelow(path); err == nil {
		t.pending[tid] = all
	}
}

// file notes what a sync of one file will make durable.
func (t *tracer) file(tid int, descriptor uint64) {
	handle := fmt.Sprintf("/proc/%d/fd/%d", t.pid, descriptor)
	path, err := os.Readlink(handle)
	if err != nil || strings.HasSuffix(path, " (deleted)") {
		return
	}
	if !t.image.below(filepath.Clean(path)) {
		return
	}
	if s, err := t.image.read(handle, path); err == nil && s != nil {
		t.pending[tid] = []*synced{s}
	}
}
